"""The pages of the demo."""

import base64
import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "demo/home.html")


@require_safe
@login_required
def private(request: HttpRequest) -> HttpResponse:
    """The gateway's route says `required`; @login_required is the second lock on the same door."""
    return render(request, "demo/private.html")


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
