"""From the gateway's session to a Django user."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from django.contrib.auth import HASH_SESSION_KEY, get_user_model
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from .session import GatewaySession

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser
    from django.db.models import QuerySet

# All but the first: an id that this model's primary key cannot even be.
_NO_SUCH_USER = (ObjectDoesNotExist, ValueError, TypeError, OverflowError, ValidationError)

logger = logging.getLogger("sidgate_django")


class SessionUser:
    """Looks the user up when somebody asks, once, for ``request.user`` and ``auser`` together."""

    def __init__(self, session: GatewaySession) -> None:
        self.session = session
        #: Somebody asked for the user, and the account turned out to be disabled.
        self.found_disabled = False
        self._found: AbstractBaseUser | AnonymousUser | None = None

    @property
    def asked(self) -> bool:
        return self._found is not None

    @property
    def admitted(self) -> bool:
        return self._found is not None and self._found.is_authenticated

    def get(self) -> AbstractBaseUser | AnonymousUser:
        if self._found is None:
            self._found = self._admit(self.fetch() if self.session.is_active else None)
        return self._found

    async def aget(self) -> AbstractBaseUser | AnonymousUser:
        if self._found is None:
            self._found = self._admit(await self.afetch() if self.session.is_active else None)
        return self._found

    # Not through an auth backend's get_user(): the session does not say which backend logged the
    # user in, and AllowAllUsersModelBackend would let disabled accounts through.

    def fetch(self) -> AbstractBaseUser | None:
        try:
            return self._users().get()
        except _NO_SUCH_USER:
            return None

    async def afetch(self) -> AbstractBaseUser | None:
        try:
            return await self._users().aget()
        except _NO_SUCH_USER:
            return None

    def _users(self) -> QuerySet[AbstractBaseUser]:
        manager: Any = get_user_model()._default_manager
        users: QuerySet[AbstractBaseUser] = manager.filter(pk=self.session.user_id)
        return users

    def _admit(self, user: AbstractBaseUser | None) -> AbstractBaseUser | AnonymousUser:
        if user is None:
            return AnonymousUser()
        if not user.is_active:
            self.found_disabled = True
            return AnonymousUser()
        if not hash_matches(user, self.session.auth_hash):
            # No logout event here: a request that was under way while the password changed still
            # carries the old hash, and must not end the session that has just been renewed.
            logger.info(
                "Session %s is from before a change of password; treated as anonymous.",
                self.session.id,
            )
            return AnonymousUser()
        return user


def hash_matches(user: Any, auth_hash: str | None) -> bool:
    """Django's own rule: a session ends when the password it was opened with has changed."""
    if auth_hash is None or not hasattr(user, "get_session_auth_hash"):
        return True
    if constant_time_compare(auth_hash, user.get_session_auth_hash()):
        return True
    fallbacks = getattr(user, "get_session_auth_fallback_hash", tuple)
    return any(constant_time_compare(auth_hash, fallback) for fallback in fallbacks())


def attach_user(request: HttpRequest, session: GatewaySession) -> SessionUser:
    """Replace ``request.user`` and ``request.auser``, whatever a Django session cookie says."""
    source = SessionUser(session)
    lazy: Any = SimpleLazyObject(source.get)

    async def auser() -> Any:
        # login() and logout() assign request.user; what they set stands for this request.
        if request.user is not lazy:
            return request.user
        return await source.aget()

    request.user = lazy
    request.auser = auser
    return source


def session_was_saved(request: HttpRequest) -> bool:
    """Whether the view wrote to ``request.session``; asks neither database nor cache."""
    return bool(getattr(getattr(request, "session", None), "modified", False))


def renewed_auth_hash(request: HttpRequest, source: SessionUser) -> str | None:
    """The new hash, when the view changed the password and meant to stay logged in.

    Django has no signal for ``update_session_auth_hash()``, but it leaves the hash in
    ``request.session``. That Django session may be somebody else's leftover, so the hash counts
    only if it is the one of this very user, read afresh.
    """
    known = source.session.auth_hash
    if known is None or not source.admitted or not session_was_saved(request):
        return None
    noted = request.session.get(HASH_SESSION_KEY)
    if not isinstance(noted, str) or not noted or constant_time_compare(noted, known):
        return None
    user = source.fetch()
    if user is None or not constant_time_compare(noted, user.get_session_auth_hash()):
        return None
    return noted
