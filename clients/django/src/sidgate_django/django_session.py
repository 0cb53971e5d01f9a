"""``request.session`` without a cookie of its own.

Carts, messages, one-time passwords and login stages live in ``request.session``, so it must go on
working. While somebody is logged in, the gateway keeps its key as the session's ``ref`` and brings
it with each request; the browser holds nothing but ``sid``. Visitors have Django's usual cookie
until they log in: then what they gathered comes along and the cookie goes.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from . import events
from .conf import get_conf
from .session import GatewaySession, session_of


class GatewaySessionMiddleware(SessionMiddleware):
    """Takes the place of Django's ``SessionMiddleware``; ``SidgateMiddleware`` stays where it is.

    The events of the response are signed here, when the session is saved and its key is known.
    """

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)
        self.VisitorStore = _visitor_store(self.SessionStore)

    def process_request(self, request: HttpRequest) -> None:
        session = session_of(request)
        events.sign_outside(request)
        cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if session.is_active and session.ref:
            request.session = self.SessionStore(session.ref)
        elif session.is_active or not get_conf().accept_django_login:
            request.session = self.VisitorStore(cookie)
        else:
            request.session = self.SessionStore(cookie)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = session_of(request)
        if events.leaves_logged_in(request, session):
            self._keep(request, response, session)
        else:
            if session.is_active and request.session.session_key == session.ref:
                # Ended without Django's logout(): what was theirs is not for the next visitor.
                request.session.flush()
            response = super().process_response(request, response)
        events.emit(request, response, session)
        return response

    def _keep(self, request: HttpRequest, response: HttpResponse, session: GatewaySession) -> None:
        if request.session.accessed:
            patch_vary_headers(response, ("Cookie",))
        if response.status_code >= 500:
            return  # as in Django: the work was not done
        self._adopt_what_a_visitor_gathered(request, session)
        if request.session.modified or settings.SESSION_SAVE_EVERY_REQUEST:
            _save(request)
        events.carry_ref(request, request.session.session_key, known=session.ref)
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.delete_cookie(
                settings.SESSION_COOKIE_NAME,
                path=settings.SESSION_COOKIE_PATH,
                domain=settings.SESSION_COOKIE_DOMAIN,
                samesite=settings.SESSION_COOKIE_SAMESITE,
            )

    def _adopt_what_a_visitor_gathered(self, request: HttpRequest, session: GatewaySession) -> None:
        """After a login that Django saw nothing of, through the gateway's own endpoint."""
        cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if not cookie or not session.is_active or session.ref:
            return
        if cookie == request.session.session_key and request.session.keys():
            # A new key: whoever may have planted or seen the old one does not share the session.
            request.session.cycle_key()


def _save(request: HttpRequest) -> None:
    if request.session.is_empty():
        return
    try:
        request.session.save()
    except UpdateError:
        raise SessionInterrupted(
            "The request's session was deleted before the request completed. The user may have "
            "logged out in a concurrent request, for example."
        ) from None


def _visitor_store(store: Any) -> Any:
    class VisitorStore(store):  # type: ignore[misc]
        """Opens what a visitor's cookie names, but never what a login left behind.

        A session that says who is logged in belongs to that login. Only the gateway's ``ref`` leads
        there: a cookie that names it is a leftover of somebody, and perhaps not of this visitor.
        """

        def load(self) -> dict[str, Any]:
            return self._without_login(super().load())

        async def aload(self) -> dict[str, Any]:
            return self._without_login(await super().aload())

        def _without_login(self, data: dict[str, Any]) -> dict[str, Any]:
            if SESSION_KEY not in data:
                return data
            self._session_key = None
            return {}

    # Django derives the salt of its signatures from this name: the two read the same sessions.
    VisitorStore.__qualname__ = store.__qualname__
    return VisitorStore
