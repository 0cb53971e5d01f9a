"""Django's signals become news for the gateway.

A login or a logout becomes an event, so the admin, allauth or any other login page opens and ends
gateway sessions as it is. A password that changes, an account that is disabled or deleted ends the
sessions that should not outlive it.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from . import events, revoking


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


# For any sender: a proxy of the user model is the sender of its own signals.
@receiver(post_save, dispatch_uid="sidgate_django.user_saved")
def on_saved(
    sender: Any, instance: Any, created: bool, raw: bool, using: str, **kwargs: Any
) -> None:
    if created or raw or not isinstance(instance, get_user_model()):
        return
    fields = kwargs.get("update_fields")
    if not instance.is_active and (fields is None or "is_active" in fields):
        revoking.end_all(instance, using)
    # Django's own mark of a new password until save() has returned. A hash that is merely
    # renewed at login does not bear it.
    elif getattr(instance, "_password", None) is not None and (
        fields is None or "password" in fields
    ):
        revoking.end_others(instance, using)


@receiver(post_delete, dispatch_uid="sidgate_django.user_deleted")
def on_deleted(sender: Any, instance: Any, using: str, **kwargs: Any) -> None:
    if isinstance(instance, get_user_model()):
        revoking.end_all(instance, using)
