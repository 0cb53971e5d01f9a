"""End a user's sessions when the account says so, whoever changes it: a view, the admin, a shell.

Through the gateway's tables if this app reaches them, in the same transaction as the change.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from . import events
from .conf import get_conf
from .current import current_request
from .models import Session, id_of
from .session import session_of


def end_all(user: Any, using: str) -> None:
    if get_conf().database is not None:
        id = id_of(user)  # now: a deleted object loses it before the transaction commits
        _together_with(using, lambda: Session.objects.revoke_user(id))


def end_others(user: Any, using: str) -> None:
    """Every session of ``user`` but the one in which the user makes this very request."""
    request = current_request()
    session = None if request is None else session_of(request)
    if request is None or session is None or session.user_id != id_of(user):
        end_all(user, using)
        return
    if get_conf().database is not None:
        others = Session.objects.for_user(user).exclude(pk=session.id)
        _together_with(using, lambda: others.revoke())
    # Also said to the gateway: it answers the browser only when no node admits them any more.
    events.password_changed(request)


def _together_with(using: str, revoke: Callable[[], Any]) -> None:
    if using == get_conf().database:
        revoke()
    else:
        # Another database: not before the change is certain.
        transaction.on_commit(revoke, using=using)
