"""Is this request the gateway's own? ``X-Sidgate-Request`` proves it, an address never does."""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
import json
import logging
from collections.abc import Callable
from typing import Any, Final

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from . import tokens
from .conf import get_conf
from .session import ISSUER
from .tokens import InvalidToken

logger = logging.getLogger("sidgate_django.backend")

META_KEY: Final = "HTTP_X_SIDGATE_REQUEST"


class BadBody(ValueError):
    """The gateway sent something the contract does not know. The message names the member."""


Handler = Callable[[HttpRequest, dict[str, Any]], JsonResponse]


def gateway_only(handler: Handler) -> Callable[[HttpRequest], JsonResponse]:
    """Make a view of ``handler(request, body)``; to everybody but the gateway it does not exist."""

    @csrf_exempt
    @functools.wraps(handler)
    def view(request: HttpRequest) -> JsonResponse:
        if request.method != "POST":
            raise Http404
        try:
            verify(request)
        except InvalidToken as why:
            logger.warning("Refused a call to %r: %s", request.path, why)
            raise Http404 from None
        try:
            body = read_body(request)
            speak_for_client(request, body)
            response = handler(request, body)
        except BadBody as why:
            response = JsonResponse({"code": "invalid_request", "detail": str(why)}, status=400)
        response.headers["Cache-Control"] = "no-store"
        return response

    # What @login_not_required sets, which Django has since 5.1 only.
    view.login_required = False  # type: ignore[attr-defined]
    return view


def verify(request: HttpRequest) -> None:
    conf = get_conf()
    claims = tokens.verify(
        request.META.get(META_KEY, ""),
        conf.keys,
        issuer=ISSUER,
        audience=f"{conf.upstream}:backend",
        leeway=conf.leeway,
    )
    body_hash = claims.get("bh")
    if not isinstance(body_hash, str):
        raise InvalidToken("no body hash")
    if not hmac.compare_digest(body_hash.encode(), body_digest(request.body).encode()):
        raise InvalidToken("signed for another body")


def body_digest(body: bytes) -> str:
    return tokens.b64encode(hashlib.sha256(body).digest())


def read_body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = json.loads(request.body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BadBody("body: not JSON") from None
    if not isinstance(body, dict):
        raise BadBody("body: not an object")
    return body


def text(body: dict[str, Any], name: str, *, limit: int, required: bool = True) -> str:
    value = body.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str) or (required and not value):
        raise BadBody(f"{name}: not a string" if value else f"{name}: missing")
    # PostgreSQL has no NUL in text; refuse it here rather than fail in a query.
    if len(value) > limit or "\0" in value:
        raise BadBody(f"{name}: not acceptable")
    return value


def speak_for_client(request: HttpRequest, body: dict[str, Any]) -> None:
    """Let the request look as if the browser had made it.

    Throttles and audit logs (django-axes among them) look at the address and the browser of the
    request they are given. Those are the gateway's, so one bad client would lock everybody out.
    """
    address = text(body, "ip", limit=64, required=False)
    if address:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise BadBody("ip: not an address") from None
        request.META["REMOTE_ADDR"] = request.META["HTTP_X_FORWARDED_FOR"] = address
    request.META["HTTP_USER_AGENT"] = text(body, "user_agent", limit=4096, required=False)
