"""``request.session`` behind the gateway: what a browser keeps, and who gets to see what."""

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client

from sidgate_django.testing import gateway_headers, read_events

ENGINES = [
    "django.contrib.sessions.backends.db",
    "django.contrib.sessions.backends.cache",
    "django.contrib.sessions.backends.cached_db",
    "django.contrib.sessions.backends.file",
]


@pytest.fixture(autouse=True)
def one_cookie(settings, tmp_path):
    settings.MIDDLEWARE = [
        name.replace(
            "django.contrib.sessions.middleware.Session", "sidgate_django.middleware.GatewaySession"
        )
        for name in settings.MIDDLEWARE
    ]
    settings.SESSION_FILE_PATH = str(tmp_path)


class Browser:
    """Behind a gateway that does as it is told, with the cookies it is given."""

    def __init__(self):
        self.client = Client()
        self.user = None
        self.ref = None
        self.heard = []

    def headers(self):
        return gateway_headers(self.user, ref=self.ref) if self.user else gateway_headers()

    def get(self, path, **form):
        send = self.client.post if form else self.client.get
        answer = send(path, form or None, headers=self.headers())
        self.heard = read_events(answer)
        for event in self.heard:
            self.obey(event)
        return answer

    def obey(self, event):
        if event["type"] == "login":
            self.user = event["identity"]["user"]["id"] and self.by_id(event["identity"])
            self.ref = event["identity"].get("ref")
        elif event["type"] == "ref":
            self.ref = event["ref"]
        elif event["type"] == "logout" and event["scope"] != "others":
            self.user = self.ref = None

    @staticmethod
    def by_id(identity):
        from django.contrib.auth.models import User

        return User.objects.get(pk=identity["user"]["id"])

    def has_cookie(self):
        return bool(self.client.cookies.get("sessionid") and self.client.cookies["sessionid"].value)


@pytest.fixture
def browser(ada):
    return Browser()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_visit(browser, settings, engine):
    settings.SESSION_ENGINE = engine
    browser.get("/bump/")
    assert browser.has_cookie()  # a visitor's cart lives in the ordinary session

    browser.get("/in/", username="ada")
    (event,) = browser.heard
    assert event["identity"]["ref"]
    assert not browser.has_cookie()

    assert browser.get("/bump/").json() == {"n": 2}
    assert browser.get("/peek/").json() == {"n": 2}
    assert browser.heard == []
    assert not browser.has_cookie()

    browser.get("/out/", x="")
    assert [event["type"] for event in browser.heard] == ["logout"]
    assert browser.get("/peek/").json() == {"n": None}
    assert not browser.has_cookie()


def test_logout_leaves_no_row(browser):
    browser.get("/in/", username="ada")
    assert Session.objects.count() == 1
    browser.get("/out/", x="")
    assert Session.objects.count() == 0


def test_a_logout_without_djangos_leaves_nothing_either(browser):
    browser.get("/in/", username="ada")
    browser.get("/bump/")
    browser.get("/say/", calls='[["logout", {}]]')
    assert Session.objects.count() == 0
    assert not browser.has_cookie()
    assert browser.get("/peek/").json() == {"n": None}


def test_messages_survive_login_and_logout(browser):
    browser.get("/note/", text="hello")
    browser.get("/in/", username="ada")
    assert browser.get("/notes/").json() == {"notes": ["hello"]}
    browser.get("/note/", text="still here")
    assert browser.get("/notes/").json() == {"notes": ["still here"]}


def test_the_first_write_tells_the_gateway_the_key(browser, ada):
    """After a login at the gateway's own endpoint there is no ref yet."""
    browser.user = ada
    browser.get("/peek/")
    assert browser.heard == []
    assert browser.get("/bump/").headers["Cache-Control"] == "private, no-store"
    assert [event["type"] for event in browser.heard] == ["ref"]
    assert browser.get("/bump/").json() == {"n": 2}
    assert browser.heard == []
    assert not browser.has_cookie()


