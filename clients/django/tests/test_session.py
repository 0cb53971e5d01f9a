"""What the middleware believes, and what it does not."""

import json
import logging
import time
from datetime import datetime, timezone

import pytest
from django.test import RequestFactory

from sidgate_django import tokens
from sidgate_django.session import read_session
from sidgate_django.testing import assertion, gateway_headers, gateway_meta

from .settings import KEY, PREVIOUS_KEY, b64

NOBODY = {"user": None, "state": "bypassed"}


def session_of(**meta):
    return read_session(RequestFactory().get("/", **meta))


def test_active(client, ada):
    answer = client.get("/who/", headers=gateway_headers(ada))
    assert answer.json() == {"user": "ada", "state": "active"}


def test_meta_form(client, ada):
    assert client.get("/who/", **gateway_meta(ada)).json()["user"] == "ada"


@pytest.mark.parametrize("state", ["anonymous", "unknown", "none"])
def test_other_states_are_anonymous(client, db, state):
    answer = client.get("/who/", headers=gateway_headers(state=state))
    assert answer.json() == {"user": None, "state": state}


def test_only_an_active_session_has_a_user(client, ada):
    # A subject beside another state would be a gateway's mistake; it must not log anybody in.
    answer = client.get("/who/", headers=gateway_headers(ada, state="anonymous"))
    assert answer.json() == {"user": None, "state": "anonymous"}


def test_every_claim_arrives(ada):
    meta = gateway_meta(
        ada, tid="t1", attrs={"plan": "pro"}, auth_time=1_700_000_000, ref="r", stale=3, ah="h"
    )
    session = session_of(**meta, HTTP_X_SESSION_EXPIRES_AT="1700003600")
    assert session.is_active
    assert session.via_gateway
    assert session.id == "0190a5b0-0000-7000-8000-000000000001"
    assert (session.user_id, session.tenant_id) == (str(ada.pk), "t1")
    assert (session.email, session.attributes) == ("ada@example.com", {"plan": "pro"})
    assert session.auth_time == datetime(2023, 11, 14, 22, 13, 20, tzinfo=timezone.utc)
    assert session.expires_at == datetime(2023, 11, 14, 23, 13, 20, tzinfo=timezone.utc)
    assert (session.auth_hash, session.ref, session.stale) == ("h", "r", 3)


def test_it_cannot_be_changed_and_does_not_print_secrets(ada):
    session = session_of(**gateway_meta(ada, ref="the-ref", ah="the-hash"))
    with pytest.raises(AttributeError):
        session.user_id = "2"
    with pytest.raises(TypeError):
        session.attributes["plan"] = "pro"
    assert "the-ref" not in repr(session)
    assert "the-hash" not in repr(session)


@pytest.mark.parametrize("state", ["active", "anonymous", "unknown", "none"])
def test_the_site_is_told_in_every_state(ada, state):
    user = ada if state == "active" else None
    assert session_of(**gateway_meta(user, state=state, site="shop")).site == "shop"
    assert session_of(**gateway_meta(user, state=state)).site is None


def test_only_an_assertion_tells_a_site(db):
    assert session_of(HTTP_X_SESSION_SITE="shop").site is None
    assert session_of(**gateway_meta(site="shop", aud="next")).site is None


@pytest.mark.parametrize(
    "claims",
    [
        {"state": None},
        {"state": "bypassed"},
        {"state": "admin"},
        {"state": ["active"]},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sid": None},
        {"tid": 1},
        {"attrs": []},
        {"auth_time": "now"},
        {"auth_time": 10**30},
        {"ah": 1},
        {"site": 7},
        {"site": ["shop"]},
        {"state": "anonymous", "site": 7},
    ],
    ids=str,
)
def test_signed_nonsense_is_not_believed(client, ada, claims):
    assert client.get("/who/", headers=gateway_headers(ada, **claims)).json() == NOBODY


BARE = {
    "X-Session-State": "active",
    "X-Session-User-Id": "1",
    "X-Session-Id": "0190a5b0-0000-7000-8000-000000000001",
    "Remote-User": "ada",
}


def test_bare_headers_mean_nothing(client, ada):
    assert client.get("/who/", headers=BARE).json() == NOBODY


def test_bare_headers_do_not_add_to_an_anonymous_session(client, ada):
    answer = client.get("/who/", headers=gateway_headers() | BARE)
    assert answer.json() == {"user": None, "state": "anonymous"}


@pytest.mark.parametrize("separator", [",", ", "])
def test_a_repeated_header_is_refused(client, ada, separator):
    twice = separator.join([assertion(ada), assertion(ada)])
    assert client.get("/who/", headers={"X-Session-Assertion": twice}).json() == NOBODY


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "django"},
        {"aud": "next"},
        {"aud": "django:backend"},
        {"iat": 4_000_000_000, "exp": 4_000_000_060},
        {"iat": 1_000_000_000, "exp": 1_000_000_060},
        {"exp": None},
    ],
    ids=str,
)
def test_forged_or_misdirected(client, ada, claims):
    assert client.get("/who/", headers=gateway_headers(ada, **claims)).json() == NOBODY


