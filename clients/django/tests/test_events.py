"""What responses tell the gateway."""

import json

import pytest
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.test import RequestFactory

from sidgate_django import events, tokens
from sidgate_django.testing import gateway_headers, read_events

from .settings import KEY


def identity_of(user):
    return {
        "user": {
            "id": str(user.pk),
            "username": "ada",
            "email": "ada@example.com",
            "name": "Ada",
        },
        "auth_hash": user.get_session_auth_hash(),
    }


def say(client, calls, path="/say/", headers=None, **form):
    form["calls"] = json.dumps(calls)
    return client.post(path, form, headers=gateway_headers() if headers is None else headers)


def test_login(client, ada):
    answer = client.post("/in/", {"username": "ada"}, headers=gateway_headers())
    assert answer.json() == {"user": "ada"}
    assert read_events(answer) == [{"type": "login", "identity": identity_of(ada)}]
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_the_envelope(client, ada, monkeypatch):
    monkeypatch.setattr("sidgate_django.events.time.time", lambda: 1_800_000_000.9)
    headers = gateway_headers(request_id="0190-abc", iat=1_799_999_990, exp=1_800_000_060)
    answer = client.post("/out/", headers=headers)
    assert tokens.decode(answer.headers["X-Session-Event"], [KEY]) == {
        "iss": "django",
        "aud": "sidgate",
        "iat": 1_800_000_000,
        "req": "0190-abc",
        "ev": [{"type": "logout", "scope": "this"}],
    }


@pytest.mark.parametrize("site", ["shop", None])
def test_the_envelope_names_the_site_of_the_request(client, ada, site):
    answer = client.post("/out/", headers=gateway_headers(ada, site=site))
    claims = tokens.decode(answer.headers["X-Session-Event"], [KEY])
    assert claims.get("site") == site
    assert ("site" in claims) == (site is not None)


def test_a_login_page(client, ada):
    form = {"username": "ada", "password": "right"}
    answer = client.post("/login/", form, headers=gateway_headers())
    assert answer.status_code == 302
    assert [event["type"] for event in read_events(answer)] == ["login"]
    refused = client.post("/login/", form | {"password": "no"}, headers=gateway_headers())
    assert read_events(refused) == []


def test_the_same_user_again_still_logs_in(client, ada):
    answer = client.post("/in/", {"username": "ada"}, headers=gateway_headers(ada))
    assert [event["type"] for event in read_events(answer)] == ["login"]


def test_logout(client, ada):
    answer = client.post("/logout/", headers=gateway_headers(ada))
    assert read_events(answer) == [{"type": "logout", "scope": "this"}]


def test_logout_of_somebody_django_does_not_admit(client, ada):
    answer = client.post("/logout/", headers=gateway_headers(ada, ah="0" * 64))
    assert read_events(answer) == [{"type": "logout", "scope": "this"}]


def test_every_helper(client, ada):
    calls = [
        ["update", {"identity_patch": {"tenant_id": "t2", "attributes": {"plan": None}}}],
        ["rotate", {}],
        ["set_ref", {"ref": "r1"}],
        ["logout", {"scope": "others"}],
        ["logout", {"scope": "all"}],
    ]
    assert read_events(say(client, calls, headers=gateway_headers(ada))) == [
        {"type": "update", "identity": {"tenant_id": "t2", "attributes": {"plan": None}}},
        {"type": "rotate"},
        {"type": "ref", "ref": "r1"},
        {"type": "logout", "scope": "others"},
        {"type": "logout", "scope": "all"},
    ]


def test_a_ttl_joins_the_login_of_the_signal(client, ada):
    (event,) = read_events(client.post("/in-ttl/", headers=gateway_headers()))
    assert event == {"type": "login", "identity": identity_of(ada), "ttl": 900}


def test_what_follows_a_login_is_kept(client, ada):
    answer = say(client, [["set_ref", {"ref": "r1"}]], "/in-then-say/")
    assert [event["type"] for event in read_events(answer)] == ["login", "ref"]


def test_a_logout_takes_back_the_login(client, ada):
    answer = say(client, [["logout", {"scope": "others"}], ["logout", {}]], "/in-then-say/")
    assert read_events(answer) == [
        {"type": "logout", "scope": "others"},
        {"type": "logout", "scope": "this"},
    ]


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("logout", {"scope": "everybody"}, ValueError),
        ("login", {"user": None, "ttl": 0}, ValueError),
        ("login", {"user": None, "ttl": True}, ValueError),
        ("set_ref", {"ref": ""}, ValueError),
        ("update", {"identity_patch": {"at": object()}}, TypeError),
    ],
)
def test_mistakes_fail_where_they_are_made(name, arguments, error):
    request = RequestFactory().get("/")
    with pytest.raises(error):
        getattr(events, name)(request, **arguments)
    assert events.pending(request) == []


