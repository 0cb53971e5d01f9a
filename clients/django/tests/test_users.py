"""Which user a session is, in both worlds of Django."""

import pytest
from asgiref.sync import iscoroutinefunction
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.http import HttpResponse
from django.test import AsyncRequestFactory, override_settings

from sidgate_django.middleware import SidgateMiddleware
from sidgate_django.testing import gateway_headers


def user_seen(client, headers, path="/who/"):
    return client.get(path, headers=headers).json()["user"]


def test_one_query_and_only_when_asked(client, ada, django_assert_num_queries):
    headers = gateway_headers(ada)
    with django_assert_num_queries(1):
        client.get("/who/", headers=headers)
    with django_assert_num_queries(0):
        client.get("/untouched/", headers=headers)
    with django_assert_num_queries(0):
        client.get("/who/", headers=gateway_headers())


def test_seeing_a_user_leaves_no_trace(client, ada):
    answer = client.get("/who/", headers=gateway_headers(ada))
    assert not answer.cookies
    assert "X-Session-Event" not in answer.headers
    assert not Session.objects.exists()
    ada.refresh_from_db()
    assert ada.last_login is None


def test_a_django_session_does_not_log_in(client, ada):
    client.force_login(ada)
    assert user_seen(client, gateway_headers()) is None
    assert user_seen(client, {}) is None


def test_the_gateway_wins_over_a_django_session(client, ada, bob):
    client.force_login(ada)
    assert user_seen(client, gateway_headers(bob)) == "bob"


def test_inactive(client, ada):
    ada.is_active = False
    ada.save()
    assert user_seen(client, gateway_headers(ada)) is None


@override_settings(
    AUTHENTICATION_BACKENDS=["django.contrib.auth.backends.AllowAllUsersModelBackend"]
)
def test_inactive_whatever_the_backend_allows(client, ada):
    test_inactive(client, ada)


@pytest.mark.parametrize("sub", ["999", "no-number", "1' OR '1'='1", "\u0661", "9" * 40])
def test_nobody_by_that_id(client, db, sub):
    assert user_seen(client, gateway_headers(User(pk=1, username="x"), sub=sub, ah=None)) is None


class TestAuthHash:
    def test_mismatch(self, client, ada):
        headers = gateway_headers(ada)
        ada.set_password("new")
        ada.save()
        answer = client.get("/who/", headers=headers)
        assert answer.json() == {"user": None, "state": "active"}
        assert "X-Session-Event" not in answer.headers

    def test_login_required_sends_to_the_login_page(self, client, ada):
        answer = client.get("/private/", headers=gateway_headers(ada, ah="0" * 64))
        assert answer.headers["Location"] == "/login/?next=/private/"

    def test_absent(self, client, ada):
        assert user_seen(client, gateway_headers(ada, ah=None)) == "ada"

    def test_empty_is_not_absent(self, client, ada):
        assert user_seen(client, gateway_headers(ada, ah="")) is None

    def test_secret_key_rotation(self, client, ada, settings):
        headers = gateway_headers(ada)
        old, settings.SECRET_KEY = settings.SECRET_KEY, "a new one " * 6
        assert user_seen(client, headers) is None
        settings.SECRET_KEY_FALLBACKS = [old]
        assert user_seen(client, headers) == "ada"


class TestAsync:
    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.mark.parametrize("path", ["/awho/", "/who/"])
    async def test_active(self, async_client, ada, path):
        answer = await async_client.get(path, headers=gateway_headers(ada))
        assert answer.json() == {"user": "ada", "state": "active"}

    async def test_attacks(self, async_client, ada):
        forged = gateway_headers(ada, key=b"x" * 32)
        for headers in (forged, {"X-Session-User-Id": str(ada.pk)}, {}):
            answer = await async_client.get("/awho/", headers=headers)
            assert answer.json() == {"user": None, "state": "bypassed"}

    async def test_inactive_and_changed_password(self, async_client, ada):
        answer = await async_client.get("/awho/", headers=gateway_headers(ada, ah="0" * 64))
        assert answer.json()["user"] is None
        await User.objects.filter(pk=ada.pk).aupdate(is_active=False)
        answer = await async_client.get("/awho/", headers=gateway_headers(ada))
        assert answer.json()["user"] is None

    async def test_bypass_can_be_rejected(self, async_client, sidgate):
        sidgate(ON_BYPASS="reject")
        assert (await async_client.get("/awho/")).status_code == 403

    async def test_no_thread_without_need(self, monkeypatch):
        """The middleware itself never leaves the event loop."""

        async def view(request):
            return HttpResponse("async all the way")

        def refuse(*args, **kwargs):
            raise AssertionError("a thread hop")

        monkeypatch.setattr("sidgate_django.middleware.sync_to_async", refuse)
        middleware = SidgateMiddleware(view)
        assert iscoroutinefunction(middleware)
        request = AsyncRequestFactory().get("/", headers=gateway_headers())
        assert (await middleware(request)).content == b"async all the way"
