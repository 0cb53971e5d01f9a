"""Column types of the gateway's tables, which differ between PostgreSQL and SQLite.

SQLite has neither times nor UUIDs of its own: the gateway keeps microseconds since 1970 there, and
UUIDs as text with dashes. Django would use other forms.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, Final

from django.db.models import BooleanField, DateTimeField, F, Func, UUIDField

EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND: Final = timedelta(microseconds=1)


class StoredTime(DateTimeField):  # type: ignore[type-arg]
    """An aware ``datetime``; ``timestamptz``, or whole microseconds on SQLite."""

    def db_type(self, connection: Any) -> str | None:
        return "integer" if _is_sqlite(connection) else "timestamp with time zone"

    def get_internal_type(self) -> str:
        # A type that no backend knows, so that none adds conversions of its own.
        return "StoredTime"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        if not _is_sqlite(connection):
            return super().get_db_prep_value(value, connection, prepared)
        value = value if prepared else self.get_prep_value(value)
        return (value - EPOCH) // MICROSECOND if isinstance(value, datetime) else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return EPOCH + value * MICROSECOND if isinstance(value, int) else value


class StoredUUID(UUIDField):  # type: ignore[type-arg]
    def db_type(self, connection: Any) -> str | None:
        return "text" if _is_sqlite(connection) else "uuid"

    def get_internal_type(self) -> str:
        return "StoredUUID"

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        value = super().to_python(value)
        return str(value) if value is not None and _is_sqlite(connection) else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return uuid.UUID(value) if isinstance(value, str) else value


class StoreNow(Func):
    """The time by the clock of the database, as the gateway's own statements take it."""

    template = "clock_timestamp()"
    output_field = StoredTime()

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"
        return self.as_sql(compiler, connection, template=template, **context)


class NotIdle(Func):
    """Whether the last activity is not longer ago than the session allows; 0 allows any time."""

    template = "(%(idle)s = 0 OR %(last)s + %(idle)s * interval '1 second' > clock_timestamp())"
    on_sqlite = (
        "(%(idle)s = 0 OR %(last)s + %(idle)s * 1000000"
        " > CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER))"
    )
    output_field = BooleanField()
    conditional = True

    def __init__(self) -> None:
        super().__init__(F("last_activity"), F("idle_seconds"))

    def as_sql(self, compiler: Any, connection: Any, **context: Any) -> Any:  # type: ignore[override]
        last, idle = (compiler.compile(column)[0] for column in self.source_expressions)
        template = self.on_sqlite if _is_sqlite(connection) else self.template
        return template % {"last": last, "idle": idle}, []


def _is_sqlite(connection: Any) -> bool:
    return bool(connection.vendor == "sqlite")
