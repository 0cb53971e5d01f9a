"""JWT HS256, read as strictly as it is written.

Both ends are ours, so there is nothing to be lenient about: one algorithm, one way to spell a
segment, no optional parts. Whatever differs from what the gateway writes is refused.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterable, Mapping
from typing import Any

# Generous for an identity, small enough that hashing rubbish costs nothing.
MAX_LENGTH = 32_768
# Beyond it readers of JSON differ about what a number is (RFC 8259, section 6).
MAX_WHOLE = 2**53 - 1


class InvalidToken(ValueError):
    """The token proves nothing. The message says why and never repeats the token."""


def encode(claims: Mapping[str, Any], key: bytes) -> str:
    header = {"alg": "HS256", "typ": "JWT"}
    signed = ".".join(b64encode(_dump(part)) for part in (header, claims))
    return f"{signed}.{b64encode(_mac(key, signed))}"


def decode(token: str, keys: Iterable[bytes]) -> dict[str, Any]:
    """Return the claims of a token signed under any of ``keys``. Times are not looked at."""
    if len(token) > MAX_LENGTH:
        raise InvalidToken("too long")
    segments = token.split(".")
    if len(segments) != 3:
        raise InvalidToken("not three segments")
    header, claims, signature = (_b64decode(segment) for segment in segments)
    # The signature comes first: unsigned bytes never reach the JSON parser.
    signed = token.rpartition(".")[0]
    if not any(hmac.compare_digest(signature, _mac(key, signed)) for key in keys):
        raise InvalidToken("wrong signature")
    parsed = _load(header)
    if parsed.get("alg") != "HS256":
        raise InvalidToken("wrong algorithm")
    if "crit" in parsed:  # RFC 7515, 4.1.11: extensions we do not know must be refused
        raise InvalidToken("unknown critical extension")
    return _load(claims)


def verify(
    token: str,
    keys: Iterable[bytes],
    *,
    issuer: str,
    audience: str,
    leeway: int,
    now: float | None = None,
) -> dict[str, Any]:
    """``decode``, and the token is from ``issuer``, for ``audience``, and of this moment."""
    claims = decode(token, keys)
    if claims.get("iss") != issuer:
        raise InvalidToken("wrong issuer")
    if claims.get("aud") != audience:
        raise InvalidToken("wrong audience")
    now = time.time() if now is None else now
    if _seconds(claims, "iat") > now + leeway:
        raise InvalidToken("issued in the future")
    if _seconds(claims, "exp") + leeway <= now:
        raise InvalidToken("expired")
    return claims


def b64encode(raw: bytes) -> str:
    """base64url without padding, the only spelling this package writes or accepts."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _b64decode(segment: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError:
        raise InvalidToken("not base64url") from None
    # Python's decoder skips foreign characters and spare bits; writing it again finds them.
    if not raw or b64encode(raw) != segment:
        raise InvalidToken("not canonical base64url")
    return raw


def _mac(key: bytes, signed: str) -> bytes:
    return hmac.digest(key, signed.encode("ascii"), hashlib.sha256)


def _dump(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def _load(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse_constant
        )
    except InvalidToken:
        raise
    except (ValueError, RecursionError):
        raise InvalidToken("not JSON") from None
    if not isinstance(value, dict):
        raise InvalidToken("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidToken("a member appears twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise InvalidToken(f"{name} is not JSON")


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    value = claims.get(name)
    if type(value) is not int or abs(value) > MAX_WHOLE:  # bool is an int to isinstance()
        raise InvalidToken(f"{name} is not a whole number")
    return value
