"""Django REST framework behind the gateway."""

import pytest
from django.test import Client
from rest_framework.test import APIRequestFactory

from sidgate_django.drf import GatewayAuthentication
from sidgate_django.testing import gateway_headers

BROWSER = {"Host": "testserver"}


@pytest.fixture
def api():
    return Client(enforce_csrf_checks=True)


def test_somebody(api, ada):
    answer = api.get("/drf/", headers=gateway_headers(ada, tid="t1"))
    assert answer.json() == {"user": "ada", "tenant": "t1"}


@pytest.mark.parametrize("headers", [{}, {"X-Session-User-Id": "1", "X-Session-State": "active"}])
def test_nobody_is_401(api, ada, headers):
    answer = api.get("/drf/", headers=headers or gateway_headers())
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Session realm="gateway"'


def test_disabled_and_outdated(api, ada):
    assert api.get("/drf/", headers=gateway_headers(ada, ah="0" * 64)).status_code == 401
    ada.is_active = False
    ada.save()
    assert api.get("/drf/", headers=gateway_headers(ada)).status_code == 401


def test_csrf_stays(api, ada):
    answer = api.post("/drf/", headers=gateway_headers(ada))
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]
    api.cookies["csrftoken"] = token = "a" * 32
    headers = gateway_headers(ada) | {"X-CSRFToken": token}
    assert api.post("/drf/", headers=headers).json()["user"] == "ada"


def test_a_request_that_met_no_middleware(rf, ada):
    from rest_framework.request import Request

    request = Request(APIRequestFactory().get("/"))
    assert GatewayAuthentication().authenticate(request) is None
