"""Logins that say how long they last."""

import json
from datetime import timedelta

from django.contrib.auth import aauthenticate, alogin, authenticate, login
from django.http import HttpResponse
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from sidgate_django import events


def meant(text):
    """Every kind of value that ``set_expiry()`` takes."""
    return (
        {
            "None": None,
            "timedelta(hours=2)": timedelta(hours=2),
            "moment": timezone.now() + timedelta(hours=1),
            "past": timezone.now() - timedelta(hours=1),
        }[text]
        if not text.lstrip("-").isdigit()
        else int(text)
    )


@csrf_exempt
def log_in(request):
    when = request.POST.get("when")
    if when == "before":
        request.session.set_expiry(meant(request.POST["value"]))
    user = authenticate(request, username="ada", password="right")
    login(request, user)
    if when == "after":
        request.session.set_expiry(meant(request.POST["value"]))
    if "by_hand" in request.POST:
        events.login(request, user, **json.loads(request.POST["by_hand"]))
    return HttpResponse()


async def alog_in(request):
    await alogin(request, await aauthenticate(request, username="ada", password="right"))
    await request.session.aset_expiry(meant(request.POST["value"]))
    return HttpResponse()


@csrf_exempt
def expire(request):
    request.session.set_expiry(meant(request.POST["value"]))
    return HttpResponse()


@csrf_exempt
async def aexpire(request):
    await request.session.aset_expiry(meant(request.POST["value"]))
    return HttpResponse()


urlpatterns = [
    path("", include("sidgate_django.login_urls")),
    path("in/", log_in),
    path("ain/", alog_in),
    path("expire/", expire),
    path("aexpire/", aexpire),
]
