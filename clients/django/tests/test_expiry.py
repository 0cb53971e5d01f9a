"""How long a login lasts, as the app says by ``request.session.set_expiry()``."""

import json
from datetime import timedelta

import pytest
from django.test import RequestFactory
from django.utils import timezone

from sidgate_django import events, expiry
from sidgate_django.testing import backend_headers, gateway_headers, read_events

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
KEPT = "sidgate_django.middleware.GatewaySessionMiddleware"
TWO_WEEKS = 1_209_600


@pytest.fixture(autouse=True, params=[SESSIONS, KEPT])
def sessions(request, settings):
    settings.ROOT_URLCONF = "tests.expiring_urls"
    settings.MIDDLEWARE = [request.param if m == SESSIONS else m for m in settings.MIDDLEWARE]
    expiry.warn_once.cache_clear()


def lasts(client, **form):
    answer = client.post("/in/", form, headers=gateway_headers())
    (event,) = [event for event in read_events(answer) if event["type"] == "login"]
    return {name: event[name] for name in ("ttl", "remember") if name in event}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("60", {"ttl": 60}),
        ("0", {"remember": False}),
        ("None", {}),
        ("timedelta(hours=2)", {"ttl": 7200}),
        ("moment", {"ttl": 3600}),
        ("past", {"ttl": 1}),
        ("-5", {"ttl": 1}),
    ],
)
def test_at_a_login(client, ada, value, expected, when):
    said = lasts(client, value=value, when=when)
    assert said.keys() == expected.keys()
    assert said.get("remember") == expected.get("remember")
    assert said.get("ttl", 0) == pytest.approx(expected.get("ttl", 0), abs=5)


def test_nothing_was_said(client, ada):
    assert lasts(client) == {}


def test_a_project_whose_logins_end_with_the_browser(client, ada, settings):
    settings.SESSION_EXPIRE_AT_BROWSER_CLOSE = True
    assert lasts(client) == {"remember": False}
    assert lasts(client, value="60", when="before") == {"ttl": 60}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"ttl": 900}, {"ttl": 900, "remember": False}),
        ({"remember": True}, {}),
        ({"remember": False}, {"remember": False}),
        ({"remember": True, "ttl": 900}, {"ttl": 900}),
    ],
)
def test_what_is_said_by_hand_comes_first(client, ada, arguments, expected):
    form = {"value": "0", "when": "before", "by_hand": json.dumps(arguments)}
    assert lasts(client, **form) == expected


def test_said_on_the_page_before(client, ada):
    """As allauth does where a second factor stands between the password and the login."""
    client.post("/expire/", {"value": "0"}, headers=gateway_headers())
    assert lasts(client) == {"remember": False}


@pytest.mark.parametrize("value", [0, 1, "no"])
def test_mistakes_fail_where_they_are_made(value):
    with pytest.raises(ValueError, match="remember"):
        events.login(RequestFactory().get("/"), None, remember=value)


class TestLater:
    def warned(self, caplog):
        return [r for r in caplog.records if "set_expiry" in r.message]

    @pytest.mark.parametrize("path", ["/expire/", "/aexpire/"])
    def test_is_too_late_and_said_once(self, client, ada, caplog, path):
        for _ in range(2):
            answer = client.post(path, {"value": "0"}, headers=gateway_headers(ada))
            assert {event["type"] for event in read_events(answer)} <= {"ref"}
        assert len(self.warned(caplog)) == 1

    def test_is_a_visitors_own_business(self, client, db, caplog):
        client.post("/expire/", {"value": "0"}, headers=gateway_headers())
        assert not self.warned(caplog)

    def test_counts_for_another_login(self, client, ada, caplog):
        form = {"value": "60", "when": "after"}
        client.post("/in/", form, headers=gateway_headers(ada))
        assert not self.warned(caplog)


def test_at_the_gateway_it_is_too_late(client, ada, caplog, settings):
    from django.contrib.auth.signals import user_logged_in

    def forget(request, **kwargs):
        request.session.set_expiry(0)

    user_logged_in.connect(forget)
    raw = json.dumps({"email": "ada", "password": "right"}).encode()
    try:
        answer = client.post(
            "/__sidgate__/authenticate",
            raw,
            content_type="application/json",
            headers=backend_headers(raw),
        )
    finally:
        user_logged_in.disconnect(forget)
    assert answer.status_code == 200
    assert "remember" not in answer.json()
    assert "set_expiry" in caplog.text


class TestAllauth:
    @pytest.fixture(autouse=True)
    def allauth(self, settings):
        settings.ROOT_URLCONF = "tests.urls"
        settings.AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]

    @pytest.mark.parametrize(
        ("form", "setting", "expected"),
        [
            ({"remember": "on"}, None, {"ttl": TWO_WEEKS}),
            ({}, None, {"remember": False}),
            ({}, True, {"ttl": TWO_WEEKS}),
            ({}, False, {"remember": False}),
        ],
    )
    def test_its_box(self, client, ada, settings, form, setting, expected):
        settings.ACCOUNT_SESSION_REMEMBER = setting
        form |= {"login": "ada", "password": "right"}
        answer = client.post("/accounts/login/", form, headers=gateway_headers())
        (event,) = [event for event in read_events(answer) if event["type"] == "login"]
        assert {n: event[n] for n in ("ttl", "remember") if n in event} == expected

    def test_its_box_before_a_second_factor(self, ada, settings):
        from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
        from allauth.mfa.totp.internal.auth import TOTP

        from sidgate_django.testing import GatewayClient

        TOTP.activate(ada, "JBSWY3DPEHPK3PXP")
        code = RecoveryCodes.activate(ada).generate_codes()[0]
        browser = GatewayClient()
        answer = browser.post("/accounts/login/", {"login": "ada", "password": "right"})
        assert browser.gateway_session is None
        browser.post(answer.url, {"code": code})
        assert browser.gateway_session.remember is False


@pytest.mark.django_db(transaction=True)
async def test_async(async_client, ada):
    answer = await async_client.post("/ain/", {"value": "60"}, headers=gateway_headers())
    assert read_events(answer)[0]["ttl"] == 60


def test_moments_are_those_of_the_clock():
    """The views of this test say how long in the ways that Django's documentation lists."""
    from .expiring_urls import meant

    assert meant("timedelta(hours=2)") == timedelta(hours=2)
    assert meant("past") < timezone.now() < meant("moment")
