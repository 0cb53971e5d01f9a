"""Every fault is reported by ``manage.py check`` before it can do harm."""

import base64

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from sidgate_django.conf import get_conf
from sidgate_django.middleware import SidgateMiddleware

from .settings import KEY, PREVIOUS_KEY, b64

FERNET = base64.urlsafe_b64encode(b"f" * 32).decode()

SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
OURS = "sidgate_django.middleware.SidgateMiddleware"
CSRF = "django.middleware.csrf.CsrfViewMiddleware"
SESSIONS = "sidgate_django.middleware.GatewaySessionMiddleware"
LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"
UPDATE_CACHE = "django.middleware.cache.UpdateCacheMiddleware"
FETCH_CACHE = "django.middleware.cache.FetchFromCacheMiddleware"
CACHE = "django.middleware.cache.CacheMiddleware"
REMOTE = "django.contrib.auth.middleware.PersistentRemoteUserMiddleware"


class Ours(SidgateMiddleware):
    """A project may extend the middleware."""


def ids():
    return [message.id for message in run_checks() if (message.id or "").startswith("sidgate.")]


def test_a_sound_project(db):
    call_command("check", fail_level="WARNING")


@pytest.mark.parametrize(
    "sidgate",
    [
        {"KEY": b64(KEY)},
        # As a file has it that `sidgate keys upstream` was written to.
        {"KEY": f"{b64(KEY)}\n"},
        {"KEYS": [b64(KEY), b64(PREVIOUS_KEY)]},
        {"KEY": b64(KEY), "ON_BYPASS": "reject", "LEEWAY": 0, "AUTHENTICATE_EXTRA": ["otp"]},
        {"KEY": b64(KEY), "LEGACY_INTROSPECTORS": ["tests.introspectors.anonymous"]},
        {"KEY": b64(KEY), "IDENTITY": lambda user, request: {}},
        {"KEY": b64(KEY), "DATABASE": "default", "MANAGED": True},
        {"KEY": b64(KEY), "LEGACY_SESSION_COOKIE": "sessionid"},
        {"KEY": b64(KEY), "LEGACY_TOKEN": {"COOKIE": "dott", "KEYS": [FERNET]}},
    ],
    ids=str,
)
def test_sound_settings(settings, sidgate):
    settings.SIDGATE = sidgate
    assert ids() == []


@pytest.mark.parametrize(
    ("sidgate", "expected"),
    [
        (None, "E003"),
        ({}, "E003"),
        ({"KEY": ""}, "E003"),
        ({"KEY": b64(KEY)[:-4]}, "E003"),
        ({"KEY": b64(KEY).replace("=", "")}, "E003"),
        ({"KEY": "not base64 at all, really!"}, "E003"),
        ({"KEY": "\u00e9" * 44}, "E003"),
        ({"KEY": KEY}, "E003"),
        ({"KEYS": []}, "E003"),
        ({"KEYS": b64(KEY)}, "E003"),
        ({"KEYS": [b64(KEY), ""]}, "E003"),
        ({"KEY": b64(KEY), "KEYS": [b64(KEY)]}, "E003"),
        ({"KEY": b64(KEY), "SECRET": "x"}, "E005"),
        ({"KEY": b64(KEY), "UPSTREAM": ""}, "E005"),
        ({"KEY": b64(KEY), "UPSTREAM": None}, "E005"),
        ({"KEY": b64(KEY), "LEEWAY": -1}, "E005"),
        ({"KEY": b64(KEY), "LEEWAY": True}, "E005"),
        ({"KEY": b64(KEY), "ON_BYPASS": "trust"}, "E005"),
        ({"KEY": b64(KEY), "IDENTITY": "tests.nowhere"}, "E005"),
        ({"KEY": b64(KEY), "IDENTITY": "tests.settings.KEY"}, "E005"),
        ({"KEY": b64(KEY), "LEGACY_INTROSPECTORS": "tests.introspectors.anonymous"}, "E005"),
        ({"KEY": b64(KEY), "LEGACY_INTROSPECTORS": ["tests.introspectors.gone"]}, "E005"),
        ({"KEY": b64(KEY), "AUTHENTICATE_EXTRA": ["password"]}, "E005"),
        ({"KEY": b64(KEY), "AUTHENTICATE_EXTRA": "otp"}, "E005"),
        ({"KEY": b64(KEY), "DATABASE": "elsewhere"}, "E005"),
        ({"KEY": b64(KEY), "DATABASE": ["default"]}, "E005"),
        ({"KEY": b64(KEY), "MANAGED": 1}, "E005"),
        ({"KEY": b64(KEY), "ACCEPT_DJANGO_LOGIN": "yes"}, "E005"),
        ({"KEY": b64(KEY), "ACCEPT_DJANGO_LOGIN": True}, "E007"),
        ({"KEY": b64(KEY), "LEGACY_SESSION_COOKIE": ""}, "E005"),
        ({"KEY": b64(KEY), "LEGACY_TOKEN": FERNET}, "E005"),
        ({"KEY": b64(KEY), "LEGACY_TOKEN": {"COOKIE": "c", "KEYS": []}}, "E005"),
        ({"KEY": b64(KEY), "LEGACY_TOKEN": {"COOKIE": "c", "KEYS": FERNET}}, "E005"),
        ({"KEY": b64(KEY), "LEGACY_TOKEN": {"COOKIE": "c", "KEYS": ["short"]}}, "E005"),
        ({"KEY": b64(KEY), "LEGACY_TOKEN": {"KEYS": [FERNET]}}, "E005"),
        ({"KEY": b64(KEY), "LEGACY_TOKEN": {"COOKIE": "c", "KEYS": [FERNET], "A": 1}}, "E005"),
        (
            {"KEY": b64(KEY), "LEGACY_TOKEN": {"COOKIE": "c", "KEYS": [FERNET], "MAX_AGE": 0}},
            "E005",
        ),
    ],
    ids=str,
)
def test_faulty_settings(settings, sidgate, expected):
    settings.SIDGATE = sidgate
    assert ids() == [f"sidgate.{expected}"]
    if expected == "E007":
        return  # sound by itself
    with pytest.raises(ImproperlyConfigured):
        SidgateMiddleware(lambda request: None)


