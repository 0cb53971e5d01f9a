"""Check a password for the gateway, through Django's own authentication backends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

Refusal = Literal["invalid_credentials", "account_disabled", "locked"]

# Told when somebody is locked out by a backend that does not say for how long.
DEFAULT_RETRY_AFTER = 60


@dataclass(frozen=True)
class Refused:
    code: Refusal
    retry_after: int | None = None


def lock_out(request: HttpRequest | None, retry_after: int) -> None:
    """For authentication backends that throttle: answer 429 for the next ``retry_after`` seconds.

    Call it before refusing as usual, with ``PermissionDenied`` or ``None``.
    """
    if request is not None:
        request._sidgate_retry_after = retry_after  # type: ignore[attr-defined]


@sensitive_variables("password", "extra")
def check(request: HttpRequest, email: str, password: str, extra: dict[str, Any]) -> Any:
    """Return the user, or ``Refused``. Takes one run of the hasher, whoever is or is not there."""
    known = find_user(email)
    if known is not None and not known.is_active:
        return _check_disabled(request, known, password)
    # As `username`, whatever the model calls it: this is how Django's own login form calls the
    # backends, so it is the spelling they all understand. An address nobody has is passed on
    # too: the backend spends the same time on it, and may know it from elsewhere (LDAP).
    username = email if known is None else known.get_username()
    user = authenticate(request, username=username, password=password, **extra)
    if user is not None:
        return user if user.is_active else Refused("account_disabled")
    return _locked(request) or Refused("invalid_credentials")


def find_user(email: str) -> Any:
    """The one user who logs in with this address, or ``None``."""
    model = get_user_model()
    email_field = model.get_email_field_name()
    if email_field == model.USERNAME_FIELD:
        try:
            return model._default_manager.get_by_natural_key(email)
        except model.DoesNotExist:
            return None
    if email_field not in {field.name for field in model._meta.get_fields()}:
        return None
    found = list(model._default_manager.filter(**{f"{email_field}__iexact": email})[:10])
    exact = [user for user in found if getattr(user, email_field) == email]
    # Django does not make addresses unique. With two owners nobody is meant.
    owners = exact or found
    return owners[0] if len(owners) == 1 else None


@sensitive_variables("password")
def _check_disabled(request: HttpRequest, user: Any, password: str) -> Refused:
    # Only who knows the password learns that the account is disabled. The backends refuse such
    # users without saying why, and asking them first would take the time of two hashes.
    if user.check_password(password):
        return Refused("account_disabled")
    user_login_failed.send(
        sender=__name__, credentials={"username": user.get_username()}, request=request
    )
    return _locked(request) or Refused("invalid_credentials")


def _locked(request: HttpRequest) -> Refused | None:
    retry_after = getattr(request, "_sidgate_retry_after", None)
    if retry_after is None and getattr(request, "axes_locked_out", False):  # django-axes
        retry_after = DEFAULT_RETRY_AFTER
        # Said; otherwise its middleware puts a page of its own in place of our answer.
        request.axes_locked_out = False  # type: ignore[attr-defined]
    return None if retry_after is None else Refused("locked", retry_after)
