"""Django's admin, with the gateway's session as the truth about who is logged in."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

from sidgate_django.testing import gateway_headers, read_events


@pytest.fixture
def root(db):
    return User.objects.create_superuser("root", "root@example.com", "right")


def test_log_in_work_log_out(root):
    """The whole round trip with CSRF checks on; the test plays the gateway."""
    client = Client(enforce_csrf_checks=True)
    page = client.get("/admin/login/", headers=gateway_headers())
    form = {
        "username": "root",
        "password": "right",
        "csrfmiddlewaretoken": page.context["csrf_token"],
        "next": "/admin/",
    }
    answer = client.post("/admin/login/", form, headers=gateway_headers())
    assert answer.headers["Location"] == "/admin/"
    (event,) = read_events(answer)
    assert event["identity"]["user"]["id"] == str(root.pk)

    page = client.get("/admin/", headers=gateway_headers(root))
    assert page.status_code == 200
    assert b"root" in page.content

    token = {"csrfmiddlewaretoken": page.context["csrf_token"]}
    answer = client.post("/admin/logout/", token, headers=gateway_headers(root))
    assert read_events(answer) == [{"type": "logout", "scope": "this"}]


def test_the_gateway_ended_the_session(client, root):
    client.force_login(root)  # the cookie Django set at login is still there
    answer = client.get("/admin/", headers=gateway_headers())
    assert answer.headers["Location"] == "/admin/login/?next=/admin/"


def test_no_staff(client, ada):
    answer = client.get("/admin/", headers=gateway_headers(ada))
    assert answer.status_code == 302
