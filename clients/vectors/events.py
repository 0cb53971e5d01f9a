"""`X-Session-Event`: an app logs somebody in, out, or says something new of them."""

from __future__ import annotations

from collections.abc import Iterator

from assertions import ASSERTION, WHOLE_MAX
from signing import DROP, KEYS, LEEWAY, NOW, Json, but, sign, spoilt

IDENTITY: Json = {
    "user": {"id": "7", "email": "ada@example.com", "name": "Ada"},
    "tenant_id": "acme",
    "needs_onboarding": False,
    "attributes": {"plan": "pro"},
    "auth_hash": "5f2c",
    "ref": "cart-81",
}
REQUEST_ID = "018f9b2e-7c1a-7000-8000-5f1d2c3b4a59"
EVENT: Json = {
    "iss": "django",
    "aud": "sidgate",
    "iat": NOW,
    "req": REQUEST_ID,
    "ev": [{"type": "rotate"}],
}


def login(identity: object = IDENTITY, **members: object) -> list[Json]:
    return [{"type": "login", "identity": identity, **members}]


def who(**changes: object) -> list[Json]:
    """A login with another identity."""
    return login(but(IDENTITY, **changes))


def update(identity: object) -> list[Json]:
    return [{"type": "update", "identity": identity}]


RIGHT: dict[str, list[Json]] = {
    "login": login(),
    "login with the least": login({"user": {"id": "7"}}),
    "login with nulls where they may be": who(tenant_id=None, auth_hash=None, ref=None),
    "login of somebody who is not in ASCII": who(user={"id": "7", "name": "Zoë 🦀 \u2028"}),
    "login with ids as long as they get": who(user={"id": "7" * 128}, tenant_id="t" * 128),
    "login with a shorter life": login(ttl=3_600),
    "login for longer than anybody lets it": login(ttl=WHOLE_MAX),
    "login that the browser forgets": login(remember=False),
    "login that the browser keeps": login(remember=True),
    "login that the browser forgets, with a shorter life": login(ttl=3_600, remember=False),
    "logout": [{"type": "logout", "scope": "this"}],
    "logout of the other devices": [{"type": "logout", "scope": "others"}],
    "logout everywhere": [{"type": "logout", "scope": "all"}],
    "update": update({"attributes": {"plan": None}, "needs_onboarding": True}),
    "update of nothing": update({}),
    "update that deletes": update(
        {"user": {"name": None}, "tenant_id": None, "auth_hash": None, "ref": None}
    ),
    "rotate": [{"type": "rotate"}],
    "ref": [{"type": "ref", "ref": "cart-82"}],
    "ref that goes": [{"type": "ref", "ref": None}],
    "several": [*update({"attributes": {"a": 1}}), {"type": "rotate"}],
    "as many as there may be": [{"type": "rotate"}] * 8,
}
WRONG: dict[str, object] = {
    "no events": [],
    "too many events": [{"type": "rotate"}] * 9,
    "events are no list": {"type": "rotate"},
    "events are null": None,
    "event is text": ["rotate"],
    "event without a type": [{"scope": "this"}],
    "unknown event": [{"type": "promote"}],
    "event in other letters": [{"type": "Rotate"}],
    "right event, wrong event": [{"type": "rotate"}, {"type": "promote"}],
    "unknown member": login(admin=True),
    "rotate with a member": [{"type": "rotate", "sid": "x"}],
    "login without an identity": [{"type": "login"}],
    "login without a user": who(user=DROP),
    "login without a user id": login({"user": {"email": "a@x"}}),
    "user id is a number": who(user={"id": 7}),
    "user id is empty": who(user={"id": ""}),
    "user id is too long": who(user={"id": "7" * 129}),
    "user id has a blank": who(user={"id": "7 8"}),
    "user id is not ASCII": who(user={"id": "zoë"}),
    "tenant id is empty": who(tenant_id=""),
    "identity with an unknown member": who(atributes={"plan": "pro"}),
    "attributes are a list": who(attributes=["pro"]),
    "attributes are null": who(attributes=None),
    "needs_onboarding is null": who(needs_onboarding=None),
    "auth_hash is a number": who(auth_hash=5),
    "ref is too long": who(ref="x" * 513),
    "ref has a control character": who(ref="a\nb"),
    "a text with U+0000": who(user={"id": "7", "name": "a\0b"}),
    "login for no time": login(ttl=0),
    "login for a negative time": login(ttl=-1),
    "login for part of a second": login(ttl=0.5),
    "login for a time in text": login(ttl="3600"),
    "login for more seconds than a machine counts": login(ttl=2**64),
    "remember is text": login(remember="false"),
    "remember is a number": login(remember=0),
    "logout without a scope": [{"type": "logout"}],
    "logout of somebody else": [{"type": "logout", "scope": "everybody"}],
    "logout with a member of a login": [{"type": "logout", "scope": "this", "remember": False}],
    "update without an identity": [{"type": "update"}],
    "update with an unknown member": update({"atributes": {"plan": "pro"}}),
    "update with a list of attributes": update({"attributes": ["pro"]}),
    "ref is a number": [{"type": "ref", "ref": 81}],
}


