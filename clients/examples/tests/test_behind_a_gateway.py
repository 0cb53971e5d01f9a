"""Each example behind a real gateway: page, login, page, logout, with exact answers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from stage import EXAMPLES, ROOT, Browser, Gateway, running

LOGIN = {"email": "ada@example.com", "password": "correct horse"}
SESSION = "/api/auth/session-v2"
AUTHENTICATE = "/__sidgate__/authenticate"
NOBODY = {"authenticated": False, "user": None}


def fastapi(port: int, _folder: Path) -> list[str]:
    uvicorn = str(ROOT / ".venv/examples/bin/uvicorn")
    return [uvicorn, "fastapi_app:app", "--port", str(port), "--log-level", "warning"]


def flask(port: int, _folder: Path) -> list[str]:
    gunicorn = str(ROOT / ".venv/examples/bin/gunicorn")
    return [gunicorn, "flask_app:app", "--bind", f"127.0.0.1:{port}", "--log-level", "warning"]


def express(_port: int, _folder: Path) -> list[str]:
    found = subprocess.run(
        [ROOT / "scripts/js", "node"], check=True, capture_output=True, text=True
    )
    return [found.stdout.strip(), "app.js"]


def go(_port: int, folder: Path) -> list[str]:
    binary = str(folder / "app")
    subprocess.run(["go", "build", "-o", binary, "."], cwd=EXAMPLES / "go", check=True)
    return [binary]


FOLDERS = {fastapi: "python", flask: "python", express: "express", go: "go"}


class Stage(NamedTuple):
    gateway: Gateway
    browser: Browser
    app: Browser


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda example: example.__name__)
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp(request.param.__name__)
    gateway = Gateway(folder)
    environment = os.environ | {
        "SIDGATE_UPSTREAM": "app",
        "SIDGATE_KEY": gateway.key,
        "PORT": str(gateway.app),
    }
    command = request.param(gateway.app, folder)
    with ExitStack() as stack:
        place = EXAMPLES / FOLDERS[request.param]
        stack.enter_context(running(command, gateway.app, cwd=place, env=environment))
        stack.enter_context(gateway.serving())
        yield Stage(gateway, Browser(gateway.port), Browser(gateway.app))


def test_login_page_logout(stage: Stage) -> None:
    browser = stage.browser
    assert browser.send("GET", "/").body == "Hello, stranger\n"
    account = browser.send("GET", "/account")
    assert (account.status, account.json) == (401, {"detail": "log in first"})

    wrong = browser.send("POST", SESSION, LOGIN | {"password": "correct"})
    assert (wrong.status, wrong.json["code"]) == (401, "invalid_credentials")
    unknown = browser.send("POST", SESSION, LOGIN | {"email": "eve@example.com"})
    assert (unknown.status, unknown.json["code"]) == (401, "invalid_credentials")
    login = browser.send("POST", SESSION, LOGIN)
    assert (login.status, login.json["user"]) == (
        201,
        {"id": "7", "email": LOGIN["email"], "tenantId": None},
    )

    assert browser.send("GET", "/").body == "Hello, Ada\n"
    account = browser.send("GET", "/account")
    assert (account.status, account.json) == (200, {"id": "7", "email": LOGIN["email"]})

    forged = browser.send("POST", "/logout", Origin="https://evil.example")
    assert (forged.status, forged.json["code"]) == (403, "cross_site")
    copied = Browser(browser.port, dict(browser.cookies))
    logout = browser.send("POST", "/logout")
    assert (logout.status, logout.headers["Location"]) == (303, "/")
    assert logout.headers["X-Session-Event"] is None
    assert browser.cookies == {}
    assert stage.gateway.metric('sidgate_session_events_total{event="logout",result="done"}') == 1
    assert copied.send("GET", "/account").status == 401
    assert copied.send("GET", SESSION).json == NOBODY


def test_past_the_gateway_everybody_is_nobody(stage: Stage) -> None:
    plain = {"X_Session_State": "active", "X_Session_User_Id": "7"}
    for path in ("/", "/account"):
        for headers in ({}, plain, plain | {"X_Session_Assertion": "e30.e30.e30"}):
            answer = stage.app.send("GET", path, **headers)
            assert (answer.status, answer.json) == (403, {"detail": "only through the gateway"})
    logout = stage.app.send("POST", "/logout", X_Request_Id="1")
    assert (logout.status, logout.headers["X-Session-Event"]) == (403, None)


def test_the_password_is_tried_for_the_gateway_alone(stage: Stage) -> None:
    for headers in ({}, {"X_Sidgate_Request": "e30.e30.e30"}):
        answer = stage.app.send("POST", AUTHENTICATE, LOGIN, **headers)
        assert (answer.status, answer.json) == (404, {"detail": "not found"})
    answer = stage.browser.send("POST", AUTHENTICATE, LOGIN)
    assert (answer.status, answer.json["code"]) == (404, "not_found")
