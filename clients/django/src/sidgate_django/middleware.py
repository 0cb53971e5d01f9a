"""The place in the request where the gateway's word becomes ``request.user``.

A middleware of our own rather than Django's ``RemoteUserMiddleware``: that one believes a bare
header, reads it from different keys under WSGI and ASGI, and logs in (database row, cookie, new
CSRF token) where there is nothing to log in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.http import HttpRequest, HttpResponseForbidden
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

from . import development, events, expiry, marker
from .conf import get_conf
from .current import serving
from .django_session import GatewaySessionMiddleware
from .session import GatewaySession, session_of
from .users import SessionUser, attach_user, renewed_auth_hash, session_was_saved

__all__ = ["GatewaySessionMiddleware", "SidgateMiddleware"]


class SidgateMiddleware:
    """Belongs after ``AuthenticationMiddleware``, whose ``request.user`` it replaces."""

    sync_capable = True
    async_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
    ) -> None:
        self.get_response: Any = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)
        get_conf()  # a missing key stops the start, not the first login

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self.__acall__(request)
        session, source = _enter(request)
        with serving(request):
            response = _refusal(request, session) or self.get_response(request)
        if _has_news(request, source):
            _tell_gateway(request, response, source)
        return _finish(request, response, source)

    async def __acall__(self, request: HttpRequest) -> HttpResponseBase:
        session, source = _enter(request)
        with serving(request):
            response: HttpResponseBase = _refusal(request, session) or await self.get_response(
                request
            )
        if _has_news(request, source):
            # Describing a user may need the database. Rare: other requests never leave the loop.
            await sync_to_async(_tell_gateway)(request, response, source)
        return _finish(request, response, source)


def _enter(request: HttpRequest) -> tuple[GatewaySession, SessionUser]:
    session = session_of(request)
    marker.show(request, session)
    expiry.watch(request, session)
    if get_conf().accept_django_login and not session.is_active:
        return session, SessionUser(session)
    return session, attach_user(request, session)


def _refusal(request: HttpRequest, session: GatewaySession) -> HttpResponseForbidden | None:
    if session.state == "bypassed" and get_conf().on_bypass == "reject":
        text = "This application is served through its session gateway only.\n"
        if development.is_wanted(session):
            text += f"{development.advice(request, session)}\n"
        return HttpResponseForbidden(text, content_type="text/plain; charset=utf-8")
    return None


def _has_news(request: HttpRequest, source: SessionUser) -> bool:
    return bool(
        events.pending(request)
        or source.found_disabled
        or (source.session.is_active and session_was_saved(request))
    )


def _tell_gateway(request: HttpRequest, response: HttpResponseBase, source: SessionUser) -> None:
    # A login or logout in the same request says more than what was found out about the user.
    if not events.changes_who(request):
        renewed = renewed_auth_hash(request, source)
        if renewed is not None:
            events.update(request, {"auth_hash": renewed})
        elif source.found_disabled:
            events.logout(request, scope="all")
        elif events.has_new_password(request):
            # And nobody asked to stay logged in with it (update_session_auth_hash()).
            events.logout(request)
    if not events.is_signed_outside(request):
        events.emit(request, response, source.session)


def _finish(
    request: HttpRequest, response: HttpResponseBase, source: SessionUser
) -> HttpResponseBase:
    if expiry.came_too_late(request) and not events.changes_who(request):
        expiry.warn_once()
    if development.is_wanted(source.session):
        response = development.explain(request, response, source.session)
    _mark_varying(response, source)
    return response


def _mark_varying(response: HttpResponseBase, source: SessionUser) -> None:
    """Keep caches from serving one visitor's page to another.

    Inside Django the cookie tells visitors apart (see ``marker``). A cache between the gateway and
    this app sees none, so the assertion does it there. Caches on the way to the browser know the
    ``sid`` cookie only.
    """
    if source.session.state == "none":
        return
    vary = ["X-Session-Assertion"]
    if source.session.is_active or source.asked:
        vary.append("Cookie")
    patch_vary_headers(response, vary)
