"""The views of the conversations: one says something, one shows what the gateway made of it."""

from django.contrib.auth import get_user_model
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from sidgate_django import events

from .conversations import CONVERSATIONS


@csrf_exempt
def say(request, name, step):
    for event, arguments in CONVERSATIONS[name][step][1]:
        if "user" in arguments:
            user = get_user_model().objects.get(username=arguments["user"])
            arguments = arguments | {"user": user}
        getattr(events, event)(request, **arguments)
    return HttpResponse()


def seen(request):
    session = request.gateway_session
    return JsonResponse(
        {
            "state": session.state,
            "user": request.user.get_username() or None,
            "tenant": session.tenant_id,
            "attributes": dict(session.attributes),
            "email": session.email,
            "handle": session.id,
        }
    )
