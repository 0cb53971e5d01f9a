"""Nobody logs in at the gateway's endpoint where something cannot be judged; and what judges."""

import sys
from types import ModuleType

import pytest
from django.contrib import admin
from django.contrib.auth import logout
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.views import LoginView
from django.contrib.messages import get_messages, info
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.urls import include, path

from sidgate_django import events
from sidgate_django.login_stages import pages
from sidgate_django.refusal import Refused
from sidgate_django.session_stores import key_of, store_class

from . import login_pages, stages
from .logins import INVALID, PATH, at_the_gateway, mfa, refusal
from .test_checks import ids
from .test_endpoints import call

PAGE_ONLY = mfa("login_page")


@pytest.fixture
def project(settings, db):
    """A project with these URL patterns beside the endpoints, and without allauth."""
    settings.INSTALLED_APPS = [a for a in settings.INSTALLED_APPS if "allauth" not in a]
    settings.MIDDLEWARE = [m for m in settings.MIDDLEWARE if "allauth" not in m]

    def of(*patterns):
        urls = ModuleType("tests.urls_of_one_test")
        urls.urlpatterns = [*patterns, path("", include("sidgate_django.login_urls"))]
        sys.modules[urls.__name__] = urls
        settings.ROOT_URLCONF = "tests.empty_urls"
        settings.ROOT_URLCONF = urls.__name__

    yield of
    sys.modules.pop("tests.urls_of_one_test", None)


