"""Django's login and logout signals become gateway events.

So the admin, allauth or any other login page opens and ends gateway sessions as it is.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest

from . import events


@receiver(user_logged_in, dispatch_uid="sidgate_django.login")
def on_login(sender: Any, user: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
    if request is not None:
        events.login(request, user)


# Also without a user: when Django calls the visitor anonymous (a changed password, say) the
# gateway may still hold a session, and logging out has to end it.
@receiver(user_logged_out, dispatch_uid="sidgate_django.logout")
def on_logout(sender: Any, request: HttpRequest | None = None, **kwargs: Any) -> None:
    if request is not None:
        events.logout(request)
