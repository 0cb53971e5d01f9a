"""`X-Session-Assertion`: who is asking."""

from __future__ import annotations

from collections.abc import Iterator

from signing import DROP, HEADER, KEYS, LEEWAY, NOW, Json, but, dump, sign, spoilt

ASSERTION: Json = {
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
NOBODY: Json = {**dict(list(ASSERTION.items())[:4]), "state": "anonymous"}
# As much as Sidgate puts into one claim, in bytes of JSON.
CLAIM_MAX = 4_096
# The largest whole number that every JSON reader keeps (RFC 8259, section 6).
WHOLE_MAX = 2**53 - 1


def case(name: str, token: str, **rest: object) -> Json:
    return {"name": name, "keys": ["current"], "now": NOW, "token": token} | rest


def right(name: str, claims: Json, **rest: object) -> Json:
    return case(name, sign(claims), claims=claims, written_by_sidgate=True) | rest


def wrong(name: str, claims: Json, refused: str) -> Json:
    return case(name, sign(claims), refused=refused)


def at(site: object, claims: Json) -> Json:
    """`claims` of an installation with several sites: `site` follows `state`."""
    return {**dict(list(claims.items())[:5]), "site": site} | claims


def cases() -> Iterator[Json]:
    yield from as_sidgate_writes_them()
    yield from as_others_may_write_them()
    yield from at_another_time()
    for what, token in spoilt(ASSERTION):
        yield case(what, token, refused="signature")
    latin = dump(ASSERTION).replace(b"ada@", b"ad\xe4@")
    yield case("claims are not UTF-8", sign(latin), refused="signature")
    yield from from_somebody_else()
    yield from out_of_shape()


def as_sidgate_writes_them() -> Iterator[Json]:
    yield right("active, with everything", ASSERTION)
    yield right(
        "active, with the least",
        but(ASSERTION, tid=DROP, email=DROP, attrs=DROP, auth_time=DROP, ah=DROP, ref=DROP),
    )
    yield right("active and stale", but(ASSERTION, stale=17))
    yield right("active, stale for less than a second", but(ASSERTION, stale=0))
    yield right("a login of unknown age", but(ASSERTION, auth_time=0))
    yield right(
        "not ASCII",
        but(ASSERTION, email="jürgen@例え.jp", attrs={"name": 'Zoë 🦀 \u2028 "quoted" \\'}),
    )
    yield right(
        "control characters in an attribute", but(ASSERTION, attrs={"note": "a\tb\r\n\x07\x7f"})
    )
    yield right(
        "ids with every visible character of ASCII",
        but(ASSERTION, sub="".join(map(chr, range(33, 127))), tid="%2F;=,\"'"),
    )
    yield right("ids as long as they get", but(ASSERTION, sub="7" * 128, tid="t" * 128))
    attrs = {"note": ""}
    attrs["note"] = "x" * (CLAIM_MAX - len(dump(attrs)))
    yield right("attributes as large as they get", but(ASSERTION, attrs=attrs))
    for state in ("anonymous", "unknown", "none"):
        yield right(state, but(NOBODY, state=state))
    yield right("active, at a site", at("shop", ASSERTION))
    yield right("anonymous, at a site", at("shop", NOBODY))
    yield right("issued at the edge of the leeway", ASSERTION, now=NOW - LEEWAY)
    yield right("in its last second", ASSERTION, now=NOW + 60 + LEEWAY - 1)


def as_others_may_write_them() -> Iterator[Json]:
    for name, key in (
        ("under the current key during rotation", "current"),
        ("under the previous key during rotation", "previous"),
    ):
        token = sign(ASSERTION, KEYS[key])
        yield case(name, token, keys=["current", "previous"], claims=ASSERTION)
    future = but(ASSERTION, something_new={"we": "do not know"})
    yield case("with a claim from the future", sign(future), claims=future)
    nulls = but(ASSERTION, tid=None, auth_time=None, ref=None, stale=None)
    yield case("optional claims that are null", sign(nulls), claims=nulls)
    numbers = {"big": 12_345_678_901_234_567_890, "float": 1e21, "less": -WHOLE_MAX, "part": 0.1}
    odd = but(ASSERTION, attrs={"deep": {"er": [[None, True]]}, **numbers})
    yield case("numbers of every kind in attributes", sign(odd), claims=odd)
    for state in ("anonymous", "unknown", "none"):
        claims = but(ASSERTION, state=state)
        yield case(f"{state}, with claims that mean nothing then", sign(claims), claims=claims)
    for name, header in (
        ("alg first", {"alg": "HS256", "typ": "JWT"}),
        ("another typ", {"alg": "HS256", "typ": "at+jwt"}),
        ("no typ", {"alg": "HS256"}),
        ("the id of a key", HEADER | {"kid": "2026-11"}),
    ):
        yield case(f"header: {name}", sign(ASSERTION, header=header), claims=ASSERTION)


def at_another_time() -> Iterator[Json]:
    yield case("not yet valid", sign(ASSERTION), now=NOW - LEEWAY - 1, refused="time")
    yield case("expired", sign(ASSERTION), now=NOW + 60 + LEEWAY, refused="time")
    yield case("expired long ago", sign(ASSERTION), now=NOW + 86_400, refused="time")


def from_somebody_else() -> Iterator[Json]:
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
        ("the issuer in other letters", {"iss": "Sidgate"}),
        ("a list of issuers", {"iss": ["sidgate"]}),
        ("no issuer", {"iss": DROP}),
        ("for another app", {"aud": "django"}),
        ("for an app in other letters", {"aud": "Next"}),
        ("for the backend", {"aud": "next:backend"}),
        ("for a list of apps", {"aud": ["next"]}),
        ("for nobody", {"aud": DROP}),
    ):
        yield wrong(name, but(ASSERTION, **changes), "signature")
    twice = dump(ASSERTION)[:-1] + b',"aud":"django"}'
    yield case("for one app, and then for another", sign(twice), refused="signature")
    event = {"iss": "next", "aud": "sidgate", "iat": NOW, "req": "1", "ev": [{"type": "rotate"}]}
    yield case("an event of the app itself", sign(event), refused="signature")


