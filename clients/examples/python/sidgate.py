"""What passes between Sidgate and one app: docs/protocol.md in Python, with PyJWT.

Used by `fastapi_app.py` and `flask_app.py`. To be copied.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jwt

STATES = ("active", "anonymous", "unknown", "none")
# Claims of an active session that may be missing, and what they are.
OPTIONAL = {
    "tid": str,
    "email": str,
    "attrs": dict,
    "auth_time": int,
    "ah": str,
    "ref": str,
    "stale": int,
}
WHOLE_MAX = 2**53 - 1
LEEWAY = 5  # seconds by which the two clocks may differ


class NotFromSidgate(Exception):
    """Nothing that this request says about itself is to be believed."""


class Visitor(NamedTuple):
    """Who asks: `claims` are those of an active session, and empty in every other state."""

    state: str
    claims: dict[str, Any]

    @property
    def name(self) -> str:
        attributes = self.claims.get("attrs") or {}
        return str(attributes.get("name") or self.claims.get("sub") or "stranger")


class Sidgate:
    def __init__(self, app: str, keys: list[str], clock: Callable[[], float] = time.time) -> None:
        """`app`: its name below [upstreams]. `keys`: the current one first, in base64."""
        self.app = app
        self.keys = [_key(key) for key in keys]
        self.clock = clock

    def visitor(self, assertion: str | None) -> Visitor:
        """Reads X-Session-Assertion."""
        claims = self._open(assertion, self.app)
        state = claims.get("state")
        if state not in STATES:
            raise NotFromSidgate("unknown state")
        if not isinstance(claims.get("site"), (str, type(None))):
            raise NotFromSidgate("site has the wrong type")
        if state != "active":
            return Visitor(state, {})
        for name in ("sid", "sub"):
            if not (isinstance(claims.get(name), str) and claims[name]):
                raise NotFromSidgate(f"no {name}")
        for name, kind in OPTIONAL.items():
            value = claims.get(name)
            if value is not None and not (_is_whole(value) if kind is int else type(value) is kind):
                raise NotFromSidgate(f"{name} has the wrong type")
        return Visitor(state, claims)

    def check_request(self, token: str | None, body: bytes) -> None:
        """Reads X-Sidgate-Request: `body` are the bytes as they came."""
        claims = self._open(token, f"{self.app}:backend")
        if claims.get("bh") != _b64url(hashlib.sha256(body).digest()):
            raise NotFromSidgate("signed for another body")

    def event(self, request_id: str, *events: dict[str, Any]) -> str:
        """Writes X-Session-Event; `request_id` is the X-Request-Id of what is answered."""
        claims = {
            "iss": self.app,
            "aud": "sidgate",
            "iat": int(self.clock()),
            "req": request_id,
            "ev": events,
        }
        return jwt.encode(claims, self.keys[0], "HS256")

    def _open(self, token: str | None, audience: str) -> dict[str, Any]:
        claims = _load(self._payload(token or ""))
        if claims.get("iss") != "sidgate" or claims.get("aud") != audience:
            raise NotFromSidgate("of or for somebody else")
        if not (_is_whole(claims.get("iat")) and _is_whole(claims.get("exp"))):
            raise NotFromSidgate("no times")
        if not claims["iat"] - LEEWAY <= self.clock() < claims["exp"] + LEEWAY:
            raise NotFromSidgate("not of this moment")
        return claims

    def _payload(self, token: str) -> bytes:
        # PyJWT forgives what stands between the letters of base64, and sets spare bits aside.
        if not all(map(_is_canonical, token.split("."))):
            raise NotFromSidgate("not base64url")
        for key in self.keys:
            try:
                return jwt.PyJWS().decode(token, key, algorithms=["HS256"])
            except jwt.PyJWTError:
                continue
        raise NotFromSidgate("not signed by Sidgate for this app")


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != 32:
        raise ValueError("a key has 32 bytes")
    return key


def _b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _is_canonical(segment: str) -> bool:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", segment):
        return False
    try:
        return _b64url(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))) == segment
    except binascii.Error:
        return False


def _load(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise NotFromSidgate("not JSON") from None
    if not isinstance(claims, dict):
        raise NotFromSidgate("not a JSON object")
    return claims


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _is_whole(value: object) -> bool:
    # A bool is an int to isinstance().
    return type(value) is int and abs(value) <= WHOLE_MAX
