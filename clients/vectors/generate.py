#!/usr/bin/env python3
"""Writes the test vectors: tokens that Sidgate and its apps sign, and tokens that must be refused.

    clients/vectors/generate.py            writes the three JSON files anew
    clients/vectors/generate.py --check    exit code 1 if they are not what would be written

Standard library only, and none of the code under test: a fourth opinion. The same input gives the
same bytes. The format is described in README.md.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
NOW = 1_800_000_000
LEEWAY = 5


def secret(name: str) -> bytes:
    return hashlib.sha256(f"sidgate test vectors, {name} key".encode()).digest()


KEYS = {name: secret(name) for name in ("current", "previous", "stranger")}

Json = dict[str, Any]
DROP = object()


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


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
    parts = (part if isinstance(part, bytes) else dump(part) for part in (header, claims))
    signed = ".".join(b64url(part) for part in parts)
    return f"{signed}.{b64url(hmac.digest(key, signed.encode(), digest))}"


def but(claims: Json, **changes: object) -> Json:
    """`claims` with some changed, or with `DROP` left out; the order stays."""
    return {name: value for name, value in (claims | changes).items() if value is not DROP}


def spoilt(good: Json) -> Iterator[tuple[str, str]]:
    """What is wrong with any kind of token, and a token that has it."""
    token = sign(good)
    header, claims, signature = token.split(".")
    other_claims = b64url(dump(but(good, iat=good["iat"] + 1)))
    unsigned = {"typ": "JWT", "alg": "none"}
    spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    yield "empty", ""
    yield "only dots", ".."
    yield "two segments", f"{header}.{claims}"
    yield "four segments", f"{token}.{signature}"
    yield "two tokens in one header", f"{token}, {token}"
    yield "padded", f"{token}="
    yield "space before", f" {token}"
    yield "signature left out", f"{header}.{claims}."
    yield "signature shortened", token[:-2]
    yield "signature with spare bits set", token[:-1] + spare[spare.index(token[-1]) ^ 1]
    yield "signature in the standard alphabet", f"{header}.{claims}.{signature[:-2]}+/"
    yield "claims altered", f"{header}.{other_claims}.{signature}"
    yield "header altered", f"{b64url(dump({'alg': 'HS256'}))}.{claims}.{signature}"
    yield "signed with another key", sign(good, KEYS["stranger"])
    yield "signed with the key in base64", sign(good, base64.b64encode(KEYS["current"]))
    yield "signed with an empty key", sign(good, b"")
    yield "alg none, unsigned", f"{b64url(dump(unsigned))}.{claims}."
    yield "alg none, signed", sign(good, header=unsigned)
    yield "alg None", sign(good, header={"alg": "None"})
    yield "alg in lower case", sign(good, header={"alg": "hs256"})
    yield "alg HS512", sign(good, header={"alg": "HS512"}, digest=hashlib.sha512)
    yield "alg HS512, signed as HS256", sign(good, header={"alg": "HS512"})
    yield "alg RS256, signed as HS256", sign(good, header={"alg": "RS256"})
    yield "no alg", sign(good, header={"typ": "JWT"})
    yield "header is no object", sign(good, header=["HS256"])
    yield "claims are no object", sign([good])
    yield "claims are no JSON", sign(b"{")
    yield "claims are UTF-16", sign(json.dumps(good).encode("utf-16"))


# === The three files ===

ASSERTION = {
    "iss": "sidgate",
    "aud": "next",
    "iat": NOW,
    "exp": NOW + 60,
    "state": "active",
    "sid": "01890a5d-ac96-774b-bcce-b302099a8057",
    "sub": "7",
    "tid": "acme",
    "email": "ada@example.com",
    "attrs": {"name": "Ada", "plan": "pro", "roles": ["owner", "billing"], "seats": 3},
    "auth_time": NOW - 3_600,
    "ah": "5f2c",
    "ref": "cart-81",
}


def assertions() -> Iterator[Json]:
    def case(name: str, token: str, **rest: object) -> Json:
        return {"name": name, "keys": ["current"], "now": NOW, "token": token} | rest

    def right(name: str, claims: Json, **rest: object) -> Json:
        return case(name, sign(claims), claims=claims, written_by_sidgate=True) | rest

    def wrong(name: str, claims: Json, refused: str) -> Json:
        return case(name, sign(claims), refused=refused)

    yield right("active, with everything", ASSERTION)
    yield right(
        "active, with the least",
        but(ASSERTION, tid=DROP, email=DROP, attrs=DROP, auth_time=DROP, ah=DROP, ref=DROP),
    )
    yield right("active and stale", but(ASSERTION, stale=17))
    yield right(
        "not ASCII",
        but(ASSERTION, email="jürgen@例え.jp", attrs={"name": "Zoë 🦀 \u2028 \"quoted\" \\"}),
    )
    for state in ("anonymous", "unknown", "none"):
        yield right(state, {**dict(list(ASSERTION.items())[:4]), "state": state})
    yield case(
        "under the previous key during rotation",
        sign(ASSERTION, KEYS["previous"]),
        keys=["current", "previous"],
        claims=ASSERTION,
    )
    future = but(ASSERTION, something_new={"we": "do not know"})
    yield case("with a claim from the future", sign(future), claims=future)
    for name, header in (
        ("alg first", {"alg": "HS256", "typ": "JWT"}),
        ("another typ", {"alg": "HS256", "typ": "at+jwt"}),
        ("no typ", {"alg": "HS256"}),
    ):
        yield case(f"header: {name}", sign(ASSERTION, header=header), claims=ASSERTION)
    yield right("issued at the edge of the leeway", ASSERTION, now=NOW - LEEWAY)
    yield right("in its last second", ASSERTION, now=NOW + 60 + LEEWAY - 1)

    yield case("not yet valid", sign(ASSERTION), now=NOW - LEEWAY - 1, refused="time")
    yield case("expired", sign(ASSERTION), now=NOW + 60 + LEEWAY, refused="time")
    yield case("expired long ago", sign(ASSERTION), now=NOW + 86_400, refused="time")
    for what, token in spoilt(ASSERTION):
        yield case(what, token, refused="signature")
    yield case("no key at all", sign(ASSERTION), keys=[], refused="signature")
    yield case(
        "under the previous key after rotation",
        sign(ASSERTION, KEYS["previous"]),
        refused="signature",
    )
    yield case(
        "unknown critical extension",
        sign(ASSERTION, header=HEADER | {"crit": ["b64"], "b64": False}),
        refused="signature",
    )
    for name, changes in (
        ("another issuer", {"iss": "django"}),
        ("no issuer", {"iss": DROP}),
        ("for another app", {"aud": "django"}),
        ("for the backend", {"aud": "next:backend"}),
        ("for a list of apps", {"aud": ["next"]}),
        ("for nobody", {"aud": DROP}),
    ):
        yield wrong(name, but(ASSERTION, **changes), "signature")
    for name, changes in (
        ("no exp", {"exp": DROP}),
        ("no iat", {"iat": DROP}),
        ("exp is text", {"exp": str(NOW + 60)}),
        ("exp is true", {"exp": True}),
        ("exp is a fraction", {"exp": NOW + 60.5}),
        ("no state", {"state": DROP}),
        ("unknown state", {"state": "root"}),
        ("active without a handle", {"sid": DROP}),
        ("active without a user", {"sub": DROP}),
        ("user id is a number", {"sub": 7}),
        ("attrs are a list", {"attrs": ["owner"]}),
    ):
        yield wrong(name, but(ASSERTION, **changes), "shape")
    yield case(
        "an event of the app itself",
        sign(but(EVENT, iss="next")),
        refused="signature",
    )


IDENTITY = {
    "user": {"id": "7", "email": "ada@example.com", "name": "Ada"},
    "tenant_id": "acme",
    "needs_onboarding": False,
    "attributes": {"plan": "pro"},
    "auth_hash": "5f2c",
    "ref": "cart-81",
}
REQUEST_ID = "018f9b2e-7c1a-7000-8000-5f1d2c3b4a59"
EVENT = {
    "iss": "django",
    "aud": "sidgate",
    "iat": NOW,
    "req": REQUEST_ID,
    "ev": [{"type": "rotate"}],
}
EVENTS_RIGHT = {
    "login": [{"type": "login", "identity": IDENTITY}],
    "login with the least": [{"type": "login", "identity": {"user": {"id": "7"}}}],
    "login with a shorter life": [{"type": "login", "identity": IDENTITY, "ttl": 3_600}],
    "logout": [{"type": "logout", "scope": "this"}],
    "logout of the other devices": [{"type": "logout", "scope": "others"}],
    "logout everywhere": [{"type": "logout", "scope": "all"}],
    "update": [
        {"type": "update", "identity": {"attributes": {"plan": None}, "needs_onboarding": True}}
    ],
    "rotate": [{"type": "rotate"}],
    "ref": [{"type": "ref", "ref": "cart-82"}],
    "several": [{"type": "update", "identity": {"attributes": {"a": 1}}}, {"type": "rotate"}],
}
EVENTS_WRONG = {
    "no events": [],
    "too many events": [{"type": "rotate"}] * 9,
    "events are no list": {"type": "rotate"},
    "unknown event": [{"type": "promote"}],
    "right event, wrong event": [{"type": "rotate"}, {"type": "promote"}],
    "unknown member": [{"type": "login", "identity": IDENTITY, "admin": True}],
    "login without an identity": [{"type": "login"}],
    "login without a user id": [{"type": "login", "identity": {"user": {"email": "a@x"}}}],
    "login for no time": [{"type": "login", "identity": IDENTITY, "ttl": 0}],
    "login for a negative time": [{"type": "login", "identity": IDENTITY, "ttl": -1}],
    "logout of somebody else": [{"type": "logout", "scope": "everybody"}],
}


def events() -> Iterator[Json]:
    def case(name: str, token: str, **rest: object) -> Json:
        base: Json = {"name": name, "keys": ["current"], "now": NOW, "request_id": REQUEST_ID}
        return base | {"token": token} | rest

    for name, ev in EVENTS_RIGHT.items():
        yield case(name, sign(EVENT | {"ev": ev}), events=ev)
    yield case(
        "under the previous key during rotation",
        sign(EVENT, KEYS["previous"]),
        keys=["current", "previous"],
        events=EVENT["ev"],
    )
    yield case("a minute old", sign(EVENT), now=NOW + 60, events=EVENT["ev"])
    yield case("the app's clock is ahead", sign(EVENT), now=NOW - LEEWAY, events=EVENT["ev"])

    yield case("too old", sign(EVENT), now=NOW + 61, refused="time")
    yield case("from the future", sign(EVENT), now=NOW - LEEWAY - 1, refused="time")
    yield case("answer to another request", sign(EVENT), request_id="another", refused="request")
    for name, ev in EVENTS_WRONG.items():
        yield case(name, sign(EVENT | {"ev": ev}), refused="shape")
    for what, token in spoilt(EVENT):
        yield case(what, token, refused="signature")
    for name, changes in (
        ("of another app", {"iss": "next"}),
        ("of nobody", {"iss": DROP}),
        ("for the app itself", {"aud": "django"}),
        ("for nobody", {"aud": DROP}),
    ):
        yield case(name, sign(but(EVENT, **changes)), refused="signature")
    yield case(
        "an assertion sent back",
        sign(but(ASSERTION, aud="django")),
        refused="signature",
    )


BODY = '{"email":"ada@example.com","password":"correct horse","ip":"203.0.113.7","user_agent":""}'
REQUEST = {
    "iss": "sidgate",
    "aud": "django:backend",
    "iat": NOW,
    "exp": NOW + 30,
    "bh": b64url(hashlib.sha256(BODY.encode()).digest()),
}


def backend_requests() -> Iterator[Json]:
    def case(name: str, token: str, **rest: object) -> Json:
        return {"name": name, "keys": ["current"], "now": NOW, "body": BODY, "token": token} | rest

    yield case("as Sidgate sends it", sign(REQUEST), accepted=True, written_by_sidgate=True)
    for name, body in (("an empty body", ""), ("a body not in ASCII", '{"email":"jürgen@x"}')):
        claims = REQUEST | {"bh": b64url(hashlib.sha256(body.encode()).digest())}
        yield case(name, sign(claims), body=body, accepted=True, written_by_sidgate=True)
    yield case(
        "under the previous key during rotation",
        sign(REQUEST, KEYS["previous"]),
        keys=["current", "previous"],
        accepted=True,
    )
    yield case("in its last second", sign(REQUEST), now=NOW + 30 + LEEWAY - 1, accepted=True)

    yield case("not yet valid", sign(REQUEST), now=NOW - LEEWAY - 1, refused="time")
    yield case("expired", sign(REQUEST), now=NOW + 30 + LEEWAY, refused="time")
    yield case("another body", sign(REQUEST), body=BODY.replace("ada", "eve"), refused="body")
    yield case("a space more", sign(REQUEST), body=BODY + " ", refused="body")
    for name, bh in (
        ("no body hash", DROP),
        ("body hash is a number", 7),
        ("body hash in hex", hashlib.sha256(BODY.encode()).hexdigest()),
        ("body hash padded", REQUEST["bh"] + "="),
    ):
        yield case(name, sign(but(REQUEST, bh=bh)), refused="body")
    for what, token in spoilt(REQUEST):
        yield case(what, token, refused="signature")
    for name, changes in (
        ("another issuer", {"iss": "django"}),
        ("for another app", {"aud": "next:backend"}),
        ("an audience that is not the backend's", {"aud": "django"}),
        ("for nobody", {"aud": DROP}),
    ):
        yield case(name, sign(but(REQUEST, **changes)), refused="signature")
    yield case(
        "an assertion used as a request",
        sign(but(ASSERTION, aud="django")),
        refused="signature",
    )


def file(about: str, issuer: str, audience: str, cases: Iterator[Json]) -> bytes:
    listed = list(cases)
    names = [case["name"] for case in listed]
    if len(set(names)) != len(names):
        raise SystemExit(f"a name appears twice: {sorted(names)}")
    content = {
        "about": about,
        "issuer": issuer,
        "audience": audience,
        "leeway": LEEWAY,
        "keys": {name: base64.b64encode(key).decode() for name, key in KEYS.items()},
        "cases": listed,
    }
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def files() -> dict[str, bytes]:
    return {
        "assertions.json": file(
            "X-Session-Assertion, received by the app `next`", "sidgate", "next", assertions()
        ),
        "events.json": file(
            "X-Session-Event, received from the app `django`", "django", "sidgate", events()
        ),
        "backend-requests.json": file(
            "X-Sidgate-Request, received by the app `django`",
            "sidgate",
            "django:backend",
            backend_requests(),
        ),
    }


def main() -> int:
    if sys.argv[1:] not in ([], ["--check"]):
        print(__doc__, file=sys.stderr)
        return 2
    stale = 0
    for name, content in files().items():
        path = HERE / name
        if path.exists() and path.read_bytes() == content:
            continue
        if sys.argv[1:]:
            print(f"{name} is not what generate.py writes", file=sys.stderr)
            stale = 1
        else:
            path.write_bytes(content)
            print(f"wrote {name}")
    return stale


if __name__ == "__main__":
    sys.exit(main())
