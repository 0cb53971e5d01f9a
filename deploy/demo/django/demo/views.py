"""The pages of the demo."""

import base64
import json

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from sidgate_django import events

from .identity import onboarding as onboarding_identity
from .models import Profile


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    profile = None
    if request.user.is_authenticated:
        # In request.session, which has no cookie of its own while somebody is logged in.
        request.session["visits"] = request.session.get("visits", 0) + 1
        profile = Profile.objects.filter(user=request.user).first()
    return render(request, "demo/home.html", {"profile": profile})


@require_safe
@login_required
def private(request: HttpRequest) -> HttpResponse:
    """The gateway's route says `required`; @login_required is the second lock on the same door."""
    return render(request, "demo/private.html")


@require_http_methods(["GET", "POST"])
@login_required
def onboarding(request: HttpRequest) -> HttpResponse:
    """One click changes what the gateway tells every app about this user."""
    profile, _ = Profile.objects.get_or_create(user=request.user, defaults={"tenant": "acme"})
    if request.method == "POST":
        profile.onboarded = request.POST.get("again") is None
        profile.save(update_fields=["onboarded"])
        events.update(request, onboarding_identity(profile))
        if profile.onboarded:
            messages.success(request, "All set. Every app knows from the next request on.")
        return redirect("home")
    return render(request, "demo/onboarding.html", {"profile": profile})


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def whoami(request: HttpRequest) -> JsonResponse:
    """Everything the app gets to know. Cookies by name only: their values are secrets."""
    session, user = request.gateway_session, request.user
    seen = {
        "session": {"state": session.state, "verified": session.via_gateway},
        "headers": {
            name: claims_of(value) if name == "X-Session-Assertion" else value
            for name, value in sorted(request.headers.items())
            if name.startswith("X-Session-")
        },
        "user": {
            "id": str(user.pk) if user.is_authenticated else None,
            "username": user.get_username(),
            "email": getattr(user, "email", ""),
            "is_authenticated": user.is_authenticated,
            "is_staff": user.is_staff,
        },
        "cookies": sorted(request.COOKIES),
    }
    return JsonResponse(seen, json_dumps_params={"indent": 2})


def claims_of(assertion: str) -> object:
    """For reading only: the middleware has done the verifying."""
    try:
        _, payload, _ = assertion.split(".")
        return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return "not an assertion"
