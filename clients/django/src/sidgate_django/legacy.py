"""Who do the cookies of the old system belong to? Two answers, ready for ``LEGACY_INTROSPECTORS``.

An introspector is a callable ``(cookies, request)``. It returns the user, or an identity as a dict,
or ``None`` for "not mine, or no longer good"; whatever cannot be decided now, for example because a
database is away, is an exception: the gateway then asks again later and refuses nobody.

An identity may say when the login began, as ``auth_time`` in seconds since 1970. A login of which
that is unknown counts as older than everything: whatever ended all logins of its user ends it too.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any
from urllib.parse import unquote

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist, ValidationError
from django.http import HttpRequest

from . import django_session as django_sessions
from . import session_stores as stores
from .conf import get_conf
from .identity import identity_for
from .login_stages import otp_stages
from .users import hash_matches

# More than any browser can send.
MAX_CHUNKS = 20


def django_session(cookies: Mapping[str, str], request: HttpRequest) -> Any:
    """Django's own ``sessionid``, with any ``SESSION_ENGINE``.

    The session's data goes on to be the user's ``request.session``, where
    ``GatewaySessionMiddleware`` is in use and the engine keeps data on the server. It moves to a
    new key; the old session ends with the first request that comes by the new one.
    """
    key = cookies.get(get_conf().legacy_session_cookie)
    if not key:
        return None
    store = stores.opened_by_cookie(key, admits_login=True)
    user = _user(store.get(SESSION_KEY))
    # What Django checks at every request: without it, a session from before a change of password
    # would live again.
    if user is None or not _hash_is(user, store.get(HASH_SESSION_KEY)):
        return None
    if otp_stages.is_used() and otp_stages.is_unfinished(user, store):
        return None
    if not user.is_active:
        return user
    identity = identity_for(user, request)
    if (began := _began(user, store)) is not None:
        identity["auth_time"] = began
    if store.session_key == key and django_sessions.is_in_use():
        ref = stores.ref_of_old_session(key)
        identity["ref"] = stores.keep(dict(store.items()), {stores.END: key}, ref)
    return identity


def encrypted_token(cookies: Mapping[str, str], request: HttpRequest) -> Any:
    """A JSON object that the old system encrypted with Fernet, as ``LEGACY_TOKEN`` describes.

    A member ``auth_hash`` in it has to match the user's, so that tokens end with the password.
    Needs the package ``cryptography`` (``sidgate-django[legacy]``).
    """
    rule = get_conf().legacy_token
    if rule is None:
        raise ImproperlyConfigured("encrypted_token needs SIDGATE['LEGACY_TOKEN'].")
    token = joined(cookies, rule.cookie)
    if not token:
        return None
    from cryptography.fernet import Fernet, InvalidToken, MultiFernet

    try:
        opened = MultiFernet([Fernet(key) for key in rule.keys]).decrypt(token, ttl=rule.max_age)
        claims = json.loads(opened)
    except (InvalidToken, ValueError):
        return None
    user = _user(claims.get(rule.user_claim)) if isinstance(claims, dict) else None
    if user is None or not hash_matches(user, claims.get("auth_hash")):
        return None
    if not user.is_active:
        return user
    identity = identity_for(user, request)
    began = claims.get("auth_time")
    return identity | ({"auth_time": int(began)} if _is_moment(began) else {})


def joined(cookies: Mapping[str, str], name: str) -> str:
    """The value of a cookie that may have been too long for one: ``name``, or ``name.0`` and on.

    As it was before it became a cookie: without the quotes and escapes that the old system, or its
    JavaScript, may have needed for characters that a cookie cannot hold.
    """
    whole = cookies.get(name)
    pieces = [whole] if whole else _chunks(cookies, name)
    return unquote("".join(piece.strip('"') for piece in pieces))


def _chunks(cookies: Mapping[str, str], name: str) -> Iterator[str]:
    for number in count():
        chunk = cookies.get(f"{name}.{number}")
        if chunk is None or number == MAX_CHUNKS:
            return
        yield chunk


def _hash_is(user: Any, noted: object) -> bool:
    """As ``django.contrib.auth.get_user()`` has it: an absent hash is a wrong one."""
    if not hasattr(user, "get_session_auth_hash"):
        return True
    return isinstance(noted, str) and bool(noted) and hash_matches(user, noted)


def _began(user: Any, store: Any) -> int | None:
    """When this login began, where allauth noted it. Django itself does not say."""
    records = store.get("account_authentication_methods")
    owner = store.get("account_authentication_methods_user")
    if not isinstance(records, list) or owner != user._meta.pk.value_to_string(user):
        return None
    times: list[Any] = [record.get("at") for record in records if isinstance(record, dict)]
    # Of several steps the first: what ended every login between them has ended this one.
    return min((int(at) for at in times if _is_moment(at)), default=None)


def _is_moment(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= time.time()


def _user(pk: object) -> Any:
    if not isinstance(pk, (str, int)) or isinstance(pk, bool):
        return None
    try:
        return get_user_model()._default_manager.get(pk=pk)
    except (ObjectDoesNotExist, ValueError, TypeError, OverflowError, ValidationError):
        return None
