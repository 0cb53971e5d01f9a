"""The endpoints the gateway calls. Anything they do not answer as documented (an exception, a
redirect) means "unavailable" to the gateway: it neither opens nor refuses a session on it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpRequest, JsonResponse
from django.views.decorators.debug import sensitive_variables

from . import doctor as examination
from . import login
from .backend_request import BadBody, gateway_only, text
from .conf import get_conf
from .identity import checked, identity_for
from .refusal import Refused

logger = logging.getLogger("sidgate_django.backend")

STATUS: Final = {
    "invalid_credentials": 401,
    "mfa_required": 401,
    "account_disabled": 403,
    "locked": 429,
}
# What a login request says itself; the rest of its members is for login stages and backends.
OWN_MEMBERS: Final = frozenset({"email", "password", "ip", "user_agent"})


@gateway_only
@sensitive_variables("body", "password", "extra")
def authenticate(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    """Email and password -> who is this? Only if nothing else stands before the login."""
    email = text(body, "email", limit=320)
    password = text(body, "password", limit=4096)
    extra = {name: value for name, value in body.items() if name not in OWN_MEMBERS}
    outcome = login.log_in(request, email, password, extra)
    return _refuse(outcome) if isinstance(outcome, Refused) else JsonResponse(outcome)


@gateway_only
@sensitive_variables("body", "cookies")
def introspect(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    """Cookies from before the gateway -> who is this? Only if all that is known names one user."""
    cookies = body.get("cookies")
    if not isinstance(cookies, dict) or not all(isinstance(v, str) for v in cookies.values()):
        raise BadBody("cookies: not an object of strings")
    owners: dict[str, dict[str, Any]] = {}
    for introspector in get_conf().legacy_introspectors:
        found = introspector(cookies, request)
        if isinstance(found, Mapping):
            identity = checked(found)
        elif found is None or not found.is_authenticated:
            continue
        elif not found.is_active:
            return _invalid()
        else:
            identity = identity_for(found, request)
        owners.setdefault(identity["user"]["id"], identity)
    if len(owners) > 1:
        # One of them was planted, or left by somebody else: whose session would it be?
        logger.warning("Old cookies of %d users came together; refused.", len(owners))
        return _invalid()
    return JsonResponse(next(iter(owners.values()))) if owners else _invalid()


@gateway_only
def doctor(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    """``sidgate doctor`` asks what this app is. Changes nothing, and names nobody."""
    return JsonResponse(examination.facts(request))


def _invalid() -> JsonResponse:
    return JsonResponse({"code": "invalid"}, status=401)


def _refuse(refused: Refused) -> JsonResponse:
    status = STATUS[refused.code]
    answer: dict[str, Any] = {"code": refused.code}
    if refused.code == "mfa_required":
        answer["flows"] = list(refused.flows)
    if status in (401, 403):
        answer["account"] = refused.account
    if refused.retry_after is not None:
        answer["retry_after"] = refused.retry_after
    response = JsonResponse(answer, status=status)
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(refused.retry_after)
    return response
