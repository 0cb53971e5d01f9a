"""The small project, with the login page of django-two-factor-auth."""

from django.contrib.auth.decorators import login_required
from django.urls import include, path
from two_factor.urls import urlpatterns as two_factor_urls

from . import urls

urlpatterns = [
    path("", include(two_factor_urls)),
    path("otp/", urls.otp),
    path("who/", urls.who),
    path("private/", login_required(urls.who)),
    path("", include("sidgate_django.urls")),
    path("", include("sidgate_django.login_urls")),
]
