"""A right password alone opens nothing where the app's own page would ask for more."""

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp.oath import totp as device_code
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from sidgate_django.session_stores import key_of
from sidgate_django.testing import gateway_headers, read_events

from .logins import INVALID, at_the_gateway, mfa, opens_a_session, refusal

PAGE, CODE_PAGE = "/accounts/login/", "/accounts/2fa/authenticate/"
FORM = {"login": "ada", "password": "right"}


@pytest.fixture
def signals():
    seen = []

    def logged_in(user, **kwargs):
        seen.append("in")

    def failed(credentials, **kwargs):
        assert credentials["password"] == "*" * 20
        seen.append("failed")

    user_logged_in.connect(logged_in)
    user_login_failed.connect(failed)
    yield seen
    user_logged_in.disconnect(logged_in)
    user_login_failed.disconnect(failed)


@pytest.fixture
def one_cookie(settings):
    settings.MIDDLEWARE = [
        name.replace(
            "django.contrib.sessions.middleware.Session", "sidgate_django.middleware.GatewaySession"
        )
        for name in settings.MIDDLEWARE
    ]


class TestAllauth:
    @pytest.fixture(autouse=True)
    def allauth(self, settings):
        settings.AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
        settings.ACCOUNT_LOGIN_METHODS = {"email", "username"}
        settings.MFA_TOTP_TOLERANCE = 1  # a step may begin while a test runs

    @pytest.fixture
    def secret(self, ada):
        secret = totp.generate_totp_secret()
        totp.TOTP.activate(ada, secret)
        return secret

    @pytest.fixture
    def recovery(self, ada, secret):
        return RecoveryCodes.activate(ada).get_unused_codes()

    def code(self, secret):
        _, now, _ = totp.yield_hotp_counters_from_time()
        return totp.format_hotp_value(totp.hotp_value(secret, now))

    def test_without_a_second_factor(self, ada):
        assert at_the_gateway()[0] == 200
        assert at_the_gateway(email="ada")[0] == 200

    @pytest.mark.parametrize("email", ["ada@example.com", "ADA@example.com", "ada"])
    def test_a_password_is_not_enough(self, ada, secret, signals, email):
        assert refusal(email=email) == mfa("totp")
        assert signals == []  # and is no failure either

    def test_its_page_says_the_same(self, client, ada, secret):
        assert not opens_a_session(client, PAGE, FORM)

    def test_the_code_completes_it(self, ada, secret, signals):
        status, identity = at_the_gateway(otp=self.code(secret))
        assert (status, identity["user"]["id"]) == (200, str(ada.pk))
        assert signals == ["in"]

    def test_a_code_works_once(self, ada, secret):
        code = self.code(secret)
        assert at_the_gateway(otp=code)[0] == 200
        assert refusal(otp=code) == INVALID

    def test_a_code_of_its_page_is_used_up_too(self, client, ada, secret):
        code = self.code(secret)
        client.post(PAGE, FORM, headers=gateway_headers())
        assert opens_a_session(client, CODE_PAGE, {"code": code})
        assert refusal(otp=code) == INVALID

    def test_a_code_that_is_used_here_is_used_up_at_its_page(self, client, ada, secret):
        code = self.code(secret)
        assert at_the_gateway(otp=code)[0] == 200
        client.post(PAGE, FORM, headers=gateway_headers())
        assert not opens_a_session(client, CODE_PAGE, {"code": code})

    def test_a_recovery_code_works_once(self, ada, recovery):
        assert refusal() == mfa("recovery_codes", "totp")
        assert at_the_gateway(otp=recovery[0])[0] == 200
        assert refusal(otp=recovery[0]) == INVALID

    @pytest.mark.parametrize("otp", ["000000", "x", "\u0661\u0662\u0663\u0664\u0665\u0666", " "])
    def test_a_wrong_code_is_a_failure(self, ada, secret, signals, otp):
        assert refusal(otp=otp) == INVALID
        assert signals == ["failed"]

    @pytest.mark.parametrize("otp", ["", None])
    def test_an_empty_code_is_none(self, ada, secret, otp):
        assert refusal(otp=otp) == mfa("totp")

    @pytest.mark.parametrize("otp", [123456, True, ["123456"], {"code": "1"}, "1" * 65, "1\0"])
    def test_no_code_at_all(self, ada, secret, signals, otp):
        assert refusal(otp=otp) == INVALID
        assert signals == ["failed"]

    def test_a_code_that_nobody_asked_for(self, ada):
        assert at_the_gateway(otp=["?"])[0] == 200

    def test_it_is_asked_for_after_a_right_password_only(self, ada, secret):
        known = refusal(password="wrong")
        unknown = refusal(email="nobody@example.com")
        assert known == unknown == INVALID
        assert refusal(password="wrong", otp=self.code(secret)) == INVALID
        assert at_the_gateway(otp=self.code(secret))[0] == 200  # nor used up by a wrong one

    def test_guessing_codes_is_limited(self, ada, secret):
        for _ in range(5):
            assert refusal(otp="000000") == INVALID
        status, body = at_the_gateway(otp=self.code(secret))
        assert (status, body["code"]) == (429, "locked")

    def test_guessing_passwords_is_limited_as_at_its_page(self, client, ada):
        for _ in range(5):
            refusal(email="ada", password="wrong")
        assert at_the_gateway(email="ada")[0] == 429
        assert not opens_a_session(client, PAGE, FORM)

    def test_and_the_other_way_round(self, client, ada):
        for _ in range(5):
            client.post(PAGE, FORM | {"password": "wrong"}, headers=gateway_headers())
        assert at_the_gateway(email="ada")[0] == 429

    def test_a_disabled_account_is_no_way_around_the_limit(self, ada):
        ada.is_active = False
        ada.save()
        for _ in range(5):
            refusal(password="wrong")
        assert at_the_gateway()[0] == 429

    def test_a_key_that_only_a_browser_can_answer(self, ada):
        Authenticator.objects.create(user=ada, type="webauthn", data={})
        assert refusal() == mfa("webauthn")
        assert refusal(otp="123456") == mfa("webauthn")

    def test_recovery_codes_beside_such_a_key(self, ada):
        Authenticator.objects.create(user=ada, type="webauthn", data={})
        codes = RecoveryCodes.activate(ada).get_unused_codes()
        assert refusal() == mfa("recovery_codes", "webauthn")
        assert at_the_gateway(otp=codes[0])[0] == 200

    def test_an_address_that_is_not_confirmed(self, ada, settings, secret):
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
        assert refusal(otp=self.code(secret)) == mfa("verify_email", "totp")
        assert mail.outbox == []  # sent by the page that waits for it
        EmailAddress.objects.create(user=ada, email=ada.email, verified=True, primary=True)
        assert at_the_gateway(otp=self.code(secret))[0] == 200  # and the code was not used up

    def test_another_address_that_is(self, ada, settings):
        settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
        EmailAddress.objects.create(user=ada, email="other@example.com", verified=True)
        assert refusal() == mfa("verify_email")
        assert at_the_gateway(email="ada")[0] == 200

    @pytest.mark.parametrize("required", [True, {"password"}])
    def test_a_login_by_code(self, ada, settings, required):
        settings.ACCOUNT_LOGIN_BY_CODE_REQUIRED = required
        assert refusal() == mfa("login_by_code")
        assert mail.outbox == []

    def test_a_site_without_passwords(self, ada, settings):
        settings.ACCOUNT_SIGNUP_FIELDS = ["email*"]
        assert refusal() == mfa("login_by_code")

    @pytest.mark.parametrize(("phone", "expected"), [
        (("+123", True), 200), (("+123", False), 401), (None, 401)
    ])  # fmt: skip
    def test_a_phone(self, ada, settings, phone, expected):
        settings.ACCOUNT_ADAPTER = "tests.adapters.Phone"
        settings.ACCOUNT_SIGNUP_FIELDS = ["username*", "phone*", "password1*"]
        settings.PHONE = phone
        status, answer = at_the_gateway()
        assert status == expected
        assert expected == 200 or answer["flows"] == ["verify_phone"]

    @pytest.mark.parametrize("adapter", ["Stage", "PreLogin", "PostLogin", "Immediate"])
    def test_what_only_the_project_asks_for(self, ada, settings, adapter):
        settings.ACCOUNT_ADAPTER = f"tests.adapters.{adapter}"
        expected = 200 if adapter == "PostLogin" else 401
        assert at_the_gateway()[0] == expected

    def test_a_half_finished_login_is_nobody(self, client, ada, secret, sidgate):
        """Neither here, nor in the eyes of the gateway when it asks about old cookies."""
        from .test_legacy import INVALID as NOBODY
        from .test_legacy import introspect

        sidgate(LEGACY_INTROSPECTORS=["sidgate_django.legacy.django_session"])
        client.post(PAGE, FORM, headers=gateway_headers())
        assert introspect(sessionid=client.cookies["sessionid"].value) == NOBODY
        assert client.get("/who/", headers=gateway_headers()).json()["user"] is None

    def test_nor_where_logins_of_djangos_own_count(
        self, ada, secret, settings, sidgate, one_cookie
    ):
        sidgate(ACCEPT_DJANGO_LOGIN=True)
        client = Client()
        client.post(PAGE, FORM, headers=gateway_headers())
        assert client.cookies["sessionid"].value
        assert client.get("/who/", headers=gateway_headers()).json()["user"] is None

    def test_what_it_notes_in_the_session_goes_on(self, ada, secret, one_cookie):
        """allauth then knows that this user has given a password and a code."""
        ref = at_the_gateway(otp=self.code(secret))[1]["ref"]
        data = SessionStore(key_of(ref.removeprefix("first-"))).load()
        methods = [record["method"] for record in data["account_authentication_methods"]]
        assert methods == ["password", "mfa"]
        assert not any(name.startswith("_auth_user") for name in data)

    def test_nothing_goes_on_for_a_refused_one(self, ada, secret, one_cookie):
        refusal(otp="000000")
        refusal()
        assert Session.objects.count() == 0


