"""Test an app behind the gateway without a gateway.

::

    from sidgate_django.testing import GatewayClient

    def test_profile(ada):
        browser = GatewayClient()
        browser.post("/login/", {"username": "ada", "password": "right"})
        assert browser.get("/profile/").status_code == 200

The client does what the gateway would do: it signs who is logged in, and obeys what answers say.
For single requests there are signed headers, and requests for views that are called directly.
"""

from .client import AsyncGatewayClient, GatewayClient
from .gateway import Gateway, OpenSession
from .requests import from_gateway
from .signing import (
    REQUEST_ID,
    asgi_headers,
    assertion,
    backend_headers,
    gateway_headers,
    gateway_meta,
    read_events,
)

__all__ = [
    "REQUEST_ID",
    "AsyncGatewayClient",
    "Gateway",
    "GatewayClient",
    "OpenSession",
    "asgi_headers",
    "assertion",
    "backend_headers",
    "from_gateway",
    "gateway_headers",
    "gateway_meta",
    "read_events",
]
