"""Old cookies, and whose they are: the two introspectors that come with the package."""

import base64
import json
import os

import pytest
from cryptography.fernet import Fernet
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory

from sidgate_django import legacy

from .test_endpoints import INTROSPECT, call
from .test_one_cookie import ENGINES

KEY, OLD_KEY = (base64.urlsafe_b64encode(byte * 32).decode() for byte in (b"n", b"o"))
SIGNED_COOKIES = "django.contrib.sessions.backends.signed_cookies"
INVALID = (401, {"code": "invalid"})


def introspect(**cookies):
    return call(INTROSPECT, {"cookies": cookies, "ip": "203.0.113.9", "user_agent": "curl"})


class TestDjangoSession:
    @pytest.fixture(autouse=True)
    def introspector(self, sidgate):
        sidgate(LEGACY_INTROSPECTORS=["sidgate_django.legacy.django_session"])

    @pytest.fixture
    def cookie(self, ada):
        client = Client()
        client.force_login(ada)
        return client.cookies["sessionid"].value

    @pytest.mark.parametrize(
        "engine", [*ENGINES, "django.contrib.sessions.backends.signed_cookies"]
    )
    def test_every_engine(self, ada, settings, tmp_path, engine):
        settings.SESSION_FILE_PATH = str(tmp_path)
        settings.SESSION_ENGINE = engine
        client = Client()
        client.force_login(ada)
        status, identity = introspect(sessionid=client.cookies["sessionid"].value, theme="dark")
        assert (status, identity["user"]["id"]) == (200, str(ada.pk))
        assert identity["auth_hash"] == ada.get_session_auth_hash()

    def test_only_this_middleware_has_use_for_its_data(self, cookie):
        assert "ref" not in introspect(sessionid=cookie)[1]
        assert Session.objects.count() == 1

    def test_data_in_the_cookie_itself_cannot(self, ada, settings):
        settings.SESSION_ENGINE = SIGNED_COOKIES
        client = Client()
        client.force_login(ada)
        assert "ref" not in introspect(sessionid=client.cookies["sessionid"].value)[1]

    def test_after_a_change_of_password(self, ada, cookie):
        ada.set_password("new")
        ada.save()
        assert introspect(sessionid=cookie) == INVALID

    def test_after_a_rotation_of_the_secret_key(self, ada, cookie, settings):
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "new " * 20
        assert introspect(sessionid=cookie)[0] == 200

    def test_without_a_hash(self, ada):
        store = SessionStore()
        store["_auth_user_id"] = str(ada.pk)
        store.save()
        assert introspect(sessionid=store.session_key) == INVALID

    def test_disabled(self, ada, cookie):
        ada.is_active = False
        ada.save()
        assert introspect(sessionid=cookie) == INVALID

    def test_logged_out(self, ada, cookie):
        SessionStore(cookie).delete()
        assert introspect(sessionid=cookie) == INVALID

    @pytest.mark.parametrize(
        "value", ["", "x", "a" * 32, "x" * 4000, "\u00e9", "../../etc/passwd", "\0"]
    )
    def test_rubbish(self, db, value):
        assert introspect(sessionid=value) == INVALID

    def test_a_visitor(self, db):
        store = SessionStore()
        store["cart"] = 1
        store.save()
        assert introspect(sessionid=store.session_key) == INVALID
        assert SessionStore().exists(store.session_key)

    def test_another_name(self, cookie, sidgate):
        sidgate(LEGACY_SESSION_COOKIE="old_sessionid")
        assert introspect(sessionid=cookie) == INVALID
        assert introspect(old_sessionid=cookie)[0] == 200

    @pytest.mark.parametrize(
        ("records", "expected"),
        [
            ([{"method": "password", "at": 1_700_000_000.9}], 1_700_000_000),
            ([{"at": 1_700_000_600.0}, {"at": 1_700_000_000.0}], 1_700_000_000),
            ([{"method": "password"}], None),
            ([{"at": "1700000000"}, {"at": True}, {"at": -1}, {"at": 1e300}, 7, None], None),
            ([{"at": float("inf")}, {"at": float("nan")}], None),
            ([], None),
            ({"at": 1_700_000_000}, None),
            (None, None),
        ],
        ids=repr,
    )
    def test_when_it_began(self, ada, cookie, records, expected):
        store = SessionStore(cookie)
        store["account_authentication_methods"] = records
        store["account_authentication_methods_user"] = str(ada.pk)
        store.save()
        assert introspect(sessionid=cookie)[1].get("auth_time") == expected

    def test_when_another_one_began(self, bob, cookie):
        store = SessionStore(cookie)
        store["account_authentication_methods"] = [{"at": 1_700_000_000}]
        store["account_authentication_methods_user"] = str(bob.pk)
        store.save()
        assert "auth_time" not in introspect(sessionid=cookie)[1]


