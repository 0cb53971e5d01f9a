"""Events behind an edge: posted to the gateway, and its cookies passed on."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sidgate_django import tokens
from sidgate_django.conf import parse
from sidgate_django.testing import gateway_headers

from .settings import KEY

COOKIES = ["sid=abc; Path=/; HttpOnly", "old=; Max-Age=0; Path=/", "old=; Max-Age=0; Path=/app"]


class Gateway(ThreadingHTTPServer):
    """The listener of questions: writes down what it is asked, and answers as it is told."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked = []
        self.status, self.cookies = 204, COOKIES

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/authz/event"


class Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        told = {name.lower(): value for name, value in self.headers.items()}
        self.server.asked.append((self.path, told))
        self.send_response(self.server.status)
        for cookie in self.server.cookies:
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def gateway(settings):
    server = Gateway()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    settings.SIDGATE = {**settings.SIDGATE, "EVENTS_URL": server.url}
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def lines(answer):
    """The Set-Cookie lines as a WSGI server gets them."""
    return [cookie.output(header="").strip() for cookie in answer.cookies.values()]


def test_a_login_is_posted_and_its_cookies_reach_the_browser(client, ada, gateway):
    of_the_edge = {"x-forwarded-for": "192.0.2.7", "host": "testserver"}
    headers = {**gateway_headers(request_id="0190.5.f0"), **of_the_edge}
    answer = client.post("/in/", {"username": "ada"}, headers=headers)
    assert answer.status_code == 200
    assert "X-Session-Event" not in answer.headers
    assert [line for line in lines(answer) if line in COOKIES] == COOKIES
    assert answer.headers["Cache-Control"] == "private, no-store"
    [(path, told)] = gateway.asked
    assert path == "/authz/event"
    event = tokens.decode(told["x-session-event"], [KEY])
    assert event["req"] == told["x-request-id"] == "0190.5.f0"
    assert [kind["type"] for kind in event["ev"]] == ["login"]
    assert told["x-session-assertion"] == headers["X-Session-Assertion"]
    assert told["x-forwarded-for"] == "192.0.2.7"
    assert told["x-forwarded-host"] == "testserver"


@pytest.mark.parametrize("status", [400, 403, 409, 503, 302, 200])
def test_a_login_that_the_gateway_does_not_take_is_told_to_nobody(client, ada, gateway, status):
    gateway.status = status
    answer = client.post("/in/", {"username": "ada"}, headers=gateway_headers())
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert answer.headers["Retry-After"] == "1"
    # Only what is put on every answer, later.
    assert not [line for line in lines(answer) if not line.startswith("csrftoken=")]


def test_a_gateway_that_is_away_is_no_success(client, ada, settings):
    settings.SIDGATE = {**settings.SIDGATE, "EVENTS_URL": "http://127.0.0.1:9/authz/event"}
    answer = client.post("/out/", headers=gateway_headers(ada))
    assert answer.status_code == 503


def test_answers_without_events_ask_nobody(client, ada, gateway):
    client.get("/who/", headers=gateway_headers(ada))
    assert not gateway.asked


@pytest.mark.parametrize("url", ["", "/authz/event", "ftp://a/", 5, "127.0.0.1:3001"])
def test_a_url_that_is_none_is_named(settings, url):
    _, faults = parse({**settings.SIDGATE, "EVENTS_URL": url})
    assert [fault.setting for fault in faults] == ["EVENTS_URL"]