def case(name: str, token: str, **rest: object) -> Json:
    base: Json = {"name": name, "keys": ["current"], "now": NOW, "request_id": REQUEST_ID}
    return base | {"token": token} | rest


def cases() -> Iterator[Json]:
    for name, ev in RIGHT.items():
        yield case(name, sign(EVENT | {"ev": ev}), events=ev)
    yield case(
        "under the previous key during rotation",
        sign(EVENT, KEYS["previous"]),
        keys=["current", "previous"],
        events=EVENT["ev"],
    )
    yield case("a minute old", sign(EVENT), now=NOW + 60, events=EVENT["ev"])
    yield case("the app's clock is ahead", sign(EVENT), now=NOW - LEEWAY, events=EVENT["ev"])
    more = but(EVENT, jti="1", exp=NOW + 3_600)
    yield case("with claims that nobody asks for", sign(more), events=EVENT["ev"])
    at_shop = but(EVENT, site="shop")
    yield case("answer at the site of the request", sign(at_shop), site="shop", events=EVENT["ev"])
    yield case("answer without a site, at a site", sign(EVENT), site="shop", events=EVENT["ev"])

    yield case("too old", sign(EVENT), now=NOW + 61, refused="time")
    yield case("from the future", sign(EVENT), now=NOW - LEEWAY - 1, refused="time")
    yield case("answer to another request", sign(EVENT), request_id="another", refused="request")
    yield case("answer to no request", sign(but(EVENT, req="")), refused="request")
    upper = but(EVENT, req=REQUEST_ID.upper())
    yield case("answer to a request in other letters", sign(upper), refused="request")
    yield case("answer at another site", sign(at_shop), site="blog", refused="request")
    yield case("answer at a site where there are none", sign(at_shop), refused="request")
    for name, unfit in WRONG.items():
        yield case(name, sign(EVENT | {"ev": unfit}), refused="shape")
    for what, token in spoilt(EVENT):
        yield case(what, token, refused="signature")
    for name, changes in (
        ("of another app", {"iss": "next"}),
        ("of nobody", {"iss": DROP}),
        ("for the app itself", {"aud": "django"}),
        ("for the backend", {"aud": "django:backend"}),
        ("for nobody", {"aud": DROP}),
    ):
        yield case(name, sign(but(EVENT, **changes)), refused="signature")
    for name, changes in (
        ("no iat", {"iat": DROP}),
        ("iat is text", {"iat": str(NOW)}),
        ("iat is a fraction", {"iat": NOW + 0.5}),
        ("no req", {"req": DROP}),
        ("req is a number", {"req": 7}),
        ("no ev", {"ev": DROP}),
    ):
        yield case(name, sign(but(EVENT, **changes)), refused="malformed")
    for name, site in (("site is a number", 7), ("site is null", None)):
        yield case(name, sign(but(EVENT, site=site)), site="shop", refused="malformed")
    yield case(
        "an assertion sent back",
        sign(but(ASSERTION, aud="django")),
        refused="signature",
    )
