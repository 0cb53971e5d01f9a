"""A login by name and password that the gateway asks for, as the app's own pages would have it.

It runs on a request of its own with a session in memory, all the way through Django's ``login()``:
backends, receivers of signals and login stages find what they find at a login page, and may stop
it. Nothing of that request reaches a browser. What is worth keeping of its session goes on as the
``request.session`` of the gateway's session.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.contrib.auth import SESSION_KEY, login
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage import default_storage
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.crypto import get_random_string
from django.views.decorators.debug import sensitive_variables

from . import account_name, credentials, events, expiry
from .django_session import keep_after_login
from .identity import identity_for
from .login_stages import allauth_stages, otp_stages, pages, project
from .refusal import DISABLED, Refused

logger = logging.getLogger("sidgate_django.backend")

CODE_LENGTH = 64
# Says that only the app's own login page can tell who is let in.
PAGE_ONLY = Refused("mfa_required", ("login_page",))


@sensitive_variables("password", "extra")
def log_in(
    request: HttpRequest, typed: str, password: str, extra: Mapping[str, Any]
) -> dict[str, Any] | Refused:
    """The identity of the user who is logged in now, or why nobody is."""
    if names := pages.unanswered():
        # Before the password: without the page's captcha nobody may learn which one is right.
        logger.error("Nobody can log in here, nothing answers for: %s", ", ".join(names))
        return replace(PAGE_ONLY, account=credentials.account_of(typed))
    own = _own_request(request)
    with allauth_stages.serving(own):
        user = credentials.check(own, typed, password, extra)
        if isinstance(user, Refused):
            return replace(user, account=credentials.account_of(typed))
        refused = _stop(own, user, typed, extra)
        if refused is None:
            refused = _enter(own, user, typed)
        if refused is not None:
            return replace(refused, account=account_name.name_of(user))
        identity = identity_for(user, own)
    _warn_of_what_is_not_told(own)
    ref = keep_after_login(own.session)
    return identity | ({} if ref is None else {"ref": ref})


def _own_request(request: HttpRequest) -> HttpRequest:
    own = request.__class__.__new__(request.__class__)
    own.__dict__.update(request.__dict__)
    # Read once and kept, perhaps before the gateway's address gave way to the browser's.
    own.__dict__.pop("headers", None)
    own.META = {name: value for name, value in request.META.items() if name != "HTTP_COOKIE"}
    own.COOKIES = {}
    own.session = MemorySession()
    own.user = AnonymousUser()

    async def auser() -> Any:
        return own.user

    own.auser = auser
    if hasattr(request, "_messages"):
        own._messages = default_storage(own)  # type: ignore[attr-defined]
    return own


def _warn_of_what_is_not_told(request: HttpRequest) -> None:
    if request.session.get(expiry.NOTE) is not None:
        logger.warning(
            "set_expiry() has no effect on a login at the gateway: the browser says itself whether "
            "it is to be remembered."
        )
    names = sorted({event.type for event in events.pending(request)} - {"login"})
    if names:
        # The answer to the gateway's question has no place for them.
        logger.warning("Events of a login at the gateway are not sent: %s", ", ".join(names))


@sensitive_variables("extra")
def _stop(request: HttpRequest, user: Any, typed: str, extra: Mapping[str, Any]) -> Refused | None:
    """What stands between this user's password and a login."""
    refused = _first_refusal(request, user, typed, extra)
    if refused is not None and refused.code == "invalid_credentials":
        credentials.signal_failure(request, user.get_username())
        return credentials.locked_out(request) or refused
    return refused


@sensitive_variables("extra", "otp")
def _first_refusal(
    request: HttpRequest, user: Any, typed: str, extra: Mapping[str, Any]
) -> Refused | None:
    """The second factor comes last: to look at a code is to use it up."""
    otp = _code(extra.get("otp"))
    refused = project.refusal(user, request, extra)
    if refused is None and allauth_stages.is_used():
        refused = allauth_stages.refusal(request, user, typed, otp)
    if refused is None and otp_stages.is_used():
        refused = otp_stages.refusal(user, otp)
    return refused


def _code(said: object) -> str:
    """What no code looks like is a wrong code: it must be counted, and never fail in a query."""
    if said is None or said == "":
        return ""
    is_code = isinstance(said, str) and len(said) <= CODE_LENGTH and said.isprintable()
    return str(said) if is_code else "?"


def _enter(request: HttpRequest, user: Any, typed: str) -> Refused | None:
    try:
        if allauth_stages.is_used():
            allauth_stages.log_in(request, user, typed)
        else:
            login(request, user)
    except PermissionDenied:
        return DISABLED
    # A receiver may have logged the user out again, a hook may have sent them elsewhere.
    if request.session.get(SESSION_KEY) != user._meta.pk.value_to_string(user):
        return PAGE_ONLY
    if not request.user.is_authenticated or request.user.pk != user.pk:
        return PAGE_ONLY
    return None if request.user.is_active else DISABLED


class MemorySession(SessionBase):
    """Lives as long as one request, in no table and under no key that anybody is told."""

    def exists(self, session_key: str) -> bool:
        return False

    def create(self) -> None:
        self._session_key = get_random_string(32)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            self.create()

    def delete(self, session_key: str | None = None) -> None:
        pass

    def load(self) -> dict[str, Any]:
        return {}
