"""``settings.SIDGATE``, parsed once into types.

A faulty setting is reported by the system checks with its name; code that runs anyway gets
``ImproperlyConfigured`` with every fault at once, never a silent default.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.utils.module_loading import import_string

KEY_BYTES = 32
KNOWN = {
    "KEY",
    "KEYS",
    "UPSTREAM",
    "LEEWAY",
    "ON_BYPASS",
    "IDENTITY",
    "AUTHENTICATE_EXTRA",
    "LEGACY_INTROSPECTORS",
}
# Names that mean something else in a call of authenticate() or in its request body.
RESERVED_EXTRA = {"request", "username", "email", "password", "ip", "user_agent"}

IdentityBuilder = Callable[[Any, HttpRequest], Mapping[str, Any]]
LegacyIntrospector = Callable[[dict[str, str], HttpRequest], Any]


@dataclass(frozen=True)
class Conf:
    keys: tuple[bytes, ...] = field(repr=False)
    upstream: str
    leeway: int
    on_bypass: Literal["anonymous", "reject"]
    identity: IdentityBuilder
    authenticate_extra: frozenset[str]
    legacy_introspectors: tuple[LegacyIntrospector, ...]

    @property
    def signing_key(self) -> bytes:
        return self.keys[0]


@dataclass(frozen=True)
class Fault:
    setting: str
    message: str


@cache
def get_conf() -> Conf:
    conf, faults = parse(getattr(settings, "SIDGATE", None))
    if conf is None:
        raise ImproperlyConfigured(" ".join(fault.message for fault in faults))
    return conf


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == "SIDGATE":
        get_conf.cache_clear()


setting_changed.connect(_forget, dispatch_uid="sidgate_django.conf")


def parse(raw: object) -> tuple[Conf | None, list[Fault]]:
    """Return the configuration, or ``None`` and every fault found."""
    if not isinstance(raw, Mapping):
        return None, [Fault("KEY", "settings.SIDGATE must be a dict with at least 'KEY'.")]
    faults: list[Fault] = []

    def fault(setting: str, message: str) -> None:
        faults.append(Fault(setting, f"SIDGATE[{setting!r}] {message}"))

    for name in sorted(set(raw) - KNOWN, key=str):
        fault(str(name), "is not a known setting.")

    keys = _keys(raw, fault)

    upstream = raw.get("UPSTREAM", "django")
    if not isinstance(upstream, str) or not upstream:
        fault("UPSTREAM", "must be the name of this app in the gateway's configuration.")

    leeway = raw.get("LEEWAY", 5)
    if type(leeway) is not int or not 0 <= leeway <= 60:
        fault("LEEWAY", "must be a whole number of seconds from 0 to 60.")

    on_bypass = raw.get("ON_BYPASS", "anonymous")
    if on_bypass not in ("anonymous", "reject"):
        fault("ON_BYPASS", "must be 'anonymous' or 'reject'.")

    def load(setting: str, path: object) -> Any:
        try:
            loaded = import_string(path) if isinstance(path, str) else path
        except ImportError as error:
            fault(setting, f"cannot be imported: {error}")
            return None
        if not callable(loaded):
            fault(setting, f"must name a callable, and {path!r} is none.")
        return loaded

    identity = load("IDENTITY", raw.get("IDENTITY", "sidgate_django.identity.default_identity"))
    introspectors = tuple(
        load("LEGACY_INTROSPECTORS", path)
        for path in _strings(raw, "LEGACY_INTROSPECTORS", fault, callables=True)
    )

    extra = frozenset(_strings(raw, "AUTHENTICATE_EXTRA", fault))
    if clash := sorted(extra & RESERVED_EXTRA):
        fault("AUTHENTICATE_EXTRA", f"may not contain {', '.join(clash)}.")

    if faults:
        return None, faults
    return (
        Conf(
            keys=keys,
            upstream=cast(str, upstream),
            leeway=leeway,
            on_bypass=on_bypass,
            identity=identity,
            authenticate_extra=extra,
            legacy_introspectors=introspectors,
        ),
        [],
    )


def _keys(raw: Mapping[str, Any], fault: Callable[[str, str], None]) -> tuple[bytes, ...]:
    if "KEY" in raw and "KEYS" in raw:
        fault("KEYS", "and SIDGATE['KEY'] exclude each other.")
        return ()
    name = "KEYS" if "KEYS" in raw else "KEY"
    written = raw.get("KEYS") if name == "KEYS" else [raw.get("KEY")]
    if not isinstance(written, (list, tuple)) or not written:
        fault(name, "must be a list of keys, the current one first.")
        return ()
    keys = []
    for item in written:
        try:
            key = base64.b64decode(item, validate=True) if isinstance(item, str) else b""
        except ValueError:
            key = b""
        if len(key) != KEY_BYTES:
            # Say what to do, and nothing about the value.
            fault(
                name,
                f"must be {KEY_BYTES} bytes in base64, as `sidgate keys upstream NAME` prints it.",
            )
            return ()
        keys.append(key)
    return tuple(keys)


def _strings(
    raw: Mapping[str, Any],
    name: str,
    fault: Callable[[str, str], None],
    *,
    callables: bool = False,
) -> list[Any]:
    value = raw.get(name, ())
    if not isinstance(value, (list, tuple, set, frozenset)):
        fault(name, "must be a list.")
        return []
    if not all(isinstance(item, str) or (callables and callable(item)) for item in value):
        fault(name, "must contain dotted paths only." if callables else "must contain names only.")
        return []
    return list(value)
