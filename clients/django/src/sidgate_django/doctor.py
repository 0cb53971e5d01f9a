"""What this app is, for ``sidgate doctor``: facts that a gateway needs to judge it, and no secret.

A key is not among them, nor a fingerprint of one: an app with another key does not answer at all.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from typing import Any

import django
from django.apps import apps
from django.conf import settings
from django.contrib.auth.middleware import RemoteUserMiddleware
from django.core.checks import ERROR, CheckMessage
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest

from . import __version__
from .conf import get_conf
from .installed import is_routed, places
from .middleware import SidgateMiddleware

# The gateway's questions that an app may leave unanswered.
OPTIONAL_CALLS = ("authenticate", "introspect")


def facts(request: HttpRequest) -> dict[str, Any]:
    """The answer to a signed question of the gateway."""
    conf = get_conf()
    return {
        "package": {"name": "sidgate-django", "version": __version__},
        "framework": {"name": "django", "version": django.get_version()},
        "runtime": {"name": "python", "version": platform.python_version()},
        "upstream": conf.upstream,
        "time_ms": time.time_ns() // 1_000_000,
        "leeway": conf.leeway,
        "assertions": "every_request" if places(SidgateMiddleware) else "never",
        "unsigned": _believers(),
        "bypass": conf.on_bypass,
        "own_login": conf.accept_django_login,
        "calls": [name for name in OPTIONAL_CALLS if is_routed(name)],
        "debug": bool(settings.DEBUG),
        "seen": _seen(request),
        "findings": list(_findings()),
    }


def _believers() -> list[str]:
    """What logs people in by a header that anybody can write."""
    found = (settings.MIDDLEWARE[place] for place in places(RemoteUserMiddleware))
    return [str(middleware) for middleware in found]


def _seen(request: HttpRequest) -> dict[str, str | None]:
    try:
        host = request.get_host()
    except DisallowedHost:
        host = None
    return {
        "scheme": request.scheme,
        "host": host,
        "address": request.META.get("REMOTE_ADDR") or None,
    }


def _findings() -> Iterator[dict[str, str]]:
    """What ``manage.py check`` says about the gateway. No check here reads a database."""
    if not apps.is_installed("sidgate_django"):
        return
    from . import checks

    for check in checks.WITHOUT_DATABASE:
        for message in check(None):
            if not message.is_silenced():
                yield _finding(message)


def _finding(message: CheckMessage) -> dict[str, str]:
    return {
        "id": message.id or "",
        "level": "error" if message.level >= ERROR else "warning",
        "text": str(message.msg),
        "hint": message.hint or "",
    }
