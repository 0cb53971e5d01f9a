"""``request.session`` without a cookie of its own.

Carts, messages, one-time passwords and login stages live in ``request.session``, so it must go on
working. While somebody is logged in, the gateway keeps its key as the session's ``ref`` and brings
it with each request; the browser holds nothing but ``sid``. Visitors have Django's usual cookie
until they log in: then what they gathered comes along and the cookie goes.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

from . import events, marker
from . import session_stores as stores
from .conf import get_conf
from .installed import places
from .session import BACKEND_PREFIX, GatewaySession, session_of


class GatewaySessionMiddleware(SessionMiddleware):
    """Takes the place of Django's ``SessionMiddleware``; ``SidgateMiddleware`` stays where it is.

    The events of the response are signed here, when the session is saved and its key is known.
    """

    def process_request(self, request: HttpRequest) -> None:
        session = session_of(request)
        events.sign_outside(request)
        marker.show(request, session)
        if session.is_active and session.ref:
            request.session = stores.opened_by_ref(session.ref, session)
        else:
            admits = not session.is_active and get_conf().accept_django_login
            cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
            request.session = stores.opened_by_cookie(cookie, admits_login=admits)

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session = session_of(request)
        if events.leaves_logged_in(request, session) and not _is_djangos_own(request, session):
            self._keep(request, response, session)
        else:
            self._leave_to_visitor(request, session)
            response = super().process_response(request, response)
        events.emit(request, response, session)
        return response

    def _leave_to_visitor(self, request: HttpRequest, session: GatewaySession) -> None:
        store: Any = request.session
        if not session.is_active:
            return
        if store.is_kept and store.ref == stores.bare(session.ref):
            # Ended without Django's logout(): what was theirs is not for the next visitor.
            store.flush()
        elif not store.is_empty():
            store.become_visitors()

    def _keep(self, request: HttpRequest, response: HttpResponse, session: GatewaySession) -> None:
        if request.session.accessed:
            patch_vary_headers(response, ("Cookie",))
        if response.status_code >= 500:
            return  # as in Django: the work was not done
        if session.ref and session.ref.startswith(stores.FIRST):
            self._begin(request)
        elif session.is_active and not session.ref:
            self._adopt_what_a_visitor_gathered(request)
        store: Any = request.session
        store.is_kept = True
        if store.modified or settings.SESSION_SAVE_EVERY_REQUEST:
            _save(store)
        events.carry_ref(request, store.ref, known=session.ref)
        if settings.SESSION_COOKIE_NAME in request.COOKIES:
            response.delete_cookie(
                settings.SESSION_COOKIE_NAME,
                path=settings.SESSION_COOKIE_PATH,
                domain=settings.SESSION_COOKIE_DOMAIN,
                samesite=settings.SESSION_COOKIE_SAMESITE,
            )

    def _begin(self, request: HttpRequest) -> None:
        """The first request of a session that Django stored before the gateway opened it."""
        store: Any = request.session
        if not store.get(stores.MARK):
            return  # another login in this request, or another request was first
        note = store[stores.MARK]
        if old := note.pop(stores.END, None):
            store.modified = True
            store.delete(old)
        cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if note.pop(stores.ADOPT, False):
            store.modified = True
            visitor = stores.opened_by_cookie(cookie, admits_login=False)
            for name, value in visitor.items():
                store.setdefault(name, value)
            visitor.flush()

    def _adopt_what_a_visitor_gathered(self, request: HttpRequest) -> None:
        """After a login that Django saw nothing of, through the gateway's own endpoint."""
        cookie = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        if cookie and cookie == request.session.session_key and request.session.keys():
            # A new key: whoever may have planted or seen the old one does not share the session.
            request.session.cycle_key()


def _is_djangos_own(request: HttpRequest, session: GatewaySession) -> bool:
    """Whether a login in this request is Django's own: it came past the gateway, and such count."""
    asked_by_gateway = request.path_info.startswith(BACKEND_PREFIX)
    return get_conf().accept_django_login and not session.via_gateway and not asked_by_gateway


def is_in_use() -> bool:
    """Whether sessions of this project are kept behind the gateway's."""
    return bool(places(GatewaySessionMiddleware))


def keep_after_login(session: Any) -> str | None:
    """The ``ref`` under which what a login left in its session goes on, if it left anything."""
    data = {name: value for name, value in session.items() if name not in stores.LOGIN}
    if not data or not is_in_use():
        return None
    note = {stores.ADOPT: True, stores.BACKEND: session[BACKEND_SESSION_KEY]}
    return stores.keep(data, note)


def _save(store: Any) -> None:
    if store.is_empty():
        return
    if store.session_key is not None and store.ref is None:
        # Its key is known to whoever had the cookie.
        store.cycle_key()
    try:
        store.save()
    except UpdateError:
        raise SessionInterrupted(
            "The request's session was deleted before the request completed. The user may have "
            "logged out in a concurrent request, for example."
        ) from None
