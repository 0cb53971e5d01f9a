"""A login at the gateway's endpoint, and one at a page, by the same person."""

import json

from django.test import Client

from sidgate_django.testing import backend_headers, gateway_headers, read_events

PATH = "/__sidgate__/authenticate"
RIGHT = {"email": "ada@example.com", "password": "right", "ip": "203.0.113.9", "user_agent": "curl"}


def at_the_gateway(**members):
    raw = json.dumps(RIGHT | members).encode()
    answer = Client().post(PATH, raw, content_type="application/json", headers=backend_headers(raw))
    assert not answer.cookies
    assert "X-Session-Event" not in answer.headers
    return answer.status_code, answer.json()


def refusal(**members):
    """What a refused login is told, but for the name under which it is counted."""
    status, answer = at_the_gateway(**members)
    answer.pop("account", None)
    return status, answer


def mfa(*flows):
    return 401, {"code": "mfa_required", "flows": list(flows)}


INVALID = 401, {"code": "invalid_credentials"}


def opens_a_session(client, path, form, ip="203.0.113.9"):
    answer = client.post(path, form, headers=gateway_headers() | {"X-Forwarded-For": ip})
    return "login" in [event["type"] for event in read_events(answer)]
