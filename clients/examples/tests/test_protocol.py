"""Whether docs/protocol.md shows what a real gateway sends, takes and answers."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import document
import pytest
from document import masked, shown
from stage import EXAMPLES, ROOT, Browser, Gateway, running
from witness import JSON, Asked, Said, Witness, claims_of, listening

MIGRATION = """
[identity.headers]
"X-Session-Email" = "user.email"

[migration]
mode = "on"
credentials = ["sessionid"]
"""
LIFE_SECONDS = {"assertion": 60, "request": 30}


@contextmanager
def played(folder: Path) -> Iterator[Witness]:
    witness = Witness(Gateway(folder, MIGRATION), shown("identity"))
    with listening(witness), witness.gateway.serving():
        yield witness


@pytest.fixture(scope="module")
def witness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Witness]:
    with played(tmp_path_factory.mktemp("witness")) as witness:
        yield witness


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The Flask example."""
    gateway = Gateway(tmp_path_factory.mktemp("app"))
    environment = os.environ | {"SIDGATE_UPSTREAM": "app", "SIDGATE_KEY": gateway.key}
    command = [str(ROOT / ".venv/examples/bin/gunicorn"), "flask_app:app", "--bind"]
    command += [f"127.0.0.1:{gateway.app}", "--log-level", "warning"]
    with ExitStack() as stack:
        place = EXAMPLES / "python"
        stack.enter_context(running(command, gateway.app, cwd=place, env=environment))
        stack.enter_context(gateway.serving())
        yield gateway


def test_the_assertion(witness: Witness) -> None:
    witness.browser().send("GET", "/")
    claims = claims_of(witness.last().headers["X-Session-Assertion"])
    document = shown("assertion")
    assert list(claims) == list(document), "the order is that of the document"
    for one in (claims, document):
        assert one["exp"] - one["iat"] == LIFE_SECONDS["assertion"]
    differs = {name: claims[name] for name in ("iat", "exp", "auth_time", "sid")}
    assert {name: type(value) for name, value in differs.items()} == {
        name: type(document[name]) for name in differs
    }
    assert masked(claims) == masked(
        document | {name: claims[name] for name in ("iat", "exp", "auth_time")}
    )


def test_the_headers(witness: Witness) -> None:
    told = re.findall(r"^\| (`X-.*?) \|", document.section("What the app receives"), re.M)
    names = {name for row in told for name in re.findall(r"`(.+?)`", row)}
    names = {name if name.startswith("X-") else f"X-Forwarded{name}" for name in names}
    names = {name.replace("<Name>", "Email").lower() for name in names}
    witness.browser().send("GET", "/")
    received = {name.lower(): value for name, value in witness.last().headers.items()}
    assert {name for name in received if name.startswith("x-")} == names - {"x-session-stale", "x-forwarded-prefix"}
    port = str(witness.gateway.port)
    forms = {
        "x-session-state": "active",
        "x-session-id": document.UUID.pattern,
        "x-session-user-id": "7",
        "x-session-tenant-id": "acme",
        "x-session-expires-at": r"\d{10}",
        "x-session-email": "ada@example.com",
        "x-request-id": "[0-9a-f]{32}",
        "x-sidgate-hop": "[0-9a-f]{64}",
        "x-forwarded-for": r"127\.0\.0\.1|::1",
        "x-forwarded-proto": "http",
        "x-forwarded-host": f"localhost:{port}",
        "x-forwarded-port": port,
    }
    unlike = [name for name, form in forms.items() if not re.fullmatch(form, received[name])]
    assert unlike == []
    assert set(forms) == names - {"x-session-stale", "x-session-assertion", "x-forwarded-prefix"}
    Browser(witness.gateway.port).send("GET", "/")
    anonymous = {
        name.lower() for name in witness.last().headers if name.lower().startswith("x-session")
    }
    assert anonymous == {"x-session-state", "x-session-assertion"}


def question(witness: Witness, path: str) -> Asked:
    return next(asked for asked in reversed(witness.asked) if asked.path == f"/__sidgate__/{path}")


