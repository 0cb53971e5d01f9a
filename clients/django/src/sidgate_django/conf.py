"""``settings.SIDGATE``, parsed once into types.

A faulty setting is reported by the system checks with its name; code that runs anyway gets
``ImproperlyConfigured`` with every fault at once, never a silent default.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest

from .settings_reader import KEY_BYTES, Fault, Reader

KNOWN = {
    "KEY",
    "KEYS",
    "UPSTREAM",
    "LEEWAY",
    "EVENTS_URL",
    "EVENTS_TIMEOUT",
    "ON_BYPASS",
    "IDENTITY",
    "AUTHENTICATE_EXTRA",
    "LOGIN_STAGES",
    "DATABASE",
    "MANAGED",
    "ACCEPT_DJANGO_LOGIN",
    "LEGACY_INTROSPECTORS",
    "LEGACY_SESSION_COOKIE",
    "LEGACY_TOKEN",
}
LEGACY_TOKEN_KNOWN = {"COOKIE", "KEYS", "MAX_AGE", "USER_CLAIM"}
# Names that mean something else in a call of authenticate() or in its request body.
RESERVED_EXTRA = {"request", "username", "email", "password", "ip", "user_agent"}
TEN_YEARS = 10 * 365 * 86_400

IdentityBuilder = Callable[[Any, HttpRequest], Mapping[str, Any]]
LegacyIntrospector = Callable[[dict[str, str], HttpRequest], Any]
LoginStage = Callable[[Any, HttpRequest, Mapping[str, Any]], Any]


@dataclass(frozen=True)
class LegacyToken:
    """How to open the encrypted cookie of the old system, see ``legacy.encrypted_token``."""

    cookie: str
    #: Fernet keys, any of which may open a token.
    keys: tuple[str, ...] = field(repr=False)
    #: Seconds for which a token counts after it was made.
    max_age: int
    #: Member of the token that holds the user's primary key.
    user_claim: str


@dataclass(frozen=True)
class Conf:
    keys: tuple[bytes, ...] = field(repr=False)
    upstream: str
    leeway: int
    #: Where events are posted to behind an edge (forward-auth); None: they go into the answer.
    events_url: str | None
    #: Seconds until such a call is given up.
    events_timeout: int
    on_bypass: Literal["anonymous", "reject"]
    identity: IdentityBuilder
    authenticate_extra: frozenset[str]
    #: What the app's own login pages ask for besides a password, see ``login_stages.project``.
    login_stages: tuple[LoginStage, ...]
    #: Alias of the database that holds the gateway's tables; None: this app cannot reach them.
    database: str | None
    #: Whether a login of Django's own counts where the gateway knows of none.
    accept_django_login: bool
    legacy_introspectors: tuple[LegacyIntrospector, ...]
    #: Name of the cookie that Django's own sessions had before the gateway.
    legacy_session_cookie: str
    legacy_token: LegacyToken | None

    @property
    def signing_key(self) -> bytes:
        return self.keys[0]


@cache
def get_conf() -> Conf:
    conf, faults = parse(getattr(settings, "SIDGATE", None))
    if conf is None:
        raise ImproperlyConfigured(" ".join(fault.message for fault in faults))
    return conf


def tables_are_managed() -> bool:
    """``MANAGED`` alone: models need it before anything else of the settings can be imported."""
    raw = getattr(settings, "SIDGATE", None)
    return isinstance(raw, Mapping) and raw.get("MANAGED") is True


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "SIDGATE":
        get_conf.cache_clear()


setting_changed.connect(_forget, dispatch_uid="sidgate_django.conf")


def parse(raw: object) -> tuple[Conf | None, list[Fault]]:
    """Return the configuration, or ``None`` and every fault found."""
    if not isinstance(raw, Mapping):
        return None, [Fault("KEY", "settings.SIDGATE must be a dict with at least 'KEY'.")]
    read = Reader(raw, "SIDGATE")
    read.refuse_unknown(KNOWN)
    read.flag("MANAGED")
    conf = Conf(
        keys=read.keys(),
        upstream=read.text(
            "UPSTREAM", "django", "the name of this app in the gateway's configuration"
        ),
        leeway=read.seconds("LEEWAY", 5, 0, 60),
        events_url=_events_url(read),
        events_timeout=read.seconds("EVENTS_TIMEOUT", 5, 1, 60),
        on_bypass=read.choice("ON_BYPASS", "anonymous", "reject"),
        identity=read.imported("IDENTITY", "sidgate_django.identity.default_identity"),
        authenticate_extra=_extra(read),
        login_stages=read.all_imported("LOGIN_STAGES"),
        database=_database(read),
        accept_django_login=read.flag("ACCEPT_DJANGO_LOGIN"),
        legacy_introspectors=read.all_imported("LEGACY_INTROSPECTORS"),
        legacy_session_cookie=read.text(
            "LEGACY_SESSION_COOKIE", settings.SESSION_COOKIE_NAME, "the name of a cookie"
        ),
        legacy_token=_legacy_token(read),
    )
    return (None, read.faults) if read.faults else (conf, [])


def _extra(read: Reader) -> frozenset[str]:
    extra = frozenset(read.names("AUTHENTICATE_EXTRA"))
    if clash := sorted(extra & RESERVED_EXTRA):
        read.fault("AUTHENTICATE_EXTRA", f"may not contain {', '.join(clash)}.")
    return extra


def _events_url(read: Reader) -> str | None:
    url = read.raw.get("EVENTS_URL")
    if url is None:
        return None
    if isinstance(url, str) and urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc:
        return url
    read.fault("EVENTS_URL", "must be a URL such as 'http://127.0.0.1:3001/authz/event', or None.")
    return None


def _database(read: Reader) -> str | None:
    alias = read.raw.get("DATABASE")
    if alias is None or (isinstance(alias, str) and alias in settings.DATABASES):
        return alias
    read.fault("DATABASE", "must be an alias of settings.DATABASES, or None.")
    return None


def _legacy_token(read: Reader) -> LegacyToken | None:
    raw = read.raw.get("LEGACY_TOKEN")
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        read.fault("LEGACY_TOKEN", "must be a dict.")
        return None
    inner = Reader(raw, "SIDGATE['LEGACY_TOKEN']")
    inner.refuse_unknown(LEGACY_TOKEN_KNOWN)
    keys = tuple(inner.names("KEYS"))
    if not inner.faults_of("KEYS") and not (keys and all(map(_is_fernet_key, keys))):
        inner.fault("KEYS", f"must be a list of Fernet keys, {KEY_BYTES} bytes in base64url.")
    token = LegacyToken(
        cookie=inner.text("COOKIE", "", "the name of the cookie"),
        keys=keys,
        max_age=inner.seconds("MAX_AGE", 14 * 86_400, 1, TEN_YEARS),
        user_claim=inner.text("USER_CLAIM", "user_id", "the name of a member of the token"),
    )
    read.faults.extend(Fault("LEGACY_TOKEN", fault.message) for fault in inner.faults)
    return token


def _is_fernet_key(key: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(key)) == KEY_BYTES
    except ValueError:
        return False
