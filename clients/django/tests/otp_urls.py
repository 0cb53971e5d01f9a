"""A login page as the documentation of django-otp has it."""

from django.contrib.auth.views import LoginView
from django.urls import include, path
from django_otp.forms import OTPAuthenticationForm

urlpatterns = [
    path("login/", LoginView.as_view(authentication_form=OTPAuthenticationForm), name="login"),
    path("", include("sidgate_django.login_urls")),
]
