"""Django sessions that stand behind a session of the gateway.

Such a session is data and never a login. Three things keep it so:

* what is stored says nothing about who is logged in; the gateway's assertion says it anew with
  each request,
* what is stored bears a mark, and a cookie does not open what bears it,
* the ``ref`` that the gateway keeps is not the session's key. The key is a keyed digest of it, so
  whoever reads a ``ref`` has a string that opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, CreateError, SessionBase
from django.utils.crypto import get_random_string, salted_hmac

from .session import GatewaySession

LOGIN: Final = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY)
#: The mark, with notes under it.
MARK: Final = "_sidgate"
#: Which authentication backend logged the user in.
BACKEND: Final = "backend"
#: For the first request: the key of the old system's session that this one was made of.
END: Final = "end"
#: For the first request: what the browser gathered as a visitor comes along.
ADOPT: Final = "adopt"
#: Begins a ``ref`` that no request has come with yet. It leads to the same session as without.
FIRST: Final = "first-"
# What a column of Django's has room for.
KEY_LENGTH: Final = 40


def bare(ref: str | None) -> str | None:
    return None if ref is None else ref.removeprefix(FIRST)


def key_of(ref: str, secret: str | bytes | None = None) -> str:
    digest = salted_hmac("sidgate_django.session_key", ref, secret, algorithm="sha256")
    return digest.hexdigest()[:KEY_LENGTH]


def ref_of_old_session(key: str) -> str:
    """The same for every call: a session is carried over once, however often it is asked for."""
    digest = salted_hmac("sidgate_django.old_session", key, algorithm="sha256")
    return digest.hexdigest()[:KEY_LENGTH]


def store_class() -> Any:
    return _extended(import_module(settings.SESSION_ENGINE).SessionStore)


def opened_by_cookie(key: str | None, *, admits_login: bool) -> Any:
    """A visitor's session; with ``admits_login`` also one that Django logged in by itself."""
    store = store_class()(key)
    store.admits_login = admits_login
    return store


def opened_by_ref(ref: str, session: GatewaySession) -> Any:
    store = store_class()(None)
    store.is_kept = True
    store.login = {SESSION_KEY: session.user_id, HASH_SESSION_KEY: session.auth_hash or ""}
    ref = ref.removeprefix(FIRST)
    secrets = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    store.refs = {key_of(ref, secret): ref for secret in secrets}
    # Not asked for until somebody reads the session.
    store._session_key = next(iter(store.refs))
    return store


def keep(data: Mapping[str, Any], note: dict[str, Any], ref: str | None = None) -> str:
    """Store ``data`` for a gateway session that begins; returns the ``ref`` it begins with."""
    store = store_class()(None)
    store.is_kept = True
    store.update({name: value for name, value in data.items() if name not in LOGIN})
    store[MARK] = note
    if ref is None:
        store.create()
        return f"{FIRST}{store.ref}"
    store._session_key = key_of(ref)
    try:
        store.save(must_create=True)
    except CreateError:
        # Asked about before. What was stored then is out of date, unless it is in use since.
        if _is_unused(ref):
            store.save()
    return f"{FIRST}{ref}"


def _is_unused(ref: str) -> bool:
    store = store_class()(None)
    store.is_kept = True
    store.refs = {key_of(ref): ref}
    data = store.load()
    return not data or END in data[MARK]


class SidgateStore(SessionBase):
    """Before the store of any engine, see ``_extended()``."""

    #: Behind a gateway session: a ``ref`` leads here, a cookie never does.
    is_kept = False
    #: A cookie may open a session that Django logged in by itself.
    admits_login = False

    def __init__(self, session_key: str | None = None) -> None:
        #: Who is logged in, as the gateway says, for readers of the session.
        self.login: dict[str, Any] = {}
        #: By the keys that they lead to.
        self.refs: dict[str, str] = {}
        super().__init__(session_key)

    @property
    def ref(self) -> str | None:
        return self.refs.get(self.session_key or "")

    def load(self) -> dict[str, Any]:
        for key in self._candidates():
            self._session_key = key
            if (data := self._admitted(super().load())) is not None:
                return data
        self._session_key = None
        return {}

    async def aload(self) -> dict[str, Any]:
        for key in self._candidates():
            self._session_key = key
            if (data := self._admitted(await super().aload())) is not None:
                return data
        self._session_key = None
        return {}

    def _candidates(self) -> list[str | None]:
        return [*self.refs] or [self.session_key]

    def save(self, must_create: bool = False) -> None:
        data = self._get_session(no_load=must_create)  # type: ignore[attr-defined]
        with self._as_stored(data):
            super().save(must_create)

    async def asave(self, must_create: bool = False) -> None:
        data = await self._aget_session(no_load=must_create)  # type: ignore[attr-defined]
        with self._as_stored(data):
            await super().asave(must_create)

    def flush(self) -> None:
        super().flush()
        self._forget()

    async def aflush(self) -> None:
        await super().aflush()
        self._forget()

    def become_visitors(self) -> None:
        """What is in it goes on without a login."""
        for name in (*LOGIN, MARK):
            self.pop(name, None)
        self._forget()

    def _forget(self) -> None:
        self.is_kept = False
        self.login, self.refs = {}, {}

    def _admitted(self, data: dict[str, Any]) -> dict[str, Any] | None:
        if self.is_kept:
            if MARK not in data:
                return None
            backend = data[MARK].get(BACKEND)
            return data | self.login | ({BACKEND_SESSION_KEY: backend} if backend else {})
        if MARK in data or (SESSION_KEY in data and not self.admits_login):
            return None
        return data

    @contextmanager
    def _as_stored(self, data: dict[str, Any]) -> Iterator[None]:
        if self.admits_login and not self.is_kept:
            yield
            return
        login = {name: data.pop(name) for name in LOGIN if name in data}
        if self.is_kept:
            note = data.setdefault(MARK, {})
            if backend := login.get(BACKEND_SESSION_KEY):
                note[BACKEND] = backend
        try:
            yield
        finally:
            data.update(login)

    def _get_new_session_key(self) -> str:
        while True:
            key = self._new_key()
            if not self.exists(key):
                return key

    async def _aget_new_session_key(self) -> str:
        while True:
            key = self._new_key()
            if not await self.aexists(key):
                return key

    def _new_key(self) -> str:
        ref = get_random_string(KEY_LENGTH, VALID_KEY_CHARS)
        key = key_of(ref)
        self.refs = {key: ref}
        return key


@cache
def _extended(base: Any) -> Any:
    """The store ``base`` with the rules of this module."""
    # Django derives the salt of its signatures from this name: the two read the same sessions.
    return type("SessionStore", (SidgateStore, base), {"__qualname__": base.__qualname__})
