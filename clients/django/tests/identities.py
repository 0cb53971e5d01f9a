"""Identity builders as a project would write them, and as it should not."""

import uuid

from django.contrib.auth.models import User

from sidgate_django.identity import default_identity


def with_tenant(user, request):
    return default_identity(user, request) | {
        "tenant_id": uuid.UUID(int=7),
        "needs_onboarding": False,
        "attributes": {"plan": "pro", "trial_ends": None},
    }


def with_session_data(user, request):
    seen = "seen" if "calls" in request.POST and request.user == user else "too early"
    return default_identity(user, request) | {"attributes": {"calls": seen}}


def with_query(user, request):
    return default_identity(user, request) | {"attributes": {"users": User.objects.count()}}


def other_id(user, request):
    return {"user": {"id": "someone-else"}}


def number_as_id(user, request):
    return {"user": {"id": user.pk}}


def number_as_tenant(user, request):
    return default_identity(user, request) | {"tenant_id": 7}


def none_as_tenant(user, request):
    return default_identity(user, request) | {"tenant_id": str(None)}


def nothing_as_tenant(user, request):
    return default_identity(user, request) | {"tenant_id": ""}


def no_user(user, request):
    return {"tenant_id": "t1"}


def no_dict(user, request):
    return None
