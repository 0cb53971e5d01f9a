"""A small project: what it knows about the visitor, and every way to log in and out."""

import json

from django.contrib import admin, messages
from django.contrib.auth import aauthenticate, alogin, alogout, authenticate, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response

from sidgate_django import events
from sidgate_django.drf import GatewayAuthentication


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


@csrf_exempt
def reset(request):
    """A new password by mail: whoever holds the link need not be logged in."""
    user = User.objects.get(username=request.POST["username"])
    if request.POST.get("first") == "logout":
        logout(request)
    user.set_password("n3w-passphrase")
    user.save()
    then = request.POST.get("then")
    if then == "login":
        login(request, user)
    if then == "logout":
        logout(request)
    return HttpResponse()


def put_in_cart(request):
    request.session["cart"] = request.user.get_username()
    return HttpResponse()


def bump(request):
    request.session["n"] = request.session.get("n", 0) + 1
    return JsonResponse({"n": request.session["n"]})


async def abump(request):
    n = await request.session.aget("n", 0) + 1
    await request.session.aset("n", n)
    return JsonResponse({"n": n})


def bump_then_crash(request):
    bump(request)
    return HttpResponse(status=500)


def peek(request):
    return JsonResponse({"n": request.session.get("n")})


@csrf_exempt
def note(request):
    messages.info(request, request.POST["text"])
    return HttpResponse()


def notes(request):
    return JsonResponse({"notes": [str(message) for message in messages.get_messages(request)]})


@csrf_exempt
def otp(request):
    from django_otp import login as otp_login
    from django_otp import match_token

    if request.method == "POST":
        otp_login(request, match_token(request.user, request.POST["token"]))
    return JsonResponse({"verified": request.user.is_verified()})


@api_view(["GET", "POST"])
@authentication_classes([GatewayAuthentication])
@permission_classes([IsAuthenticated])
def drf(request):
    return Response({"user": request.user.get_username(), "tenant": request.auth.tenant_id})


urlpatterns = [
    path("drf/", drf),
    path("otp/", otp),
    path("", include("sidgate_django.urls")),
    path("", include("sidgate_django.login_urls")),
    path("admin/", admin.site.urls),
    path("login/", LoginView.as_view(template_name="admin/login.html", next_page="/who/")),
    path("logout/", LogoutView.as_view()),
    path("password/", PasswordChangeView.as_view(success_url="/who/")),
    path("accounts/", include("allauth.urls")),
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
    path("reset/", reset),
    path("bump/", bump),
    path("abump/", abump),
    path("bump-crash/", bump_then_crash),
    path("peek/", peek),
    path("note/", note),
    path("notes/", notes),
]
