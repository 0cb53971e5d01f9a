"""An admin with the gateway's sessions, as a project with ``SIDGATE["DATABASE"]`` has it."""

from django.contrib.admin import AdminSite
from django.urls import include, path

from sidgate_django.admin import SessionAdmin
from sidgate_django.models import Session

site = AdminSite()
site.register(Session, SessionAdmin)

urlpatterns = [
    path("", include("sidgate_django.urls")),
    path("admin/", site.urls),
]
