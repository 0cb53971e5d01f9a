"""Tells the gateway of events where an edge, and not the gateway, sends the requests (forward-auth).

Then no answer passes the gateway, so nobody would take ``X-Session-Event`` off again. The event is
posted to ``SIDGATE["EVENTS_URL"]`` instead, and the cookies that come back go to the browser.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Container, Iterable
from http.client import HTTPException
from http.cookies import Morsel
from typing import Any, Final
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, ProxyHandler, Request, build_opener

from django.http import HttpRequest
from django.http.response import HttpResponseBase

logger = logging.getLogger("sidgate_django.events")

# What the gateway has to know of the request.
_PASSED_ON: Final = {
    "HTTP_X_SESSION_ASSERTION": "X-Session-Assertion",
    "HTTP_X_REQUEST_ID": "X-Request-Id",
    "HTTP_HOST": "X-Forwarded-Host",
    "HTTP_X_FORWARDED_FOR": "X-Forwarded-For",
    "HTTP_USER_AGENT": "User-Agent",
}


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


# Never by way of a proxy that the environment names.
_opener = build_opener(ProxyHandler({}), _NoRedirects())


class NotDelivered(Exception):
    """The gateway has not done what it was told, or it is unknown whether it has."""


class CookieLine(Morsel[str]):
    """One ``Set-Cookie`` line as the gateway wrote it. Django keeps one cookie of each name; an
    older system's cookie is cleared for several paths and domains at once."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line

    def OutputString(self, attrs: Container[str] | None = None) -> str:  # noqa: N802
        return self.line


def deliver(url: str, timeout: float, request: HttpRequest, token: str) -> list[str]:
    """Post the signed events; return the cookies for the browser.

    Raises ``NotDelivered``.
    """
    headers = {
        name: str(request.META[key]) for key, name in _PASSED_ON.items() if request.META.get(key)
    }
    headers["X-Session-Event"] = token
    question = Request(url, data=b"", headers=headers, method="POST")
    try:
        with _opener.open(question, timeout=timeout) as answer:
            if answer.status == 204:
                return answer.headers.get_all("Set-Cookie") or []
            why = f"it answered {answer.status}"
    except HTTPError as error:
        code = error.headers.get("X-Sidgate-Code")
        why = f"it answered {error.code}" + (f" ({code})" if code else "")
        error.close()
    except (OSError, HTTPException) as error:
        why = str(error)
    raise NotDelivered(why)


def pass_on(response: HttpResponseBase, lines: Iterable[str]) -> None:
    """Give the browser these cookies beside those of the app."""
    for number, line in enumerate(lines):
        dict.__setitem__(response.cookies, f"sidgate-{number}", CookieLine(line))


def refuse(response: HttpResponseBase) -> None:
    """Answer 503 in place of what the view said: nobody may be told of a login that did not happen."""
    body = {"type": "about:blank", "title": "Try again", "status": 503, "code": "unavailable"}
    text = json.dumps(body).encode()
    response.status_code = 503
    response.cookies.clear()
    for name in list(response.headers):
        del response.headers[name]
    response.headers["Content-Type"] = "application/problem+json"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Retry-After"] = "1"
    if response.streaming:
        response.streaming_content = [text]  # type: ignore[attr-defined]
    else:
        response.content = text  # type: ignore[attr-defined]
        response.headers["Content-Length"] = str(len(text))
