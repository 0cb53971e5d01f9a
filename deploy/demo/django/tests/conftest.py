import io
from itertools import count

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from sidgate_django.testing import gateway_headers, read_events


class Gateway:
    """A browser behind the gateway: keeps the session that the app's events ask for."""

    def __init__(self):
        self.browser = Client(enforce_csrf_checks=True, SERVER_NAME="localhost")
        self.identity = None
        self.ref = None
        self.ids = count(1)
        self.heard = []

    def send(self, method, path, *args, headers=(), **kwargs):
        request_id = f"req-{next(self.ids)}"
        signed = gateway_headers(request_id=request_id, **self.claims())
        send = getattr(self.browser, method)
        answer = send(path, *args, headers=signed | dict(headers), **kwargs)
        self.heard = read_events(answer, request_id)
        for event in self.heard:
            if event["type"] == "login":
                self.identity = event["identity"]
                self.ref = self.identity.get("ref")
            elif event["type"] == "ref":
                self.ref = event["ref"]
            elif event["type"] == "update" and self.identity:
                changed = dict(event["identity"])
                attributes = self.identity.get("attributes", {}) | changed.pop("attributes", {})
                self.identity |= changed | {"attributes": attributes}
            elif event["type"] == "logout" and event["scope"] != "others":
                self.identity = None
        return answer

    def claims(self):
        if self.identity is None:
            return {"state": "anonymous"}
        user = self.identity["user"]
        return {
            "state": "active",
            "sid": "0190a5b0-0000-7000-8000-000000000001",
            "sub": user["id"],
            "email": user["email"],
            "tid": self.identity.get("tenant_id"),
            "attrs": self.identity.get("attributes"),
            "ref": self.ref,
            "ah": self.identity["auth_hash"],
        }

    def jar(self):
        return {name for name, cookie in self.browser.cookies.items() if cookie.value}

    def get(self, path, **kwargs):
        return self.send("get", path, **kwargs)

    def post(self, path, *args, **kwargs):
        return self.send("post", path, *args, **kwargs)

    def submit(self, page, path, **form):
        return self.post(path, form | {"csrfmiddlewaretoken": page.context["csrf_token"]})


@pytest.fixture
def people(db):
    call_command("demo_setup", stdout=io.StringIO())
    return {user.email: user for user in User.objects.all()}


@pytest.fixture
def gateway(people):
    return Gateway()
