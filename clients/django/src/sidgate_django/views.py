"""The two endpoints the gateway calls. Anything they do not answer as documented (an exception, a
redirect) means "unavailable" to the gateway: it neither opens nor refuses a session on it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from django.contrib.auth.models import update_last_login
from django.http import HttpRequest, JsonResponse
from django.views.decorators.debug import sensitive_variables

from . import credentials
from .backend_request import BadBody, gateway_only, text
from .conf import get_conf
from .credentials import Refused
from .identity import checked, identity_for

logger = logging.getLogger("sidgate_django.backend")

STATUS: Final = {"invalid_credentials": 401, "account_disabled": 403, "locked": 429}


@gateway_only
@sensitive_variables("body", "password", "extra")
def authenticate(request: HttpRequest, body: dict[str, Any]) -> JsonResponse:
    """Email and password -> who is this?"""
    email = text(body, "email", limit=320)
    password = text(body, "password", limit=4096)
    extra = {name: body[name] for name in get_conf().authenticate_extra if name in body}
    outcome = credentials.check(request, email, password, extra)
    if isinstance(outcome, Refused):
        return _refuse(outcome)
    if hasattr(outcome, "last_login"):
        # As login() would have it: a login also voids password reset links sent before.
        update_last_login(type(outcome), outcome)
    return JsonResponse(identity_for(outcome, request))


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


def _invalid() -> JsonResponse:
    return JsonResponse({"code": "invalid"}, status=401)


def _refuse(refused: Refused) -> JsonResponse:
    answer: dict[str, Any] = {"code": refused.code}
    if refused.retry_after is not None:
        answer["retry_after"] = refused.retry_after
    response = JsonResponse(answer, status=STATUS[refused.code])
    if refused.retry_after is not None:
        response.headers["Retry-After"] = str(refused.retry_after)
    return response
