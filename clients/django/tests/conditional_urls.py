"""A page with a tag of its own that tells the gateway something."""

from django.http import HttpResponse
from django.urls import path

from sidgate_django import events


def rotating(request):
    events.rotate(request)
    return HttpResponse("the same each time", headers={"ETag": '"v1"'})


urlpatterns = [path("rotating/", rotating)]
