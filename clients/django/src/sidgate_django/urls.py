"""Include at the root, the paths are fixed: ``path("", include("sidgate_django.urls"))``."""

from django.urls import path

from . import views

app_name = "sidgate"

urlpatterns = [
    path("__sidgate__/authenticate", views.authenticate, name="authenticate"),
    path("__sidgate__/introspect", views.introspect, name="introspect"),
]
