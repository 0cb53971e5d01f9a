import itertools

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpResponse, JsonResponse
from django.urls import include, path
from django.views.decorators.cache import cache_control, cache_page
from django.views.decorators.vary import vary_on_cookie
from rest_framework.decorators import api_view
from rest_framework.response import Response
from sidgate_django.login_stages import answers_for
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls

from . import talking

made = itertools.count(1)


def who(request):
    request.session["seen"] = request.session.get("seen", 0) + 1
    user = request.user.get_username() or None
    return JsonResponse({"user": user, "seen": request.session["seen"]})


def private(request):
    return HttpResponse(f"{request.user.get_username() or None} {next(made)}")


@api_view(["GET"])
def api(request):
    return Response({"user": request.user.get_username(), "session": request.auth.id})


class ShortLogin(LoginView):
    template_name = "admin/login.html"

    def form_valid(self, form):
        self.request.session.set_expiry(int(self.request.POST["seconds"]))
        return super().form_valid(form)


@answers_for("site_under_test.urls.ShortLogin")
def short_login(user, request, extra):
    """It asks for a password alone."""


urlpatterns = [
    path("", include("sidgate_django.login_urls")),
    path("who/", who),
    path("api/", api),
    path("cached/", cache_page(60)(vary_on_cookie(private))),
    path("shared/", cache_control(max_age=60)(vary_on_cookie(private))),
    path("login/", LoginView.as_view(template_name="admin/login.html")),
    path("short-login/", ShortLogin.as_view()),
    path("logout/", LogoutView.as_view(next_page="/who/")),
    path("accounts/", include("allauth.urls")),
    path("conversations/<str:name>/<int:step>/", talking.say),
    path("seen/", talking.seen),
    path("admin/", admin.site.urls),
    path("cms/", include(wagtailadmin_urls)),
    path("", include(wagtail_urls)),
]
