"""What the gateway gets to know about a user.

``settings.SIDGATE["IDENTITY"]`` may name another builder. It is given the user and the request and
returns a dict of this shape; the usual one extends ours::

    def identity(user, request):
        built = default_identity(user, request)
        if user.organisation is not None:
            built["tenant_id"] = str(user.organisation_id)
            built["attributes"] = {"plan": user.organisation.plan}
        return built
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ImproperlyConfigured
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest

from .conf import get_conf

logger = logging.getLogger("sidgate_django")

NO_TENANT: Final = ("", "None")


def default_identity(user: Any, request: HttpRequest) -> dict[str, Any]:
    about = {
        "id": str(user.pk),
        "username": user.get_username() or None,
        "email": getattr(user, user.get_email_field_name(), None) or None,
        "name": (user.get_full_name() or None) if hasattr(user, "get_full_name") else None,
    }
    hasher = getattr(user, "get_session_auth_hash", None)
    return {"user": about, "auth_hash": hasher() if hasher else None}


def identity_for(user: Any, request: HttpRequest) -> dict[str, Any]:
    """The identity of ``user`` as this project describes it, checked and without nulls."""
    identity = checked(get_conf().identity(user, request))
    if identity["user"]["id"] != str(user.pk):
        # The middleware finds the user by this id, so it is not the project's to choose.
        raise ImproperlyConfigured("SIDGATE['IDENTITY'] must leave user.id at str(user.pk).")
    return identity


def checked(identity: object) -> dict[str, Any]:
    """Refuse what the gateway would refuse, here where the traceback names the culprit."""
    if not isinstance(identity, Mapping):
        raise ImproperlyConfigured("An identity is a dict.")
    # UUIDs, dates and lazy translations become the strings the gateway will see anyway.
    plain: dict[str, Any] = json.loads(json.dumps(dict(identity), cls=DjangoJSONEncoder))
    user = plain.get("user")
    if not isinstance(user, dict) or not isinstance(user.get("id"), str) or not user["id"]:
        raise ImproperlyConfigured("An identity has a non-empty string at user.id.")
    if not isinstance(plain.get("tenant_id"), (str, type(None))):
        raise ImproperlyConfigured("tenant_id of an identity is a string.")
    plain["tenant_id"] = tenant(plain.get("tenant_id"))
    began = plain.get("auth_time")
    if began is not None and (type(began) is not int or began < 0):
        raise ImproperlyConfigured("auth_time of an identity is in whole seconds since 1970.")
    return {
        name: _without_nulls(value) if name in ("user", "attributes") else value
        for name, value in plain.items()
        if value is not None
    }


def tenant(said: Any) -> Any:
    """``str(None)`` is a slip, and no tenant that everybody without one may share."""
    if said in NO_TENANT:
        logger.error("tenant_id %r names no tenant; left out.", said)
        return None
    return said


def _without_nulls(members: Any) -> Any:
    if not isinstance(members, dict):
        return members
    return {name: value for name, value in members.items() if value is not None}
