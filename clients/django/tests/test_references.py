"""What Django keeps behind a gateway session is no login, whoever reads it and wherever it is sent.

The attacker has read the gateway's tables, the assertions of every app, and even Django's own table
of sessions: each string in them is sent back as every cookie, to every door that takes one.
"""

import json

import pytest
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from sidgate_django import session_stores
from sidgate_django.testing import gateway_headers, read_events

from .logins import at_the_gateway
from .test_legacy import INVALID, introspect
from .test_one_cookie import ENGINES, Browser, one_cookie  # noqa: F401  (a fixture)

LOGIN = {SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY}


@pytest.fixture(autouse=True)
def every_door_is_open(sidgate):
    sidgate(
        ACCEPT_DJANGO_LOGIN=True,
        LEGACY_INTROSPECTORS=["sidgate_django.legacy.django_session"],
    )


@pytest.fixture
def browser(ada):
    return Browser()


def by_page(browser):
    browser.get("/in/", username="ada")


def by_page_with_a_cart(browser):
    browser.get("/bump/")
    browser.get("/in/", username="ada")
    browser.get("/bump/")


def by_page_twice(browser):
    browser.get("/in/", username="ada")
    browser.get("/in/", username="ada")


def by_allauth(browser):
    browser.get("/accounts/login/", login="ada", password="right")


def at_the_endpoint(browser):
    browser.user = browser.by_id(at_the_gateway()[1])
    browser.get("/bump/")


def at_the_endpoint_with_data(browser):
    identity = at_the_gateway()[1]
    browser.user, browser.ref = browser.by_id(identity), identity.get("ref")


def migrated(browser):
    client = Client()
    client.force_login(User.objects.get(username="ada"))
    identity = introspect(sessionid=client.cookies["sessionid"].value)[1]
    browser.user, browser.ref = browser.by_id(identity), identity["ref"]


def with_a_new_password(browser):
    by_page(browser)
    form = dict.fromkeys(["new_password1", "new_password2"], "n3w-passphrase")
    browser.get("/password/", old_password="right", **form)
    browser.user.refresh_from_db()


def logged_in_by_djangos_own_before(browser):
    """Its cookie counted until the page logged the same user in once more."""
    browser.client.force_login(User.objects.get(username="ada"))
    browser.get("/in/", username="ada")


WAYS = [
    by_page,
    by_page_with_a_cart,
    by_page_twice,
    by_allauth,
    at_the_endpoint,
    at_the_endpoint_with_data,
    migrated,
    with_a_new_password,
    logged_in_by_djangos_own_before,
]


class Attacker:
    def __init__(self):
        self.strings = set()

    def reads(self, browser):
        for string in (browser.ref, json.dumps(browser.heard)):
            self.strings.add(string)
            if string:
                self.strings.add(string.removeprefix("first-"))
        for session in Session.objects.all():
            # A login of the old system is one until its user's first request behind the gateway.
            if SESSION_KEY not in session.get_decoded():
                self.strings |= {session.session_key, session.session_data}
        self.strings.discard(None)
        return self

    def gets_in(self):
        """The doors that one of the strings opens."""
        return [
            (door.__name__, string)
            for string in self.strings
            for door in (self.as_cookie, self.past_the_gateway, self.as_old_login, self.as_token)
            if door(string)
        ]

    def as_cookie(self, string):
        return self.sends(string, gateway_headers())

    def past_the_gateway(self, string):
        return self.sends(string, {})

    def sends(self, string, headers):
        client = Client()
        client.cookies["sessionid"] = string
        client.cookies["sidgate"] = string
        seen = client.get("/who/", headers=headers).json()["user"]
        cart = client.get("/peek/", headers=headers).json()["n"]
        return seen or cart

    def as_old_login(self, string):
        return introspect(sessionid=string, sidgate=string) != INVALID

    def as_token(self, string):
        """As headless allauth takes it: the bare key of a session."""
        store = SessionStore(string)
        if store.session_key is None or not store.exists(store.session_key):
            return False
        return LOGIN & set(store.load())


