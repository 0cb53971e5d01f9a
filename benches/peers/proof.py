"""Whether a proxy does what its row says, found out before it is measured: what is configured wrongly is often fast."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from pathlib import Path

import compare
import loads
from counted import Row

# The app tells what it was asked with.
RECEIVED = "/received"
USER, EMAIL = "X-Session-User-Id", "X-Session-Email"
STRANGER = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Known:
    """The one session of a run."""

    sid: str
    # Of a gateway that knows it: its key and its store.
    folder: Path | None = None
    user: str = "0"
    email: str = "somebody.0@example.com"


def asked(port: int, sid: str, **more: str) -> tuple[int, bytes]:
    """The request of the bench, for another page; its status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    headers = dict(loads.headers(port, sid)) | {name.replace("_", "-"): value for name, value in more.items()}
    try:
        connection.request("GET", RECEIVED, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def has_routes(port: int):
    """Traefik listens before it has read its routes, and answers 404 until then."""
    return lambda: asked(port, STRANGER)[0] != 404


def prove(row: Row, known: Known) -> None:
    """A request reaches the app; with a session the app is told whose; a stranger is refused."""
    status, body = asked(row.port, known.sid)
    if status != 200:
        raise compare.Failed(f"{row.name} answers {status}: {body[:500]!r}")
    told(row.name, body, {"user-agent": dict(loads.headers(row.port, known.sid))["User-Agent"]})
    if not row.knows:
        return
    for claim in ({"X_Session_User_Id": "somebody-else"}, {"X_Session_Email": "else@example.com"}):
        status, body = asked(row.port, known.sid, **claim)
        if status == 200:
            told(row.name, body, {USER.lower(): known.user, EMAIL.lower(): known.email})
        elif status != 400:
            raise compare.Failed(f"{row.name} answers {status} to a client that claims to be somebody")
    status, _ = asked(row.port, STRANGER)
    if status != 401:
        raise compare.Failed(f"{row.name} answers {status} to a stranger")


def told(name: str, body: bytes, expected: dict[str, str]) -> None:
    """Each header once, with this value."""
    received = json.loads(body)
    for header, value in expected.items():
        if received.get(header) != [value]:
            raise compare.Failed(f"{name}: the app got {header}: {received.get(header)}, not {value}")