def test_a_cart_comes_along_to_a_login_that_django_did_not_see(browser, ada):
    browser.get("/bump/")
    old = browser.client.cookies["sessionid"].value
    browser.user = ada
    assert browser.get("/peek/").json() == {"n": 1}
    assert [event["type"] for event in browser.heard] == ["ref"]
    assert browser.ref != old  # whoever planted the old key does not share the new session
    assert not SessionStore().exists(old)
    assert not browser.has_cookie()
    assert browser.get("/bump/").json() == {"n": 2}


def test_even_by_a_page_that_does_not_touch_it(browser, ada):
    browser.get("/bump/")
    browser.user = ada
    browser.get("/untouched/")
    assert browser.ref
    assert browser.get("/peek/").json() == {"n": 1}


def test_two_first_requests_do_not_lose_the_cart(browser, ada):
    browser.get("/bump/")
    cookie = browser.client.cookies["sessionid"].value
    browser.user = ada
    browser.get("/untouched/")
    late = Client()  # sent with the old cookie, and before the gateway knew the ref
    late.cookies["sessionid"] = cookie
    answer = late.get("/peek/", headers=gateway_headers(ada))
    assert answer.json() == {"n": None}
    assert read_events(answer) == []


def test_a_server_error_changes_nothing(browser, ada):
    browser.get("/bump/")
    browser.user = ada
    browser.get("/bump-crash/")
    assert browser.heard == []
    assert browser.has_cookie()
    assert browser.get("/peek/").json() == {"n": 1}


def test_no_row_and_no_event_for_a_page_that_stores_nothing(
    browser, ada, django_assert_num_queries
):
    browser.user, browser.ref = ada, "a" * 32
    with django_assert_num_queries(0):
        browser.get("/untouched/")
    assert browser.heard == []
    assert Session.objects.count() == 0


def test_a_key_that_names_nothing_any_more(browser, ada):
    """The ref stays: another request may just have changed it. A write begins anew."""
    browser.user, browser.ref = ada, "a" * 32
    assert browser.get("/peek/").json() == {"n": None}
    assert browser.heard == []
    assert browser.get("/bump/").json() == {"n": 1}
    assert browser.ref not in (None, "a" * 32)


def test_a_change_of_password_changes_the_key(browser, ada):
    browser.get("/in/", username="ada")
    browser.get("/bump/")
    before = browser.ref
    form = {
        "old_password": "right",
        "new_password1": "n3w-passphrase",
        "new_password2": "n3w-passphrase",
    }
    browser.get("/password/", **form)
    assert [event["type"] for event in browser.heard] == ["logout", "update", "ref"]
    assert browser.ref != before
    browser.user.refresh_from_db()
    assert browser.get("/peek/").json() == {"n": 1}
    assert browser.get("/who/").json()["user"] == "ada"


class TestWhoSeesWhat:
    def test_a_cookie_never_opens_what_a_login_left(self, browser, ada):
        browser.get("/in/", username="ada")
        browser.get("/bump/")
        thief = Client()
        thief.cookies["sessionid"] = browser.ref
        for headers in (gateway_headers(), gateway_headers(ada)):
            answer = thief.get("/peek/", headers=headers)
            assert answer.json() == {"n": None}
        assert thief.get("/who/", headers=gateway_headers()).json()["user"] is None
        assert browser.get("/peek/").json() == {"n": 1}  # and it is unharmed

    def test_nor_does_a_visitors_write_go_there(self, browser):
        browser.get("/in/", username="ada")
        browser.get("/bump/")
        thief = Client()
        thief.cookies["sessionid"] = browser.ref
        thief.get("/bump/", headers=gateway_headers())
        assert thief.cookies["sessionid"].value != browser.ref
        assert browser.get("/peek/").json() == {"n": 1}

    def test_the_ref_counts_only_signed(self, browser, ada):
        browser.get("/in/", username="ada")
        browser.get("/bump/")
        forged = gateway_headers(ada, ref=browser.ref, key=b"x" * 32)
        assert Client().get("/peek/", headers=forged).json() == {"n": None}

    def test_the_next_user_of_a_browser(self, browser, bob):
        browser.get("/in/", username="ada")
        browser.get("/bump/")
        browser.get("/in/", username="bob")
        assert browser.get("/who/").json()["user"] == "bob"
        assert browser.get("/peek/").json() == {"n": None}


