"""Which request is being served? For signals, which Django sends without one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.http import HttpRequest

_serving: ContextVar[HttpRequest | None] = ContextVar("sidgate_django_request", default=None)


def current_request() -> HttpRequest | None:
    return _serving.get()


@contextmanager
def serving(request: HttpRequest) -> Iterator[None]:
    token = _serving.set(request)
    try:
        yield
    finally:
        _serving.reset(token)
