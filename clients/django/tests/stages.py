"""Login stages as a project would write them, and as it should not."""

from django.http import JsonResponse

from sidgate_django.login_stages import answers_for
from sidgate_django.refusal import Refused

seen = []


def nothing(user, request, extra):
    seen.append((user.get_username(), request.META["REMOTE_ADDR"], dict(extra)))


@answers_for("captcha", "django_recaptcha", "tests.login_pages.SpecialLogin")
def captcha(user, request, extra):
    return None if extra.get("captcha") == "solved" else "invalid_credentials"


def terms(user, request, extra):
    return Refused("mfa_required", ("terms",))


def locked(user, request, extra):
    return "locked"


def disabled(user, request, extra):
    return "account_disabled"


def consents(user, request, extra):
    return True


def misspelled(user, request, extra):
    return "mfa-required"


def response(user, request, extra):
    return JsonResponse({})
