"""The demo app behind a gateway that these tests play."""

import io
import json

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from demo.wsgi import application
from sidgate_django.testing import backend_headers

ADMIN, TEST = "admin@example.com", "test@example.com"


def log_in(gateway, email=TEST, path="/login", **form):
    form = {"username": email, "password": "password"} | form
    return gateway.submit(gateway.get(path), path, **form)


@pytest.mark.parametrize("path", ["/login", "/accounts/login/"])
def test_a_visit(gateway, path):
    assert b"Nobody is logged in" in gateway.get("/").content
    assert gateway.get("/private").headers["Location"] == "/login?next=/private"

    answer = log_in(gateway, path=path, next="/private")
    assert answer.headers["Location"] == "/private"
    assert b"For test@example.com only" in gateway.get("/private").content
    home = gateway.get("/")
    assert b"Hello, Tess" in home.content
    assert gateway.get(path).headers["Location"] == "/"  # logged in already

    assert gateway.submit(home, "/logout").headers["Location"] == "/"
    assert gateway.identity is None
    assert b"Nobody is logged in" in gateway.get("/").content


def test_a_wrong_password(gateway):
    answer = log_in(gateway, password="wrong")
    assert b'role="alert"' in answer.content
    assert gateway.identity is None


def test_forms_need_their_token(gateway):
    for path in ("/login", "/logout"):
        assert gateway.post(path, {"username": TEST, "password": "password"}).status_code == 403


def test_a_browsers_origin_is_accepted(gateway):
    """Host and scheme arrive as the browser sees them, so no CSRF_TRUSTED_ORIGINS is needed."""
    token = gateway.get("/login").context["csrf_token"]
    form = {"username": TEST, "password": "password", "csrfmiddlewaretoken": token}
    for origin, status in (("http://localhost:3000", 302), ("http://evil.example", 403)):
        headers = {"Host": "localhost:3000", "Origin": origin}
        assert gateway.post("/login", form, headers=headers).status_code == status


def test_the_admin(gateway):
    answer = log_in(gateway, ADMIN, "/admin/login/", next="/admin/")
    assert answer.headers["Location"] == "/admin/"
    page = gateway.get("/admin/")
    assert b"Site administration" in page.content
    gateway.submit(page, "/admin/logout/")
    assert gateway.get("/admin/").headers["Location"] == "/admin/login/?next=/admin/"


def test_whoami(gateway, people, django_assert_num_queries):
    log_in(gateway)
    with django_assert_num_queries(2):  # the user, and the session with the CSRF token
        answer = gateway.get("/whoami", headers={"X-Session-User-Id": "1", "Cookie": "theme=dark"})
    assert b'\n  "headers"' in answer.content  # for people, not for machines
    seen = answer.json()
    assert seen["session"] == {"state": "active", "verified": True}
    assert seen["headers"]["X-Session-User-Id"] == "1"
    assert seen["headers"]["X-Session-Assertion"]["sub"] == str(people[TEST].pk)
    assert seen["user"] == {
        "id": str(people[TEST].pk),
        "username": TEST,
        "email": TEST,
        "is_authenticated": True,
        "is_staff": False,
    }
    assert "theme" in seen["cookies"]
    assert "dark" not in answer.content.decode()


def test_whoami_of_nobody(gateway, django_assert_num_queries):
    with django_assert_num_queries(0):
        seen = gateway.get("/whoami").json()
    assert seen["user"]["is_authenticated"] is False
    assert Client().get("/whoami", headers={"X-Session-Assertion": "x"}).json()["session"] == {
        "state": "bypassed",
        "verified": False,
    }


def test_health(gateway):
    assert gateway.get("/healthz").content == b"ok\n"


@pytest.mark.parametrize("email", [TEST, TEST.upper()])
def test_the_gateways_login(people, email):
    body = json.dumps({"email": email, "password": "password", "ip": "::1", "user_agent": "curl"})
    answer = Client().post(
        "/__sidgate__/authenticate",
        body,
        content_type="application/json",
        headers=backend_headers(body.encode()),
    )
    assert answer.json()["user"]["email"] == TEST


