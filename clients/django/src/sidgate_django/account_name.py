"""The opaque name of an account, under which the gateway counts failed attempts.

One account may be spelled in many ways: two cases, a user name, an address, letters that a
database folds. Only the app knows that they mean the same, so it says so without saying who it is.
"""

from __future__ import annotations

import unicodedata
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.crypto import salted_hmac

SALT = "sidgate_django.account"


def name_of(user: Any) -> str:
    return _digest("user", str(user.pk))


def name_typed(typed: str) -> str:
    """The name for ``typed`` where no single account is known by it.

    Of the same form as the others, so that having one says nothing.
    """
    return _digest("typed", unicodedata.normalize("NFKC", typed).casefold().strip())


def _digest(kind: str, value: str) -> str:
    digest = salted_hmac(SALT, f"{kind}:{value}", algorithm="sha256").hexdigest()
    return digest[:32]


def by_user_name(typed: str) -> Any:
    """The user who logs in with exactly this name, or ``None``."""
    model = get_user_model()
    try:
        return model._default_manager.get_by_natural_key(typed)
    except (model.DoesNotExist, model.MultipleObjectsReturned):
        return None
