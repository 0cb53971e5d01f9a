from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from . import views, views_events

log_in = LoginView.as_view(template_name="demo/login.html", redirect_authenticated_user=True)

urlpatterns = [
    path("", include("sidgate_django.urls")),
    path("", views.home, name="home"),
    path("whoami", views.whoami, name="whoami"),
    path("private", views.private, name="private"),
    path("healthz", views.healthz, name="healthz"),
    path("login", log_in, name="login"),
    path("accounts/login/", log_in),
    path("logout", LogoutView.as_view(next_page="/"), name="logout"),
    path("demo/event", views_events.say, name="say"),
    path("admin/", admin.site.urls),
]
