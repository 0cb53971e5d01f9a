"""Log in the old way, to see a migration happen in a browser."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.forms import AuthenticationForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from . import old_login


@require_safe
def old(request: HttpRequest) -> HttpResponse:
    return render(request, "demo/old.html", context(request, AuthenticationForm()))


@require_POST
@sensitive_post_parameters("password")
def log_in(request: HttpRequest) -> HttpResponse:
    """What the old login page did: eighteen cookies, and no session of Django's or Sidgate's."""
    form = AuthenticationForm(request, data=request.POST)
    if not form.is_valid():
        return render(request, "demo/old.html", context(request, form), status=400)
    response = redirect("old")
    size = old_login.issue(response, form.get_user(), settings.OLD_COOKIE_DOMAIN)
    messages.info(request, f"The old system gave you 18 cookies, {size:,} bytes with each request.")
    return response


@require_POST
def forget(request: HttpRequest) -> HttpResponse:
    """Take them away again, as clearing them by hand would."""
    response = redirect("old")
    for name in old_login.present(request.COOKIES):
        for domain in {None, settings.OLD_COOKIE_DOMAIN}:
            response.delete_cookie(name, domain=domain, samesite="Lax")
    return response


def context(request: HttpRequest, form: AuthenticationForm) -> dict[str, object]:
    cookies = old_login.present(request.COOKIES)
    # Between two pairs there are a semicolon and a space.
    size = sum(cookies.values()) + 2 * max(len(cookies) - 1, 0)
    return {"form": form, "cookies": cookies, "size": size}
