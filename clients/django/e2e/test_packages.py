"""The packages of docs/django.md behind the real gateway."""

import asyncio
import json
import time

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from browser import Browser

JSON_LOGIN = "/api/auth/session-v2"


def log_in(browser, name="ada"):
    answer = browser.submit("/login/", username=name, password="right")
    assert answer.status == 302, answer.text
    return answer


def user_of(browser):
    return browser.get("/who/").json()["user"]


def test_a_login_page_opens_a_session(browser):
    answer = log_in(browser)
    assert "X-Session-Event" not in answer.headers
    assert "sid" in browser.cookies
    assert browser.get("/who/").json() == {"user": "ada", "seen": 1}
    assert browser.get("/who/").json() == {"user": "ada", "seen": 2}
    assert "sessionid" not in browser.cookies


def test_pages_that_are_cached_by_cookie(site):
    visitors = [Browser(site.port) for _ in range(3)]
    log_in(visitors[0], "ada")
    log_in(visitors[1], "bob")
    for visitor in visitors:
        visitor.cookies.pop("csrftoken", None)  # which would tell them apart by itself
    seen = [[visitor.get("/cached/").text for visitor in visitors] for _ in range(2)]
    assert [page.split()[0] for page in seen[0]] == ["ada", "bob", "None"]
    assert seen[0] == seen[1]


def test_rest_framework(browser):
    assert browser.get("/api/").status == 401
    log_in(browser)
    assert browser.get("/api/").json()["user"] == "ada"


class TestWagtail:
    def test_its_admin(self, browser):
        assert browser.get("/cms/").headers["Location"] == "/cms/login/?next=/cms/"
        form = {"username": "root", "password": "right", "remember": "on"}
        answer = browser.submit("/cms/login/", **form)
        assert answer.headers["Location"] == "/cms/"
        page = browser.get("/cms/")
        assert page.status == 200
        assert "root" in page.text
        assert "Home of the tests" in browser.get("/cms/pages/1/").text
        assert browser.submit("/cms/account/", "/cms/logout/").status == 302
        assert "sid" not in browser.cookies
        assert browser.get("/cms/").status == 302

    def test_its_pages(self, browser):
        assert "Home of the tests" in browser.get("/").text

    def test_a_login_form_of_the_project_closes_the_login_at_the_gateway(self, site):
        # Without it all is answered for: the site runs, and its checks were part of `migrate`.
        done = site.run("-m", "django", "check", SITE_LOGIN_FORM="shop.forms.WithCaptcha")
        assert done.returncode == 1
        assert "(sidgate.E011)" in done.stderr
        assert "nothing answers for 'shop.forms.WithCaptcha'" in done.stderr

    def test_is_closed_to_others(self, browser):
        log_in(browser)
        assert browser.get("/cms/").status == 302


class TestAllauth:
    def test_with_a_second_factor(self, site, browser):
        form = {"login": "mia", "password": "right", "remember": "on"}
        answer = browser.submit("/accounts/login/", **form)
        assert answer.headers["Location"] == "/accounts/2fa/authenticate/"
        assert "sid" not in browser.cookies
        assert user_of(browser) is None
        assert browser.submit("/accounts/2fa/authenticate/", code=site.codes[0]).status == 302
        assert user_of(browser) == "mia"
        assert browser.submit("/accounts/logout/").status == 302
        assert user_of(browser) is None

    def test_at_the_gateway(self, site, browser):
        right = {"email": "mia@example.com", "password": "right"}
        answer = browser.post_json(JSON_LOGIN, right)
        assert (answer.status, answer.json()["code"]) == (401, "mfa_required")
        assert browser.post_json(JSON_LOGIN, right | {"otp": site.codes[1]}).status == 201
        assert user_of(browser) == "mia"


def test_axes(browser):
    wrong = {"email": "eve@example.com", "password": "wrong"}
    for _ in range(2):
        assert browser.post_json(JSON_LOGIN, wrong).status == 401
    assert browser.post_json(JSON_LOGIN, wrong).status == 429
    assert browser.submit("/login/", username="eve", password="right").status == 429
    assert user_of(browser) is None


class TestChannels:
    def handshake(self, browser):
        return connect(
            f"ws://localhost:{browser.port}/ws/",
            host="127.0.0.1",
            port=browser.port,
            origin=f"http://localhost:{browser.port}",
            additional_headers={"Cookie": browser.cookie_line()},
        )

    async def test_nobody(self, browser):
        async with self.handshake(browser) as socket:
            assert json.loads(await socket.recv()) == {"user": None, "seen": None}

    async def test_somebody(self, browser):
        log_in(browser)
        browser.get("/who/")
        async with self.handshake(browser) as socket:
            assert json.loads(await socket.recv()) == {"user": "ada", "seen": 1}
            await socket.send('"hello"')
            assert json.loads(await socket.recv()) == {"user": "ada", "said": "hello"}

    async def test_is_cut_when_the_session_ends(self, browser):
        log_in(browser)
        async with self.handshake(browser) as socket:
            await socket.recv()
            assert browser.submit("/login/", "/logout/").status == 302
            ended = time.monotonic()
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(socket.recv(), timeout=5)
            assert time.monotonic() - ended < 5
