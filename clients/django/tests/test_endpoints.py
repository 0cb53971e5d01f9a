"""The two endpoints the gateway calls, and everybody else who tries."""

import json
import re

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from sidgate_django.testing import assertion, backend_headers

from . import backends

AUTHENTICATE, INTROSPECT = "/__sidgate__/authenticate", "/__sidgate__/introspect"
RIGHT = {"email": "ada@example.com", "password": "right", "ip": "203.0.113.9", "user_agent": "curl"}
INVALID = (401, {"code": "invalid_credentials"})


def call(path, body, *, client=None, **claims):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = (client or Client(enforce_csrf_checks=True)).post(
        path, raw, content_type="application/json", headers=backend_headers(raw, **claims)
    )
    return answer.status_code, answer.json() if answer.status_code != 404 else None


def authenticate(**members):
    status, answer = call(AUTHENTICATE, RIGHT | members)
    if status in (401, 403):
        assert re.fullmatch("[0-9a-f]{32}", answer.pop("account"))
    return status, answer


class TestAuthenticate:
    def test_right(self, ada):
        status, identity = authenticate()
        ada.refresh_from_db()
        assert status == 200
        assert identity["user"] == {
            "id": str(ada.pk),
            "username": "ada",
            "email": "ada@example.com",
            "name": "Ada",
        }
        assert identity["auth_hash"] == ada.get_session_auth_hash()
        assert ada.last_login is not None

    def test_leaves_no_session_behind(self, ada):
        raw = json.dumps(RIGHT).encode()
        answer = Client().post(
            AUTHENTICATE, raw, content_type="application/json", headers=backend_headers(raw)
        )
        assert not answer.cookies
        assert "X-Session-Event" not in answer.headers
        assert answer.headers["Cache-Control"] == "no-store"

    def test_signals_of_the_project_send_no_event(self, ada, settings, caplog):
        settings.SIDGATE = settings.SIDGATE | {"IDENTITY": "tests.test_endpoints.logs_in"}
        raw = json.dumps(RIGHT).encode()
        answer = Client().post(
            AUTHENTICATE, raw, content_type="application/json", headers=backend_headers(raw)
        )
        assert answer.status_code == 200
        assert "X-Session-Event" not in answer.headers
        assert not [r for r in caplog.records if r.name == "sidgate_django.events"]

    @pytest.mark.parametrize("email", ["ADA@example.com", "Ada@Example.COM", "ada"])
    def test_spellings_that_mean_ada(self, ada, email):
        assert authenticate(email=email)[0] == 200

    @pytest.mark.parametrize(
        "wrong", [{"password": "wrong"}, {"email": "nobody@example.com"}, {"email": "%"}]
    )
    def test_wrong_is_wrong(self, ada, wrong):
        assert authenticate(**wrong) == INVALID

    def test_unusable_password(self, ada):
        ada.set_unusable_password()
        ada.save()
        assert authenticate() == INVALID

    def test_disabled_is_told_only_to_who_knows_the_password(self, ada):
        ada.is_active = False
        ada.save()
        assert authenticate() == (403, {"code": "account_disabled"})
        assert authenticate(password="wrong") == INVALID

    def test_disabled_whatever_the_backend_allows(self, ada, settings):
        settings.AUTHENTICATION_BACKENDS = [
            "django.contrib.auth.backends.AllowAllUsersModelBackend"
        ]
        self.test_disabled_is_told_only_to_who_knows_the_password(ada)
        assert authenticate(email="ada") == (403, {"code": "account_disabled"})

    def test_a_shared_address_means_nobody(self, ada):
        User.objects.create_user("other", "Ada@example.com", "right")
        assert authenticate(email="ada@example.com")[0] == 200  # exactly one is spelled so
        assert authenticate(email="ADA@example.com") == INVALID

    def test_an_address_beats_a_username(self, ada):
        User.objects.create_user("ada@example.com", "mallory@example.com", "mallory")
        assert authenticate()[1]["user"]["username"] == "ada"
        assert authenticate(password="mallory") == INVALID

    def test_failures_are_signalled(self, ada):
        seen = []

        def receiver(credentials, request, **kwargs):
            seen.append((credentials["username"], request.META["REMOTE_ADDR"]))

        user_login_failed.connect(receiver)
        try:
            authenticate(password="wrong")
            User.objects.update(is_active=False)
            authenticate(password="wrong")
        finally:
            user_login_failed.disconnect(receiver)
        assert seen == [("ada", "203.0.113.9")] * 2

    @pytest.mark.parametrize("case", ["right", "wrong", "unknown", "disabled", "disabled wrong"])
    def test_one_run_of_the_hasher_whoever_it_is(self, ada, settings, monkeypatch, case):
        """Time tells nothing: counted in hashes, since clocks make bad tests."""
        settings.PASSWORD_HASHERS = ["tests.test_endpoints.CheapHasher"]
        ada.set_password("right")
        ada.is_active = "disabled" not in case
        ada.save()
        runs = []
        encode = CheapHasher.encode
        monkeypatch.setattr(
            CheapHasher, "encode", lambda self, *a, **kw: runs.append(1) or encode(self, *a, **kw)
        )
        authenticate(
            password="wrong" if "wrong" in case else "right",
            email="nobody@example.com" if case == "unknown" else "ada@example.com",
        )
        assert len(runs) == 1

    def test_backends_see_the_browser(self, ada, settings):
        settings.AUTHENTICATION_BACKENDS = ["tests.backends.Recording"]
        backends.seen.clear()
        authenticate(otp="123456")
        assert backends.seen == [("ada", {}, "203.0.113.9", "curl")]

    def test_headers_are_the_browsers_whoever_read_them_before(self, ada, settings):
        settings.AUTHENTICATION_BACKENDS = ["tests.backends.ReadsHeaders"]
        settings.MIDDLEWARE = ["tests.backends.reads_headers", *settings.MIDDLEWARE]
        backends.seen.clear()
        authenticate()
        assert backends.seen == [("curl", "203.0.113.9", None)]

    def test_extra_members_only_if_named(self, ada, settings, sidgate):
        settings.AUTHENTICATION_BACKENDS = ["tests.backends.Recording"]
        sidgate(AUTHENTICATE_EXTRA=["otp"])
        backends.seen.clear()
        authenticate(otp="123456", is_superuser=True)
        assert backends.seen[0][1] == {"otp": "123456"}

    @pytest.mark.parametrize(("backend", "seconds"), [("Throttled", 30), ("Axes", 60)])
    def test_locked(self, ada, settings, backend, seconds):
        settings.AUTHENTICATION_BACKENDS = [f"tests.backends.{backend}"]
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.backends.axes_middleware"]
        assert authenticate() == (429, {"code": "locked", "retry_after": seconds})

    def test_atomic_requests(self, ada, settings):
        settings.DATABASES["default"]["ATOMIC_REQUESTS"] = True
        try:
            assert authenticate()[0] == 200
            assert authenticate(password="wrong") == INVALID
        finally:
            settings.DATABASES["default"]["ATOMIC_REQUESTS"] = False

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"{",
            b"\xff",
            b"[" * 100_000,
            [],
            {},
            {"email": "ada@example.com"},
            RIGHT | {"email": ""},
            RIGHT | {"email": ["ada@example.com"]},
            RIGHT | {"email": "ada@example.com\0"},
            RIGHT | {"email": "a" * 321},
            RIGHT | {"password": None},
            RIGHT | {"password": 7},
            RIGHT | {"password": "x" * 4097},
            RIGHT | {"ip": "localhost"},
            RIGHT | {"user_agent": {}},
        ],
        ids=lambda body: repr(body)[:40],
    )
    def test_other_bodies(self, ada, body):
        status, answer = call(AUTHENTICATE, body)
        assert (status, answer["code"]) == (400, "invalid_request")

    def test_address_and_browser_are_optional(self, ada):
        assert call(AUTHENTICATE, {"email": "ada", "password": "right"})[0] == 200

    @pytest.mark.django_db(transaction=True)
    async def test_async(self, async_client, ada):
        raw = json.dumps(RIGHT).encode()
        answer = await async_client.post(
            AUTHENTICATE, raw, content_type="application/json", headers=backend_headers(raw)
        )
        assert answer.json()["user"]["username"] == "ada"


