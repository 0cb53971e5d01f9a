"""System checks: what would make the gateway's word go unheard, or somebody else's be believed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.contrib.auth.middleware import (
    AuthenticationMiddleware,
    LoginRequiredMiddleware,
    RemoteUserMiddleware,
)
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connections
from django.middleware.cache import FetchFromCacheMiddleware
from django.middleware.csrf import CsrfViewMiddleware

from . import marker
from .conf import parse
from .installed import is_routed, places
from .login_stages import pages
from .middleware import GatewaySessionMiddleware, SidgateMiddleware
from .models import Revocation, Session

NAME = f"{SidgateMiddleware.__module__}.{SidgateMiddleware.__qualname__}"
SESSIONS = "sidgate_django.middleware.GatewaySessionMiddleware"

NO_KEY = (
    "In development `sidgate dev --upstream 8000` starts a gateway that has a key for this app. "
    "Commands that need no gateway, as in an image build, run with any 32 bytes in base64."
)

# The key has an id of its own; an unknown name and every other setting share one.
FAULT_IDS = {"KEY": "sidgate.E003", "KEYS": "sidgate.E003"}


@register(Tags.security)
def check_settings(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    conf, faults = parse(getattr(settings, "SIDGATE", None))
    for fault in faults:
        name = FAULT_IDS.get(fault.setting, "sidgate.E005")
        yield Error(fault.message, hint=NO_KEY if name == "sidgate.E003" else None, id=name)
    if conf is not None and conf.accept_django_login and not places(GatewaySessionMiddleware):
        yield Error(
            "SIDGATE['ACCEPT_DJANGO_LOGIN'] needs GatewaySessionMiddleware.",
            hint="With Django's own, the cookie of a login outlives the session it opened.",
            id="sidgate.E007",
        )


@register(Tags.security)
def check_middleware(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    ours = places(SidgateMiddleware)
    if not ours:
        yield Error(
            f"'{NAME}' must be in MIDDLEWARE.",
            hint="Insert it after 'django.contrib.auth.middleware.AuthenticationMiddleware'.",
            id="sidgate.E001",
        )
        return
    for before in (SessionMiddleware, AuthenticationMiddleware):
        if any(place > ours[0] for place in places(before)):
            yield _wrong_order(before, "after", "Django's session would decide who the user is.")
    if any(place < ours[0] for place in places(LoginRequiredMiddleware)):
        yield _wrong_order(LoginRequiredMiddleware, "before", "It would find nobody logged in.")
    if any(place < ours[0] for place in places(FetchFromCacheMiddleware)):
        yield _wrong_order(
            FetchFromCacheMiddleware, "before", "It would answer before it is known who asks."
        )
    if len(ours) > 1 or len(places(SessionMiddleware)) > 1:
        yield Error(
            "MIDDLEWARE has Sidgate's or the session middleware more than once.",
            hint="GatewaySessionMiddleware takes the place of SessionMiddleware.",
            id="sidgate.E006",
        )
    if places(RemoteUserMiddleware):
        yield Warning(
            "RemoteUserMiddleware believes an unsigned header.",
            hint="Remove it (and what derives from it): the gateway's session replaces it.",
            id="sidgate.W001",
        )
    if not places(CsrfViewMiddleware):
        yield Warning(
            "CsrfViewMiddleware is not in MIDDLEWARE.",
            hint="The session is a cookie, which browsers send with other sites' forms too.",
            id="sidgate.W003",
        )


@register(Tags.security)
def check_sessions(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if not places(GatewaySessionMiddleware):
        return
    if settings.SESSION_ENGINE.endswith(".signed_cookies"):
        yield Error(
            f"'{SESSIONS}' needs a SESSION_ENGINE that keeps data on the server.",
            hint="The gateway keeps a key, not the data. Use the db, cache or file engine.",
            id="sidgate.E008",
        )


@register(Tags.security)
def check_proxy(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if getattr(settings, "SECURE_PROXY_SSL_HEADER", None) is None:
        yield Warning(
            "SECURE_PROXY_SSL_HEADER is not set.",
            hint="The gateway ends TLS: without ('HTTP_X_FORWARDED_PROTO', 'https') Django takes "
            "every request for http, and refuses the forms of https pages.",
            id="sidgate.W002",
        )
    if apps.is_installed("axes") and not getattr(settings, "AXES_CLIENT_IP_CALLABLE", None):
        yield Warning(
            "django-axes sees the gateway's address instead of the browser's.",
            hint="Set AXES_CLIENT_IP_CALLABLE = 'sidgate_django.client.client_ip'; else one bad "
            "client locks everybody out.",
            id="sidgate.W004",
        )


@register(Tags.security)
def check_allauth(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    if not apps.is_installed("allauth.account"):
        return
    header = getattr(settings, "ALLAUTH_TRUSTED_CLIENT_IP_HEADER", None)
    count = getattr(settings, "ALLAUTH_TRUSTED_PROXY_COUNT", 0)
    by_header = str(header).lower() == "x-forwarded-for"
    if not (by_header if header else count == 1):
        yield Warning(
            "django-allauth limits the gateway's address instead of the browser's.",
            hint="Set ALLAUTH_TRUSTED_PROXY_COUNT = 1, and no other header; else one bad client "
            "uses up the attempts of everybody.",
            id="sidgate.W007",
        )


@register(Tags.urls)
def check_endpoints(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    conf, _ = parse(getattr(settings, "SIDGATE", None))
    if conf is None or not getattr(settings, "ROOT_URLCONF", None):
        return
    if conf.legacy_introspectors and not is_routed("introspect"):
        yield Warning(
            "SIDGATE['LEGACY_INTROSPECTORS'] is set, and the gateway cannot ask them.",
            hint='Add path("", include("sidgate_django.urls")) to the root URLconf.',
            id="sidgate.W005",
        )
    if not is_routed("authenticate"):
        if conf.login_stages or conf.authenticate_extra:
            yield Warning(
                "SIDGATE has settings for the gateway's login, which is not published.",
                hint='Add path("", include("sidgate_django.login_urls")) to the root URLconf, or '
                "remove LOGIN_STAGES and AUTHENTICATE_EXTRA.",
                id="sidgate.W006",
            )
        return
    for name in pages.unanswered():
        yield Error(
            f"The gateway's login is published, and nothing answers for '{name}' there.",
            hint="It may ask for more than a password, so the login refuses everybody. Name a "
            f"stage with @answers_for('{name}') in SIDGATE['LOGIN_STAGES'], or do not include "
            "sidgate_django.login_urls.",
            id="sidgate.E011",
        )


@register(Tags.security)
def check_cookies(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    names = ("SESSION_COOKIE_NAME", "CSRF_COOKIE_NAME", "LANGUAGE_COOKIE_NAME")
    for name in names:
        if getattr(settings, name) == marker.COOKIE:
            yield Error(
                f"settings.{name} is '{marker.COOKIE}', the name of the gateway's marker.",
                hint="What browsers send under that name is taken away. Choose another one.",
                id="sidgate.E012",
            )


@register(Tags.database)
def check_tables(app_configs: Any, databases: Any = None, **kwargs: Any) -> Iterator[CheckMessage]:
    conf, _ = parse(getattr(settings, "SIDGATE", None))
    if conf is None or conf.database is None or conf.database not in (databases or ()):
        return
    if Session._meta.managed:
        return  # Django makes them; `migrate` may be about to
    if problem := missing_columns(conf.database):
        yield Error(
            problem,
            hint="`sidgate schema apply` makes the tables; SIDGATE['DATABASE'] says where.",
            id="sidgate.E010",
        )


#: The checks that look at settings and URLs only.
WITHOUT_DATABASE: Final = (
    check_settings,
    check_middleware,
    check_sessions,
    check_proxy,
    check_allauth,
    check_endpoints,
    check_cookies,
)


def missing_columns(alias: str) -> str | None:
    """What the gateway's tables lack of what the models know."""
    connection = connections[alias]
    for model in (Session, Revocation):
        table = model._meta.db_table
        wanted = {field.column for field in model._meta.local_concrete_fields if field.column}
        try:
            with connection.cursor() as cursor:
                found = {
                    column.name
                    for column in connection.introspection.get_table_description(cursor, table)
                }
        except DatabaseError as error:
            return f"{table} in database {alias!r} cannot be read: {str(error).strip()}"
        if missing := wanted - found:
            names = ", ".join(sorted(missing))
            return f"{table} in database {alias!r} has no column {names}."
    return None


def _wrong_order(other: type, where: str, why: str) -> Error:
    return Error(
        f"'{NAME}' must come {where} '{other.__module__}.{other.__qualname__}'.",
        hint=f"Otherwise: {why}",
        id="sidgate.E002",
    )
