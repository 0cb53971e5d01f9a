"""The test client: what a project's tests expect of Django's holds behind the gateway too."""

import json

import pytest
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.test import AsyncRequestFactory, RequestFactory, TestCase

from sidgate_django import events
from sidgate_django.testing import (
    AsyncGatewayClient,
    Gateway,
    GatewayClient,
    from_gateway,
    gateway_headers,
    read_events,
)

from .urls import awho, bump, note, who

SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
KEPT = "sidgate_django.middleware.GatewaySessionMiddleware"
RIGHT = {"username": "ada", "password": "right"}


@pytest.fixture(autouse=True)
def kept(settings):
    settings.MIDDLEWARE = [KEPT if m == SESSIONS else m for m in settings.MIDDLEWARE]


@pytest.fixture
def browser():
    return GatewayClient()


def user_of(browser):
    return browser.get("/who/").json()["user"]


class TestLogin:
    def test_on_a_page(self, browser, ada):
        answer = browser.post("/login/", RIGHT, follow=True)
        assert answer.redirect_chain == [("/who/", 302)]
        assert answer.json() == {"user": "ada", "state": "active"}
        assert "X-Session-Event" not in answer.headers
        assert browser.get("/private/").status_code == 200

    def test_events_can_still_be_read(self, browser, ada):
        answer = browser.post("/login/", RIGHT)
        assert [e["type"] for e in answer.gateway_events] == ["login"]
        assert read_events(answer) == answer.gateway_events

    def test_by_credentials(self, browser, ada):
        assert browser.login(**RIGHT) is True
        assert user_of(browser) == "ada"
        assert GatewayClient().login(username="ada", password="wrong") is False

    def test_by_force(self, browser, ada, bob):
        browser.force_login(ada)
        assert user_of(browser) == "ada"
        browser.force_login(bob)
        assert user_of(browser) == "bob"
        assert len(browser.gateway.sessions) == 1

    def test_of_nobody(self, browser, db):
        assert browser.get("/who/").json() == {"user": None, "state": "anonymous"}
        assert browser.get("/private/").status_code == 302
        assert browser.gateway_session is None

    def test_tells_the_receivers_of_the_signal(self, browser, ada):
        seen = []

        def put_in_cart(request, user, **kwargs):
            seen.append(user)
            request.session["n"] = 6

        user_logged_in.connect(put_in_cart)
        try:
            browser.force_login(ada)
        finally:
            user_logged_in.disconnect(put_in_cart)
        assert seen == [ada]
        assert browser.get("/bump/").json() == {"n": 7}

    def test_tells_the_gateway_what_receivers_say(self, ada):
        def one_place_at_a_time(request, **kwargs):
            events.logout(request, scope="others")
            request.session.set_expiry(0)

        gateway = Gateway()
        phone, laptop = GatewayClient(gateway=gateway), GatewayClient(gateway=gateway)
        phone.force_login(ada)
        user_logged_in.connect(one_place_at_a_time)
        try:
            laptop.force_login(ada)
        finally:
            user_logged_in.disconnect(one_place_at_a_time)
        assert (user_of(phone), user_of(laptop)) == (None, "ada")
        assert laptop.gateway_session.remember is False

    def test_with_an_identity_of_the_project(self, browser, ada, sidgate):
        sidgate(IDENTITY="tests.identities.with_tenant")
        browser.force_login(ada)
        assert browser.gateway_session.identity["attributes"] == {"plan": "pro"}
        seen = browser.get("/who/").wsgi_request.gateway_session
        assert seen.tenant_id == "00000000-0000-0000-0000-000000000007"

    def test_without_the_middleware_of_sessions(self, browser, ada, settings):
        settings.MIDDLEWARE = [SESSIONS if m == KEPT else m for m in settings.MIDDLEWARE]
        browser.post("/login/", RIGHT)
        assert user_of(browser) == "ada"
        browser.get("/bump/")
        assert browser.session["n"] == 1


