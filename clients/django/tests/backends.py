"""Authentication backends that do something besides comparing passwords."""

from django.contrib.auth.backends import ModelBackend
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse

from sidgate_django.credentials import lock_out

seen = []


class Recording(ModelBackend):
    def authenticate(self, request, username=None, password=None, **extra):
        seen.append((username, extra, request.META["REMOTE_ADDR"], request.META["HTTP_USER_AGENT"]))
        return super().authenticate(request, username, password)


class ReadsHeaders(ModelBackend):
    def authenticate(self, request, username=None, password=None, **extra):
        headers = request.headers
        named = ("User-Agent", "X-Forwarded-For", "Cookie")
        seen.append(tuple(headers.get(name) for name in named))
        return super().authenticate(request, username, password)


def reads_headers(get_response):
    def middleware(request):
        assert request.headers
        return get_response(request)

    return middleware


class Throttled(ModelBackend):
    def authenticate(self, request, username=None, password=None, **extra):
        lock_out(request, retry_after=30)
        raise PermissionDenied


class Axes(ModelBackend):
    """django-axes marks the request in its signal receiver."""

    def authenticate(self, request, username=None, password=None, **extra):
        request.axes_locked_out = True
        raise PermissionDenied


def axes_middleware(get_response):
    """What django-axes does to every answer of a request it marked."""

    def middleware(request):
        response = get_response(request)
        locked = getattr(request, "axes_locked_out", False)
        return HttpResponse("<h1>Locked</h1>", status=429) if locked else response

    return middleware