def out_of_shape() -> Iterator[Json]:
    for name, changes in (
        ("no exp", {"exp": DROP}),
        ("no iat", {"iat": DROP}),
        ("exp is text", {"exp": str(NOW + 60)}),
        ("exp is true", {"exp": True}),
        ("exp is null", {"exp": None}),
        ("exp is a fraction", {"exp": NOW + 60.5}),
        ("exp is too large for a whole number", {"exp": WHOLE_MAX + 1}),
        ("exp is larger than any number of a machine", {"exp": 10**30}),
        ("iat is text", {"iat": str(NOW)}),
        ("iat is too small for a whole number", {"iat": -WHOLE_MAX - 1}),
        ("no state", {"state": DROP}),
        ("unknown state", {"state": "root"}),
        ("a state in other letters", {"state": "Active"}),
        ("a list of states", {"state": ["active"]}),
        ("active without a handle", {"sid": DROP}),
        ("active with an empty handle", {"sid": ""}),
        ("active without a user", {"sub": DROP}),
        ("active with an empty user id", {"sub": ""}),
        ("user id is a number", {"sub": 7}),
        ("user id is null", {"sub": None}),
        ("tenant id is a number", {"tid": 7}),
        ("email is a list", {"email": ["ada@example.com"]}),
        ("attrs are a list", {"attrs": ["owner"]}),
        ("attrs are text", {"attrs": "{}"}),
        ("auth_time is text", {"auth_time": str(NOW)}),
        ("auth_time is a fraction", {"auth_time": NOW + 0.5}),
        ("auth_time is larger than any number of a machine", {"auth_time": 10**30}),
        ("stale is true", {"stale": True}),
        ("ref is a number", {"ref": 81}),
    ):
        yield wrong(name, but(ASSERTION, **changes), "shape")
    yield wrong("site is a number", at(7, ASSERTION), "shape")
    yield wrong("anonymous, and site is a number", at(7, NOBODY), "shape")
    twice = dump(ASSERTION)[:-1] + b',"state":"root"}'
    yield case("active, and then an unknown state", sign(twice), refused="shape")
