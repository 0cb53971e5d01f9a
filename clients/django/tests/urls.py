"""A small project: what it knows about the visitor, and every way to log in and out."""

import json

from asgiref.sync import sync_to_async
from django.contrib import admin
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from sidgate_django import events

try:
    from django.contrib.auth import aauthenticate, alogin, alogout
except ImportError:  # Django before 5.0
    aauthenticate, alogin, alogout = map(sync_to_async, (authenticate, login, logout))


def who(request):
    session = request.gateway_session
    return JsonResponse({"user": request.user.get_username() or None, "state": session.state})


async def awho(request):
    user = await request.auser()
    return JsonResponse(
        {"user": user.get_username() or None, "state": request.gateway_session.state}
    )


def untouched(request):
    return HttpResponse("the same for everybody")


@csrf_exempt
def log_in(request):
    user = authenticate(request, username=request.POST["username"], password="right")
    login(request, user)
    return JsonResponse({"user": request.user.get_username()})


async def alog_in(request):
    user = await aauthenticate(request, username=request.POST["username"], password="right")
    await alogin(request, user)
    seen = await request.auser()
    return JsonResponse({"user": seen.get_username()})


@csrf_exempt
def log_out(request):
    logout(request)
    return JsonResponse({"user": request.user.get_username() or None})


async def alog_out(request):
    await alogout(request)
    seen = await request.auser()
    return JsonResponse({"user": seen.get_username() or None})


@csrf_exempt
def log_in_then(request):
    """Log in with Django, then do what the body says."""
    login(request, authenticate(request, username="ada", password="right"))
    return say(request)


@csrf_exempt
def say(request):
    for name, arguments in json.loads(request.POST["calls"]):
        getattr(events, name)(request, **arguments)
    return HttpResponse(status=int(request.POST.get("status", 200)))


@csrf_exempt
def log_in_with_ttl(request):
    user = authenticate(request, username="ada", password="right")
    login(request, user)
    events.login(request, user, ttl=900)
    return HttpResponse()


@csrf_exempt
def log_in_then_crash(request):
    login(request, authenticate(request, username="ada", password="right"))
    raise RuntimeError("after the login")


def put_in_cart(request):
    request.session["cart"] = request.user.get_username()
    return HttpResponse()


urlpatterns = [
    path("", include("sidgate_django.urls")),
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(template_name="admin/login.html", next_page="/who/")),
    path("logout/", LogoutView.as_view()),
    path("password/", PasswordChangeView.as_view(success_url="/who/")),
    path("private/", login_required(who)),
    path("who/", who),
    path("awho/", awho),
    path("untouched/", untouched),
    path("in/", log_in),
    path("ain/", alog_in),
    path("out/", log_out),
    path("aout/", alog_out),
    path("say/", say),
    path("in-then-say/", log_in_then),
    path("in-ttl/", log_in_with_ttl),
    path("in-crash/", log_in_then_crash),
    path("cart/", put_in_cart),
]
