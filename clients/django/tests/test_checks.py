"""Every fault is reported by ``manage.py check`` before it can do harm."""

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command

from sidgate_django.conf import get_conf
from sidgate_django.middleware import SidgateMiddleware

from .settings import KEY, PREVIOUS_KEY, b64

SESSION = "django.contrib.sessions.middleware.SessionMiddleware"
AUTH = "django.contrib.auth.middleware.AuthenticationMiddleware"
OURS = "sidgate_django.middleware.SidgateMiddleware"
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
        {"KEYS": [b64(KEY), b64(PREVIOUS_KEY)]},
        {"KEY": b64(KEY), "ON_BYPASS": "reject", "LEEWAY": 0, "AUTHENTICATE_EXTRA": ["otp"]},
        {"KEY": b64(KEY), "LEGACY_INTROSPECTORS": ["tests.introspectors.anonymous"]},
        {"KEY": b64(KEY), "IDENTITY": lambda user, request: {}},
    ],
    ids=str,
)
def test_sound_settings(settings, sidgate):
    settings.SIDGATE = sidgate
    assert ids() == []


@pytest.mark.parametrize(
    ("sidgate", "expected"),
    [
        (None, "E001"),
        ({}, "E001"),
        ({"KEY": ""}, "E001"),
        ({"KEY": b64(KEY)[:-4]}, "E001"),
        ({"KEY": b64(KEY).replace("=", "")}, "E001"),
        ({"KEY": "not base64 at all, really!"}, "E001"),
        ({"KEY": "\u00e9" * 44}, "E001"),
        ({"KEY": KEY}, "E001"),
        ({"KEYS": []}, "E001"),
        ({"KEYS": b64(KEY)}, "E001"),
        ({"KEYS": [b64(KEY), ""]}, "E001"),
        ({"KEY": b64(KEY), "KEYS": [b64(KEY)]}, "E001"),
        ({"KEY": b64(KEY), "SECRET": "x"}, "E002"),
        ({"KEY": b64(KEY), "UPSTREAM": ""}, "E002"),
        ({"KEY": b64(KEY), "UPSTREAM": None}, "E002"),
        ({"KEY": b64(KEY), "LEEWAY": -1}, "E002"),
        ({"KEY": b64(KEY), "LEEWAY": True}, "E002"),
        ({"KEY": b64(KEY), "ON_BYPASS": "trust"}, "E002"),
        ({"KEY": b64(KEY), "IDENTITY": "tests.nowhere"}, "E002"),
        ({"KEY": b64(KEY), "IDENTITY": "tests.settings.KEY"}, "E002"),
        ({"KEY": b64(KEY), "LEGACY_INTROSPECTORS": "tests.introspectors.anonymous"}, "E002"),
        ({"KEY": b64(KEY), "LEGACY_INTROSPECTORS": ["tests.introspectors.gone"]}, "E002"),
        ({"KEY": b64(KEY), "AUTHENTICATE_EXTRA": ["password"]}, "E002"),
        ({"KEY": b64(KEY), "AUTHENTICATE_EXTRA": "otp"}, "E002"),
    ],
    ids=str,
)
def test_faulty_settings(settings, sidgate, expected):
    settings.SIDGATE = sidgate
    assert ids() == [f"sidgate.{expected}"]
    with pytest.raises(ImproperlyConfigured):
        SidgateMiddleware(lambda request: None)


def test_every_fault_at_once(settings):
    settings.SIDGATE = {"SECRET": 1, "UPSTREAM": 2, "LEEWAY": 3.5}
    assert sorted(ids()) == ["sidgate.E001"] + ["sidgate.E002"] * 3


def test_no_setting_at_all(settings):
    del settings.SIDGATE
    assert ids() == ["sidgate.E001"]


def test_keys_are_never_shown(settings):
    assert "kkkk" not in repr(get_conf())
    settings.SIDGATE = {"KEY": "c2VjcmV0", "UPSTREAM": ""}
    assert not any("c2VjcmV0" in str(message) for message in run_checks())


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [
        ([SESSION, AUTH, OURS], []),
        ([SESSION, AUTH, "tests.test_checks.Ours"], []),
        ([OURS], []),
        ([SESSION, AUTH], ["E003"]),
        ([SESSION, AUTH, OURS, OURS], ["E004"]),
        ([SESSION, OURS, AUTH], ["E005"]),
        ([OURS, SESSION, AUTH], ["E005", "E005"]),
        ([SESSION, AUTH, REMOTE, OURS], ["W001"]),
        ([SESSION, AUTH, "nowhere.Middleware", OURS], []),
    ],
)
def test_middleware(settings, middleware, expected):
    settings.MIDDLEWARE = middleware
    assert ids() == [f"sidgate.{id}" for id in expected]


def test_endpoints_not_routed(settings):
    settings.ROOT_URLCONF = "tests.empty_urls"
    assert ids() == ["sidgate.W002"]
