"""Devices of django-otp, also those that two-factor and other apps built on it bring."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.utils import timezone

from ..refusal import DEFAULT_RETRY_AFTER, INVALID, Refused, locked
from .pages import login_forms

# What the usual devices are called; another one is called by the name of its model.
FLOWS = {
    "otp_totp.totpdevice": "totp",
    "otp_static.staticdevice": "recovery_codes",
    "otp_hotp.hotpdevice": "hotp",
    "otp_email.emaildevice": "email",
}


def is_used() -> bool:
    return apps.is_installed("django_otp")


def refusal(user: Any, otp: str) -> Refused | None:
    """Refuse a user with a device whose token is not here. The token is used up by this."""
    from django_otp import devices_for_user

    devices = list(devices_for_user(user))
    if not devices:
        return _refusal_without_device()
    # A device that first sends its token (by mail, say) is for the app's own page.
    typed = [device for device in devices if not device.is_interactive()]
    if not typed or not otp:
        return Refused("mfa_required", tuple(dict.fromkeys(map(_flow, devices))))
    return _verify(user, typed, otp)


def is_unfinished(user: Any, session: Any) -> bool:
    """Whether a Django session has its user's password, but not yet the token of a device."""
    from django_otp import DEVICE_ID_SESSION_KEY, user_has_device
    from django_otp.models import Device

    if not user_has_device(user):
        return False
    named = session.get(DEVICE_ID_SESSION_KEY)
    device = Device.from_persistent_id(named) if isinstance(named, str) else None
    return device is None or device.user_id != user.pk


def _refusal_without_device() -> Refused | None:
    from django_otp.forms import OTPAuthenticationForm

    # This form lets in nobody without a token.
    if any(issubclass(form, OTPAuthenticationForm) for form in login_forms()):
        return Refused("mfa_required")
    return None


def _verify(user: Any, devices: list[Any], otp: str) -> Refused | None:
    from django_otp import verify_token

    waits = [_wait(device) for device in devices]
    if all(waits):
        return locked(min(waits))
    for device in devices:
        if verified := verify_token(user, device.persistent_id, otp):
            # Django's login() notes it in the session, by a signal of django-otp.
            user.otp_device = verified
            return None
    return INVALID


def _wait(device: Any) -> int:
    """Seconds until the device takes a token again, after wrong ones."""
    allowed, details = device.verify_is_allowed()
    if allowed:
        return 0
    until = (details or {}).get("locked_until")
    if until is None:
        return DEFAULT_RETRY_AFTER
    return max(1, int((until - timezone.now()).total_seconds()))


def _flow(device: Any) -> str:
    label: str = device.model_label()
    return FLOWS.get(label, label.rpartition(".")[2].removesuffix("device") or "device")