class TestLogout:
    def test_on_a_page(self, browser, ada):
        browser.force_login(ada)
        browser.post("/logout/")
        assert user_of(browser) is None

    def test_by_the_client(self, browser, ada):
        seen = []
        browser.force_login(ada)
        browser.get("/bump/")

        def hear(user, **kwargs):
            seen.append(user)

        user_logged_out.connect(hear)
        try:
            browser.logout()
        finally:
            user_logged_out.disconnect(hear)
        assert seen == [ada]
        assert user_of(browser) is None
        assert browser.get("/peek/").json() == {"n": None}
        browser.logout()  # nobody is logged in

    def test_of_the_others(self, ada, bob):
        gateway = Gateway()
        phone, laptop, other = (GatewayClient(gateway=gateway) for _ in range(3))
        for browser, user in ((phone, ada), (laptop, ada), (other, bob)):
            browser.force_login(user)
        laptop.post("/say/", {"calls": '[["logout", {"scope": "others"}]]'})
        assert [user_of(b) for b in (phone, laptop, other)] == [None, "ada", "bob"]
        laptop.post("/say/", {"calls": '[["logout", {"scope": "all"}]]'})
        assert [user_of(b) for b in (phone, laptop, other)] == [None, None, "bob"]

    def test_a_new_password_ends_the_other_sessions(self, ada):
        gateway = Gateway()
        phone, laptop = GatewayClient(gateway=gateway), GatewayClient(gateway=gateway)
        phone.force_login(ada)
        laptop.force_login(ada)
        form = {"old_password": "right"}
        form |= dict.fromkeys(["new_password1", "new_password2"], "a-l0ng-passphrase")
        assert laptop.post("/password/", form).status_code == 302
        assert (user_of(phone), user_of(laptop)) == (None, "ada")


class TestSession:
    def test_is_kept_from_request_to_request(self, browser, ada):
        browser.post("/login/", RIGHT)
        assert [browser.get("/bump/").json()["n"] for _ in range(3)] == [1, 2, 3]
        assert "sessionid" not in browser.cookies
        assert browser.session["n"] == 3

    def test_a_cart_comes_along(self, browser, ada):
        browser.get("/bump/")
        assert browser.cookies["sessionid"].value
        browser.post("/login/", RIGHT)
        assert browser.get("/bump/").json() == {"n": 2}
        assert not browser.cookies["sessionid"].value

    def test_a_cart_comes_along_with_a_forced_login(self, browser, ada):
        browser.get("/bump/")
        browser.force_login(ada)
        assert browser.get("/bump/").json() == {"n": 2}

    @pytest.mark.parametrize("logged_in", [True, False])
    def test_can_be_written_by_a_test(self, browser, ada, logged_in):
        if logged_in:
            browser.force_login(ada)
        session = browser.session
        session["n"] = 41
        session.save()
        assert browser.get("/bump/").json() == {"n": 42}
        assert browser.session["n"] == 42

    def test_messages(self, browser, ada):
        browser.force_login(ada)
        browser.post("/note/", {"text": "saved"})
        assert browser.get("/notes/").json() == {"notes": ["saved"]}


class TestEvents:
    def say(self, browser, calls):
        return browser.post("/say/", {"calls": calls})

    def test_an_update_changes_what_the_next_request_sees(self, browser, ada, sidgate):
        sidgate(IDENTITY="tests.identities.with_tenant")
        browser.force_login(ada)
        patch = '{"tenant_id": null, "attributes": {"plan": null, "seats": 3}}'
        self.say(browser, f'[["update", {{"identity_patch": {patch}}}]]')
        seen = browser.get("/who/").wsgi_request.gateway_session
        assert (seen.tenant_id, dict(seen.attributes)) == (None, {"seats": 3})
        assert seen.email == "ada@example.com"

    def test_a_rotation_changes_secret_and_handle(self, browser, ada):
        browser.force_login(ada)
        session = browser.gateway_session
        secret, handle = session.secret, session.id
        self.say(browser, '[["rotate", {}]]')
        assert browser.gateway_session.secret != secret
        assert browser.gateway_session.id != handle
        assert user_of(browser) == "ada"

    def test_a_reference_comes_back(self, browser, ada, settings):
        settings.MIDDLEWARE = [SESSIONS if m == KEPT else m for m in settings.MIDDLEWARE]
        browser.force_login(ada)
        self.say(browser, '[["set_ref", {"ref": "r1"}]]')
        assert browser.get("/who/").wsgi_request.gateway_session.ref == "r1"

    def test_a_ttl_runs_out(self, browser, ada):
        browser.post("/in-ttl/")
        browser.gateway.advance(899)
        assert user_of(browser) == "ada"
        browser.gateway.advance(2)
        assert user_of(browser) is None

    def test_without_a_session_there_is_nothing_to_change(self, browser, db, caplog):
        self.say(browser, '[["rotate", {}]]')
        assert "no session for the event 'rotate'" in caplog.text

    def test_too_many_are_refused(self, browser, ada, caplog):
        browser.force_login(ada)
        secret = browser.gateway_session.secret
        self.say(browser, json.dumps([["rotate", {}]] * 9))
        assert browser.gateway_session.secret == secret
        assert "more than 8 events" in caplog.text

    def test_none_of_a_view_that_failed(self, browser, ada):
        browser.raise_request_exception = False
        assert browser.post("/in-crash/").status_code == 500
        assert user_of(browser) is None


