"""The login by name and password that the gateway offers as ``POST /session-v2``.

A module of its own, because it is a second way to log in beside the app's own pages. Include it at
the root, and only if that way is wanted::

    path("", include("sidgate_django.login_urls"))
"""

from django.urls import path

from . import views

app_name = "sidgate_login"

urlpatterns = [
    path("__sidgate__/authenticate", views.authenticate, name="authenticate"),
    path("__sidgate__/doctor", views.doctor, name="doctor"),
]
