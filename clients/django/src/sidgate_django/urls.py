"""What the gateway asks about old cookies, and about the app itself (``sidgate doctor``).

The paths are fixed, so include it at the root::

path("", include("sidgate_django.urls"))
"""

from django.urls import path

from . import views

app_name = "sidgate"

urlpatterns = [
    path("__sidgate__/introspect", views.introspect, name="introspect"),
    path("__sidgate__/doctor", views.doctor, name="doctor"),
]
