"""The fixtures, in a project's own run of pytest."""

import pytest

pytest_plugins = "pytester"

TESTS = """
import pytest


def user_of(client):
    return client.get("/who/").json()["user"]


def test_admin(admin_client):
    assert type(admin_client).__name__ == "GatewayClient"
    assert admin_client.get("/admin/").status_code == 200


def test_client(client, django_user_model):
    client.force_login(django_user_model.objects.create_user("ada"))
    assert user_of(client) == "ada"


def test_two_browsers(client, sidgate_client, django_user_model):
    ada = django_user_model.objects.create_user("ada")
    client.force_login(ada)
    sidgate_client.force_login(ada)
    sidgate_client.post("/say/", {"calls": '[["logout", {"scope": "others"}]]'})
    assert (user_of(client), user_of(sidgate_client)) == (None, "ada")


@pytest.mark.django_db(transaction=True)
async def test_async(async_client, async_sidgate_client, django_user_model):
    ada = await django_user_model.objects.acreate_user("ada")
    for client in (async_client, async_sidgate_client):
        await client.aforce_login(ada)
        assert (await client.get("/awho/")).json()["user"] == "ada"


@pytest.mark.parametrize("attempt", range(2))
def test_nothing_is_left_of_other_tests(client, attempt, sidgate_gateway, admin_user):
    assert sidgate_gateway.sessions == []
    client.force_login(admin_user)
"""
PLAIN = """
def test_admin(admin_client, client, async_client):
    assert type(admin_client).__module__ == "django.test.client"
    assert type(client).__module__ == "django.test.client"
    assert type(async_client).__module__ == "django.test.client"
"""
INI = "[pytest]\nDJANGO_SETTINGS_MODULE = tests.settings\nasyncio_mode = auto\n"


@pytest.fixture
def run(pytester, pytestconfig, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(pytestconfig.rootpath))
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE")  # left there by this run

    def run(tests, ini=INI):
        pytester.makefile(".ini", pytest=ini)
        pytester.makepyfile(tests)
        return pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")

    return run


def test_clients_of_a_project_behind_the_gateway(run):
    run(TESTS).assert_outcomes(passed=6)


def test_clients_that_are_to_stay_as_they_are(run):
    run(PLAIN, INI + "sidgate_clients = false\n").assert_outcomes(passed=1)


def test_a_project_without_the_middleware(run, pytester):
    pytester.makepyfile(
        plain_settings="from tests.settings import *\n"
        "MIDDLEWARE = [m for m in MIDDLEWARE if 'sidgate' not in m]\n"
    )
    ini = INI.replace("tests.settings", "plain_settings") + "pythonpath = .\n"
    run(PLAIN, ini).assert_outcomes(passed=1)


def test_a_project_without_django(run):
    run("def test_it(): pass", "[pytest]\naddopts = -p no:django\n").assert_outcomes(passed=1)
