"""Adapters of django-allauth that ask for something of their own."""

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.stages import LoginStage
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.http import HttpResponseRedirect


class Terms(LoginStage):
    key = "terms"

    def handle(self):
        return HttpResponseRedirect("/terms/"), True


class Stage(DefaultAccountAdapter):
    def get_login_stages(self):
        return [*super().get_login_stages(), "tests.adapters.Terms"]


class PreLogin(DefaultAccountAdapter):
    def pre_login(self, request, user, **kwargs):
        return HttpResponseRedirect("/terms/")


class PostLogin(DefaultAccountAdapter):
    """Sends people somewhere else once they are logged in, which keeps nobody out."""

    def post_login(self, request, user, **kwargs):
        super().post_login(request, user, **kwargs)
        return HttpResponseRedirect("/terms/")


class Immediate(DefaultAccountAdapter):
    def login(self, request, user):
        raise ImmediateHttpResponse(HttpResponseRedirect("/terms/"))


class Phone(DefaultAccountAdapter):
    def get_phone(self, user):
        return settings.PHONE

    def get_user_by_phone(self, phone):
        return None

    def set_phone(self, user, phone, verified):
        raise NotImplementedError

    def set_phone_verified(self, user, phone):
        raise NotImplementedError

    def send_verification_code_sms(self, user, phone, code, **kwargs):
        raise NotImplementedError