def test_every_fault_at_once(settings):
    settings.SIDGATE = {"SECRET": 1, "UPSTREAM": 2, "LEEWAY": 3.5}
    assert sorted(ids()) == ["sidgate.E003"] + ["sidgate.E005"] * 3


def test_no_setting_at_all(settings):
    del settings.SIDGATE
    assert ids() == ["sidgate.E003"]


def test_keys_are_never_shown(settings):
    assert "kkkk" not in repr(get_conf())
    settings.SIDGATE = {"KEY": "c2VjcmV0", "UPSTREAM": ""}
    assert not any("c2VjcmV0" in str(message) for message in run_checks())


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ([SESSION, CSRF, AUTH, OURS], []),
        ([SESSIONS, CSRF, AUTH, OURS], []),
        ([SESSION, CSRF, AUTH, "tests.test_checks.Ours"], []),
        ([CSRF, OURS], []),
        ([SESSION, AUTH, OURS], ["W003"]),
        ([SESSION, CSRF, AUTH], ["E001"]),
        ([SESSION, CSRF, AUTH, OURS, OURS], ["E006"]),
        ([SESSIONS, SESSION, CSRF, AUTH, OURS], ["E006"]),
        ([SESSION, CSRF, OURS, AUTH], ["E002"]),
        ([OURS, CSRF, SESSION, AUTH], ["E002", "E002"]),
        ([SESSION, CSRF, AUTH, LOGIN_REQUIRED, OURS], ["E002"]),
        ([UPDATE_CACHE, SESSION, CSRF, AUTH, OURS, FETCH_CACHE], []),
        ([UPDATE_CACHE, FETCH_CACHE, SESSION, CSRF, AUTH, OURS], ["E002"]),
        ([CACHE, SESSION, CSRF, AUTH, OURS], ["E002"]),
        ([SESSION, CSRF, AUTH, OURS, LOGIN_REQUIRED], []),
        ([SESSION, CSRF, AUTH, REMOTE, OURS], ["W001"]),
        ([SESSION, CSRF, AUTH, "nowhere.Middleware", OURS], []),
    ],
)
def test_middleware(settings, middleware, expected):
    settings.MIDDLEWARE = middleware
    assert ids() == [f"sidgate.{id}" for id in expected]


def test_sessions_that_live_in_the_cookie(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    assert ids() == []
    settings.MIDDLEWARE = [SESSIONS, CSRF, AUTH, OURS]
    assert ids() == ["sidgate.E008"]


def test_a_login_of_djangos_own_needs_the_session_middleware(settings, sidgate):
    sidgate(ACCEPT_DJANGO_LOGIN=True)
    settings.MIDDLEWARE = [SESSIONS, CSRF, AUTH, OURS]
    assert ids() == []


def test_no_word_about_https(settings):
    settings.SECURE_PROXY_SSL_HEADER = None
    assert ids() == ["sidgate.W002"]


def test_axes(settings):
    settings.AXES_CLIENT_IP_CALLABLE = None
    assert ids() == ["sidgate.W004"]


@pytest.mark.parametrize(
    ("count", "header", "expected"),
    [
        (1, None, []),
        (0, None, ["sidgate.W007"]),
        (2, None, ["sidgate.W007"]),
        (0, "X-Forwarded-For", []),
        (1, "X-Real-IP", ["sidgate.W007"]),
    ],
)
def test_allauth(settings, count, header, expected):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = count
    settings.ALLAUTH_TRUSTED_CLIENT_IP_HEADER = header
    assert ids() == expected


def test_tables_that_are_not_there(db, sidgate):
    def found():
        messages = run_checks(tags=["database"], databases=["default"])
        return [message.id for message in messages if message.id.startswith("sidgate")]

    assert found() == []
    sidgate(DATABASE="default")
    assert found() == ["sidgate.E010"]


def test_models_and_migration_agree(db):
    call_command("makemigrations", "sidgate", check=True, dry_run=True, verbosity=0)


def test_endpoints_not_routed(settings, sidgate):
    settings.ROOT_URLCONF = "tests.empty_urls"
    assert ids() == []
    sidgate(LEGACY_INTROSPECTORS=["tests.introspectors.anonymous"])
    assert ids() == ["sidgate.W005"]
    sidgate(LEGACY_INTROSPECTORS=None, LOGIN_STAGES=["tests.stages.nothing"])
    assert ids() == ["sidgate.W006"]
    sidgate(LOGIN_STAGES=None, AUTHENTICATE_EXTRA=["otp"])
    assert ids() == ["sidgate.W006"]


@pytest.mark.parametrize("name", ["SESSION", "CSRF", "LANGUAGE"])
def test_a_cookie_named_as_the_marker(settings, name):
    setattr(settings, f"{name}_COOKIE_NAME", "sidgate")
    assert ids() == ["sidgate.E012"]
