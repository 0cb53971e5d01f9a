"""Fixtures for pytest-django. Loaded by pytest itself where this package is installed.

``sidgate_gateway``, ``sidgate_client`` and ``async_sidgate_client`` come as they are. In a project
with ``SidgateMiddleware`` the fixtures of pytest-django that are clients are behind the gateway
too, so tests that log in by ``client.force_login()`` or ``admin_client`` go on as before. Set
``sidgate_clients = false`` in pytest's configuration to keep Django's own.
"""

from __future__ import annotations

from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini(
        "sidgate_clients",
        "let the clients of pytest-django be behind the gateway",
        type="bool",
        default=True,
    )


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if config.pluginmanager.hasplugin("django"):
        # Registered late: of two plugins with one fixture, pytest takes the later one.
        config.pluginmanager.register(_Fixtures(), "sidgate_django_fixtures")


class _Fixtures:
    @pytest.fixture
    def sidgate_gateway(self) -> Any:
        """The gateway that the clients of this test share."""
        from .testing.gateway import Gateway

        return Gateway()

    @pytest.fixture
    def sidgate_client(self, sidgate_gateway: Any) -> Any:
        from .testing.client import GatewayClient

        return GatewayClient(gateway=sidgate_gateway)

    @pytest.fixture
    def async_sidgate_client(self, sidgate_gateway: Any) -> Any:
        from .testing.client import AsyncGatewayClient

        return AsyncGatewayClient(gateway=sidgate_gateway)

    # Those of pytest-django, which each of these gets to see.

    @pytest.fixture
    def client(self, client: Any, pytestconfig: pytest.Config, sidgate_gateway: Any) -> Any:
        from .testing.client import GatewayClient

        return GatewayClient(gateway=sidgate_gateway) if _is_behind(pytestconfig) else client

    @pytest.fixture
    def async_client(
        self, async_client: Any, pytestconfig: pytest.Config, sidgate_gateway: Any
    ) -> Any:
        from .testing.client import AsyncGatewayClient

        behind = _is_behind(pytestconfig)
        return AsyncGatewayClient(gateway=sidgate_gateway) if behind else async_client

    @pytest.fixture
    def admin_client(
        self,
        admin_client: Any,
        admin_user: Any,
        pytestconfig: pytest.Config,
        sidgate_gateway: Any,
    ) -> Any:
        from .testing.client import GatewayClient

        if not _is_behind(pytestconfig):
            return admin_client
        client = GatewayClient(gateway=sidgate_gateway)
        client.force_login(admin_user)
        return client


def _is_behind(config: pytest.Config) -> bool:
    from .installed import places
    from .middleware import SidgateMiddleware

    return bool(config.getini("sidgate_clients") and places(SidgateMiddleware))
