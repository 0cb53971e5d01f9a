"""The cookies of the system before Sidgate: eighteen of them, and what one can learn from them.

For the demo, which has to show how they become one. ``issue`` is what the old login page did, and
``session_token`` is an introspector as a project writes its own, beside ``encrypted_token``.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from cryptography.fernet import Fernet
from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.http import HttpRequest, HttpResponse

from sidgate_django.users import hash_matches

from .models import Profile

SESSION, TOKEN = "dott_auth_session", "session_token"
SALT = "demo.session_token"
TWO_WEEKS = 14 * 86_400
# What a cookie's value may hold as it is; the old JavaScript escaped the rest.
PLAIN = "!#$&'*+-.^_`|~:"


def cookies_for(user: User) -> dict[str, str]:
    """Name and value of each, as they add up to the 3.8 KB that every request carried."""
    profile, auth_hash = Profile.objects.get(user=user), user.get_session_auth_hash()
    about = {
        "user_id": user.pk,
        "auth_hash": auth_hash,
        "email": user.email,
        "name": user.get_full_name(),
        "tenant": profile.tenant,
        "permissions": ["invoices.read", "invoices.write", "payroll.read", "reports.read"],
    }
    step = "done" if profile.onboarded else "business"
    steps = ("account", "business", "bank", "team", "done")
    plain = {
        TOKEN: signing.dumps({"user": user.pk, "hash": auth_hash}, salt=SALT),
        "onboarding_status": json.dumps(dict.fromkeys(steps, profile.onboarded)),
        "businessInfoCompleted": str(profile.onboarded).lower(),
        "onboardingStep": step,
        "dott_tenant": profile.tenant,
        "dott_plan": profile.plan,
        "dott_locale": "en-GB",
        "dott_timezone": "Europe/London",
        "dott_theme": "system",
        "dott_currency": "GBP",
        "dott_last_seen": "2026-11-24T09:30:00Z",
        "dott_device": "d" * 36,
        "dott_features": json.dumps({f"feature_{n}": n % 2 == 0 for n in range(1, 21)}),
        "dott_menu": json.dumps(["home", "invoices", "payroll", "reports", "bank", "team"]),
    }
    # Too long for one cookie, so it came in pieces.
    long = sealed(about | plain)
    third = len(long) // 3 + 1
    pieces = {f"dott_profile.{n}": long[n * third : (n + 1) * third] for n in range(3)}
    everything = {SESSION: sealed(about)} | plain | pieces
    return {name: quote(value, safe=PLAIN) for name, value in everything.items()}


def sealed(claims: dict[str, Any]) -> str:
    return Fernet(settings.OLD_SESSION_KEY).encrypt(json.dumps(claims).encode()).decode()


def issue(response: HttpResponse, user: User, domain: str | None) -> int:
    """Set them all; returns how many bytes the browser will send from now on."""
    cookies = cookies_for(user)
    for number, (name, value) in enumerate(cookies.items()):
        # The old system had grown: some were set for the host, some for the whole domain.
        for_all = domain if number % 2 else None
        response.set_cookie(name, value, max_age=TWO_WEEKS, domain=for_all, samesite="Lax")
    return size(cookies)


def present(cookies: Mapping[str, str]) -> dict[str, int]:
    """Which of them a request brought, and their bytes in its Cookie line."""
    ours = (TOKEN, "onboarding_status", "businessInfoCompleted", "onboardingStep")
    return {
        name: len(f"{name}={value}".encode())
        for name, value in sorted(cookies.items())
        if name in ours or name.startswith("dott_")
    }


def size(cookies: Mapping[str, str]) -> int:
    return len("; ".join(f"{name}={value}" for name, value in cookies.items()).encode())


def session_token(cookies: Mapping[str, str], request: HttpRequest) -> Any:
    """Whose is the old backend's own token?"""
    try:
        claims = signing.loads(cookies.get(TOKEN, ""), salt=SALT, max_age=TWO_WEEKS)
        user = User.objects.get(pk=claims["user"])
    except (signing.BadSignature, User.DoesNotExist):
        return None
    return user if hash_matches(user, claims["hash"]) else None
