"""A Django site as allauth's documentation sets one up, with everything that its logins may ask for.

``python login_site.py prepare`` makes the database, ``python login_site.py code`` prints the victim's code of this
moment, ``gunicorn login_site:application`` serves. All in one file, because it is nobody's example.
"""

import json
import os
import sqlite3
import sys
from contextlib import closing

import django
from django.conf import settings

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SESSIONS = "sidgate_django.middleware.GatewaySessionMiddleware"

settings.configure(
    SECRET_KEY=os.environ["SIDGATE_UPSTREAM_KEY"],
    ALLOWED_HOSTS=["*"],
    USE_TZ=True,
    ROOT_URLCONF=__name__ if __name__ != "__main__" else "login_site",
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["SITE_DB"],
        }
    },
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.messages",
        "django.contrib.sessions",
        "allauth",
        "allauth.account",
        "allauth.mfa",
        "sidgate_django",
    ],
    MIDDLEWARE=[
        SESSIONS,
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "sidgate_django.middleware.SidgateMiddleware",
        "django.contrib.messages.middleware.MessageMiddleware",
        "allauth.account.middleware.AccountMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "APP_DIRS": True,
            "OPTIONS": {
                "context_processors": ["django.template.context_processors.request"]
            },
        }
    ],
    AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
    ALLAUTH_TRUSTED_PROXY_COUNT=1,
    ACCOUNT_LOGIN_METHODS={"email", "username"},
    ACCOUNT_EMAIL_VERIFICATION=os.environ.get("SITE_EMAIL_VERIFICATION", "none"),
    MFA_TOTP_TOLERANCE=1,
    SESSION_COOKIE_NAME="visitor",
    SIDGATE={
        "KEY": os.environ["SIDGATE_UPSTREAM_KEY"],
        "ACCEPT_DJANGO_LOGIN": True,
        "LEGACY_SESSION_COOKIE": "sessionid",
        "LEGACY_INTROSPECTORS": ["sidgate_django.legacy.django_session"],
    },
)
django.setup()

from itertools import count

from allauth.mfa.totp.internal import auth as totp
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.test import Client
from django.urls import include, path
from django.views.decorators.cache import cache_page
from django.views.decorators.vary import vary_on_cookie

made = count()


def who(request):
    session = request.gateway_session
    return JsonResponse(
        {
            "user": request.user.get_username() or None,
            "ref": session.ref,
            "cart": request.session.get("cart"),
            "cookies": request.META.get("HTTP_COOKIE", ""),
        }
    )


def fill_cart(request):
    request.session["cart"] = "full"
    return HttpResponse()


def old_login(request):
    """The login of the system before: a session of Django's own, under its own cookie."""
    client = Client()
    client.force_login(User.objects.get(username=request.GET["user"]))
    session = client.session
    session["cart"] = "old"
    session.save()
    response = HttpResponse()
    response.set_cookie("sessionid", session.session_key)
    return response


def stored(request):
    """What somebody reads who can read this site's own database."""
    rows = [
        row for row in Session.objects.all() if "_auth_user_id" not in row.get_decoded()
    ]
    return JsonResponse(
        {"strings": [s for r in rows for s in (r.session_key, r.session_data)]}
    )


@cache_page(60)
@vary_on_cookie
def cached(request):
    return HttpResponse(f"{request.user.get_username() or 'nobody'} {next(made)}")


urlpatterns = [
    path("", include("sidgate_django.urls")),
    path("", include("sidgate_django.login_urls")),
    path("accounts/", include("allauth.urls")),
    path("who", who),
    path("cart", fill_cart),
    path("old-login", old_login),
    path("stored", stored),
    path("cached", cached),
]
application = get_wsgi_application()


def prepare():
    from allauth.account.models import EmailAddress
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    for name in ("victim", "plain", "other"):
        user = User.objects.create_user(name, f"{name}@example.com", f"pw-{name}")
        if name != "plain":
            EmailAddress.objects.create(
                user=user, email=user.email, verified=True, primary=True
            )
    totp.TOTP.activate(User.objects.get(username="victim"), SECRET)


def texts(file):
    """Every text in every table of an SQLite file."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
        tables = store.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
        ).fetchall()
        rows = [
            row
            for (table,) in tables
            for row in store.execute(f'SELECT * FROM "{table}"')
        ]
    return [value for row in rows for value in row if isinstance(value, str)]


if __name__ == "__main__":
    if sys.argv[1] == "texts":
        print(json.dumps(texts(sys.argv[2])))
    if sys.argv[1] == "prepare":
        prepare()
    if sys.argv[1] == "code":
        _, now, _ = totp.yield_hotp_counters_from_time()
        print(totp.format_hotp_value(totp.hotp_value(SECRET, now)))
