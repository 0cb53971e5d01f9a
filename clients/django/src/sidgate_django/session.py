"""What the gateway says about this request: ``request.gateway_session``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Any, Final, Literal, cast, get_args

from django.http import HttpRequest

from . import tokens
from .conf import get_conf
from .tokens import InvalidToken

# A logger of its own, so that probes that call the app directly can be silenced by name.
bypass_log = logging.getLogger("sidgate_django.bypass")

ISSUER: Final = "sidgate"
# The gateway's own calls. It signs them in another way (see backend_request), and answers 404
# to the public under this path.
BACKEND_PREFIX: Final = "/__sidgate__/"

Stated = Literal["active", "anonymous", "unknown", "none"]
State = Literal[Stated, "bypassed"]
_STATED: Final = frozenset(get_args(Stated))
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True)
class GatewaySession:
    """The verified session of one request.

    ``state`` is ``active`` (somebody is logged in), ``anonymous``, ``unknown`` (the gateway could
    not ask its store; only on routes that chose to see this), ``none`` (the route asks for no
    session) or ``bypassed`` (the request did not come through the gateway, believe nothing).
    """

    state: State
    via_gateway: bool = False
    id: str | None = None
    user_id: str | None = None
    tenant_id: str | None = None
    email: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    auth_time: datetime | None = None
    auth_hash: str | None = field(default=None, repr=False)
    ref: str | None = field(default=None, repr=False)
    #: Seconds since the gateway last confirmed the session, when it serves a stale one.
    stale: int | None = None
    #: When the session ends at the latest. For display: it stands beside the assertion, not in it.
    expires_at: datetime | None = None
    #: Why a request is ``bypassed``, as "no assertion" or "wrong signature".
    problem: str | None = None
    #: The site at which the request came in, in every state; ``None`` without ``[[sites]]``.
    site: str | None = None

    @property
    def is_active(self) -> bool:
        return self.state == "active"

    @classmethod
    def from_claims(
        cls, claims: Mapping[str, Any], expires_at: datetime | None = None
    ) -> GatewaySession:
        state = _required(claims, "state")
        if state not in _STATED:
            raise InvalidToken("unknown state")
        site = _optional(claims, "site", str)
        if state != "active":
            return cls(state=cast(State, state), via_gateway=True, site=site)
        auth_time = _optional(claims, "auth_time", int)
        return cls(
            state="active",
            via_gateway=True,
            id=_required(claims, "sid"),
            user_id=_required(claims, "sub"),
            tenant_id=_optional(claims, "tid", str),
            email=_optional(claims, "email", str),
            attributes=MappingProxyType(_optional(claims, "attrs", dict) or {}),
            auth_time=None if auth_time is None else _moment(auth_time),
            auth_hash=_optional(claims, "ah", str),
            ref=_optional(claims, "ref", str),
            stale=_optional(claims, "stale", int),
            expires_at=expires_at,
            site=site,
        )


def session_of(request: HttpRequest) -> GatewaySession:
    """``request.gateway_session``, read when the first middleware asks."""
    session: GatewaySession | None = getattr(request, "gateway_session", None)
    if session is None:
        session = read_session(request)
        request.gateway_session = session  # type: ignore[attr-defined]
    return session


def read_session(request: HttpRequest) -> GatewaySession:
    return read_meta(request.META, request.path_info, request.method or "")


def read_meta(meta: Mapping[str, Any], path: str, method: str) -> GatewaySession:
    """Decide what to believe. Only the signed assertion counts; bare headers never do."""
    if path.startswith(BACKEND_PREFIX):
        return GatewaySession(state="none")
    conf = get_conf()
    try:
        # Duplicates arrive joined by a comma (WSGI, ASGI alike), which no JWT contains.
        assertion = meta.get("HTTP_X_SESSION_ASSERTION")
        if not assertion:
            raise InvalidToken("no assertion")
        claims = tokens.verify(
            assertion, conf.keys, issuer=ISSUER, audience=conf.upstream, leeway=conf.leeway
        )
        return GatewaySession.from_claims(claims, _expires_at(meta))
    except InvalidToken as why:
        bypass_log.warning("Not from the gateway (%s): %s %r", why, method, path)
        return GatewaySession(state="bypassed", problem=str(why))


def _expires_at(meta: Mapping[str, Any]) -> datetime | None:
    try:
        return _moment(int(meta["HTTP_X_SESSION_EXPIRES_AT"]))
    except (KeyError, InvalidToken, ValueError):
        return None


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, tz=timezone.utc)
    except (OverflowError, OSError, ValueError):
        raise InvalidToken("a time is out of range") from None


def _required(claims: Mapping[str, Any], name: str) -> str:
    value: str | None = _optional(claims, name, str)
    if not value:
        raise InvalidToken(f"no {name}")
    return value


def _optional(claims: Mapping[str, Any], name: str, kind: type) -> Any:
    value = claims.get(name)
    if value is not None and type(value) is not kind:
        raise InvalidToken(f"{name} has the wrong type")
    return value