def test_another_key(client, ada):
    assert client.get("/who/", headers=gateway_headers(ada, key=b"x" * 32)).json() == NOBODY


def test_alg_none(client, ada):
    _, payload, _ = assertion(ada).split(".")
    header = tokens.b64encode(b'{"alg":"none"}')
    for forged in (f"{header}.{payload}.", f"{header}.{payload}"):
        assert client.get("/who/", headers={"X-Session-Assertion": forged}).json() == NOBODY


def test_an_altered_payload(client, ada, bob):
    header, _, signature = assertion(ada).split(".")
    _, payload, _ = assertion(bob).split(".")
    forged = {"X-Session-Assertion": f"{header}.{payload}.{signature}"}
    assert client.get("/who/", headers=forged).json() == NOBODY


def test_the_apps_own_event_is_no_assertion(client, ada):
    """Same key, other direction: a reflected X-Session-Event must not log anybody in."""
    event = client.post("/in/", {"username": "ada"}, headers=gateway_headers())
    reflected = {"X-Session-Assertion": event.headers["X-Session-Event"]}
    assert client.get("/who/", headers=reflected).json() == NOBODY


def test_rotation(client, ada, sidgate):
    sidgate(KEY=None, KEYS=[b64(KEY), b64(PREVIOUS_KEY)])
    for key in (KEY, PREVIOUS_KEY):
        assert client.get("/who/", headers=gateway_headers(ada, key=key)).json()["user"] == "ada"
    sidgate(KEYS=[b64(KEY)])
    assert client.get("/who/", headers=gateway_headers(ada, key=PREVIOUS_KEY)).json() == NOBODY


def test_rotation_signs_with_the_first(client, ada, sidgate):
    sidgate(KEY=None, KEYS=[b64(KEY), b64(PREVIOUS_KEY)])
    answer = client.post("/in/", {"username": "ada"}, headers=gateway_headers())
    assert tokens.decode(answer.headers["X-Session-Event"], [KEY])


def test_another_upstream(client, ada, sidgate):
    sidgate(UPSTREAM="billing")
    assert client.get("/who/", headers=gateway_headers(ada)).json()["user"] == "ada"
    assert client.get("/who/", headers=gateway_headers(ada, upstream="django")).json() == NOBODY


def test_leeway_is_configurable(client, ada, sidgate):
    headers = gateway_headers(ada, iat=1_000_000_000, exp=int(time.time()) - 30)
    assert client.get("/who/", headers=headers).json() == NOBODY
    sidgate(LEEWAY=60)
    assert client.get("/who/", headers=headers).json()["user"] == "ada"


class TestBypass:
    def test_is_logged_without_secrets(self, client, ada, caplog):
        client.get("/who/?secret=1", headers=gateway_headers(ada, aud="next"))
        (record,) = [r for r in caplog.records if r.name == "sidgate_django.bypass"]
        assert record.levelno == logging.WARNING
        assert record.getMessage() == "Not from the gateway (wrong audience): GET '/who/'"

    def test_can_be_rejected(self, client, ada, sidgate):
        sidgate(ON_BYPASS="reject")
        answer = client.get("/who/", headers=BARE)
        assert answer.status_code == 403
        assert b"gateway" in answer.content
        assert client.get("/who/", headers=gateway_headers()).status_code == 200

    def test_the_gateways_own_calls_are_none(self, client, db, sidgate, caplog):
        sidgate(ON_BYPASS="reject")
        answer = client.post("/__sidgate__/authenticate", b"{}", content_type="application/json")
        assert answer.status_code == 404  # unsigned: hidden, but not mistaken for a visitor
        assert "sidgate_django.bypass" not in {record.name for record in caplog.records}


class TestCaching:
    """``Vary`` must tell visitors apart for caches that never see the sid cookie."""

    @pytest.mark.parametrize(
        ("path", "known", "vary"),
        [
            ("/who/", True, "X-Session-Assertion, Cookie"),
            ("/untouched/", True, "X-Session-Assertion, Cookie"),
            ("/who/", False, "X-Session-Assertion, Cookie"),
            ("/untouched/", False, "X-Session-Assertion"),
        ],
    )
    def test_vary(self, client, ada, path, known, vary):
        answer = client.get(path, headers=gateway_headers(ada if known else None))
        assert answer.headers["Vary"] == vary

    def test_pages_without_a_session_are_left_alone(self, client, db):
        assert (
            "Vary" not in client.get("/untouched/", headers=gateway_headers(state="none")).headers
        )

    def test_djangos_page_cache_keeps_users_apart(self, client, ada, bob, settings):
        settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
        settings.MIDDLEWARE = [
            "django.middleware.cache.UpdateCacheMiddleware",
            *settings.MIDDLEWARE,
            "django.middleware.cache.FetchFromCacheMiddleware",
        ]
        seen = [
            json.loads(client.get("/who/", headers=gateway_headers(user)).content)["user"]
            for user in (None, ada, bob, None, ada)
        ]
        assert seen == [None, "ada", "bob", None, "ada"]
