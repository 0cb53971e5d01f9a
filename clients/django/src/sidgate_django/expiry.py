"""How long a login lasts: ``request.session.set_expiry()`` and what "remember me" makes of it.

Django keeps the wish in ``request.session``; the gateway hears of it with the login, as ``ttl`` and
``remember``. Later there is nobody to tell: the session's end is fixed when it begins.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any, Final

from django.http import HttpRequest

from .session import GatewaySession

logger = logging.getLogger("sidgate_django.events")

# Where Django's sessions note what set_expiry() was told.
NOTE: Final = "_session_expiry"
SHORTEST: Final = 1


def wished(request: HttpRequest) -> dict[str, Any]:
    """What ``request.session`` says about a login, as members of the event."""
    session: Any = getattr(request, "session", None)
    if session is None:
        return {}
    if session.get_expire_at_browser_close():
        return {"remember": False}
    if session.get(NOTE) is None:
        return {}
    # A moment that has passed asks for a session that ends at once.
    return {"ttl": max(SHORTEST, int(session.get_expiry_age()))}


def watch(request: HttpRequest, session: GatewaySession) -> None:
    """Note on the request that the view called ``set_expiry()``."""
    store: Any = getattr(request, "session", None)
    if store is None or not session.is_active:
        return
    for name in ("set_expiry", "aset_expiry"):
        if hasattr(store, name):
            setattr(store, name, _noting(request, getattr(store, name)))


def came_too_late(request: HttpRequest) -> bool:
    return getattr(request, "_sidgate_set_expiry", False)


@cache
def warn_once() -> None:
    logger.warning(
        "set_expiry() has no effect on a login that the gateway keeps already: call it before or "
        "after login() in the same request. It says how long the data in request.session is kept. "
        "This is said once."
    )


def _noting(request: HttpRequest, set_expiry: Any) -> Any:
    def noted(value: Any) -> Any:
        request._sidgate_set_expiry = True  # type: ignore[attr-defined]
        return set_expiry(value)

    return noted