class TestSite:
    def site_seen(self, browser):
        return browser.get("/who/").wsgi_request.gateway_session.site

    def test_of_a_browser(self, ada):
        browser = GatewayClient(site="shop")
        assert self.site_seen(browser) == "shop"
        browser.post("/login/", RIGHT)
        assert user_of(browser) == "ada"
        assert self.site_seen(browser) == "shop"

    def test_is_none_without_sites(self, browser, ada):
        browser.force_login(ada)
        assert self.site_seen(browser) is None

    def test_events_of_another_are_refused(self, client, ada):
        answer = client.post("/out/", headers=gateway_headers(ada, site="shop"))
        assert [event["type"] for event in read_events(answer, site="shop")] == ["logout"]
        for other in ("blog", None):
            with pytest.raises(AssertionError, match="at another site"):
                read_events(answer, site=other)


class TestCsrf:
    @pytest.mark.parametrize("in_session", [True, False])
    def test_is_checked_as_in_a_browser(self, ada, settings, in_session):
        settings.CSRF_USE_SESSIONS = in_session
        browser = GatewayClient(enforce_csrf_checks=True)
        page = browser.get("/login/")
        assert browser.post("/login/", RIGHT).status_code == 403
        form = RIGHT | {"csrfmiddlewaretoken": page.context["csrf_token"]}
        assert browser.post("/login/", form).status_code == 302
        assert user_of(browser) == "ada"

    def test_with_https(self, ada):
        browser = GatewayClient(enforce_csrf_checks=True)
        page = browser.get("/login/", secure=True)
        form = RIGHT | {"csrfmiddlewaretoken": page.context["csrf_token"]}
        referer = {"Referer": "https://testserver/login/"}
        assert browser.post("/login/", form, secure=True, headers=referer).status_code == 302


def test_what_a_test_says_itself_stands(browser, ada, bob):
    browser.force_login(ada)
    answer = browser.get("/who/", headers=gateway_headers(bob, tid="t1"))
    assert answer.json()["user"] == "bob"
    assert user_of(browser) == "ada"


def test_the_address_of_the_browser(browser, db):
    seen = browser.get("/who/", REMOTE_ADDR="203.0.113.9").wsgi_request
    assert seen.META["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"
    assert not seen.is_secure()
    assert browser.get("/who/", secure=True).wsgi_request.is_secure()


class TestUnittest(TestCase):
    client_class = GatewayClient
    async_client_class = AsyncGatewayClient

    def test_with_unittest(self):
        from django.contrib.auth.models import User

        self.client.force_login(User.objects.create_user("eve"))
        assert self.client.get("/who/").json()["user"] == "eve"
        self.assertContains(self.client.get("/private/"), "eve")


class TestAsync:
    pytestmark = pytest.mark.django_db(transaction=True)

    async def test_login_and_logout(self, ada):
        browser = AsyncGatewayClient()
        answer = await browser.post("/ain/", {"username": "ada"})
        assert [event["type"] for event in answer.gateway_events] == ["login"]
        assert (await browser.get("/awho/")).json() == {"user": "ada", "state": "active"}
        await browser.post("/aout/")
        assert (await browser.get("/awho/")).json() == {"user": None, "state": "anonymous"}

    async def test_by_force(self, ada):
        browser = AsyncGatewayClient()
        await browser.aforce_login(ada)
        assert (await browser.get("/awho/")).json()["user"] == "ada"
        assert [(await browser.get("/abump/")).json()["n"] for _ in range(2)] == [1, 2]
        assert await (await browser.asession()).aget("n") == 2
        await browser.alogout()
        assert (await browser.get("/awho/")).json()["user"] is None

    async def test_by_credentials_and_a_statement_of_the_test(self, ada, bob):
        browser = AsyncGatewayClient()
        assert await browser.alogin(**RIGHT)
        assert (await browser.get("/awho/")).json()["user"] == "ada"
        answer = await browser.get("/awho/", headers=gateway_headers(bob))
        assert answer.json()["user"] == "bob"

    async def test_a_request_for_an_async_view(self, ada):
        request = from_gateway(AsyncRequestFactory().get("/"), ada)
        assert b'"ada"' in (await awho(request)).content


class TestRequests:
    def test_a_view_called_directly(self, ada):
        request = from_gateway(RequestFactory().get("/"), ada, tid="t1", attrs={"plan": "pro"})
        assert who(request).content == b'{"user": "ada", "state": "active"}'
        assert request.gateway_session.tenant_id == "t1"
        assert bump(request).content == b'{"n": 1}'
        assert note(from_gateway(RequestFactory().post("/", {"text": "a"}), ada)).status_code == 200

    def test_of_nobody(self, db):
        request = from_gateway(RequestFactory().get("/"))
        assert who(request).content == b'{"user": null, "state": "anonymous"}'