class TestDropped:
    def warned(self, caplog):
        return [r.levelname for r in caplog.records if r.name == "sidgate_django.events"]

    @pytest.mark.parametrize("headers", [{}, {"X-Request-Id": "r", "X-Session-State": "active"}])
    def test_when_the_gateway_is_bypassed(self, client, ada, caplog, headers):
        answer = client.post("/in/", {"username": "ada"}, headers=headers)
        assert answer.json() == {"user": "ada"}
        assert "X-Session-Event" not in answer.headers
        assert self.warned(caplog) == ["WARNING"]

    def test_on_a_server_error(self, client, ada, caplog):
        client.raise_request_exception = False
        answer = client.post("/in-crash/", headers=gateway_headers())
        assert answer.status_code == 500
        assert "X-Session-Event" not in answer.headers
        assert self.warned(caplog) == ["WARNING"]

    def test_without_a_request_id(self, client, ada, caplog):
        headers = gateway_headers()
        del headers["X-Request-Id"]
        answer = client.post("/in/", {"username": "ada"}, headers=headers)
        assert "X-Session-Event" not in answer.headers
        assert self.warned(caplog) == ["ERROR"]


def test_a_request_wrapped_by_rest_framework(ada):
    class Wrapper:
        def __init__(self, request):
            self._request = request

    inner = RequestFactory().get("/")
    user_logged_in.send(sender=User, request=Wrapper(inner), user=ada)
    assert [event.type for event in events.pending(inner)] == ["login"]


def test_signals_without_a_request(ada):
    user_logged_in.send(sender=User, request=None, user=ada)


class TestIdentity:
    def test_of_the_project(self, client, ada, sidgate):
        sidgate(IDENTITY="tests.identities.with_tenant")
        answer = client.post("/in/", {"username": "ada"}, headers=gateway_headers())
        (event,) = read_events(answer)
        assert event["identity"]["tenant_id"] == "00000000-0000-0000-0000-000000000007"
        assert event["identity"]["attributes"] == {"plan": "pro"}
        assert event["identity"]["needs_onboarding"] is False

    def test_is_built_after_the_view(self, client, ada, sidgate):
        sidgate(IDENTITY="tests.identities.with_session_data")
        answer = say(client, [["update", {"identity_patch": {}}]], "/in-then-say/")
        assert read_events(answer)[0]["identity"]["attributes"] == {"calls": "seen"}

    @pytest.mark.parametrize(
        "builder", ["other_id", "number_as_id", "number_as_tenant", "no_user", "no_dict"]
    )
    def test_mistakes_are_loud(self, client, ada, sidgate, builder):
        sidgate(IDENTITY=f"tests.identities.{builder}")
        client.raise_request_exception = False
        answer = client.post("/in/", {"username": "ada"}, headers=gateway_headers())
        assert answer.status_code == 500
        assert "X-Session-Event" not in answer.headers

    @pytest.mark.parametrize("builder", ["none_as_tenant", "nothing_as_tenant"])
    def test_a_missing_tenant_stays_missing(self, client, ada, sidgate, builder, caplog):
        """Else everybody without one would share a tenant."""
        sidgate(IDENTITY=f"tests.identities.{builder}")
        answer = client.post("/in/", {"username": "ada"}, headers=gateway_headers())
        assert answer.status_code == 200
        assert "tenant_id" not in read_events(answer)[0]["identity"]
        assert [r.levelname for r in caplog.records if "tenant_id" in r.getMessage()] == ["ERROR"]

    @pytest.mark.parametrize("said", ["None", "", None])
    def test_a_tenant_that_goes_is_deleted(self, client, ada, said):
        calls = [["update", {"identity_patch": {"tenant_id": said}}]]
        answer = say(client, calls, headers=gateway_headers(ada))
        assert read_events(answer) == [{"type": "update", "identity": {"tenant_id": None}}]

    def test_omits_what_is_not_known(self, client, db):
        User.objects.create_user("eve", password="right")
        answer = client.post("/in/", {"username": "eve"}, headers=gateway_headers())
        assert set(read_events(answer)[0]["identity"]["user"]) == {"id", "username"}


class TestAsync:
    pytestmark = pytest.mark.django_db(transaction=True)

    async def test_login_and_logout(self, async_client, ada):
        answer = await async_client.post("/ain/", {"username": "ada"}, headers=gateway_headers())
        assert answer.json() == {"user": "ada"}
        assert [event["type"] for event in read_events(answer)] == ["login"]
        answer = await async_client.post("/aout/", headers=gateway_headers())
        assert answer.json() == {"user": None}
        assert read_events(answer) == [{"type": "logout", "scope": "this"}]

    async def test_identities_may_use_the_database(self, async_client, ada, sidgate):
        sidgate(IDENTITY="tests.identities.with_query")
        answer = await async_client.post("/ain/", {"username": "ada"}, headers=gateway_headers())
        assert read_events(answer)[0]["identity"]["attributes"] == {"users": 1}
