"""Every vector, read and written by `sidgate.py`."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from sidgate import NotFromSidgate, Sidgate, Visitor

VECTORS = Path(__file__).parents[2] / "vectors"


def load(name: str) -> list[Any]:
    file = json.loads((VECTORS / name).read_text())
    return [pytest.param(file, case, id=case["name"]) for case in file["cases"]]


def app_of(file: dict[str, Any], case: dict[str, Any], name: str) -> Sidgate:
    return Sidgate(name, [file["keys"][key] for key in case["keys"]], lambda: case["now"])


@pytest.mark.parametrize(("file", "case"), load("assertions.json"))
def test_assertion(file: dict[str, Any], case: dict[str, Any]) -> None:
    app = app_of(file, case, file["audience"])
    if "refused" in case:
        with pytest.raises(NotFromSidgate):
            app.visitor(case["token"])
        return
    claims = case["claims"]
    wanted = claims if claims["state"] == "active" else {}
    assert app.visitor(case["token"]) == Visitor(claims["state"], wanted)


@pytest.mark.parametrize(("file", "case"), load("backend-requests.json"))
def test_backend_request(file: dict[str, Any], case: dict[str, Any]) -> None:
    app = app_of(file, case, file["audience"].removesuffix(":backend"))
    if case.get("accepted"):
        app.check_request(case["token"], case["body"].encode())
        return
    with pytest.raises(NotFromSidgate):
        app.check_request(case["token"], case["body"].encode())


@pytest.mark.parametrize(("file", "case"), load("events.json"))
def test_event(file: dict[str, Any], case: dict[str, Any]) -> None:
    """The app writes these: they say what the right ones of the vectors say."""
    if "refused" in case or case["keys"] != ["current"]:
        return
    written = app_of(file, case, file["issuer"]).event(case["request_id"], *case["events"])
    key = base64.b64decode(file["keys"]["current"])
    claims = json.loads(jwt.PyJWS().decode(written, key, algorithms=["HS256"]))
    assert claims == {
        "iss": file["issuer"],
        "aud": file["audience"],
        "iat": case["now"],
        "req": case["request_id"],
        "ev": case["events"],
    }


def test_a_request_without_a_token_is_nobodys() -> None:
    app = Sidgate("app", [base64.b64encode(bytes(32)).decode()])
    for read in (app.visitor, lambda token: app.check_request(token, b"")):
        with pytest.raises(NotFromSidgate):
            read(None)


@pytest.mark.parametrize("key", ["", "AAAA", base64.b64encode(bytes(31)).decode(), "-" * 43 + "="])
def test_what_is_no_key_is_found_at_the_start(key: str) -> None:
    with pytest.raises(ValueError, match=r"key|base64|padding"):
        Sidgate("app", [key])
