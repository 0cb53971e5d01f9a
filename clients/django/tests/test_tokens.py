"""The JWT reader against everything that is nearly a token."""

import base64
import hashlib
import hmac
import json

import pytest

from sidgate_django import tokens
from sidgate_django.tokens import InvalidToken

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = 1_800_000_000
CLAIMS = {"iss": "sidgate", "aud": "django", "iat": NOW, "exp": NOW + 60, "state": "anonymous"}


def b64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def forge(header, payload, key=KEY, digest=hashlib.sha256):
    """Sign anything at all, so that only the defect under test is wrong."""
    parts = [
        raw if isinstance(raw, bytes) else json.dumps(raw).encode() for raw in (header, payload)
    ]
    signed = ".".join(b64(part) for part in parts)
    return f"{signed}.{b64(hmac.digest(key, signed.encode(), digest))}"


HS256 = {"alg": "HS256", "typ": "JWT"}


def read(token, *, keys=(KEY,), now=NOW, leeway=5):
    return tokens.verify(token, keys, issuer="sidgate", audience="django", leeway=leeway, now=now)


def test_a_token_made_elsewhere_is_read():
    # The example of RFC 7515, appendix A.1: the two sides do not share code.
    key = base64.urlsafe_b64decode(
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow=="
    )
    token = (
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
        "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    )
    assert tokens.decode(token, [key])["iss"] == "joe"


def test_what_is_written_is_read():
    assert read(tokens.encode(CLAIMS, KEY)) == CLAIMS


def test_typ_does_not_matter():
    assert read(forge({"alg": "HS256"}, CLAIMS)) == CLAIMS
    assert read(forge({"alg": "HS256", "typ": "at+jwt"}, CLAIMS)) == CLAIMS


def test_any_key_verifies():
    assert read(tokens.encode(CLAIMS, OTHER), keys=(KEY, OTHER)) == CLAIMS


def test_no_key_verifies_nothing():
    with pytest.raises(InvalidToken):
        read(tokens.encode(CLAIMS, KEY), keys=())


GOOD = tokens.encode(CLAIMS, KEY)
H, P, S = GOOD.split(".")

WRONG = {
    "empty": "",
    "dots": "..",
    "two segments": f"{H}.{P}",
    "four segments": f"{GOOD}.{S}",
    "twice": f"{GOOD},{GOOD}",
    "empty signature": f"{H}.{P}.",
    "padding": f"{GOOD}=",
    "space": f" {GOOD}",
    "newline": f"{GOOD}\n",
    "not ASCII": f"{H}.{P}.{S[:-1]}\u00e9",
    "standard alphabet": f"{H}.{P}.{S[:-2]}+/",
    "other key": tokens.encode(CLAIMS, OTHER),
    "other payload": f"{H}.{b64(json.dumps(CLAIMS | {'sub': '1'}).encode())}.{S}",
    "other header": f"{b64(json.dumps({'alg': 'HS256'}).encode())}.{P}.{S}",
    "truncated signature": forge(HS256, CLAIMS)[:-2],
    "alg none, unsigned": f"{b64(json.dumps({'alg': 'none'}).encode())}.{P}.",
    "alg none, signed": forge({"alg": "none"}, CLAIMS),
    "alg None": forge({"alg": None}, CLAIMS),
    "alg hs256": forge({"alg": "hs256"}, CLAIMS),
    "alg HS512": forge({"alg": "HS512"}, CLAIMS, digest=hashlib.sha512),
    "alg list": forge({"alg": ["HS256"]}, CLAIMS),
    "no alg": forge({}, CLAIMS),
    "alg twice": forge(b'{"alg":"none","alg":"HS256"}', CLAIMS),
    "crit": forge(HS256 | {"crit": ["b64"], "b64": False}, CLAIMS),
    "header is a list": forge([], CLAIMS),
    "claims are a list": forge(HS256, [CLAIMS]),
    "claims are not JSON": forge(HS256, b"{"),
    "claims are UTF-16": forge(HS256, json.dumps(CLAIMS).encode("utf-16")),
    "claim twice": forge(HS256, json.dumps(CLAIMS)[:-1].encode() + b',"aud":"django"}'),
    "NaN": forge(HS256, json.dumps(CLAIMS | {"exp": float("nan")}).encode()),
    "wrong iss": forge(HS256, CLAIMS | {"iss": "django"}),
    "wrong aud": forge(HS256, CLAIMS | {"aud": "next"}),
    "aud list": forge(HS256, CLAIMS | {"aud": ["django"]}),
    "backend aud": forge(HS256, CLAIMS | {"aud": "django:backend"}),
    "no iat": forge(HS256, {k: v for k, v in CLAIMS.items() if k != "iat"}),
    "no exp": forge(HS256, {k: v for k, v in CLAIMS.items() if k != "exp"}),
    "exp is text": forge(HS256, CLAIMS | {"exp": str(NOW + 60)}),
    "exp is true": forge(HS256, CLAIMS | {"exp": True}),
    "exp is a fraction": forge(HS256, CLAIMS | {"exp": NOW + 60.5}),
    "huge": forge(HS256, CLAIMS | {"attrs": "x" * 40_000}),
}


@pytest.mark.parametrize("token", WRONG.values(), ids=WRONG.keys())
def test_refused(token):
    with pytest.raises(InvalidToken):
        read(token)


def test_no_single_character_can_change():
    """Covers the spare bits of the last character too, which a lax decoder ignores."""
    for place, character in enumerate(GOOD):
        for other in "AQgw_-.=":
            if other != character:
                with pytest.raises(InvalidToken):
                    read(GOOD[:place] + other + GOOD[place + 1 :])


@pytest.mark.parametrize(
    ("now", "accepted"),
    [(NOW - 6, False), (NOW - 5, True), (NOW + 64, True), (NOW + 65, False)],
)
def test_leeway_at_both_ends(now, accepted):
    if accepted:
        assert read(GOOD, now=now)
    else:
        with pytest.raises(InvalidToken):
            read(GOOD, now=now)


def test_errors_never_repeat_the_token():
    for token in WRONG.values():
        with pytest.raises(InvalidToken) as caught:
            read(token)
        assert "eyJ" not in str(caught.value)
