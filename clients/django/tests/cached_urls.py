"""Pages that are cached, in the ways that the documentation of Django and REST framework gives."""

from itertools import count

from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.urls import path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_page
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import condition
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


FRAGMENTS = """{% load cache %}{% cache 60 menu request.user.username %}{{ made }}{% endcache %}
{% cache 60 footer %}{{ made }}{% endcache %}"""


def fragments(request):
    """A fragment for each user, and one for everybody."""
    template = engines["django"].from_string(FRAGMENTS)
    name = request.user.get_username() or None
    return HttpResponse(f"{name} {template.render({'made': next(made)}, request)}")


def etag_of(request, *args):
    return f'"{request.user.get_username()}"'


@condition(etag_func=etag_of)
def conditional(request):
    return HttpResponse(f"{request.user.get_username() or None} conditional")


@condition(etag_func=lambda request: '"everybody"')
def conditional_for_everybody(request):
    return HttpResponse(f"{request.user.get_username() or None} conditional")


def steady(request):
    """The same bytes each time, so that ConditionalGetMiddleware knows them again."""
    return HttpResponse(f"{request.user.get_username() or None} steady")


def with_csrf_token(request):
    template = engines["django"].from_string("{% csrf_token %}")
    name = request.user.get_username() or None
    return HttpResponse(f"{name} {template.render({}, request)}")


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
    path("async-decorated/", cache_page(60)(vary_on_cookie(aprivate))),
    path("with-token/", cache_page(60)(csrf_protect(with_csrf_token))),
    path("fragments/", fragments),
    path("conditional/", conditional),
    path("conditional-for-everybody/", conditional_for_everybody),
    path("steady/", steady),
    path("site/", private),
    path("async-site/", aprivate),
    path("public/", public),
    path("cookies/", cookies),
    path("acookies/", acookies),
]
