"""Check a password for the gateway, through Django's own authentication backends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.contrib.auth import authenticate, get_backends, get_user_model
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest
from django.views.decorators.debug import sensitive_variables

from . import account_name
from .conf import get_conf
from .login_stages import allauth_stages
from .refusal import DISABLED, INVALID, Refused, locked

# Django puts this in place of what must not reach a receiver of its signal.
HIDDEN = "*" * 20


def lock_out(request: HttpRequest | None, retry_after: int) -> None:
    """For authentication backends that throttle: answer 429 for the next ``retry_after`` seconds.

    Call it before refusing as usual, with ``PermissionDenied`` or ``None``.
    """
    if request is not None:
        request._sidgate_retry_after = retry_after  # type: ignore[attr-defined]


@sensitive_variables("password", "extra")
def check(request: HttpRequest, typed: str, password: str, extra: Mapping[str, Any]) -> Any:
    """Return the user, or ``Refused``. Takes one run of the hasher, whoever is or is not there."""
    known = find_user(typed)
    if known is not None and not known.is_active:
        return _check_disabled(request, typed, known, password)
    # As `username`, whatever the model calls it: this is how Django's own login form calls the
    # backends, so it is the spelling they all understand. An address nobody has is passed on
    # too: the backend spends the same time on it, and may know it from elsewhere (LDAP).
    username = typed if known is None else known.get_username()
    passed = {name: extra[name] for name in get_conf().authenticate_extra if name in extra}
    if allauth_stages.is_used():
        user = allauth_stages.authenticate(request, typed, username, password, passed)
    else:
        user = authenticate(request, username=username, password=password, **passed)
    if isinstance(user, Refused):
        return user
    if user is not None:
        return user if user.is_active else DISABLED
    return locked_out(request) or INVALID


def account_of(typed: str) -> str:
    """The opaque name of the account that ``typed`` means, however it is spelled."""
    user = find_user(typed) or account_name.by_user_name(typed)
    if user is None and allauth_stages.is_used():
        user = allauth_stages.has_typed_address(typed)
    return account_name.name_typed(typed) if user is None else account_name.name_of(user)


def find_user(email: str) -> Any:
    """The one user who logs in with this address, or ``None``."""
    model = get_user_model()
    email_field = model.get_email_field_name()
    if email_field == model.USERNAME_FIELD:
        return account_name.by_user_name(email)
    if email_field not in {field.name for field in model._meta.get_fields()}:
        return None
    found = list(model._default_manager.filter(**{f"{email_field}__iexact": email})[:10])
    exact = [user for user in found if getattr(user, email_field) == email]
    # Django does not make addresses unique. With two owners nobody is meant.
    owners = exact or found
    return owners[0] if len(owners) == 1 else None


@sensitive_variables("password")
def _check_disabled(request: HttpRequest, typed: str, user: Any, password: str) -> Refused:
    # Only who knows the password learns that the account is disabled. The backends refuse such
    # users without saying why, and asking them first would take the time of two hashes.
    username = user.get_username()
    refused = _locked_by_axes(request, username)
    if refused is None and allauth_stages.is_used():
        refused = allauth_stages.count_attempt(request, typed, username)
    if refused is not None:
        return refused
    if user.check_password(password):
        return DISABLED
    signal_failure(request, username)
    return locked_out(request) or INVALID


def signal_failure(request: HttpRequest, username: str) -> None:
    """As ``authenticate()`` does it: lock-outs and audit logs hear of failures by this signal."""
    names = {"username": username, "password": HIDDEN}
    user_login_failed.send(sender=__name__, credentials=names, request=request)


def locked_out(request: HttpRequest) -> Refused | None:
    """Whether a backend or a receiver said so, by ``lock_out()`` or as django-axes does."""
    retry_after = getattr(request, "_sidgate_retry_after", None)
    if retry_after is not None or getattr(request, "axes_locked_out", False):
        return locked(retry_after)
    return None


def _locked_by_axes(request: HttpRequest, username: str) -> Refused | None:
    if not apps.is_installed("axes"):
        return None
    from axes.backends import AxesStandaloneBackend
    from axes.conf import settings as axes_settings
    from axes.handlers.proxy import AxesProxyHandler

    backends = get_backends()
    if not axes_settings.AXES_ENABLED or not any(
        isinstance(backend, AxesStandaloneBackend) for backend in backends
    ):
        return None
    allowed = AxesProxyHandler.is_allowed(request, {"username": username})
    return None if allowed else locked()
