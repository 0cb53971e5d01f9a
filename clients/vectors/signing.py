"""Tokens, right and wrong, made with Python's standard library alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

NOW = 1_800_000_000
LEEWAY = 5

Json = dict[str, Any]
DROP = object()


def secret(name: str) -> bytes:
    return hashlib.sha256(f"sidgate test vectors, {name} key".encode()).digest()


KEYS = {name: secret(name) for name in ("current", "previous", "stranger")}


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def body_hash(body: str) -> str:
    return b64url(hashlib.sha256(body.encode()).digest())


def dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


HEADER = {"typ": "JWT", "alg": "HS256"}  # in the order in which Sidgate writes it


def sign(
    claims: object,
    key: bytes = KEYS["current"],
    header: object = HEADER,
    digest: Callable[..., Any] = hashlib.sha256,
) -> str:
    """Signs anything at all, so that in a wrong case only the named thing is wrong."""
    first, second = (
        b64url(part if isinstance(part, bytes) else dump(part)) for part in (header, claims)
    )
    return sign_segments(first, second, key, digest)


def sign_segments(
    header: str,
    claims: str,
    key: bytes = KEYS["current"],
    digest: Callable[..., Any] = hashlib.sha256,
) -> str:
    signed = f"{header}.{claims}"
    return f"{signed}.{b64url(hmac.digest(key, signed.encode(), digest))}"


def but(claims: Json, **changes: object) -> Json:
    """`claims` with some changed, or with `DROP` left out; the order stays."""
    return {name: value for name, value in (claims | changes).items() if value is not DROP}


def with_spare_bit(segment: str) -> str:
    """The same bytes in another spelling. The last character must have bits to spare."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = segment[:-1] + letters[letters.index(segment[-1]) ^ 1]
    if base64.urlsafe_b64decode(f"{other}==") != base64.urlsafe_b64decode(f"{segment}=="):
        raise ValueError(f"{segment} has no bits to spare")
    return other


def with_bits_to_spare(claims: Json) -> str:
    """The claims' segment, made longer by blanks until it ends within a byte."""
    raw = dump(claims)
    return b64url(raw + b" " * (2 - (len(raw) + 1) % 3))


def spoilt(good: Json) -> Iterator[tuple[str, str]]:
    """What is wrong with any kind of token, and a token that has it."""
    token = sign(good)
    yield from misspelt(token)
    yield from wrongly_signed(good, token)
    yield from with_a_wrong_header(good, token)
    yield from with_unreadable_claims(good)


def misspelt(token: str) -> Iterator[tuple[str, str]]:
    header, claims, signature = token.split(".")
    yield "empty", ""
    yield "only dots", ".."
    yield "two segments", f"{header}.{claims}"
    yield "four segments", f"{token}.{signature}"
    yield "two tokens in one header", f"{token}, {token}"
    yield "a scheme before", f"Bearer {token}"
    yield "padded", f"{token}="
    yield "space before", f" {token}"
    yield "line feed behind", f"{token}\n"
    yield "line feed inside", f"{header}.{claims}.{signature[:20]}\n{signature[20:]}"
    yield "a letter behind that is not ASCII", f"{token}é"
    yield "signature left out", f"{header}.{claims}."
    yield "signature shortened", token[:-2]
    yield "signature with spare bits set", f"{header}.{claims}.{with_spare_bit(signature)}"
    yield "signature in the standard alphabet", f"{header}.{claims}.{signature[:-2]}+/"
    padded = base64.urlsafe_b64encode(b'{"alg":"HS256"} ').decode()
    yield "header padded, and signed so", sign_segments(padded, claims)


def wrongly_signed(good: Json, token: str) -> Iterator[tuple[str, str]]:
    header, claims, signature = token.split(".")
    other_claims = b64url(dump(but(good, iat=good["iat"] + 1)))
    yield "claims altered", f"{header}.{other_claims}.{signature}"
    yield "header altered", f"{b64url(dump({'alg': 'HS256'}))}.{claims}.{signature}"
    yield "signed with another key", sign(good, KEYS["stranger"])
    yield "signed with the key in base64", sign(good, base64.b64encode(KEYS["current"]))
    yield "signed with an empty key", sign(good, b"")
    its_own = {"kty": "oct", "k": b64url(KEYS["stranger"])}
    yield (
        "signed with a key that it brings along",
        sign(good, KEYS["stranger"], HEADER | {"jwk": its_own}),
    )


def with_a_wrong_header(good: Json, token: str) -> Iterator[tuple[str, str]]:
    _, claims, _ = token.split(".")
    unsigned = {"typ": "JWT", "alg": "none"}
    yield "alg none, unsigned", f"{b64url(dump(unsigned))}.{claims}."
    yield "alg none, signed", sign(good, header=unsigned)
    yield "alg None", sign(good, header={"alg": "None"})
    yield "alg in lower case", sign(good, header={"alg": "hs256"})
    yield "alg HS512", sign(good, header={"alg": "HS512"}, digest=hashlib.sha512)
    yield "alg HS512, signed as HS256", sign(good, header={"alg": "HS512"})
    yield "alg RS256, signed as HS256", sign(good, header={"alg": "RS256"})
    yield "alg HS256 and a space", sign(good, header={"alg": "HS256 "})
    yield "alg is a list", sign(good, header={"alg": ["HS256"]})
    yield "no alg", sign(good, header={"typ": "JWT"})
    yield "header is no object", sign(good, header=["HS256"])


def with_unreadable_claims(good: Json) -> Iterator[tuple[str, str]]:
    raw = dump(good)
    yield "claims are no object", sign([good])
    yield "claims are null", sign(None)
    yield "claims are empty", sign(b"")
    yield "claims are no JSON", sign(b"{")
    yield "claims are nested without end", sign(raw[:-1] + b',"roles":' + b"[" * 2_000)
    yield "claims are UTF-16", sign(json.dumps(good).encode("utf-16"))
    yield "claims with a byte order mark", sign(b"\xef\xbb\xbf" + raw)
    yield "claims and something behind", sign(raw + b"{}")
    yield "claims with a number that JSON does not have", sign(raw[:-1] + b',"seats":NaN}')
    spare = with_spare_bit(with_bits_to_spare(good))
    yield "claims with spare bits set, and signed so", sign_segments(b64url(dump(HEADER)), spare)