class TestIntrospect:
    def introspect(self, **cookies):
        return call(INTROSPECT, {"cookies": cookies, "ip": "2001:db8::1", "user_agent": "curl"})

    @pytest.fixture(autouse=True)
    def introspectors(self, sidgate):
        sidgate(
            LEGACY_INTROSPECTORS=[
                "tests.introspectors.anonymous",
                "tests.introspectors.by_old_cookie",
                "tests.introspectors.ready_made",
            ]
        )

    def test_a_user(self, ada):
        status, identity = self.introspect(old_session="ada", theme="dark")
        assert (status, identity["user"]["id"]) == (200, str(ada.pk))
        ada.refresh_from_db()
        assert ada.last_login is None  # carrying a session over is no login

    def test_an_identity(self, db):
        identity = {"user": {"id": "p-1"}, "tenant_id": "t1"}
        assert self.introspect(partner="x") == (200, identity)

    def test_an_identity_that_says_when_it_began(self, db, sidgate):
        sidgate(LEGACY_INTROSPECTORS=["tests.introspectors.with_time"])
        assert self.introspect(began="1700000000")[1]["auth_time"] == 1_700_000_000
        assert "auth_time" not in self.introspect(began="null")[1]
        for began in ("1.5", "-1", '"1700000000"', "true", "[]"):
            with pytest.raises(ImproperlyConfigured):
                self.introspect(began=began)

    def test_cookies_of_two_users(self, ada, caplog):
        """One of them was planted, or left behind: neither gets a session."""
        assert self.introspect(old_session="ada", partner="x") == (401, {"code": "invalid"})
        assert "2 users" in caplog.text

    def test_nobody(self, db):
        assert self.introspect(old_session="nobody") == (401, {"code": "invalid"})

    def test_inactive(self, ada):
        User.objects.update(is_active=False)
        assert self.introspect(old_session="ada", partner="x") == (401, {"code": "invalid"})

    def test_default(self, ada, sidgate):
        sidgate(LEGACY_INTROSPECTORS=None)
        assert self.introspect(old_session="ada") == (401, {"code": "invalid"})

    @pytest.mark.parametrize("name", ["broken", "malformed"])
    def test_trouble_is_no_answer(self, db, sidgate, name):
        sidgate(LEGACY_INTROSPECTORS=[f"tests.introspectors.{name}"])
        raw = b'{"cookies":{}}'
        client = Client(raise_request_exception=False)
        answer = client.post(
            INTROSPECT, raw, content_type="application/json", headers=backend_headers(raw)
        )
        assert answer.status_code == 500

    @pytest.mark.parametrize("cookies", [None, [], "a=b", {"a": 1}, {"a": None}])
    def test_other_bodies(self, db, cookies):
        assert call(INTROSPECT, {"cookies": cookies})[0] == 400


