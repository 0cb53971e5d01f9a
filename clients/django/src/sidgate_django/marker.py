"""The cookie that tells caches whose page it is.

``sid`` stays at the gateway, so every visitor would send this app the same Cookie header, and what
caches by it (``vary_on_cookie``, the cache middleware) would serve one user's page to another. A
request of an active session therefore shows the app a cookie with the session's public id. It opens
nothing, and it is the gateway's word alone: what a client sends under its name is taken away.
"""

from __future__ import annotations

import re
from typing import Final

from django.http import HttpRequest

from .session import GatewaySession

COOKIE: Final = "sidgate"
HEADER: Final = "HTTP_COOKIE"
# A handle of the gateway. Anything else would not be one pair of a Cookie header.
SHOWABLE: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


def show(request: HttpRequest, session: GatewaySession) -> None:
    """Put the cookie on the request, or make sure that there is none. Once or more often."""
    pairs = [pair for pair in request.META.get(HEADER, "").split(";") if _name(pair) != COOKIE]
    kept = ";".join(pairs).strip()
    cookies = {name: value for name, value in request.COOKIES.items() if name != COOKIE}
    if session.is_active and session.id and SHOWABLE.fullmatch(session.id):
        kept = f"{kept}; {COOKIE}={session.id}" if kept else f"{COOKIE}={session.id}"
        cookies[COOKIE] = session.id
    if kept:
        request.META[HEADER] = kept
    else:
        request.META.pop(HEADER, None)
    request.COOKIES = cookies


def _name(pair: str) -> str:
    """As ``parse_cookie()`` reads it: a pair without a name is all value."""
    name, is_pair, _ = pair.partition("=")
    return name.strip() if is_pair else ""
