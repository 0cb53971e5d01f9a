"""For Django REST framework: the gateway's session as authentication.

::

    REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["sidgate_django.drf.GatewayAuthentication"],
    }
"""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request

from .session import GatewaySession, session_of


class GatewayAuthentication(SessionAuthentication):
    """``request.user`` is the gateway's user, ``request.auth`` its :class:`GatewaySession`.

    The browser sends the session's cookie by itself, so Django's CSRF check stays. A request
    without a session is told ``401`` rather than ``403``.
    """

    def authenticate(self, request: Request) -> tuple[Any, GatewaySession] | None:
        admitted = super().authenticate(request)
        if admitted is None:
            return None
        user, _ = admitted
        return user, session_of(request._request)

    def authenticate_header(self, request: Request) -> str:
        return 'Session realm="gateway"'