class TestDevices:
    """django-otp, and two-factor on top of it, in a project without allauth."""

    @pytest.fixture(autouse=True)
    def no_allauth(self, settings):
        settings.INSTALLED_APPS = [a for a in settings.INSTALLED_APPS if "allauth" not in a]
        settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "allauth" not in m]
        settings.ROOT_URLCONF = "tests.two_factor_urls"
        settings.OTP_TOTP_THROTTLE_FACTOR = 0

    @pytest.fixture
    def device(self, ada):
        return TOTPDevice.objects.create(user=ada, name="default")

    def code(self, device):
        return f"{device_code(device.bin_key):06d}"

    def test_a_password_is_not_enough(self, ada, device, signals):
        assert refusal() == mfa("totp")
        assert signals == []

    def test_the_code_completes_it_once(self, ada, device, signals):
        code = self.code(device)
        assert at_the_gateway(otp=code)[0] == 200
        assert refusal(otp=code) == INVALID
        assert signals == ["in", "failed"]

    def test_the_page_of_two_factor_knows_that_it_is_used_up(self, client, ada, device):
        code = self.code(device)
        assert at_the_gateway(otp=code)[0] == 200
        assert not self.at_the_page(client, code)

    def test_a_code_of_its_page_is_used_up_here(self, client, ada, device):
        code = self.code(device)
        assert self.at_the_page(client, code)
        assert refusal(otp=code) == INVALID

    def at_the_page(self, client, code):
        step = "login_view-current_step"
        first = {step: "auth", "auth-username": "ada", "auth-password": "right"}
        assert not opens_a_session(client, "/account/login/", first)
        return opens_a_session(client, "/account/login/", {step: "token", "token-otp_token": code})

    def test_a_backup_token(self, ada, device):
        backup = StaticDevice.objects.create(user=ada, name="backup")
        backup.token_set.create(token="abcdefgh")
        assert set(refusal()[1]["flows"]) == {"totp", "recovery_codes"}
        assert at_the_gateway(otp="abcdefgh")[0] == 200
        assert refusal(otp="abcdefgh") == INVALID

    def test_a_device_of_somebody_else(self, ada, bob, device):
        other = TOTPDevice.objects.create(user=bob, name="default")
        assert refusal(otp=self.code(other)) == INVALID

    def test_a_device_that_was_never_confirmed(self, ada):
        TOTPDevice.objects.create(user=ada, name="default", confirmed=False)
        assert at_the_gateway()[0] == 200

    def test_its_throttle(self, ada, device, settings):
        settings.OTP_TOTP_THROTTLE_FACTOR = 100
        assert refusal(otp="000000") == INVALID
        status, body = at_the_gateway(otp=self.code(device))
        assert (status, body["code"]) == (429, "locked")
        assert 0 < body["retry_after"] <= 100

    def test_a_form_that_always_wants_a_token(self, ada, settings):
        settings.ROOT_URLCONF = "tests.otp_urls"
        assert refusal() == mfa()

    def test_its_pages_see_a_verified_user(self, ada, device, settings, one_cookie):
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django_otp.middleware.OTPMiddleware"]
        ref = at_the_gateway(otp=self.code(device))[1]["ref"]
        answer = Client().get("/otp/", headers=gateway_headers(ada, ref=ref))
        assert answer.json() == {"verified": True}
        ref = read_events(answer)[0]["ref"]
        answer = Client().get("/otp/", headers=gateway_headers(ada, ref=ref))
        assert answer.json() == {"verified": True}
        assert read_events(answer) == []

    def test_an_old_login_that_lacks_it_is_nobody(self, ada, device, sidgate):
        from .test_legacy import INVALID as NOBODY
        from .test_legacy import introspect

        sidgate(LEGACY_INTROSPECTORS=["sidgate_django.legacy.django_session"])
        client = Client()
        client.force_login(ada)
        cookie = client.cookies["sessionid"].value
        assert introspect(sessionid=cookie) == NOBODY
        store = SessionStore(cookie)
        store[DEVICE_ID_SESSION_KEY] = device.persistent_id
        store.save()
        assert introspect(sessionid=cookie)[0] == 200