class TestEvents:
    def say(self, gateway, *said, **more):
        body = {"events": said} | more
        return gateway.post("/demo/event", body, content_type="application/json")

    def test_every_event(self, gateway):
        said = [
            {"type": "login", "user": ADMIN, "ttl": 60},
            {"type": "logout", "scope": "others"},
            {"type": "update", "identity": {"attributes": {"plan": "pro"}}},
            {"type": "rotate"},
            {"type": "ref", "ref": "r1"},
        ]
        assert self.say(gateway, *said).json()["sent"] == [event["type"] for event in said]
        login, *others = gateway.heard
        assert (login["identity"]["user"]["email"], login["ttl"]) == (ADMIN, 60)
        assert others == said[1:]
        assert gateway.get("/whoami").json()["user"]["email"] == ADMIN

    def test_status(self, gateway):
        assert self.say(gateway, {"type": "rotate"}, status=201).status_code == 201
        assert gateway.heard == [{"type": "rotate"}]
        assert self.say(gateway, {"type": "rotate"}, status=500).status_code == 500
        assert gateway.heard == []

    @pytest.mark.parametrize(
        "event",
        [
            {"type": "promote"},
            {"type": "login", "user": "nobody@example.com"},
            {"type": "logout", "scope": "everybody"},
            {"type": "update"},
            "rotate",
        ],
        ids=str,
    )
    def test_mistakes(self, gateway, event):
        assert self.say(gateway, {"type": "rotate"}, event).status_code == 400
        assert gateway.heard == []

    def test_other_sites_cannot_post(self, gateway):
        body = '{"events":[{"type":"rotate"}]}'
        assert gateway.post("/demo/event", body, content_type="text/plain").status_code == 415


def test_setup_twice_ends_no_session(gateway, people):
    log_in(gateway)
    call_command("demo_setup", stdout=io.StringIO())
    assert gateway.get("/whoami").json()["user"]["is_authenticated"] is True


def test_a_disabled_account_ends_its_session(gateway, people):
    log_in(gateway)
    User.objects.filter(email=TEST).update(is_active=False)
    assert gateway.get("/whoami").json()["user"]["is_authenticated"] is False
    assert gateway.identity is None
    call_command("demo_setup", stdout=io.StringIO())
    assert log_in(gateway).status_code == 302


def test_one_cookie_at_the_gateway_and_none_here(gateway):
    gateway.get("/login")
    assert gateway.jar() == {"sessionid"}  # a visitor's, for the form's CSRF token
    log_in(gateway)
    for visits in (1, 2):
        assert f"<dd>{visits} ".encode() in gateway.get("/").content
        assert gateway.jar() == set()


def test_onboarding(gateway):
    log_in(gateway)
    assert gateway.identity["needs_onboarding"] is True
    assert gateway.identity["tenant_id"] == "acme"
    assert gateway.claims()["attrs"] == {"plan": "pro", "needs_onboarding": True}
    home = gateway.get("/")
    assert b'id="onboarding"' in home.content
    answer = gateway.submit(gateway.get("/onboarding"), "/onboarding")
    assert answer.headers["Location"] == "/"
    done = {"needs_onboarding": False, "attributes": {"needs_onboarding": False}}
    assert gateway.heard == [{"type": "update", "identity": done}]
    assert gateway.claims()["attrs"] == {"plan": "pro", "needs_onboarding": False}
    home = gateway.get("/")
    assert b'id="onboarding"' not in home.content
    assert b"Every app knows" in home.content
    gateway.submit(gateway.get("/onboarding"), "/onboarding", again="1")
    assert gateway.identity["needs_onboarding"] is True


class TestApi:
    def write(self, gateway, text, token=True):
        csrf = gateway.get("/api/v1/me").json()["csrfToken"]
        return gateway.post(
            "/api/v1/notes",
            json.dumps({"text": text}),
            content_type="application/json",
            headers={"X-CSRFToken": csrf} if token else {},
        )

    def test_nobody(self, gateway):
        for path in ("/api/v1/me", "/api/v1/notes"):
            assert gateway.get(path).status_code == 401

    def test_me(self, gateway, people):
        log_in(gateway)
        me = gateway.get("/api/v1/me").json()
        assert me.pop("csrfToken")
        assert me == {
            "id": str(people[TEST].pk),
            "email": TEST,
            "name": "Tess Example",
            "tenantId": "acme",
            "plan": "pro",
            "needsOnboarding": True,
        }

    def test_notes_stay_within_a_tenant(self, gateway):
        log_in(gateway)
        assert self.write(gateway, "for acme").status_code == 201
        seen = gateway.get("/api/v1/notes").json()
        assert seen["tenantId"] == "acme"
        assert [note["text"] for note in seen["notes"]] == ["for acme"]
        gateway.submit(gateway.get("/"), "/logout")
        log_in(gateway, ADMIN)
        assert gateway.get("/api/v1/notes").json() == {"tenantId": "sidgate", "notes": []}

    @pytest.mark.parametrize("text", ["", "  ", "x" * 281, None, 7, ["x"], "\0"])
    def test_other_notes(self, gateway, text):
        log_in(gateway)
        assert self.write(gateway, text).status_code == 400

    def test_writing_needs_the_token(self, gateway):
        log_in(gateway)
        assert self.write(gateway, "x", token=False).status_code == 403


def test_system_checks(db):
    call_command("check", fail_level="WARNING")


def test_the_admin_is_styled_under_a_wsgi_server(db):
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/static/admin/css/base.css",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
    }
    started = []
    answer = application(environ, lambda status, headers: started.append(status))
    body = b"".join(answer)
    answer.close()
    assert started == ["200 OK"]
    assert b"--primary" in body
