"""What the gateway keeps about a user, and tells every app: settings.SIDGATE["IDENTITY"]."""

from typing import Any

from django.http import HttpRequest

from sidgate_django.identity import default_identity

from .models import Profile


def identity(user: Any, request: HttpRequest) -> dict[str, Any]:
    built = default_identity(user, request)
    profile = Profile.objects.filter(user=user).first()
    if profile is not None:
        built["tenant_id"] = profile.tenant
        built |= onboarding(profile)
        built["attributes"] |= {"plan": profile.plan}
    return built


def onboarding(profile: Profile) -> dict[str, Any]:
    """The flag, for browsers; among the attributes too, which are what servers are told."""
    needed = not profile.onboarded
    return {"needs_onboarding": needed, "attributes": {"needs_onboarding": needed}}