class TestDefaultDeny:
    @pytest.mark.parametrize("name", ["captcha", "trench", "defender", "termsandconditions"])
    def test_an_app_that_cannot_be_asked(self, ada, settings, monkeypatch, tmp_path, name):
        module = ModuleType(name)
        module.__path__ = [str(tmp_path)]
        monkeypatch.setitem(sys.modules, name, module)
        settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, name]
        assert refusal() == refusal(password="wrong") == PAGE_ONLY
        assert ids() == ["sidgate.E011"]

    @pytest.mark.parametrize(
        ("pattern", "name"),
        [
            (path("x/", login_pages.SpecialLogin.as_view()), "SpecialLogin"),
            (path("x/", LoginView.as_view(form_class=login_pages.WithCaptcha)), "WithCaptcha"),
            (
                path("x/", LoginView.as_view(authentication_form=login_pages.WithCaptcha)),
                "WithCaptcha",
            ),
            (path("x/", login_pages.OwnView.as_view()), "OwnView"),
            (path("x/", login_pages.log_in, name="login"), "log_in"),
            (path("x/", login_pages.CallableView(), name="login"), "CallableView"),
            (path("accounts/login/", login_pages.log_in), "log_in"),  # settings.LOGIN_URL
            (path("admin/", login_pages.SpecialAdmin().urls), "WithCaptcha"),
            (path("admin/", login_pages.OtherAdmin().urls), "OtherAdmin.login"),
            (path("a/", include([path("b/", login_pages.SpecialLogin.as_view())])), "SpecialLogin"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_a_login_page_of_its_own(self, ada, settings, project, pattern, name):
        settings.LOGIN_URL = "/accounts/login/"
        project(pattern)
        assert refusal() == refusal(password="wrong") == PAGE_ONLY
        assert pages.unanswered() == [f"tests.login_pages.{name}"]
        assert "sidgate.E011" in ids()

    @pytest.mark.parametrize(
        "pattern",
        [
            path("login/", LoginView.as_view(template_name="x.html", next_page="/"), name="login"),
            path("admin/", admin.site.urls),
            path("api/", include("rest_framework.urls")),
            path("x/", login_pages.log_in),  # by nothing to be told from any other page
        ],
    )
    def test_the_usual_ones(self, ada, project, pattern):
        project(pattern)
        assert at_the_gateway()[0] == 200

    @pytest.mark.parametrize("url", ["https://sso.example.com/login", "nowhere", "/next-js-login"])
    def test_a_login_page_that_is_elsewhere(self, ada, project, settings, url):
        settings.LOGIN_URL = url
        project()
        assert at_the_gateway()[0] == 200

    def test_a_form_of_its_own_for_allauth(self, ada, settings):
        settings.ACCOUNT_FORMS = {"login": "tests.login_pages.WithCaptcha"}
        assert refusal() == PAGE_ONLY
        assert ids() == ["sidgate.E011"]

    def test_an_answer_opens_it(self, ada, project, sidgate):
        project(path("x/", login_pages.SpecialLogin.as_view()))
        sidgate(LOGIN_STAGES=["tests.stages.captcha"])
        assert "sidgate.E011" not in ids()
        assert at_the_gateway(captcha="solved")[0] == 200
        # In the words of a wrong password: a captcha is there against guessing.
        assert refusal(captcha="wrong") == refusal() == refusal(password="wrong") == INVALID

    def test_an_answer_for_something_else_does_not(self, ada, project, sidgate):
        project(path("x/", login_pages.SpecialLogin.as_view()))
        sidgate(LOGIN_STAGES=["tests.stages.nothing"])
        assert refusal() == PAGE_ONLY

    def test_no_hash_is_run_for_nobody(self, ada, project, monkeypatch):
        project(path("x/", login_pages.SpecialLogin.as_view()))
        monkeypatch.setattr(User, "check_password", lambda *args: pytest.fail("asked"))
        assert refusal() == PAGE_ONLY


class TestOwnStages:
    def test_what_it_is_told(self, ada, sidgate):
        sidgate(LOGIN_STAGES=["tests.stages.nothing"])
        stages.seen.clear()
        assert at_the_gateway(terms="yes", number=7)[0] == 200
        assert stages.seen == [("ada", "203.0.113.9", {"terms": "yes", "number": 7})]

    def test_not_asked_after_a_wrong_password(self, ada, sidgate):
        sidgate(LOGIN_STAGES=["tests.stages.nothing"])
        stages.seen.clear()
        assert refusal(password="wrong") == INVALID
        assert stages.seen == []

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("terms", mfa("terms")),
            ("captcha", INVALID),
            ("disabled", (403, {"code": "account_disabled"})),
            ("locked", (429, {"code": "locked", "retry_after": 60})),
        ],
    )
    def test_its_refusals(self, ada, sidgate, name, expected):
        sidgate(LOGIN_STAGES=["tests.stages.nothing", f"tests.stages.{name}"])
        assert refusal() == expected

    @pytest.mark.parametrize("flows", [("Terms of use",), ("",), ("x" * 65,), ("a",) * 17, "ab c"])
    def test_flows_that_the_gateway_would_not_pass_on(self, flows):
        with pytest.raises(ValueError, match="flows are"):
            Refused("mfa_required", flows)

    def test_a_code_that_nobody_knows(self):
        with pytest.raises(ValueError, match="code is"):
            Refused("mfa-required")

    @pytest.mark.parametrize("name", ["consents", "misspelled", "response"])
    def test_rubbish_is_no_consent(self, ada, sidgate, name):
        sidgate(LOGIN_STAGES=[f"tests.stages.{name}"])
        with pytest.raises(Exception, match="A login stage returns"):
            at_the_gateway()


class TestSignals:
    """Receivers find what they find at a login page, and leave nothing behind but the session."""

    @pytest.fixture
    def receive(self):
        connected = []

        def connect(receiver):
            connected.append(receiver)
            user_logged_in.connect(receiver)

        yield connect
        for receiver in connected:
            user_logged_in.disconnect(receiver)

    def test_they_see_who_it_is(self, ada, receive):
        seen = []

        def receiver(sender, request, user, **kwargs):
            request.session["seen"] = True
            info(request, "welcome")
            seen.append((sender, user, request.user, request.META["REMOTE_ADDR"]))
            seen.append([str(message) for message in get_messages(request)][:1])

        receive(receiver)
        assert at_the_gateway()[0] == 200
        assert seen == [(User, ada, ada, "203.0.113.9"), ["welcome"]]
        assert Session.objects.count() == 0

    @pytest.mark.parametrize("veto", ["logout", "permission", "other"])
    def test_a_veto(self, ada, bob, receive, veto):
        def receiver(sender, request, user, **kwargs):
            if veto == "logout":
                logout(request)
            if veto == "permission":
                raise PermissionDenied
            if veto == "other":
                request.user = bob

        receive(receiver)
        assert refusal()[0] in (401, 403)

    def test_what_they_tell_the_gateway_is_not_dropped_in_silence(self, ada, receive, caplog):
        def receiver(request, **kwargs):
            events.logout(request, scope="others")

        receive(receiver)
        assert at_the_gateway()[0] == 200
        assert "not sent: logout" in caplog.text

    def test_a_receiver_that_fails_is_no_login(self, ada, receive):
        def receiver(**kwargs):
            raise RuntimeError

        receive(receiver)
        with pytest.raises(RuntimeError):
            at_the_gateway()

    def test_what_they_note_goes_on(self, ada, receive, settings):
        settings.MIDDLEWARE = [
            "sidgate_django.middleware.GatewaySessionMiddleware",
            *settings.MIDDLEWARE[1:],
        ]

        def receiver(request, **kwargs):
            request.session["noted"] = 7

        receive(receiver)
        ref = at_the_gateway()[1]["ref"]
        assert store_class()(key_of(ref.removeprefix("first-"))).load() == {}  # not by its key
        assert Session.objects.get().get_decoded()["noted"] == 7

    def test_last_login(self, ada):
        at_the_gateway(password="wrong")
        ada.refresh_from_db()
        assert ada.last_login is None
        at_the_gateway()
        ada.refresh_from_db()
        assert ada.last_login is not None

    def test_a_hash_is_renewed(self, ada, settings):
        settings.PASSWORD_HASHERS = ["tests.test_login_stages.Stronger", *settings.PASSWORD_HASHERS]
        assert at_the_gateway()[0] == 200
        ada.refresh_from_db()
        assert ada.password.startswith("stronger$")


class Stronger(PBKDF2PasswordHasher):
    algorithm = "stronger"
    iterations = 1


class TestAccount:
    """The opaque name under which the gateway counts failures."""

    def account(self, **members):
        return at_the_gateway(password="wrong", **members)[1]["account"]

    @pytest.mark.parametrize("email", ["ADA@example.com", "ada", "aDa@Example.Com"])
    def test_one_account_has_one_name(self, ada, email):
        assert self.account(email=email) == self.account()

    def test_others_have_others(self, ada, bob):
        names = [self.account(email=name) for name in ("ada", "bob", "eve", "mallory")]
        assert len(set(names)) == 4

    def test_one_spelling_of_nobody(self, db):
        spellings = ["eve@example.com", " EVE@example.com ", "\uff45ve@example.com"]
        assert len({self.account(email=email) for email in spellings}) == 1

    def test_having_one_says_nothing(self, ada, settings):
        known, unknown = self.account(), self.account(email="eve")
        assert len(known) == len(unknown) == 32
        assert str(ada.pk) != known
        settings.SECRET_KEY = "another " * 8
        assert self.account() != known

    def test_of_every_refusal(self, ada, sidgate):
        wrong = self.account()
        sidgate(LOGIN_STAGES=["tests.stages.terms"])
        assert at_the_gateway()[1]["account"] == wrong
        sidgate(LOGIN_STAGES=None)
        User.objects.update(is_active=False)
        assert at_the_gateway() == (403, {"code": "account_disabled", "account": wrong})

    def test_an_address_that_only_allauth_knows(self, ada, settings):
        from allauth.account.models import EmailAddress

        EmailAddress.objects.create(user=ada, email="second@example.com")
        assert self.account(email="second@example.com") == self.account()


def test_the_login_has_urls_of_its_own(ada, settings):
    settings.ROOT_URLCONF = "sidgate_django.urls"
    assert call(PATH, {})[0] == 404
    settings.ROOT_URLCONF = "sidgate_django.login_urls"
    assert call(PATH, {})[0] == 400
    assert call("/__sidgate__/introspect", {})[0] == 404
