"""System checks: what would make the gateway's word go unheard, or somebody else's be believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware, RemoteUserMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string

from .conf import parse
from .middleware import SidgateMiddleware
from .session import BACKEND_PREFIX

NAME = f"{SidgateMiddleware.__module__}.{SidgateMiddleware.__qualname__}"

# The key and an unknown name have ids of their own; other settings share one.
FAULT_IDS = {"KEY": "sidgate.E001", "KEYS": "sidgate.E001"}


@register(Tags.security)
def check_settings(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    _, faults = parse(getattr(settings, "SIDGATE", None))
    return [
        Error(fault.message, id=FAULT_IDS.get(fault.setting, "sidgate.E002")) for fault in faults
    ]


@register(Tags.security)
def check_middleware(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    places = {
        base: [
            place
            for place, installed in enumerate(_installed())
            if isinstance(installed, type) and issubclass(installed, base)
        ]
        for base in (
            SidgateMiddleware, AuthenticationMiddleware, SessionMiddleware, RemoteUserMiddleware
        )
    }  # fmt: skip
    ours = places[SidgateMiddleware]
    if not ours:
        yield Error(
            f"'{NAME}' must be in MIDDLEWARE.",
            hint="Insert it after 'django.contrib.auth.middleware.AuthenticationMiddleware'.",
            id="sidgate.E003",
        )
        return
    if len(ours) > 1:
        yield Error(f"'{NAME}' is in MIDDLEWARE more than once.", id="sidgate.E004")
    for before in (SessionMiddleware, AuthenticationMiddleware):
        if any(place > ours[0] for place in places[before]):
            yield Error(
                f"'{NAME}' must come after '{before.__module__}.{before.__qualname__}'.",
                hint="Otherwise Django's session decides who the user is, not the gateway.",
                id="sidgate.E005",
            )
    if places[RemoteUserMiddleware]:
        yield Warning(
            "RemoteUserMiddleware believes an unsigned header.",
            hint="Remove it (and what derives from it): the gateway's session replaces it.",
            id="sidgate.W001",
        )


@register(Tags.urls)
def check_endpoints(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if not getattr(settings, "ROOT_URLCONF", None):
        return
    try:
        resolve(f"{BACKEND_PREFIX}authenticate")
    except Resolver404:
        yield Warning(
            "The gateway's endpoints have no URL, so it cannot check passwords.",
            hint='Add path("", include("sidgate_django.urls")) to the root URLconf.',
            id="sidgate.W002",
        )


def _installed() -> Iterator[object]:
    for path in settings.MIDDLEWARE:
        try:
            yield import_string(path)
        except ImportError:
            yield None  # Django refuses to start on it, with a better message than ours
