"""``SIDGATE["LOGIN_STAGES"]``: what a project's own login page asks for.

A stage is a callable ``(user, request, extra)``, called after the password was right. It returns
``None`` to let the user go on, or a code or :class:`~sidgate_django.refusal.Refused` to stop the
login. ``extra`` holds the further members of the login request. A stage that stands in for an app
or a login view which this package cannot judge says so::

    @answers_for("captcha")
    def captcha(user, request, extra):
        return None if captcha_is_solved(extra.get("captcha")) else "invalid_credentials"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from ..conf import get_conf
from ..refusal import CODES, Refused, locked

Stage = TypeVar("Stage", bound=Callable[..., Any])


def answers_for(*names: str) -> Callable[[Stage], Stage]:
    """Mark a stage as the answer for apps or login views, named as the check names them."""

    def mark(stage: Stage) -> Stage:
        stage.answers_for = frozenset(names)  # type: ignore[attr-defined]
        return stage

    return mark


def answered() -> frozenset[str]:
    stages = get_conf().login_stages
    return frozenset().union(*(getattr(stage, "answers_for", ()) for stage in stages))


def refusal(user: Any, request: HttpRequest, extra: Mapping[str, Any]) -> Refused | None:
    """The first refusal of a stage, in the order of the setting."""
    for stage in get_conf().login_stages:
        said = stage(user, request, extra)
        if said is not None:
            return _understood(said)
    return None


def _understood(said: object) -> Refused:
    if isinstance(said, Refused):
        return said
    if said == "locked":
        return locked()
    if isinstance(said, str) and said in CODES:
        return Refused(said)  # type: ignore[arg-type]  # one of CODES
    # Not taken for consent: True, or a misspelled code, must not open the door.
    raise ImproperlyConfigured(f"A login stage returns None, Refused or one of {', '.join(CODES)}.")
