import io

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from sidgate_django.testing import GatewayClient


class Browser(GatewayClient):
    def __init__(self):
        super().__init__(enforce_csrf_checks=True, SERVER_NAME="localhost")
        self.heard = []

    def request(self, **request):
        answer = super().request(**request)
        self.heard = getattr(answer, "gateway_events", [])
        return answer

    @property
    def identity(self):
        session = self.gateway_session
        return session and session.identity

    def claims(self):
        return self.gateway_session.claims()

    def jar(self):
        return {name for name, cookie in self.cookies.items() if cookie.value}

    def submit(self, page, path, **form):
        return self.post(path, form | {"csrfmiddlewaretoken": page.context["csrf_token"]})


@pytest.fixture
def people(db):
    call_command("demo_setup", stdout=io.StringIO())
    return {user.email: user for user in User.objects.all()}


@pytest.fixture
def gateway(people):
    return Browser()
