"""Login pages that ask for more than a password, each in a URLconf of its own name."""

from django.contrib.admin import AdminSite
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.forms import CharField
from django.http import HttpResponse
from django.views import View


class WithCaptcha(AuthenticationForm):
    captcha = CharField()


class SpecialLogin(LoginView):
    pass


class OwnView(View):
    form_class = WithCaptcha


class SpecialAdmin(AdminSite):
    login_form = WithCaptcha


class OtherAdmin(AdminSite):
    def login(self, request, extra_context=None):
        return HttpResponse()


class CallableView:
    def __call__(self, request):
        return HttpResponse()


def log_in(request):
    return HttpResponse()
