"""Log in the old way, and what Sidgate is told when it asks whose the cookies are."""

import json

import pytest
from django.test import Client

from demo import old_login
from sidgate_django.testing import backend_headers

from .test_demo import ADMIN, TEST, log_in


@pytest.fixture
def old(gateway):
    """A browser that has just logged in the old way."""
    page = gateway.get("/old")
    assert b"No old cookies" in page.content
    answer = gateway.submit(page, "/old/login", username=TEST, password="password")
    assert answer.headers["Location"] == "/old"
    return gateway


def cookies_of(gateway):
    """As a browser sends them: what is between the quotes of Set-Cookie is sent with the quotes."""
    return {
        name: morsel.coded_value
        for name, morsel in gateway.cookies.items()
        if morsel.value and name != "sessionid"
    }


def ask(cookies):
    body = json.dumps({"cookies": cookies, "ip": "::1", "user_agent": "curl"}).encode()
    answer = Client().post(
        "/__sidgate__/introspect",
        body,
        content_type="application/json",
        headers=backend_headers(body),
    )
    return answer.status_code, answer.json()


def test_eighteen_cookies_and_no_session(old):
    cookies = cookies_of(old)
    assert len(cookies) == 18
    assert {
        "dott_auth_session", "session_token", "onboarding_status", "businessInfoCompleted",
        "onboardingStep", "dott_profile.0", "dott_profile.1", "dott_profile.2",
    } <= set(cookies)  # fmt: skip
    assert 3_600 <= old_login.size(cookies) <= 4_000  # what the old system was measured to send
    assert not any(value.startswith('"') for value in cookies.values())
    assert old.identity is None
    page = old.get("/old").content.decode()
    assert "<td>18 cookies</td>" in page
    assert f"<td>{old_login.size(cookies)}</td>" in page


def test_sidgate_is_told_who(old, people):
    status, identity = ask(cookies_of(old))
    assert (status, identity["user"]["email"], identity["tenant_id"]) == (200, TEST, "acme")


@pytest.mark.parametrize("name", ["dott_auth_session", "session_token"])
def test_either_credential_is_enough(old, name):
    assert ask({name: cookies_of(old)[name]})[0] == 200


def test_companions_alone_are_nobody(old):
    cookies = cookies_of(old)
    del cookies["dott_auth_session"], cookies["session_token"]
    assert ask(cookies) == (401, {"code": "invalid"})


@pytest.mark.parametrize("name", ["dott_auth_session", "session_token"])
@pytest.mark.parametrize("value", ["", "x", "\u00e9", "x" * 4000, "a:b:c", "%"])
def test_rubbish(people, name, value):
    assert ask({name: value}) == (401, {"code": "invalid"})


def test_after_a_change_of_password(old, people):
    cookies = cookies_of(old)
    people[TEST].set_password("another")
    people[TEST].save()
    assert ask(cookies) == (401, {"code": "invalid"})


def test_a_cookie_of_somebody_else_among_them(old, people):
    cookies = cookies_of(old)
    cookies["session_token"] = old_login.cookies_for(people[ADMIN])["session_token"]
    assert ask(cookies) == (401, {"code": "invalid"})


def test_wrong_password(gateway):
    answer = gateway.submit(gateway.get("/old"), "/old/login", username=TEST, password="no")
    assert answer.status_code == 400
    assert b'role="alert"' in answer.content
    assert cookies_of(gateway) == {}


def test_for_a_whole_domain_too(gateway, settings):
    settings.OLD_COOKIE_DOMAIN = "app.test"
    gateway.submit(gateway.get("/old"), "/old/login", username=TEST, password="password")
    domains = [c["domain"] for name, c in gateway.cookies.items() if name != "sessionid"]
    assert domains.count("app.test") == domains.count("") == 9


def test_forget_them(old):
    old.submit(old.get("/old"), "/old/forget")
    assert cookies_of(old) == {}


def test_who_is_migrated_sees_it(gateway):
    log_in(gateway)
    assert b"on one session" in gateway.get("/old").content