@pytest.mark.parametrize("log_in", WAYS)
def test_nothing_that_is_stored_or_told_opens_anything(browser, log_in):
    log_in(browser)
    attacker = Attacker().reads(browser)
    assert attacker.gets_in() == []
    browser.get("/bump/")
    assert attacker.reads(browser).gets_in() == []
    assert not any(LOGIN & set(row.get_decoded()) for row in Session.objects.all())
    assert not SessionStore().exists(browser.ref)
    browser.get("/out/", x="")
    browser.user = None
    assert attacker.gets_in() == []


@pytest.mark.parametrize("log_in", WAYS)
def test_nor_after_a_revocation_that_django_hears_nothing_of(browser, log_in):
    log_in(browser)
    browser.get("/bump/")
    attacker = Attacker().reads(browser)
    browser.user = browser.ref = None
    assert attacker.gets_in() == []
    assert browser.get("/who/").json()["user"] is None


@pytest.mark.parametrize("log_in", WAYS)
def test_it_goes_on_working_for_its_owner(browser, log_in):
    log_in(browser)
    before = browser.get("/bump/").json()["n"]
    assert browser.get("/bump/").json() == {"n": before + 1}
    assert browser.get("/who/").json()["user"] == "ada"
    assert browser.get("/peek/").json() == {"n": before + 1}
    assert browser.heard == []


@pytest.mark.parametrize("engine", ENGINES)
def test_whatever_keeps_the_sessions(browser, settings, engine):
    settings.SESSION_ENGINE = engine
    by_page_with_a_cart(browser)
    attacker = Attacker().reads(browser)
    attacker.strings.add(session_stores.key_of(browser.ref))
    assert attacker.gets_in() == []
    assert browser.get("/peek/").json() == {"n": 2}


def test_a_view_that_saves_by_itself(browser, settings, sidgate):
    sidgate(ACCEPT_DJANGO_LOGIN=False)
    settings.ROOT_URLCONF = "tests.saving_urls"
    browser.get("/in-save/")
    assert not any(LOGIN & set(row.get_decoded()) for row in Session.objects.all())


class TestMigration:
    @pytest.fixture
    def cookie(self, ada):
        client = Client()
        client.force_login(ada)
        client.get("/bump/")
        return client.cookies["sessionid"].value

    def first_request(self, ada, ref, path="/untouched/"):
        return Client().get(path, headers=gateway_headers(ada, ref=ref))

    def test_the_ref_is_not_the_old_key(self, cookie):
        ref = introspect(sessionid=cookie)[1]["ref"]
        assert cookie not in ref
        assert ref.startswith("first-")

    def test_the_old_login_ends_with_the_first_request(self, ada, cookie):
        ref = introspect(sessionid=cookie)[1]["ref"]
        # Until then it may be asked again: another node, a store that did not commit, a shadow.
        assert introspect(sessionid=cookie)[1]["ref"] == ref
        answer = self.first_request(ada, ref)
        assert read_events(answer) == [{"type": "ref", "ref": ref.removeprefix("first-")}]
        assert introspect(sessionid=cookie) == INVALID
        client = Client()
        client.cookies["sessionid"] = cookie
        assert client.get("/who/", headers=gateway_headers()).json()["user"] is None

    def test_requests_at_once_see_the_same(self, ada, cookie):
        ref = introspect(sessionid=cookie)[1]["ref"]
        for _ in range(3):
            assert self.first_request(ada, ref, "/peek/").json() == {"n": 1}

    def test_asking_again_does_not_bring_back_what_was(self, ada, cookie):
        ref = introspect(sessionid=cookie)[1]["ref"]
        Client().get("/bump/", headers=gateway_headers(ada, ref=ref))
        introspect(sessionid=cookie)
        assert self.first_request(ada, ref, "/peek/").json() == {"n": 2}

    def test_until_it_is_in_use_what_is_newer_counts(self, ada, cookie):
        introspect(sessionid=cookie)
        old = Client()
        old.cookies["sessionid"] = cookie
        old.get("/bump/", headers=gateway_headers())  # the migration only watches so far
        Session.objects.exclude(pk=cookie).update(expire_date=timezone.now())
        ref = introspect(sessionid=cookie)[1]["ref"]
        assert self.first_request(ada, ref, "/peek/").json() == {"n": 2}

    def test_a_server_error_ends_nothing(self, ada, cookie):
        ref = introspect(sessionid=cookie)[1]["ref"]
        self.first_request(ada, ref, "/bump-crash/")
        assert introspect(sessionid=cookie)[0] == 200

    def test_what_a_visitor_gathers_later_stays_a_visitors(self, ada, cookie):
        ref = introspect(sessionid=cookie)[1]["ref"]
        client = Client()
        client.get("/bump/", headers=gateway_headers())
        answer = client.get("/peek/", headers=gateway_headers(ada, ref=ref))
        assert answer.json() == {"n": 1}


