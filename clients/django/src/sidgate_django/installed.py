"""What is in ``MIDDLEWARE``, and which of the gateway's calls are routed?"""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.urls import Resolver404, resolve
from django.utils.module_loading import import_string

from .session import BACKEND_PREFIX


def places(base: type) -> list[int]:
    """Where in MIDDLEWARE there is ``base``, or what derives from it."""
    return [
        place
        for place, installed in enumerate(_installed())
        if isinstance(installed, type) and issubclass(installed, base)
    ]


def is_routed(call: str) -> bool:
    """Whether the root URLconf has a view for a call of the gateway."""
    try:
        resolve(f"{BACKEND_PREFIX}{call}")
    except Resolver404:
        return False
    return True


def _installed() -> Iterator[object]:
    for path in settings.MIDDLEWARE:
        try:
            yield import_string(path)
        except ImportError:
            yield None  # Django refuses to start on it, with a better message than ours
