"""Whose address is it? For what counts or locks by address: ``REMOTE_ADDR`` is the gateway's."""

from __future__ import annotations

from ipaddress import ip_address

from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str | None:
    """The browser's address: as the gateway says, if the request is signed by it, else the peer's.

    For django-axes: ``AXES_CLIENT_IP_CALLABLE = "sidgate_django.client.client_ip"``.
    """
    session = getattr(request, "gateway_session", None)
    stated = request.META.get("HTTP_X_FORWARDED_FOR") if session and session.via_gateway else None
    for address in (stated, request.META.get("REMOTE_ADDR")):
        if address is not None and _is_address(address):
            return str(address)
    return None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
