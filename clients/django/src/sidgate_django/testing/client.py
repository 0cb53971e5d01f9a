"""Django's test clients as browsers behind the gateway."""

from __future__ import annotations

import uuid
from datetime import datetime, timezone
from http.cookies import SimpleCookie
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.contrib.auth import login, logout
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.test import AsyncClient, Client

from .. import events
from .. import session_stores as stores
from ..backend_request import META_KEY
from ..django_session import is_in_use, keep_after_login
from ..events import HEADER
from ..login import MemorySession
from ..session import GatewaySession
from ..users import SessionUser
from .gateway import Gateway, OpenSession
from .signing import as_meta, gateway_headers, read_events

ASSERTION: Final = "HTTP_X_SESSION_ASSERTION"


class _Browser:
    """What both clients have in common. Its session is known to the gateway, not to the app."""

    cookies: Any

    def __init__(
        self,
        *args: Any,
        gateway: Gateway | None = None,
        site: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.gateway = gateway or Gateway()
        #: The site, of ``[[sites]]``, whose pages this browser has open.
        self.site = site
        self._session: OpenSession | None = None

    @property
    def gateway_session(self) -> OpenSession | None:
        """The session of this browser, or ``None`` when nobody is logged in."""
        return self.gateway.live(self._session)

    def _signed(self, request_id: str, scheme: str, address: str) -> dict[str, str]:
        """The headers that the gateway writes, as it writes them."""
        session = self.gateway_session
        claims = {"state": "anonymous"} if session is None else session.claims()
        headers = gateway_headers(request_id=request_id, site=self.site, **claims) | {
            "X-Session-State": claims["state"],
            "X-Forwarded-For": address,
            "X-Forwarded-Proto": scheme,
        }
        if session is not None:
            headers["X-Session-Expires-At"] = str(int(session.expires_at))
        return headers

    def _obey(self, response: HttpResponseBase, request_id: str) -> None:
        said = read_events(response, request_id, site=self.site)
        response.gateway_events = said  # type: ignore[attr-defined]
        response.headers.pop(HEADER)
        if said:
            self._session = self.gateway.obey(self.gateway_session, said)

    # What Django's clients do with a login of Django's own, done at the gateway.

    def _login(self, user: Any, backend: str | None = None) -> None:
        request = _bare_request()
        login(request, user, backend)
        said = _said(request)
        ref = keep_after_login(request.session)
        for event in said:
            if event["type"] == "login" and ref is not None:
                event["identity"]["ref"] = ref
        self._session = self.gateway.obey(self.gateway_session, said)

    async def _alogin(self, user: Any, backend: str | None = None) -> None:
        await sync_to_async(self._login)(user, backend)

    def logout(self) -> None:
        """End the session, with the signal that Django sends, and forget all cookies."""
        request = _bare_request()
        if session := self.gateway_session:
            request.user = SessionUser(_as_seen(session)).get()  # type: ignore[assignment]
            if session.ref and is_in_use():
                stores.opened_by_ref(session.ref, _as_seen(session)).flush()
        logout(request)
        self._session = self.gateway.obey(self.gateway_session, _said(request))
        self.cookies = SimpleCookie()

    async def alogout(self) -> None:
        await sync_to_async(self.logout)()

    @property
    def session(self) -> Any:
        """``request.session`` of the next request. Call ``save()`` after a change."""
        session = self.gateway_session
        if session is None or not is_in_use():
            return super().session  # type: ignore[misc]
        if session.ref is None:
            session.ref = stores.keep({}, {})
        return stores.opened_by_ref(session.ref, _as_seen(session))

    async def asession(self) -> Any:
        def opened() -> Any:
            return self.session

        return await sync_to_async(opened)()


class GatewayClient(_Browser, Client):
    """``django.test.Client`` behind the gateway."""

    def request(self, **request: Any) -> Any:
        if ASSERTION in request or META_KEY in request:
            return super().request(**request)  # the test says itself what the gateway says
        request_id = str(uuid.uuid4())
        scheme = request.get("wsgi.url_scheme", "http")
        address = request.get("REMOTE_ADDR") or self.defaults.get("REMOTE_ADDR", "127.0.0.1")
        signed = as_meta(self._signed(request_id, scheme, address))
        response = super().request(**signed | request)
        self._obey(response, request_id)
        return response


class AsyncGatewayClient(_Browser, AsyncClient):
    """``django.test.AsyncClient`` behind the gateway."""

    async def request(self, **request: Any) -> Any:
        named = {name.decode().lower() for name, _ in request["headers"]}
        if named & {"x-session-assertion", "x-sidgate-request"}:
            return await super().request(**request)
        request_id = str(uuid.uuid4())
        for name, value in self._signed(request_id, request["scheme"], "127.0.0.1").items():
            if name.lower() not in named:
                request["headers"].append((name.lower().encode(), value.encode()))
        response = await super().request(**request)
        self._obey(response, request_id)
        return response


def _bare_request() -> HttpRequest:
    request = HttpRequest()
    request.session = MemorySession()
    request.user = AnonymousUser()
    return request


def _said(request: HttpRequest) -> list[dict[str, Any]]:
    """What receivers of the signals, ours among them, want to tell the gateway."""
    return [{"type": event.type, **event.members()} for event in events.pending(request)]


def _as_seen(session: OpenSession) -> GatewaySession:
    expires_at = datetime.fromtimestamp(session.expires_at, tz=timezone.utc)
    return GatewaySession.from_claims(session.claims(), expires_at)