def test_the_question_about_a_password(witness: Witness) -> None:
    body = shown("credentials")
    typed = {name: value for name, value in body.items() if name not in ("ip", "user_agent")}
    browser = Browser(witness.gateway.port)
    browser.send(
        "POST", "/api/auth/session-v2", typed | {"ip": "192.0.2.1"}, User_Agent=body["user_agent"]
    )
    asked = question(witness, "authenticate")
    assert json.loads(asked.body) | {"ip": body["ip"]} == body
    assert json.loads(asked.body)["ip"] in ("127.0.0.1", "::1")
    check_question(asked)
    assert not [name for name in asked.headers if name.lower().startswith("x-session")]


def test_the_question_about_old_cookies(witness: Witness) -> None:
    body = shown("cookies")
    browser = Browser(witness.gateway.port, dict(body["cookies"]))
    browser.send("GET", "/", User_Agent=body["user_agent"])
    asked = question(witness, "introspect")
    assert json.loads(asked.body) | {"ip": body["ip"]} == body
    check_question(asked)


def check_question(asked: Asked) -> None:
    claims, document = claims_of(asked.headers["X-Sidgate-Request"]), shown("request")
    assert list(claims) == list(document)
    assert {name: claims[name] for name in ("iss", "aud")} == {
        name: document[name] for name in ("iss", "aud")
    }
    for one in (claims, document):
        assert one["exp"] - one["iat"] == LIFE_SECONDS["request"]
    digest = base64.urlsafe_b64encode(hashlib.sha256(asked.body).digest()).rstrip(b"=").decode()
    assert claims["bh"] == digest
    assert len(document["bh"]) == len(digest)


ANSWERS = re.findall(
    r"^\| `(4\d\d)` \| `({.*?})` \|",
    document.section("What the gateway asks").partition("### introspect")[0],
    re.M,
)


@pytest.mark.parametrize(("status", "body"), ANSWERS, ids=lambda part: part[:24])
def test_each_refusal_of_a_password(witness: Witness, status: str, body: str) -> None:
    witness.said = Said(int(status), body.encode(), JSON)
    answer = witness.log_in(Browser(witness.gateway.port))
    said = json.loads(body)
    assert (answer.status, answer.json["code"]) == (int(status), said["code"])
    assert answer.json.get("flows") == said.get("flows")
    assert answer.headers["Retry-After"] == (
        str(said["retry_after"]) if "retry_after" in said else None
    )


IDENTITY = json.dumps(shown("identity")).encode()
UNAVAILABLE = {
    "redirect": Said(302, IDENTITY, JSON | {"Location": "/login"}),
    "failure": Said(500, IDENTITY, JSON),
    "page": Said(200, b"<p>Welcome", {"Content-Type": "text/html"}),
    "page of JSON": Said(200, IDENTITY, {"Content-Type": "text/plain"}),
    "another shape": Said(200, b'{"id":"7"}', JSON),
    "too large": Said(200, IDENTITY + b" " * 65_536, JSON),
    "another code": Said(401, b'{"code":"no"}', JSON),
    "code of another status": Said(403, b'{"code":"invalid_credentials"}', JSON),
}


