"""A view that saves its session after a login, before Django would."""

from django.contrib.auth import authenticate, login
from django.http import HttpResponse
from django.urls import path


def log_in_and_save(request):
    login(request, authenticate(request, username="ada", password="right"))
    request.session["saved"] = True
    request.session.save()
    return HttpResponse()


urlpatterns = [path("in-save/", log_in_and_save)]
