"""Which login pages and apps of this project ask for something that nothing here can judge?

By default nobody logs in at the gateway's endpoint while there is one. The project names each in a
stage of its own (``answers_for``), or does not publish the login there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.core.signals import setting_changed
from django.shortcuts import resolve_url
from django.urls import NoReverseMatch, Resolver404, URLPattern, get_resolver, resolve

from .project import answered

# They stand between a password and a login, and offer no question that could be asked from here.
APPS: Final = frozenset({
    # Captchas.
    "altcha", "captcha", "django_altcha", "django_hcaptcha", "django_recaptcha", "django_turnstile",
    "friendly_captcha", "hcaptcha", "multi_captcha_admin", "turnstile",
    "snowpenguin.django.recaptcha2", "snowpenguin.django.recaptcha3",
    # Second factors that are no devices of django-otp.
    "deux", "django_duo_universal", "django_fido", "django_mfa", "django_mfa2", "duo_auth", "kagi",
    "mfa", "multifactor", "passkeys", "trench", "u2f",
    # Lock-outs that wrap the login view.
    "brutebuster", "defender", "django_lockout", "lockout", "simple_lockout",
    # Terms, approval, passwords that have run out.
    "password_expire", "password_policies", "termsandconditions", "tos",
})  # fmt: skip

# Login views and forms that are judged, or that ask for a password alone.
KNOWN: Final = (
    "allauth.",
    "django.contrib.admin.",
    "django.contrib.auth.",
    "django_otp.",
    "rest_framework.",
    "two_factor.",
    "wagtail.admin.",
)
LOGIN_NAMES: Final = frozenset({"account_login", "log_in", "log-in", "login", "sign_in", "signin"})
# Options of a login view that change how it looks, and not whom it lets in.
HARMLESS: Final = frozenset({
    "authentication_form", "content_type", "extra_context", "form_class", "next_page",
    "redirect_authenticated_user", "redirect_field_name", "success_url",
    "success_url_allowed_hosts", "template_name",
})  # fmt: skip

WIZARD: Final = frozenset({"condition_dict", "form_list", "initial_dict", "instance_dict"})


@dataclass(frozen=True)
class Page:
    name: str
    form: type | None
    is_known: bool


def unanswered() -> list[str]:
    """What keeps the endpoint closed: names of apps and views, empty where all is judged."""
    return sorted({*_apps(), *_pages_unknown()} - answered())


def login_forms() -> list[type]:
    return [page.form for page in _pages() if page.form is not None]


def _apps() -> list[str]:
    return [name for name in APPS if apps.is_installed(name)]


def _pages_unknown() -> Iterator[str]:
    yield from (page.name for page in _pages() if not page.is_known)
    if apps.is_installed("allauth.account"):
        from allauth.account import app_settings

        form = app_settings.FORMS.get("login")
        if form is not None and not _is_known(_name(form)):
            yield _name(form)
    if apps.is_installed("wagtail.admin"):
        # Its view asks for the form when it is called.
        form = getattr(settings, "WAGTAILADMIN_USER_LOGIN_FORM", None)
        if form is not None and not _is_known(_name(form)):
            yield _name(form)


@cache
def _pages() -> tuple[Page, ...]:
    if not getattr(settings, "ROOT_URLCONF", None):
        return ()
    views = [*_login_views(get_resolver().url_patterns), *_view_at_login_url()]
    return tuple(dict.fromkeys(map(_page, views)))


def _forget(**kwargs: Any) -> None:
    _pages.cache_clear()


setting_changed.connect(_forget, dispatch_uid="sidgate_django.login_stages.pages")


def _login_views(patterns: list[Any]) -> Iterator[Callable[..., Any]]:
    for pattern in patterns:
        if not isinstance(pattern, URLPattern):
            yield from _login_views(pattern.url_patterns)
        elif pattern.name in LOGIN_NAMES or _is_login_class(pattern.callback):
            yield pattern.callback


def _is_login_class(view: Any) -> bool:
    found = getattr(view, "view_class", None)
    form = _form(view)
    return (isinstance(found, type) and issubclass(found, LoginView)) or (
        isinstance(form, type) and issubclass(form, AuthenticationForm)
    )


def _view_at_login_url() -> Iterator[Callable[..., Any]]:
    """Whatever its name: people who have to log in are sent there."""
    try:
        url = urlsplit(resolve_url(settings.LOGIN_URL))
        if not url.netloc:
            yield resolve(url.path).func
    except (NoReverseMatch, Resolver404):
        return


def _page(view: Any) -> Page:
    form = _form(view)
    site = getattr(view, "__self__", None)
    if isinstance(site, AdminSite):
        form = site.login_form
    home = getattr(view, "view_class", None) or view
    if not _is_known(_name(home)):
        return Page(_name(home), form, False)
    if form is not None and not _is_known(_name(form)):
        return Page(_name(form), form, False)
    return Page(_name(home), form, _is_harmless(view))


def _is_harmless(view: Any) -> bool:
    options = getattr(view, "view_initkwargs", {})
    # The page of two-factor is a wizard, which always names its steps here.
    steps = options.get("form_list", {})
    conditions = getattr(getattr(view, "view_class", None), "condition_dict", None)
    return (
        set(options) <= HARMLESS | WIZARD
        and all(_is_known(_name(form)) for form in steps.values())
        and options.get("condition_dict", conditions) == conditions
    )


def _form(view: Any) -> Any:
    options = getattr(view, "view_initkwargs", {})
    view_class = getattr(view, "view_class", None)
    for name in ("authentication_form", "form_class"):
        if form := options.get(name) or getattr(view_class, name, None):
            return form
    return None


def _name(thing: Any) -> str:
    if isinstance(thing, str):
        return thing
    thing = inspect.unwrap(thing) if inspect.isfunction(thing) else thing
    # An instance, such as a view that is an object with __call__.
    named = thing if hasattr(thing, "__qualname__") else type(thing)
    return f"{named.__module__}.{named.__qualname__}"


def _is_known(name: str) -> bool:
    return name.startswith(KNOWN)
