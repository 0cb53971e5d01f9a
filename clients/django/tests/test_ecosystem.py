"""django-allauth and django-axes as they are installed, in a project behind the gateway."""

import json

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sidgate_django.testing import backend_headers, gateway_headers, read_events

PROXY = "10.0.0.1"


def kinds(answer):
    return [event["type"] for event in read_events(answer)]


class TestAllauth:
    @pytest.fixture(autouse=True)
    def allauth(self, settings):
        settings.AUTHENTICATION_BACKENDS = [
            "allauth.account.auth_backends.AuthenticationBackend",
        ]

    def test_its_login_opens_a_session(self, client, ada):
        form = {"login": "ada", "password": "right"}
        answer = client.post("/accounts/login/", form, headers=gateway_headers())
        assert answer.status_code == 302
        assert kinds(answer) == ["login"]
        assert read_events(answer)[0]["identity"]["user"]["id"] == str(ada.pk)

    def test_a_wrong_password_opens_none(self, client, ada):
        form = {"login": "ada", "password": "wrong"}
        answer = client.post("/accounts/login/", form, headers=gateway_headers())
        assert answer.status_code == 200
        assert kinds(answer) == []

    def test_its_limits_are_those_of_one_address(self, ada, settings):
        settings.ACCOUNT_RATE_LIMITS = {"login_failed": "3/m/ip"}

        def attempt(password, ip):
            return Client().post(
                "/accounts/login/",
                {"login": "ada", "password": password},
                headers=gateway_headers() | {"X-Forwarded-For": ip},
                REMOTE_ADDR=PROXY,
            )

        for _ in range(3):
            attempt("wrong", "203.0.113.9")
        assert kinds(attempt("right", "203.0.113.9")) == []
        assert kinds(attempt("right", "198.51.100.7")) == ["login"]

    def test_whoever_signs_up_is_logged_in(self, client, db):
        form = {"username": "eve", "email": "eve@example.com"}
        form |= dict.fromkeys(["password1", "password2"], "a-l0ng-passphrase")
        answer = client.post("/accounts/signup/", form, headers=gateway_headers())
        assert answer.status_code == 302
        user = User.objects.get(username="eve")
        assert kinds(answer) == ["login"]
        assert read_events(answer)[0]["identity"]["user"]["id"] == str(user.pk)

    def test_its_logout_ends_the_session(self, client, ada):
        answer = client.post("/accounts/logout/", headers=gateway_headers(ada))
        assert answer.status_code == 302
        assert kinds(answer) == ["logout"]

    def test_its_pages_know_who_is_logged_in(self, client, ada):
        answer = client.get("/accounts/password/change/", headers=gateway_headers(ada))
        assert answer.status_code == 200
        answer = client.get("/accounts/password/change/", headers=gateway_headers())
        assert answer.status_code == 302

    def test_a_new_password_ends_the_other_sessions(self, client, ada):
        form = {"oldpassword": "right"}
        form |= dict.fromkeys(["password1", "password2"], "a-l0ng-passphrase")
        answer = client.post("/accounts/password/change/", form, headers=gateway_headers(ada))
        assert answer.status_code == 302
        assert {"type": "logout", "scope": "others"} in read_events(answer)


class TestAxes:
    """With the setting of docs/django.md."""

    @pytest.fixture(autouse=True)
    def axes(self, settings):
        settings.AXES_ENABLED = True
        settings.AXES_FAILURE_LIMIT = 3
        settings.AUTHENTICATION_BACKENDS = [
            "axes.backends.AxesStandaloneBackend",
            "django.contrib.auth.backends.ModelBackend",
        ]
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "axes.middleware.AxesMiddleware"]

    def at_the_gateway(self, password, ip="203.0.113.9"):
        body = {"email": "ada@example.com", "password": password, "ip": ip, "user_agent": "curl"}
        raw = json.dumps(body).encode()
        answer = Client().post(
            "/__sidgate__/authenticate",
            raw,
            content_type="application/json",
            headers=backend_headers(raw),
            REMOTE_ADDR=PROXY,
        )
        body = answer.json()
        body.pop("account", None)
        return answer.status_code, body

    def at_the_page(self, password, ip="203.0.113.9"):
        return Client().post(
            "/login/",
            {"username": "ada", "password": password},
            headers=gateway_headers() | {"X-Forwarded-For": ip},
            REMOTE_ADDR=PROXY,
        )

    def test_who_guesses_at_the_gateway_is_locked_out(self, ada):
        assert self.at_the_gateway("right")[0] == 200
        for _ in range(2):
            assert self.at_the_gateway("wrong") == (401, {"code": "invalid_credentials"})
        assert self.at_the_gateway("wrong")[0] == 429
        status, body = self.at_the_gateway("right")
        assert (status, body["code"]) == (429, "locked")

    def test_others_behind_the_same_gateway_are_not(self, ada):
        for _ in range(4):
            self.at_the_gateway("wrong")
        assert self.at_the_gateway("right", ip="198.51.100.7")[0] == 200

    def test_nobody_chooses_an_address_past_the_gateway(self, ada):
        for number in range(3):
            headers = {"X-Forwarded-For": f"198.51.100.{number}"}
            form = {"username": "ada", "password": "wrong"}
            answer = Client().post("/login/", form, headers=headers, REMOTE_ADDR="192.0.2.1")
        assert answer.status_code == 429

    def test_its_counts_are_the_same_for_both_ways_in(self, ada):
        for _ in range(2):
            self.at_the_gateway("wrong")
        assert self.at_the_page("wrong").status_code == 429
        assert self.at_the_gateway("right")[0] == 429
        other = self.at_the_page("right", ip="198.51.100.7")
        assert other.status_code == 302
        assert kinds(other) == ["login"]
