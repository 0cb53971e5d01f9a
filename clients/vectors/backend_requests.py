"""`X-Sidgate-Request`: the gateway asks the app."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from assertions import ASSERTION, WHOLE_MAX
from signing import DROP, HEADER, KEYS, LEEWAY, NOW, Json, body_hash, but, dump, sign, spoilt

WHO_ASKS = {"ip": "203.0.113.7", "user_agent": ""}
LOGIN = {"email": "ada@example.com", "password": "correct horse", **WHO_ASKS}
BODY = dump(LOGIN).decode()
# What goes to /__sidgate__/authenticate, /__sidgate__/introspect and /__sidgate__/doctor.
BODIES = {
    "an empty body": "",
    "a body not in ASCII": '{"email":"jürgen@x"}',
    "a login with more than a password": dump({**LOGIN, "otp": "123456"}).decode(),
    "a question about old cookies": dump(
        {"cookies": {"sessionid": "r1x0", "token.0": "gAAA=="}, **WHO_ASKS}
    ).decode(),
    "a question about the app": "{}",
}
REQUEST: Json = {
    "iss": "sidgate",
    "aud": "django:backend",
    "iat": NOW,
    "exp": NOW + 30,
    "bh": body_hash(BODY),
}


def case(name: str, token: str, **rest: object) -> Json:
    return {"name": name, "keys": ["current"], "now": NOW, "body": BODY, "token": token} | rest


def cases() -> Iterator[Json]:
    yield from accepted()
    yield case("not yet valid", sign(REQUEST), now=NOW - LEEWAY - 1, refused="time")
    yield case("expired", sign(REQUEST), now=NOW + 30 + LEEWAY, refused="time")
    yield from for_another_body()
    for what, token in spoilt(REQUEST):
        yield case(what, token, refused="signature")
    yield from from_somebody_else()
    for name, changes in (
        ("no exp", {"exp": DROP}),
        ("no iat", {"iat": DROP}),
        ("exp is text", {"exp": str(NOW + 30)}),
        ("exp is a fraction", {"exp": NOW + 30.5}),
        ("exp is too large for a whole number", {"exp": WHOLE_MAX + 1}),
    ):
        yield case(name, sign(but(REQUEST, **changes)), refused="shape")


def accepted() -> Iterator[Json]:
    yield case("as Sidgate sends it", sign(REQUEST), accepted=True, written_by_sidgate=True)
    for name, body in BODIES.items():
        claims = REQUEST | {"bh": body_hash(body)}
        yield case(name, sign(claims), body=body, accepted=True, written_by_sidgate=True)
    yield case(
        "under the previous key during rotation",
        sign(REQUEST, KEYS["previous"]),
        keys=["current", "previous"],
        accepted=True,
    )
    yield case("issued at the edge of the leeway", sign(REQUEST), now=NOW - LEEWAY, accepted=True)
    yield case("in its last second", sign(REQUEST), now=NOW + 30 + LEEWAY - 1, accepted=True)
    future = REQUEST | {"something_new": True}
    yield case("with a claim from the future", sign(future), accepted=True)


def for_another_body() -> Iterator[Json]:
    for name, body in (
        ("another body", BODY.replace("ada", "eve")),
        ("no body", ""),
        ("a space more", BODY + " "),
        ("a line feed more", BODY + "\n"),
        ("the same JSON in another spelling", json.dumps(LOGIN)),
    ):
        yield case(name, sign(REQUEST), body=body, refused="body")
    raw = hashlib.sha256(BODY.encode())
    for name, bh in (
        ("no body hash", DROP),
        ("body hash is null", None),
        ("body hash is empty", ""),
        ("body hash is a number", 7),
        ("body hash in hex", raw.hexdigest()),
        ("body hash padded", REQUEST["bh"] + "="),
        ("body hash of no body", body_hash("")),
        ("body hash shortened", REQUEST["bh"][:-1]),
    ):
        yield case(name, sign(but(REQUEST, bh=bh)), refused="body")


def from_somebody_else() -> Iterator[Json]:
    yield case("no key at all", sign(REQUEST), keys=[], refused="signature")
    yield case(
        "under the previous key after rotation",
        sign(REQUEST, KEYS["previous"]),
        refused="signature",
    )
    yield case(
        "unknown critical extension",
        sign(REQUEST, header=HEADER | {"crit": ["b64"], "b64": False}),
        refused="signature",
    )
    for name, changes in (
        ("another issuer", {"iss": "django"}),
        ("for another app", {"aud": "next:backend"}),
        ("an audience that is not the backend's", {"aud": "django"}),
        ("a list of audiences", {"aud": ["django:backend"]}),
        ("for nobody", {"aud": DROP}),
    ):
        yield case(name, sign(but(REQUEST, **changes)), refused="signature")
    yield case(
        "an assertion used as a request",
        sign(but(ASSERTION, aud="django")),
        refused="signature",
    )