class TestEncryptedToken:
    @pytest.fixture(autouse=True)
    def introspector(self, sidgate):
        sidgate(
            LEGACY_INTROSPECTORS=["sidgate_django.legacy.encrypted_token"],
            LEGACY_TOKEN={"COOKIE": "dott_auth_session", "KEYS": [KEY, OLD_KEY], "MAX_AGE": 3600},
        )

    def token(self, claims, key=KEY, at=None):
        raw = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
        fernet = Fernet(key)
        return (fernet.encrypt(raw) if at is None else fernet.encrypt_at_time(raw, at)).decode()

    @pytest.mark.parametrize("key", [KEY, OLD_KEY])
    def test_right(self, ada, key):
        token = self.token({"user_id": ada.pk, "auth_hash": ada.get_session_auth_hash()}, key)
        status, identity = introspect(dott_auth_session=token, onboardingStep="done")
        assert (status, identity["user"]["id"]) == (200, str(ada.pk))

    @pytest.mark.parametrize(
        ("said", "expected"),
        [
            (1_700_000_000, 1_700_000_000),
            (0, 0),
            (-1, None),
            (1_700_000_000.5, 1_700_000_000),
            (float("nan"), None),
            ("1700000000", None),
            (True, None),
            (10**12, None),
            (None, None),
        ],
        ids=repr,
    )
    def test_when_it_began(self, ada, said, expected):
        token = self.token({"user_id": ada.pk, "auth_time": said})
        identity = introspect(dott_auth_session=token)[1]
        assert identity["user"]["id"] == str(ada.pk)
        assert identity.get("auth_time") == expected

    def test_disabled(self, ada):
        ada.is_active = False
        ada.save()
        assert introspect(dott_auth_session=self.token({"user_id": ada.pk})) == INVALID

    def test_in_chunks(self, ada):
        token = self.token({"user_id": str(ada.pk)})
        chunks = {f"dott_auth_session.{n}": token[n * 50 : n * 50 + 50] for n in range(4)}
        assert introspect(**chunks)[0] == 200
        del chunks["dott_auth_session.1"]
        assert introspect(**chunks) == INVALID

    def test_chunks_without_end(self):
        assert len(legacy.joined({f"a.{n}": "x" for n in range(1000)}, "a")) == legacy.MAX_CHUNKS

    def test_after_a_change_of_password(self, ada):
        token = self.token({"user_id": ada.pk, "auth_hash": ada.get_session_auth_hash()})
        ada.set_password("new")
        ada.save()
        assert introspect(dott_auth_session=token) == INVALID

    @pytest.mark.parametrize(
        "claims",
        [
            b"", b"{", b"\xff", [], {}, "7", None,
            {"user_id": None}, {"user_id": 999}, {"user_id": True}, {"user_id": [1]},
            {"user_id": "1 OR 1=1"}, {"user_id": 10**30},
        ],
        ids=repr,
    )  # fmt: skip
    def test_signed_rubbish(self, ada, claims):
        assert introspect(dott_auth_session=self.token(claims)) == INVALID

    def test_forged_or_too_old(self, ada):
        claims = {"user_id": ada.pk}
        stranger = base64.urlsafe_b64encode(os.urandom(32)).decode()
        assert introspect(dott_auth_session=self.token(claims, stranger)) == INVALID
        assert introspect(dott_auth_session=self.token(claims, at=1_000_000_000)) == INVALID
        good = self.token(claims)
        altered = good[:-6] + ("A" if good[-6] != "A" else "B") + good[-5:]
        assert introspect(dott_auth_session=altered) == INVALID

    @pytest.mark.parametrize("value", ["", "x", "x" * 4000, "\u00e9"])
    def test_rubbish(self, ada, value):
        assert introspect(dott_auth_session=value) == INVALID

    def test_not_configured(self, db, sidgate):
        sidgate(LEGACY_TOKEN=None)
        with pytest.raises(ImproperlyConfigured):
            legacy.encrypted_token({"dott_auth_session": "x"}, RequestFactory().get("/"))


def test_two_cookies_of_two_users(ada, bob, sidgate):
    sidgate(
        LEGACY_INTROSPECTORS=[
            "sidgate_django.legacy.django_session",
            "sidgate_django.legacy.encrypted_token",
        ],
        LEGACY_TOKEN={"COOKIE": "token", "KEYS": [KEY]},
    )
    client = Client()
    client.force_login(ada)
    cookie = client.cookies["sessionid"].value
    of = {user: Fernet(KEY).encrypt(b'{"user_id": %d}' % user.pk).decode() for user in (ada, bob)}
    assert introspect(sessionid=cookie, token=of[ada])[0] == 200
    assert introspect(sessionid=cookie, token=of[bob]) == INVALID