class TestHidden:
    """To everybody but the gateway these URLs do not exist."""

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "django"},
            {"aud": "next:backend"},
            {"iss": "django"},
            {"exp": 1_000_000_000},
            {"iat": 4_000_000_000},
            {"bh": None},
            {"bh": ""},
            {"bh": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},
            {"bh": 7},
            {"bh": "\u00e9"},
            {"key": b"x" * 32},
        ],
        ids=str,
    )
    @pytest.mark.parametrize("path", [AUTHENTICATE, INTROSPECT])
    def test_wrong_signature(self, ada, path, claims):
        assert call(path, RIGHT, **claims) == (404, None)

    @pytest.mark.parametrize("headers", [{}, {"X-Sidgate-Request": "x"}])
    def test_no_signature(self, client, ada, headers):
        answer = client.post(AUTHENTICATE, RIGHT, content_type="application/json", headers=headers)
        assert answer.status_code == 404

    def test_an_assertion_is_no_signature(self, client, ada):
        headers = {"X-Sidgate-Request": assertion(ada), "X-Session-Assertion": assertion(ada)}
        answer = client.post(AUTHENTICATE, RIGHT, content_type="application/json", headers=headers)
        assert answer.status_code == 404

    def test_a_signature_is_no_assertion(self, client, ada):
        (token,) = backend_headers(b"").values()
        answer = client.get("/who/", headers={"X-Session-Assertion": token})
        assert answer.json()["state"] == "bypassed"

    def test_signed_for_another_body(self, client, ada):
        answer = client.post(
            AUTHENTICATE, RIGHT, content_type="application/json", headers=backend_headers(b"{}")
        )
        assert answer.status_code == 404

    def test_other_methods(self, client, ada):
        assert client.get(AUTHENTICATE, headers=backend_headers(b"")).status_code == 404

    def test_looks_like_any_unknown_url(self, client, ada):
        there = client.post(AUTHENTICATE, RIGHT, content_type="application/json")
        nowhere = client.post("/nowhere", RIGHT, content_type="application/json")
        assert there.content == nowhere.content
        varying = {"Vary"}  # the gateway's own calls have no session to vary with
        assert {name: value for name, value in there.headers.items() if name not in varying} == {
            name: value for name, value in nowhere.headers.items() if name not in varying
        }

    def test_djangos_login_required_middleware(self, ada, settings):
        settings.MIDDLEWARE = [
            *settings.MIDDLEWARE,
            "django.contrib.auth.middleware.LoginRequiredMiddleware",
        ]
        assert authenticate()[0] == 200


class CheapHasher(PBKDF2PasswordHasher):
    algorithm = "cheap"
    iterations = 1


def logs_in(user, request):
    """An identity builder that (oddly) sends Django's login signal."""
    from sidgate_django.identity import default_identity

    user_logged_in.send(sender=User, request=request, user=user)
    return default_identity(user, request)
