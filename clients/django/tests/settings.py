import base64

KEY = b"k" * 32
PREVIOUS_KEY = b"p" * 32


def b64(key: bytes) -> str:
    return base64.b64encode(key).decode()


SECRET_KEY = "only for tests " * 4
USE_TZ = True
ALLOWED_HOSTS = ["testserver"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "two_factor",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "sidgate_django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "sidgate_django.middleware.SidgateMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
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
ROOT_URLCONF = "tests.urls"
LOGIN_URL = "/login/"
# Switched on, with its backend and its middleware, by the tests that are about it.
AXES_ENABLED = False
AXES_CLIENT_IP_CALLABLE = "sidgate_django.client.client_ip"
SILENCED_SYSTEM_CHECKS = ["axes.W002", "axes.W003"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ALLAUTH_TRUSTED_PROXY_COUNT = 1
TWO_FACTOR_PATCH_ADMIN = False
SIDGATE = {"KEY": b64(KEY), "UPSTREAM": "django"}
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
