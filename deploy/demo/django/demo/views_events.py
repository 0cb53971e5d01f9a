"""Every event an app can send to the gateway, one line each.

Examples to read, and a handle for the end-to-end tests. For the demo only: whoever can post here
can become anybody. (Requiring JSON keeps other web sites out, whose forms cannot send it.)

    POST /demo/event {"events": [{"type": "login", "user": "test@example.com", "ttl": 3600},
                                 {"type": "logout", "scope": "others"},
                                 {"type": "update", "identity": {"attributes": {"plan": "pro"}}},
                                 {"type": "rotate"},
                                 {"type": "ref", "ref": "opaque"}],
                      "status": 200}
"""

import json

from django.contrib.auth.models import User
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from sidgate_django import events


def send_login(request: HttpRequest, event: dict) -> None:
    events.login(request, User.objects.get(email=event["user"]), ttl=event.get("ttl"))


def send_logout(request: HttpRequest, event: dict) -> None:
    events.logout(request, scope=event.get("scope", "this"))


def send_update(request: HttpRequest, event: dict) -> None:
    events.update(request, event["identity"])


def send_rotate(request: HttpRequest, event: dict) -> None:
    events.rotate(request)


def send_ref(request: HttpRequest, event: dict) -> None:
    events.set_ref(request, event["ref"])


SEND = {
    "login": send_login,
    "logout": send_logout,
    "update": send_update,
    "rotate": send_rotate,
    "ref": send_ref,
}


@csrf_exempt
@require_POST
def say(request: HttpRequest) -> JsonResponse:
    if request.content_type != "application/json":
        return JsonResponse({"error": "application/json, please"}, status=415)
    try:
        body = json.loads(request.body)
        for event in body["events"]:
            SEND[event["type"]](request, event)
        status = int(body.get("status", 200))
    except (ValueError, KeyError, TypeError, User.DoesNotExist) as error:
        events.pending(request).clear()
        return JsonResponse({"error": f"{type(error).__name__}: {error}"}, status=400)
    return JsonResponse({"sent": [event["type"] for event in body["events"]]}, status=status)
