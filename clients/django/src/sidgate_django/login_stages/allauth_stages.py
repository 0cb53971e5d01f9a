"""The stages of django-allauth's login, judged without its pages, and its login itself.

A stage that is known is judged here without its side effects: no mail and no text message goes out
for a login that has to be finished on a page anyway. A stage that only the project knows runs as it
is. The login then goes through allauth's own pipeline, hooks and signals included, and only what
that pipeline logs in counts as logged in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from ..refusal import INVALID, Refused, locked

# Answered by a code that fits into a login request.
TYPED = {"totp", "recovery_codes"}
TOO_MANY = "too_many_login_attempts"


def is_used() -> bool:
    return apps.is_installed("allauth.account")


@contextmanager
def serving(request: HttpRequest) -> Iterator[None]:
    """allauth asks a context variable for the request that it serves."""
    if not is_used():
        yield
        return
    from allauth.core import context

    with context.request_context(request):
        yield


def authenticate(
    request: HttpRequest, typed: str, username: str, password: str, extra: dict[str, Any]
) -> Any:
    """As its login form does, limits included: the user, ``None`` or ``Refused``."""
    from allauth.account.adapter import get_adapter
    from allauth.core import ratelimit

    if not ratelimit.consume(request, action="login"):
        return locked()
    names = {"username": username} | ({"email": typed} if _logs_in_by_email() else {})
    try:
        return get_adapter(request).authenticate(request, **names, password=password, **extra)
    except ValidationError as error:
        if error.code != TOO_MANY:
            raise
        return locked()


def count_attempt(request: HttpRequest, typed: str, username: str) -> Refused | None:
    """For a password that is checked without ``authenticate()``."""
    from allauth.account.adapter import get_adapter

    names = {"username": username} | ({"email": typed} if _logs_in_by_email() else {})
    try:
        get_adapter(request).pre_authenticate(request, **names)
    except ValidationError:
        return locked()
    return None


def refusal(request: HttpRequest, user: Any, typed: str, otp: str) -> Refused | None:
    """Refuse where its pages would ask for something that is not here. Uses up the ``otp``."""
    from allauth.account.adapter import get_adapter
    from allauth.account.internal.flows.login import record_authentication

    record_authentication(request, user, method="password", username=user.get_username())
    login = _login(user, typed)
    judges = [_JUDGES.get(path) for path in get_adapter(request).get_login_stages()]
    flows = [flow for judge in judges if judge for flow in judge(request, login)]
    if not flows and _logs_in_by_password():
        return None
    pages = [flow for flow in flows if flow not in TYPED and flow != "webauthn"]
    if not _logs_in_by_password():
        pages.append("login_by_code")
    if pages or not otp or not TYPED & set(flows):
        return Refused("mfa_required", tuple(dict.fromkeys(pages + flows)))
    return _verify(user, otp)


def log_in(request: HttpRequest, user: Any, typed: str) -> None:
    from allauth.account.adapter import get_adapter
    from allauth.account.internal.flows.login import perform_login
    from allauth.account.stages import LoginStageController
    from allauth.utils import import_callable

    login = _login(user, typed)
    controller = LoginStageController(request, login)
    for path in get_adapter(request).get_login_stages():
        if path in _JUDGES:
            controller.set_handled(import_callable(path).key)
    perform_login(request, login)


def has_typed_address(typed: str) -> Any:
    """The one user among whose addresses ``typed`` is, or ``None``."""
    from allauth.account.internal.userkit import filter_users_by_email

    found = {user.pk: user for user in filter_users_by_email(typed)}
    return next(iter(found.values())) if len(found) == 1 else None


def _login(user: Any, typed: str) -> Any:
    from allauth.account.app_settings import LoginMethod
    from allauth.account.internal.flows.login import derive_login_method
    from allauth.account.models import Login

    by_email = _logs_in_by_email() and derive_login_method(typed) == LoginMethod.EMAIL
    # Nobody is sent anywhere, so nothing has to find out where.
    return Login(user=user, email=typed if by_email else None, redirect_url="/")


def _logs_in_by_email() -> bool:
    from allauth.account import app_settings
    from allauth.account.app_settings import LoginMethod

    return LoginMethod.EMAIL in app_settings.LOGIN_METHODS


def _logs_in_by_password() -> bool:
    """Without a password at sign-up its login form has no field for one."""
    from allauth import app_settings as common
    from allauth.account import app_settings

    return bool(app_settings.SIGNUP_FIELDS.get("password1")) and not common.SOCIALACCOUNT_ONLY


def _login_by_code(request: HttpRequest, login: Any) -> list[str]:
    from allauth.account.adapter import get_adapter

    required = get_adapter(request).is_login_by_code_required(login)
    return ["login_by_code"] if required else []


def _verify_phone(request: HttpRequest, login: Any) -> list[str]:
    from allauth.account import app_settings
    from allauth.account.adapter import get_adapter

    field = app_settings.SIGNUP_FIELDS.get("phone")
    if not field:
        return []
    known = get_adapter(request).get_phone(login.user)
    if known is None:
        return ["verify_phone"] if field["required"] else []
    _, verified = known
    return [] if verified or not app_settings.PHONE_VERIFICATION_ENABLED else ["verify_phone"]


def _verify_email(request: HttpRequest, login: Any) -> list[str]:
    from allauth.account.app_settings import EmailVerificationMethod
    from allauth.account.utils import has_verified_email

    mandatory = login.email_verification == EmailVerificationMethod.MANDATORY
    verified = not mandatory or has_verified_email(login.user, login.email)
    return [] if verified else ["verify_email"]


def _second_factor(request: HttpRequest, login: Any) -> list[str]:
    from allauth.mfa.models import Authenticator
    from allauth.mfa.utils import is_mfa_enabled

    if not is_mfa_enabled(login.user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]):
        return []
    kinds = Authenticator.objects.filter(user_id=login.user.pk).values_list("type", flat=True)
    # An adapter may know of factors that are not in the table; then none can be given here.
    return sorted(set(kinds)) or ["mfa_authenticate"]


def _verify(user: Any, otp: str) -> Refused | None:
    from allauth.mfa import app_settings
    from allauth.mfa.base.forms import AuthenticateForm
    from allauth.utils import get_form_class

    form_class = get_form_class(app_settings.FORMS, "authenticate", AuthenticateForm)
    form = form_class(data={"code": otp}, user=user)
    if form.is_valid():
        form.save()
        return None
    faults = [fault.code for found in form.errors.as_data().values() for fault in found]
    return locked() if TOO_MANY in faults else INVALID


def _nothing(request: HttpRequest, login: Any) -> list[str]:
    return []


# By the paths that an adapter gives its stages. The last two are no conditions of a password login.
_JUDGES: dict[str, Callable[[HttpRequest, Any], list[str]]] = {
    "allauth.account.stages.LoginByCodeStage": _login_by_code,
    "allauth.account.stages.PhoneVerificationStage": _verify_phone,
    "allauth.account.stages.EmailVerificationStage": _verify_email,
    "allauth.mfa.stages.AuthenticateStage": _second_factor,
    "allauth.mfa.stages.TrustStage": _nothing,
    "allauth.mfa.webauthn.stages.PasskeySignupStage": _nothing,
}
