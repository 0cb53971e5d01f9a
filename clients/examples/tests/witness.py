"""An app that does as it is told, and tells what it was sent."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from stage import Answer, Browser, Gateway


@dataclass
class Asked:
    path: str
    headers: Message
    body: bytes


@dataclass
class Said:
    status: int
    body: bytes
    headers: dict[str, str]


JSON = {"Content-Type": "application/json"}


@dataclass
class Witness:
    """`said` answers the next question, `identity` the others; `claims` go with the next page."""

    gateway: Gateway
    identity: dict[str, Any]
    said: Said | None = None
    claims: dict[str, Any] | None = None
    asked: list[Asked] = field(default_factory=list)

    def log_in(self, browser: Browser) -> Answer:
        return browser.send("POST", "/api/auth/session-v2", {"email": "a", "password": "b"})

    def browser(self) -> Browser:
        """Somebody who is logged in."""
        browser = Browser(self.gateway.port)
        answer = self.log_in(browser)
        assert answer.status == 201, answer.body
        return browser

    def last(self) -> Asked:
        return self.asked[-1]

    def sign(self, claims: dict[str, Any]) -> str:
        """As docs/protocol.md says it, with nothing but the standard library."""
        parts = ({"alg": "HS256", "typ": "JWT"}, claims)
        signed = ".".join(
            b64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts
        )
        key = base64.b64decode(self.gateway.key, validate=True)
        return f"{signed}.{b64url(hmac.digest(key, signed.encode(), hashlib.sha256))}"

    def answer_to(self, asked: Asked) -> Said:
        if asked.path.startswith("/__sidgate__/"):
            said, self.said = self.said, None
            return said or Said(200, json.dumps(self.identity).encode(), JSON)
        claims, self.claims = self.claims, None
        if claims is None:
            return Said(200, b"{}", JSON)
        now = {"iat": int(time.time()), "req": asked.headers["X-Request-Id"]}
        event = self.sign({"iss": "app", "aud": "sidgate"} | claims | now)
        return Said(200, b"{}", JSON | {"X-Session-Event": event})


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def claims_of(token: str) -> Any:
    segment = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


@contextmanager
def listening(witness: Witness) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            asked = Asked(self.path, self.headers, body)
            witness.asked.append(asked)
            said = witness.answer_to(asked)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(said.body)))
            self.end_headers()
            self.wfile.write(said.body)

        do_POST = do_GET

        def log_message(self, *_args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", witness.gateway.app), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield
        finally:
            server.shutdown()
