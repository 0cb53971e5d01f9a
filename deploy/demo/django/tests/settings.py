"""The demo's own settings with a key that only these tests ever see."""

import base64
import os

os.environ["SIDGATE_UPSTREAM_KEY"] = base64.b64encode(b"d" * 32).decode()
os.environ["DEMO_DB"] = ":memory:"

from demo.settings import *  # noqa: F403

ALLOWED_HOSTS = ["localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
