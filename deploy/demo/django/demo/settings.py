"""Settings of the demo app. What Sidgate needs is marked; the rest is plain Django."""

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

DEBUG = False
# The gateway passes the Host the browser sent, so Django's CSRF check compares like with like
# and needs no CSRF_TRUSTED_ORIGINS.
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

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
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sidgate_django.middleware.SidgateMiddleware",  # Sidgate
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

SIDGATE = {"KEY": UPSTREAM_KEY, "UPSTREAM": "django"}  # Sidgate
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # Sidgate sets it anew

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
