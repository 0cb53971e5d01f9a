"""What an app tells `sidgate doctor` about itself, and to whom."""

import json
import time
from pathlib import Path

import django
import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import include, path

from sidgate_django import __version__
from sidgate_django.testing import assertion, backend_headers

from . import settings as project

DOCTOR = "/__sidgate__/doctor"

urlpatterns = [path("", include("sidgate_django.urls"))]


def ask(body=b"{}", headers=None, **claims):
    signed = backend_headers(body, **claims) if headers is None else headers
    return Client(enforce_csrf_checks=True).post(
        DOCTOR, body, content_type="application/json", headers=signed
    )


def test_facts(db):
    before = time.time_ns() // 1_000_000
    answer = ask()
    facts = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert before <= facts.pop("time_ms") <= time.time_ns() // 1_000_000
    assert facts.pop("runtime")["name"] == "python"
    assert facts == {
        "package": {"name": "sidgate-django", "version": __version__},
        "framework": {"name": "django", "version": django.get_version()},
        "upstream": "django",
        "leeway": 5,
        "assertions": "every_request",
        "unsigned": [],
        "bypass": "anonymous",
        "own_login": False,
        "calls": ["authenticate", "introspect"],
        "debug": False,
        "seen": {"scheme": "http", "host": "testserver", "address": "127.0.0.1"},
        "findings": [],
    }


def test_is_what_the_protocol_says(db):
    page = Path(__file__).parents[3] / "docs/protocol.md"
    _, _, rest = page.read_text().partition("```json doctor\n")
    documented = json.loads(rest.partition("```")[0])
    facts = ask().json()
    assert set(facts) == set(documented) | {"runtime"}
    for name, value in documented.items():
        assert type(facts[name]) is type(value), name


def test_changes_nothing(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = ask()
    assert not answer.cookies
    assert "X-Session-Event" not in answer.headers
    assert not User.objects.exists()


def test_no_secret(db, sidgate):
    sidgate(KEY=None, KEYS=[project.b64(project.KEY), project.b64(project.PREVIOUS_KEY)])
    told = ask().content.decode()
    for secret in (project.SECRET_KEY, *map(project.b64, (project.KEY, project.PREVIOUS_KEY))):
        assert secret.strip() not in told


def test_settings_that_matter(db, settings, sidgate):
    sidgate(ON_BYPASS="reject", LEEWAY=9, ACCEPT_DJANGO_LOGIN=True)
    settings.DEBUG = True
    facts = ask().json()
    assert (facts["bypass"], facts["leeway"], facts["own_login"]) == ("reject", 9, True)
    assert facts["debug"] is True


def test_without_the_middleware(db, settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "sidgate" not in name]
    facts = ask().json()
    assert facts["assertions"] == "never"
    assert "sidgate.E001" in [finding["id"] for finding in facts["findings"]]


def test_headers_that_anybody_can_write(db, settings):
    believer = "django.contrib.auth.middleware.RemoteUserMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, believer]
    facts = ask().json()
    assert facts["unsigned"] == [believer]
    finding = next(found for found in facts["findings"] if found["id"] == "sidgate.W001")
    assert finding["level"] == "warning"
    assert finding["text"]
    assert finding["hint"]


def test_silenced_checks_stay_silent(db, settings):
    settings.SECURE_PROXY_SSL_HEADER = None
    assert [found["id"] for found in ask().json()["findings"]] == ["sidgate.W002"]
    settings.SILENCED_SYSTEM_CHECKS = ["sidgate.W002"]
    assert ask().json()["findings"] == []


def test_what_it_saw(db):
    body = b"{}"
    headers = backend_headers(body) | {"X-Forwarded-Proto": "https", "Host": "testserver"}
    assert ask(body, headers).json()["seen"]["scheme"] == "https"


def test_either_module_of_urls_has_it(db, settings):
    settings.ROOT_URLCONF = "tests.test_doctor"
    assert ask().json()["calls"] == ["introspect"]
    settings.ROOT_URLCONF = "sidgate_django.login_urls"
    assert ask().json()["calls"] == ["authenticate"]


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "django"},
        {"aud": "next:backend"},
        {"iss": "django"},
        {"exp": 1_000_000_000},
        {"iat": 4_000_000_000},
        {"bh": None},
        {"bh": "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"},
        {"key": b"x" * 32},
    ],
    ids=str,
)
def test_a_wrong_signature_finds_nothing(db, claims):
    answer = ask(**claims)
    nowhere = Client().post("/nowhere", b"{}", content_type="application/json")
    assert answer.status_code == 404
    assert answer.content == nowhere.content


def test_nobody_else_finds_anything(db):
    for headers in ({}, {"X-Sidgate-Request": "x"}, {"X-Sidgate-Request": assertion()}):
        assert ask(headers=headers).status_code == 404
    assert ask(headers=backend_headers(b"[]")).status_code == 404
    assert Client().get(DOCTOR, headers=backend_headers(b"")).status_code == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_other_bodies(db, body):
    answer = ask(body)
    assert (answer.status_code, json.loads(answer.content)["code"]) == (400, "invalid_request")
