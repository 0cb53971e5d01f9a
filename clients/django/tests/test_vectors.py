"""The tokens that every implementation has to judge alike: ``clients/vectors``."""

import base64
import json
from pathlib import Path

import pytest
from django.http import Http404
from django.test import RequestFactory

from sidgate_django import backend_request, tokens
from sidgate_django.backend_request import gateway_only
from sidgate_django.session import read_session

VECTORS = Path(__file__).parents[2] / "vectors"


def load(name):
    file = json.loads((VECTORS / name).read_text())
    cases = [pytest.param(file, case, id=case["name"]) for case in file["cases"]]
    assert cases
    return cases


@pytest.fixture
def verifier(sidgate, monkeypatch):
    """An app that has a case's keys, at a case's time."""

    def verifier(file, case, upstream):
        keys = [file["keys"][name] for name in case["keys"]]
        # An app without a key does not start, so one that nobody signs with stands for none.
        unused = "dW51c2VkdW51c2VkdW51c2VkdW51c2VkdW51c2VkISE="
        sidgate(KEY=None, KEYS=keys or [unused], UPSTREAM=upstream, LEEWAY=file["leeway"])
        monkeypatch.setattr(tokens.time, "time", lambda: case["now"])

    return verifier


@pytest.mark.parametrize(("file", "case"), load("assertions.json"))
def test_assertion(file, case, verifier):
    verifier(file, case, upstream=file["audience"])
    request = RequestFactory().get("/", HTTP_X_SESSION_ASSERTION=case["token"])
    session = read_session(request)
    if "refused" in case:
        assert session.state == "bypassed"
        assert not session.user_id
        return
    claims = case["claims"]
    assert session.state == claims["state"]
    assert session.site == claims.get("site")
    members = ("sid", "sub", "tid", "email", "ah", "ref", "stale")
    told = (session.id, session.user_id, session.tenant_id, session.email)
    told += (session.auth_hash, session.ref, session.stale)
    wanted = claims if session.is_active else {}
    assert dict(zip(members, told, strict=True)) == {name: wanted.get(name) for name in members}
    assert dict(session.attributes) == wanted.get("attrs", {})
    seconds = session.auth_time and int(session.auth_time.timestamp())
    assert seconds == wanted.get("auth_time")


@pytest.mark.parametrize(("file", "case"), load("backend-requests.json"))
def test_backend_request(file, case, verifier):
    audience = file["audience"].removesuffix(":backend")
    verifier(file, case, upstream=audience)
    request = RequestFactory().post(
        "/__sidgate__/authenticate",
        case["body"].encode(),
        content_type="application/json",
        HTTP_X_SIDGATE_REQUEST=case["token"],
    )
    if case.get("accepted"):
        backend_request.verify(request)
    else:
        with pytest.raises(Http404):
            gateway_only(lambda request, body: pytest.fail("was let in"))(request)


@pytest.mark.parametrize(("file", "case"), load("events.json"))
def test_event(file, case):
    """The app writes these and Sidgate judges them: ours are signed as the good ones are."""
    if "refused" in case:
        return
    keys = [base64.b64decode(file["keys"][name]) for name in case["keys"]]
    claims = tokens.decode(case["token"], keys)
    assert claims["ev"] == case["events"]
    assert (claims["iss"], claims["aud"]) == (file["issuer"], file["audience"])
    assert claims.get("site") in (None, case.get("site"))
