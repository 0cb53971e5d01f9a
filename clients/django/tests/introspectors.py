"""Stand-ins for what a project knows about its old cookies."""

import json

from django.contrib.auth.models import AnonymousUser, User


def by_old_cookie(cookies, request):
    return User.objects.filter(username=cookies.get("old_session")).first()


def ready_made(cookies, request):
    if "partner" in cookies:
        return {"user": {"id": "p-1", "email": None}, "tenant_id": "t1"}
    return None


def anonymous(cookies, request):
    return AnonymousUser()


def broken(cookies, request):
    raise RuntimeError("the old database is away")


def with_time(cookies, request):
    """Says when the login began, as JSON that the cookie holds."""
    if "began" not in cookies:
        return None
    return {"user": {"id": "p-1"}, "auth_time": json.loads(cookies["began"])}


def malformed(cookies, request):
    return {"user": {"id": 7}}
