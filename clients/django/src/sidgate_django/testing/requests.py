"""Requests for views that a test calls directly."""

from __future__ import annotations

from typing import Any, TypeVar

from django.apps import apps
from django.contrib.messages.storage import default_storage
from django.http import HttpRequest

from ..login import MemorySession
from ..session import session_of
from ..users import attach_user
from .signing import gateway_meta

R = TypeVar("R", bound=HttpRequest)


def from_gateway(request: R, user: Any = None, **claims: Any) -> R:
    """A request of ``RequestFactory`` as a view sees it when it came through the gateway.

    It has ``user``, ``auser``, ``gateway_session``, ``session`` and a place for messages::

        profile(from_gateway(RequestFactory().get("/profile/"), ada, tid="t1"))
    """
    request.META.update(gateway_meta(user, **claims))
    request.session = MemorySession()
    attach_user(request, session_of(request))
    if apps.is_installed("django.contrib.messages"):
        request._messages = default_storage(request)  # type: ignore[attr-defined]
    return request
