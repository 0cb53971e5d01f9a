"""What a gateway would sign, and what the app has signed for it.

``settings.SIDGATE`` provides key and upstream; claims are given by name, ``None`` leaves one out.
"""

from __future__ import annotations

import time
from typing import Any

from django.http.response import HttpResponseBase

from .. import tokens
from ..backend_request import body_digest
from ..conf import get_conf
from ..events import AUDIENCE, HEADER
from ..session import ISSUER

REQUEST_ID = "test-request-1"
ASSERTION_LIFE = 60
BACKEND_LIFE = 30


def assertion(
    user: Any = None, *, upstream: str | None = None, key: bytes | None = None, **claims: Any
) -> str:
    """The signed statement a gateway would make: ``user`` is logged in, or nobody is."""
    conf, now = get_conf(), int(time.time())
    stated: dict[str, Any] = {
        "iss": ISSUER,
        "aud": upstream or conf.upstream,
        "iat": now,
        "exp": now + ASSERTION_LIFE,
        "state": "anonymous" if user is None else "active",
    }
    if user is not None:
        hasher = getattr(user, "get_session_auth_hash", None)
        stated |= {
            "sid": "0190a5b0-0000-7000-8000-000000000001",
            "sub": str(user.pk),
            "email": getattr(user, "email", None) or None,
            "auth_time": now,
            "ah": hasher() if hasher else None,
        }
    return tokens.encode(_merged(stated, claims), key or conf.signing_key)


def gateway_headers(
    user: Any = None,
    *,
    upstream: str | None = None,
    key: bytes | None = None,
    request_id: str = REQUEST_ID,
    **claims: Any,
) -> dict[str, str]:
    """Headers for ``client.get(..., headers=...)`` and ``AsyncClient``."""
    return {
        "X-Session-Assertion": assertion(user, upstream=upstream, key=key, **claims),
        "X-Request-Id": request_id,
    }


def gateway_meta(user: Any = None, **options: Any) -> dict[str, str]:
    """The same as WSGI names, for ``RequestFactory().get("/", **gateway_meta(ada))``."""
    return as_meta(gateway_headers(user, **options))


def asgi_headers(user: Any = None, **options: Any) -> list[tuple[bytes, bytes]]:
    """The same for an ASGI scope, as ``WebsocketCommunicator(app, "/ws/", headers=...)``."""
    headers = gateway_headers(user, **options)
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]


def backend_headers(body: bytes, *, key: bytes | None = None, **claims: Any) -> dict[str, str]:
    """Headers of the gateway's own calls, for ``/__sidgate__/...``; ``body`` is what is posted."""
    conf, now = get_conf(), int(time.time())
    stated = {
        "iss": ISSUER,
        "aud": f"{conf.upstream}:backend",
        "iat": now,
        "exp": now + BACKEND_LIFE,
        "bh": body_digest(body),
    }
    token = tokens.encode(_merged(stated, claims), key or conf.signing_key)
    return {"X-Sidgate-Request": token}


def as_meta(headers: dict[str, str]) -> dict[str, str]:
    return {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}


def read_events(
    response: HttpResponseBase, request_id: str = REQUEST_ID, *, site: str | None = None
) -> list[dict[str, Any]]:
    """The events a response carries, checked as the gateway would check them.

    ``site`` is the one that the request's assertion has named.
    """
    if HEADER not in response.headers:
        # A GatewayClient has taken them off, as the gateway does.
        return list(getattr(response, "gateway_events", ()))
    conf = get_conf()
    claims = tokens.decode(response.headers[HEADER], [conf.signing_key])
    if (claims["iss"], claims["aud"]) != (conf.upstream, AUDIENCE):
        raise AssertionError("the event names the wrong parties")
    if claims["req"] != request_id:
        raise AssertionError("the event answers another request")
    if claims.get("site", site) != site:
        raise AssertionError("the event answers a request at another site")
    events: list[dict[str, Any]] = claims["ev"]
    return events


def _merged(stated: dict[str, Any], claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (stated | claims).items() if value is not None}
