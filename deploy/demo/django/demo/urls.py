from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView

from . import api, views, views_events, views_old

log_in = LoginView.as_view(template_name="demo/login.html", redirect_authenticated_user=True)

# The admin's pages name no icon, so browsers ask for this one.
icon = RedirectView.as_view(url=static("demo/icon.svg"))

urlpatterns = [
    path("favicon.ico", icon),
    path("", include("sidgate_django.urls")),
    path("", include("sidgate_django.login_urls")),  # POST /api/auth/session-v2
    path("", views.home, name="home"),
    path("whoami", views.whoami, name="whoami"),
    path("private", views.private, name="private"),
    path("healthz", views.healthz, name="healthz"),
    path("login", log_in, name="login"),
    path("accounts/login/", log_in),
    path("logout", LogoutView.as_view(next_page="/"), name="logout"),
    path("onboarding", views.onboarding, name="onboarding"),
    path("old", views_old.old, name="old"),
    path("old/login", views_old.log_in, name="old-login"),
    path("old/forget", views_old.forget, name="old-forget"),
    path("api/v1/me", api.me, name="me"),
    path("api/v1/notes", api.notes, name="notes"),
    # Where the Next.js app has the front page.
    path("django", views.home),
    path("demo/event", views_events.say, name="say"),
    path("admin/", admin.site.urls),
]
