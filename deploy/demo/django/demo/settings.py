"""Settings of the demo app. What Sidgate needs is marked; the rest is plain Django."""

import base64
import hashlib
import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

HERE = Path(__file__).resolve().parent.parent

UPSTREAM_KEY = os.environ.get("SIDGATE_UPSTREAM_KEY", "").strip()
if not UPSTREAM_KEY:
    raise ImproperlyConfigured(
        "SIDGATE_UPSTREAM_KEY is not set. It is what `sidgate keys upstream django "
        "--config sidgate.toml` prints; `make demo` passes it by itself."
    )

# One secret to hand over instead of two. A real project keeps its own SECRET_KEY.
SECRET_KEY = hashlib.sha256(b"demo django secret key" + UPSTREAM_KEY.encode()).hexdigest()

# And what the old system encrypted its cookies with.
OLD_SESSION_KEY = base64.urlsafe_b64encode(
    hashlib.sha256(b"demo old session key" + UPSTREAM_KEY.encode()).digest()
).decode()
# Where some of the old cookies were set for a whole domain, as "app.test"; localhost has none.
OLD_COOKIE_DOMAIN = os.environ.get("DEMO_COOKIE_DOMAIN") or None

DEBUG = False
# The gateway passes the Host the browser sent, so Django's CSRF check compares like with like
# and needs no CSRF_TRUSTED_ORIGINS.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *os.environ.get("DEMO_HOSTS", "").split()]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "sidgate_django",  # Sidgate
    "demo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "sidgate_django.middleware.GatewaySessionMiddleware",  # Sidgate: in place of Django's own
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sidgate_django.middleware.SidgateMiddleware",  # Sidgate
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

# Sidgate
SIDGATE = {
    "KEY": UPSTREAM_KEY,
    "UPSTREAM": os.environ.get("SIDGATE_UPSTREAM_NAME", "django"),
    "IDENTITY": "demo.identity.identity",
    # Behind an edge that asks the gateway: where events go, as "http://127.0.0.1:3001/authz/event".
    "EVENTS_URL": os.environ.get("SIDGATE_EVENTS_URL") or None,
    # Who did the cookies of the old system belong to?
    "LEGACY_INTROSPECTORS": [
        "sidgate_django.legacy.encrypted_token",
        "demo.old_login.session_token",
    ],
    "LEGACY_TOKEN": {"COOKIE": "dott_auth_session", "KEYS": [OLD_SESSION_KEY]},
}
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # Sidgate sets it anew

# One cookie, and nothing that a page's scripts could read: no csrftoken, no messages.
CSRF_USE_SESSIONS = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

ROOT_URLCONF = "demo.urls"
WSGI_APPLICATION = "demo.wsgi.application"
ASGI_APPLICATION = "demo.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DEMO_DB", str(HERE / "demo.db")),
        # Eight threads share the file: wait for the writer instead of failing.
        "OPTIONS": {"timeout": 10},
    }
}
# Sidgate's own tables, if this app may see them: sessions in the admin, `sidgate_sessions`.
if gateway_tables := os.environ.get("DEMO_SIDGATE_DB"):
    DATABASES["sidgate"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": gateway_tables,
        "OPTIONS": {"timeout": 10},
    }
    SIDGATE["DATABASE"] = "sidgate"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGIN_URL = "/login"
LOGIN_REDIRECT_URL = "/"
STATIC_URL = "static/"
TIME_ZONE = "UTC"
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
