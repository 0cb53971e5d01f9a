"""Pages that Django caches, in the ways that its documentation and REST framework's give."""

from itertools import count

from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_page
from django.views.decorators.vary import vary_on_cookie, vary_on_headers
from rest_framework.response import Response
from rest_framework.views import APIView

from sidgate_django.drf import GatewayAuthentication

made = count()


def private(request):
    return HttpResponse(f"{request.user.get_username() or None} {next(made)}")


async def aprivate(request):
    user = await request.auser()
    return HttpResponse(f"{user.get_username() or None} {next(made)}")


def public(request):
    return HttpResponse(f"everybody {next(made)}")


class Api(APIView):
    @method_decorator(cache_page(60))
    @method_decorator(vary_on_headers("Authorization", "Cookie"))
    def get(self, request):
        return Response(f"{request.user.get_username() or None} {next(made)}")


class GatewayApi(Api):
    authentication_classes = (GatewayAuthentication,)


def cookies(request):
    return JsonResponse({"parsed": request.COOKIES, "raw": request.META.get("HTTP_COOKIE")})


async def acookies(request):
    return cookies(request)


urlpatterns = [
    path("decorated/", cache_page(60)(vary_on_cookie(private))),
    path("api/", Api.as_view()),
    path("gateway-api/", GatewayApi.as_view()),
    path("site/", private),
    path("async-site/", aprivate),
    path("public/", public),
    path("cookies/", cookies),
    path("acookies/", acookies),
]