class TestAxes:
    @pytest.fixture(autouse=True)
    def axes(self, settings):
        settings.AXES_ENABLED = True
        settings.AXES_FAILURE_LIMIT = 3
        settings.OTP_TOTP_THROTTLE_FACTOR = 0
        settings.ACCOUNT_RATE_LIMITS = False
        settings.AUTHENTICATION_BACKENDS = [
            "axes.backends.AxesStandaloneBackend",
            "django.contrib.auth.backends.ModelBackend",
        ]
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, "axes.middleware.AxesMiddleware"]

    def test_wrong_codes_count_as_wrong_passwords(self, ada):
        TOTPDevice.objects.create(user=ada)
        for _ in range(2):
            assert refusal(otp="000000")[0] == 401
        assert at_the_gateway(otp="000000")[0] == 429
        assert at_the_gateway()[0] == 429

    def test_a_login_resets_the_count(self, ada, settings):
        settings.AXES_RESET_ON_SUCCESS = True
        for _ in range(3):
            assert refusal(password="wrong") == INVALID
            assert refusal(password="wrong") == INVALID
            assert at_the_gateway()[0] == 200

    def test_a_password_without_its_code_resets_nothing(self, ada, settings):
        settings.AXES_RESET_ON_SUCCESS = True
        TOTPDevice.objects.create(user=ada)
        for _ in range(2):
            refusal(password="wrong")
        assert refusal() == mfa("totp")
        assert at_the_gateway(password="wrong")[0] == 429

    def test_a_disabled_account_is_no_way_around_the_lock(self, ada):
        ada.is_active = False
        ada.save()
        for _ in range(3):
            at_the_gateway(password="wrong")
        assert at_the_gateway()[0] == 429
