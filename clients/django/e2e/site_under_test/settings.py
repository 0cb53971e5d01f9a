"""One project with the packages of docs/django.md, set up as their documentation has it."""

import os

WORK = os.environ["SITE_WORK"]
SECRET_KEY = "only for tests " * 4
DEBUG = False
ALLOWED_HOSTS = ["localhost"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{WORK}/site.db",
        "OPTIONS": {"timeout": 10},
    }
}
# Tables as the models are: to run all migrations takes half a minute.
MIGRATION_MODULES = dict.fromkeys(
    ["admin", "auth", "contenttypes", "sessions", "account", "mfa", "axes", "taggit"]
    + [f"wagtail{name}" for name in ("admin", "core", "docs", "images", "search", "sites", "users")]
)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
INSTALLED_APPS = [
    "wagtail.sites",
    "wagtail.users",
    "wagtail.images",
    "wagtail.documents",
    "wagtail.search",
    "wagtail.admin",
    "wagtail.snippets",
    "wagtail",
    "modelcluster",
    "taggit",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "rest_framework",
    "sidgate_django",
]
MIDDLEWARE = [
    "sidgate_django.middleware.GatewaySessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sidgate_django.middleware.SidgateMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
]
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
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ROOT_URLCONF = "site_under_test.urls"
ASGI_APPLICATION = "site_under_test.asgi.application"
STATIC_URL = "static/"
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/who/"
ACCOUNT_EMAIL_VERIFICATION = "none"
ALLAUTH_TRUSTED_PROXY_COUNT = 1
MFA_TOTP_TOLERANCE = 1
AXES_FAILURE_LIMIT = 3
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "sidgate_django.client.client_ip"
WAGTAIL_SITE_NAME = "Sidgate"
WAGTAILADMIN_BASE_URL = "http://localhost"
if "SITE_LOGIN_FORM" in os.environ:
    WAGTAILADMIN_USER_LOGIN_FORM = os.environ["SITE_LOGIN_FORM"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["sidgate_django.drf.GatewayAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
}
SIDGATE = {
    "KEY": os.environ["SIDGATE_UPSTREAM_KEY"],
    "LOGIN_STAGES": ["site_under_test.urls.short_login"],
}
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
