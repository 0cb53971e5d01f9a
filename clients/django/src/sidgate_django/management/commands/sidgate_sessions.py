"""``manage.py sidgate_sessions``: the gateway's sessions from a shell."""

from __future__ import annotations

import json
import uuid
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connections

from ...checks import missing_columns
from ...credentials import find_user
from ...models import BY_ADMIN, Session, database

MOST = 1000


class Command(BaseCommand):
    help = "List, show and revoke the gateway's sessions, or check that this app can."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="the active sessions, last used first")
        listing.add_argument("--user", help="only of this user: id, username or email address")
        listing.add_argument("--all", action="store_true", help="ended ones too")
        listing.add_argument("--limit", type=int, default=50, help=f"at most {MOST} (default 50)")
        listing.add_argument("--json", action="store_true", help="one JSON object a line")
        showing = verbs.add_parser("show", help="everything about one session")
        showing.add_argument("id", help="its handle, a UUID")
        revoking = verbs.add_parser("revoke", help="end sessions")
        revoking.add_argument("ids", nargs="+", metavar="id", help="handles")
        of_user = verbs.add_parser("revoke-user", help="end all sessions of a user")
        of_user.add_argument("user", help="id, username or email address")
        verbs.add_parser("check", help="can this app reach the gateway's tables?")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{verb.replace('-', '_')}")(**options)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(f"The database says: {error}") from None

    def do_list(self, *, user: str | None, all: bool, limit: int, **options: Any) -> None:
        if not 1 <= limit <= MOST:
            raise CommandError(f"--limit is from 1 to {MOST}")
        sessions = Session.objects.all() if all else Session.objects.active()
        if user is not None:
            sessions = sessions.for_user(user_id(user))
        for session in sessions[:limit]:
            facts = summary(session)
            self.stdout.write(
                json.dumps(facts)
                if options["json"]
                else "  ".join(str(value or "-") for value in facts.values())
            )

    def do_show(self, *, id: str, **options: Any) -> None:
        session = Session.objects.filter(pk=handle(id)).first()
        if session is None:
            raise CommandError(f"There is no session {id}.")
        facts = summary(session) | {
            "state": "active" if session.is_active() else "ended",
            "created_at": session.created_at.isoformat(),
            "expires_at": session.expires_at.isoformat(),
            "idle_seconds": session.idle_seconds,
            "revoked_at": session.revoked_at and session.revoked_at.isoformat(),
            "revoke_reason": session.revoke_reason,
            "user_agent": session.user_agent,
        }
        for name, value in facts.items():
            self.stdout.write(f"{name:14} {value if value is not None else '-'}")

    def do_revoke(self, *, ids: list[str], **options: Any) -> None:
        wanted = {handle(id) for id in ids}
        revoked = Session.objects.filter(pk__in=wanted).revoke(BY_ADMIN)
        self.stdout.write(f"revoked {revoked} of {len(wanted)}")
        if revoked < len(wanted):
            self.stderr.write("The others are unknown or were revoked before.")

    def do_revoke_user(self, *, user: str, **options: Any) -> None:
        id = user_id(user)
        count = Session.objects.for_user(id).active().count()
        Session.objects.revoke_user(id)
        self.stdout.write(f"revoked {count} sessions of user {id}")

    def do_check(self, **options: Any) -> None:
        alias = database()
        if problem := missing_columns(alias):
            raise CommandError(problem)
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT seq FROM sidgate_clock")
            (head,) = cursor.fetchone()
        active = Session.objects.active().count()
        self.stdout.write(f"ok: database {alias!r}, {active} active sessions, event {head}")


def summary(session: Session) -> dict[str, str | None]:
    return {
        "id": str(session.pk),
        "user_id": session.user_id,
        "email": session.email or None,
        "tenant_id": session.tenant_id,
        "ip": session.ip,
        "last_activity": session.last_activity.isoformat(timespec="seconds"),
    }


def handle(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise CommandError(f"{text!r} is no handle: a UUID, as `list` prints it.") from None


def user_id(text: str) -> str:
    """The id of a user named in any usual way. An id of nobody stands for itself: a deleted user
    may still have sessions."""
    model = get_user_model()
    by_name = model._default_manager.filter(**{model.USERNAME_FIELD: text}).first()
    found = by_name or find_user(text)
    if found is not None:
        return str(found.pk)
    if "@" in text:
        raise CommandError(f"There is no one user {text!r}.")
    return text
