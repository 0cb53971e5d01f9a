"""A small JSON API, as a browser app or a Next.js server calls it."""

import json

from django.http import HttpRequest, JsonResponse
from django.middleware.csrf import get_token
from django.views.decorators.http import require_http_methods, require_safe

from .models import Note

MOST = 50


def unauthorized() -> JsonResponse:
    return JsonResponse({"error": "Unauthorized"}, status=401)


@require_safe
def me(request: HttpRequest) -> JsonResponse:
    """Who is asking, from the signed assertion and one row of the database."""
    session, user = request.gateway_session, request.user
    if not user.is_authenticated:
        return unauthorized()
    profile = getattr(user, "profile", None)
    return JsonResponse(
        {
            "id": str(user.pk),
            "email": user.email,
            "name": user.get_full_name(),
            "tenantId": session.tenant_id,
            "plan": session.attributes.get("plan"),
            "needsOnboarding": profile is not None and not profile.onboarded,
            # To be sent back as X-CSRFToken.
            "csrfToken": get_token(request),
        }
    )


@require_http_methods(["GET", "POST"])
def notes(request: HttpRequest) -> JsonResponse:
    """The notes of the caller's tenant. Writing takes Django's CSRF token, as everywhere."""
    tenant = request.gateway_session.tenant_id
    if not request.user.is_authenticated or tenant is None:
        return unauthorized()
    if request.method == "POST":
        try:
            text = json.loads(request.body)["text"]
        except (ValueError, KeyError, TypeError):
            text = None
        if not isinstance(text, str) or not 0 < len(text.strip()) <= 280 or "\0" in text:
            return JsonResponse({"error": "text: 1 to 280 characters, please"}, status=400)
        note = Note.objects.create(tenant=tenant, author=request.user, text=text.strip())
        return JsonResponse(as_json(note), status=201)
    found = Note.objects.filter(tenant=tenant).select_related("author")[:MOST]
    return JsonResponse({"tenantId": tenant, "notes": [as_json(note) for note in found]})


def as_json(note: Note) -> dict[str, str]:
    return {
        "id": str(note.pk),
        "text": note.text,
        "author": note.author.email,
        "writtenAt": note.written_at.isoformat(timespec="seconds"),
    }
