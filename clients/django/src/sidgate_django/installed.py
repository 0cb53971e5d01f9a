"""What is in ``MIDDLEWARE``?"""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.utils.module_loading import import_string


def places(base: type) -> list[int]:
    """Where in MIDDLEWARE there is ``base``, or what derives from it."""
    return [
        place
        for place, installed in enumerate(_installed())
        if isinstance(installed, type) and issubclass(installed, base)
    ]


def _installed() -> Iterator[object]:
    for path in settings.MIDDLEWARE:
        try:
            yield import_string(path)
        except ImportError:
            yield None  # Django refuses to start on it, with a better message than ours