class TestDjangoLoginDuringTheMigration:
    """``ACCEPT_DJANGO_LOGIN``: who is logged in the old way stays so until migrated."""

    @pytest.fixture
    def old(self, ada, sidgate):
        sidgate(ACCEPT_DJANGO_LOGIN=True)
        client = Client()
        client.force_login(ada)
        return client

    @pytest.mark.parametrize("headers", [{}, {"state": "anonymous"}, {"state": "none"}], ids=str)
    def test_it_counts_where_the_gateway_knows_nobody(self, old, headers):
        signed = gateway_headers(**headers) if headers else {}
        assert old.get("/who/", headers=signed).json()["user"] == "ada"

    def test_the_gateway_wins(self, old, bob):
        assert old.get("/who/", headers=gateway_headers(bob)).json()["user"] == "bob"
        assert not old.cookies["sessionid"].value

    def test_a_login_behind_the_gateway_leaves_no_such_cookie(self, browser, sidgate):
        sidgate(ACCEPT_DJANGO_LOGIN=True)
        browser.get("/in/", username="ada")
        assert not browser.has_cookie()

    def test_a_login_past_the_gateway_is_djangos_own(self, ada, sidgate, caplog):
        sidgate(ACCEPT_DJANGO_LOGIN=True)
        client = Client()
        client.post("/in/", {"username": "ada"})
        assert client.get("/who/").json()["user"] == "ada"
        assert client.get("/who/", headers=gateway_headers()).json()["user"] == "ada"
        assert "dropped" not in caplog.text
        sidgate(ACCEPT_DJANGO_LOGIN=False)
        assert client.get("/who/").json()["user"] is None

    def test_a_logout_past_the_gateway(self, old):
        old.post("/out/")
        assert not old.cookies["sessionid"].value
        assert old.get("/who/").json()["user"] is None

    def test_not_unless_asked_for(self, old, sidgate):
        sidgate(ACCEPT_DJANGO_LOGIN=False)
        assert old.get("/who/", headers=gateway_headers()).json()["user"] is None


class TestAsync:
    pytestmark = pytest.mark.django_db(transaction=True)

    async def test_a_visit(self, async_client, ada):
        answer = await async_client.post("/ain/", {"username": "ada"}, headers=gateway_headers())
        (event,) = read_events(answer)
        headers = gateway_headers(ada, ref=event["identity"]["ref"])
        for n in (1, 2):
            answer = await async_client.get("/abump/", headers=headers)
            assert answer.json() == {"n": n}
            assert not answer.cookies

    async def test_a_cookie_never_opens_what_a_login_left(self, async_client, ada):
        answer = await async_client.post("/ain/", {"username": "ada"}, headers=gateway_headers())
        (event,) = read_events(answer)
        await async_client.get(
            "/abump/", headers=gateway_headers(ada, ref=event["identity"]["ref"])
        )
        async_client.cookies["sessionid"] = event["identity"]["ref"]
        answer = await async_client.get("/abump/", headers=gateway_headers())
        assert answer.json() == {"n": 1}


def test_a_one_time_password_stays_verified(browser, settings, ada):
    """django-otp keeps the device in ``request.session``."""
    from django_otp.plugins.otp_static.models import StaticDevice

    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django_otp.middleware.OTPMiddleware"]
    device = StaticDevice.objects.create(user=ada, name="backup")
    device.token_set.create(token="123456")
    browser.get("/in/", username="ada")
    assert browser.get("/otp/").json() == {"verified": False}
    browser.get("/otp/", token="123456")
    assert browser.get("/otp/").json() == {"verified": True}
    assert not browser.has_cookie()
