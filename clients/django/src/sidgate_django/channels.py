"""For Channels: who is at the other end of a connection.

::

    # asgi.py
    application = ProtocolTypeRouter({
        "http": get_asgi_application(),
        "websocket": AllowedHostsOriginValidator(GatewayAuthMiddleware(URLRouter(routes))),
    })

The gateway puts its assertion on the handshake, as on any request, and cuts the connection when the
session ends. So what the handshake says holds for as long as the connection is open.
"""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any, Final

from channels.db import database_sync_to_async
from channels.middleware import BaseMiddleware
from django.conf import settings
from django.contrib.auth import get_user
from django.http import parse_cookie

from . import marker
from . import session_stores as stores
from .conf import get_conf
from .django_session import is_in_use
from .session import GatewaySession, read_meta
from .users import SessionUser

#: An application may close with codes from 4000 on; before the handshake it is told as a 403.
REJECTED: Final = 4403


class GatewayAuthMiddleware(BaseMiddleware):  # type: ignore[misc]
    """In place of ``AuthMiddlewareStack``, for ``websocket`` and for ``http`` of Channels' own.

    The scope gets ``user``, ``gateway_session``, ``cookies`` and ``session``, which is what
    ``request.session`` of the same visitor is: read it with ``aget()``, and call ``asave()`` after
    a change. What the visitor has not begun on a page cannot begin on a connection.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] not in ("http", "websocket"):
            return await super().__call__(scope, receive, send)
        meta = _meta(scope)
        session = read_meta(meta, scope["path"], scope.get("method", "WebSocket"))
        if session.state == "bypassed" and get_conf().on_bypass == "reject":
            return await _reject(scope["type"], send)
        cookies = _cookies(meta, session)
        store = _store(session, cookies)
        seen = {"gateway_session": session, "cookies": cookies, "session": store}
        # In Channels' own thread: connections of the database that died are closed there.
        seen["user"] = await database_sync_to_async(_user)(session, store)
        return await super().__call__(dict(scope) | seen, receive, send)


def _meta(scope: Any) -> dict[str, str]:
    """The headers as Django has them, where one that comes twice is joined."""
    meta: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin1"), raw_value.decode("latin1")
        if "_" in name:
            continue  # as Django: not to be mistaken for a header with a hyphen
        key = f"HTTP_{name.upper().replace('-', '_')}"
        joined = "; " if key == "HTTP_COOKIE" else ","
        meta[key] = f"{meta[key]}{joined}{value}" if key in meta else value
    return meta


def _cookies(meta: dict[str, str], session: GatewaySession) -> dict[str, str]:
    cookies: dict[str, str] = parse_cookie(meta.get("HTTP_COOKIE", ""))
    cookies.pop(marker.COOKIE, None)
    if session.id:
        cookies[marker.COOKIE] = session.id
    return cookies


def _store(session: GatewaySession, cookies: dict[str, str]) -> Any:
    cookie = cookies.get(settings.SESSION_COOKIE_NAME)
    if not is_in_use():
        return import_module(settings.SESSION_ENGINE).SessionStore(cookie)
    if session.is_active and session.ref:
        return stores.opened_by_ref(session.ref, session)
    return stores.opened_by_cookie(cookie, admits_login=_accepts_django(session))


def _accepts_django(session: GatewaySession) -> bool:
    return get_conf().accept_django_login and not session.is_active


def _user(session: GatewaySession, store: Any) -> Any:
    if _accepts_django(session):
        return get_user(SimpleNamespace(session=store))  # type: ignore[arg-type]
    return SessionUser(session).get()


async def _reject(kind: str, send: Any) -> None:
    if kind == "websocket":
        await send({"type": "websocket.close", "code": REJECTED})
        return
    await send({"type": "http.response.start", "status": 403, "headers": []})
    await send({"type": "http.response.body", "body": b""})