@pytest.mark.parametrize("said", UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_what_counts_as_unavailable(witness: Witness, said: Said) -> None:
    witness.said = said
    browser = Browser(witness.gateway.port)
    answer = witness.log_in(browser)
    assert (answer.status, answer.json["code"]) == (503, "unavailable")
    assert answer.headers["Retry-After"]
    assert browser.cookies == {}


def test_a_token_of_events(witness: Witness) -> None:
    """Header and claims of the document are of one token, and the gateway obeys such claims."""
    claims = shown("token")
    (header,) = (text for language, _, text in document.BLOCKS if language == "http")
    name, _, beginning = header.strip().removesuffix("...").partition(": ")
    assert name == "X-Session-Event"
    assert witness.sign(claims).startswith(beginning)
    browser = witness.browser()
    witness.claims = claims
    browser.send("GET", "/")
    assert browser.cookies == {}


@pytest.mark.parametrize("event", shown("events"), ids=lambda event: event["type"])
def test_each_event_is_obeyed(witness: Witness, event: dict[str, Any]) -> None:
    counter = f'sidgate_session_events_total{{event="{event["type"]}",result="done"}}'
    before = witness.gateway.metric(counter)
    browser = witness.browser()
    witness.claims = {"ev": [event]}
    answer = browser.send("GET", "/")
    assert witness.gateway.metric(counter) == before + 1
    assert (answer.status, answer.headers["Cache-Control"]) == (200, "private, no-store")
    assert answer.headers["X-Session-Event"] is None


def test_all_events_are_shown(witness: Witness) -> None:
    """Those of the document are all that there are, and stand in its table."""
    table = re.findall(r"^\| `(\w+)` \|", document.section("Events: what the app answers"), re.M)
    types = [event["type"] for event in shown("events")]
    assert sorted(types) == sorted(set(table) - {"type", "site", *shown("token")})
    configured = (ROOT / "docs/configuration.md").read_text()
    (listed,) = re.findall(r"^events = \[(.*)\]$", configured, re.M)
    assert sorted(types) == sorted(json.loads(f"[{listed}]"))


def test_an_event_of_another_shape_is_seen(witness: Witness) -> None:
    """The names under which the developer of an app finds it."""
    counter = 'sidgate_session_events_total{event="none",result="shape"}'
    before = witness.gateway.metric(counter)
    browser = witness.browser()
    witness.claims = {"ev": [{"type": "logout", "scope": "everybody"}]}
    assert browser.send("GET", "/").status == 200
    assert witness.gateway.metric(counter) == before + 1
    assert browser.cookies


def test_the_commands(app: Gateway, tmp_path: Path) -> None:
    lines = document.commands()
    key, login, show, page, logout, after = lines
    assert key == "sidgate keys upstream app --config sidgate.toml"
    assert len(app.key) == 44
    assert len(base64.b64decode(app.key, validate=True)) == 32
    view = masked(shown("view"))
    assert masked(json.loads(run(app, login, tmp_path))) == view
    assert masked(json.loads(run(app, show, tmp_path))) == view
    assert json.loads(run(app, page, tmp_path)) == {"id": "7", "email": "ada@example.com"}
    assert run(app, logout, tmp_path) == ""
    assert run(app, after, tmp_path) == '{"authenticated":false,"user":null}'
    wrong = json.loads(run(app, login.replace("correct horse", "wrong"), tmp_path))
    assert masked(wrong) == masked(shown("problem"))


def run(app: Gateway, line: str, folder: Path) -> str:
    command = line.replace("http://localhost:3000", f"http://localhost:{app.port}")
    assert command != line
    done = subprocess.run(
        ["bash", "-c", f"set -f; {command} -sS"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def test_every_code_is_an_outcome() -> None:
    """docs/operations.md has the whole list, and the gateway's tests compare that with the code."""
    operations = (ROOT / "docs/operations.md").read_text()
    outcomes = set(
        re.findall(r"`(\w+)`", operations.partition("### Outcomes")[2].partition("\n## ")[0])
    )
    rows = re.findall(
        r"^\| [45]\d\d[^|]*\|(.*?)\|", document.section("Endpoints for browsers"), re.M
    )
    codes = {code for row in rows for code in re.findall(r"`([a-z_]+)`", row)} - {"flows"}
    assert codes
    assert codes <= outcomes


def test_every_block_is_looked_at() -> None:
    names = [name for language, name, _ in document.BLOCKS if language == "json"]
    known = [
        "assertion",
        "identity",
        "token",
        "events",
        "request",
        "credentials",
        "cookies",
        "doctor",
        "view",
        "problem",
    ]
    assert sorted(names) == sorted(known)
    assert {language for language, _, _ in document.BLOCKS} == {"json", "sh", "http"}
