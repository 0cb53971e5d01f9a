"""The users of the example. Yours are in a database, and their passwords behind a slow hash."""

from __future__ import annotations

import hmac
from typing import Any

USERS = {
    "ada@example.com": {
        "password": "correct horse",
        "identity": {
            "user": {"id": "7", "email": "ada@example.com"},
            "attributes": {"name": "Ada"},
        },
    }
}


def identity_of(email: object, password: object) -> dict[str, Any] | None:
    """Who that is, if the password is right. An unknown name takes as long as a wrong password."""
    user = USERS.get(str(email), {"password": "", "identity": None})
    is_right = hmac.compare_digest(str(password).encode(), user["password"].encode())
    return user["identity"] if is_right else None