class TestVisitorsCart:
    def test_it_comes_along_from_a_login_of_djangos_own(self, browser, ada):
        browser.client.force_login(ada)
        browser.get("/bump/")
        old = browser.client.cookies["sessionid"].value
        browser.get("/in/", username="ada")
        assert browser.get("/bump/").json() == {"n": 2}
        assert not SessionStore().exists(old)
        assert not browser.has_cookie()

    def test_it_comes_along_to_a_login_that_left_data(self, browser, ada):
        browser.get("/bump/")
        visitor = browser.client.cookies["sessionid"].value
        at_the_endpoint_with_data(browser)
        assert browser.ref.startswith("first-")
        browser.get("/untouched/")
        assert browser.get("/peek/").json() == {"n": 1}
        assert not SessionStore().exists(visitor)
        assert not browser.has_cookie()

    def test_only_once(self, browser, ada):
        at_the_endpoint_with_data(browser)
        browser.get("/bump/")
        planted = Client()
        planted.get("/bump/", headers=gateway_headers())
        planted.get("/bump/", headers=gateway_headers())
        browser.client.cookies["sessionid"] = planted.cookies["sessionid"].value
        assert browser.get("/peek/").json() == {"n": 1}


def test_a_session_survives_a_new_secret_key(browser, settings):
    by_page_with_a_cart(browser)
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "new " * 20
    assert browser.get("/bump/").json() == {"n": 3}
    assert browser.get("/peek/").json() == {"n": 3}
    assert browser.heard == []


def test_messages_said_at_logout_reach_the_next_visitor(browser, settings):
    settings.MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
    browser.get("/in/", username="ada")
    browser.get("/accounts/logout/", x="")
    assert browser.get("/notes/").json()["notes"] != []


def test_what_django_tells_readers_of_the_session(browser, ada):
    """``login()``, ``update_session_auth_hash()`` and others look there who it belongs to."""
    by_page(browser)
    store = session_stores.opened_by_ref(browser.ref, gateway_session(ada, browser.ref))
    assert store[SESSION_KEY] == str(ada.pk)
    assert store[HASH_SESSION_KEY] == ada.get_session_auth_hash()
    assert store[BACKEND_SESSION_KEY].endswith("ModelBackend")


def gateway_session(user, ref):
    from sidgate_django.session import GatewaySession

    return GatewaySession(
        "active",
        via_gateway=True,
        user_id=str(user.pk),
        auth_hash=user.get_session_auth_hash(),
        ref=ref,
    )


class TestAsync:
    pytestmark = pytest.mark.django_db(transaction=True)

    async def test_a_ref_opens_nothing(self, async_client, ada):
        answer = await async_client.post("/ain/", {"username": "ada"}, headers=gateway_headers())
        (event,) = read_events(answer)
        ref = event["identity"]["ref"]
        await async_client.get("/abump/", headers=gateway_headers(ada, ref=ref))
        for cookie in (ref, session_stores.key_of(ref)):
            async_client.cookies["sessionid"] = cookie
            answer = await async_client.get("/awho/", headers=gateway_headers())
            assert answer.json()["user"] is None
            answer = await async_client.get("/abump/", headers=gateway_headers())
            assert answer.json() == {"n": 1}
