"""The gateway's tables as the gateway itself sees them: rows it writes, events it hears of."""

import json
import sqlite3
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psycopg

# What `sidgate schema apply` makes before the first migration.
VERSIONS = "CREATE TABLE sidgate_schema (version integer PRIMARY KEY)"
MIGRATIONS = Path(__file__).parents[3] / "session-core/src/store/migrations"
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Tables:
    mark = "%({})s"

    def execute(self, sql, row=()):
        return self.database.execute(sql, row)

    def written(self, value):
        return value

    def head(self):
        return self.execute("SELECT seq FROM sidgate_clock").fetchone()[0]

    def add(self, user, **columns):
        now = datetime.now(timezone.utc)
        pk = str(getattr(user, "pk", user))
        tenant = columns.get("tenant_id")
        about = {"id": pk, "email": getattr(user, "email", "nobody@example.com")}
        row = {
            "session_key": uuid.uuid4().bytes * 2,
            "id": uuid.uuid4(),
            "user_id": pk,
            "tenant_id": tenant,
            "identity": json.dumps({"user": about} | ({"tenant_id": tenant} if tenant else {})),
            "ip": "203.0.113.9",
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/145.0",
            "created_at": now,
            "auth_time": now,
            "last_activity": now,
            "expires_at": now + timedelta(hours=1),
            "idle_seconds": 600,
            "created_seq": self.head(),
        } | columns
        names, marks = ", ".join(row), ", ".join(self.mark.format(name) for name in row)
        written = {name: self.written(value) for name, value in row.items()}
        self.execute(f"INSERT INTO sidgate_session ({names}) VALUES ({marks})", written)
        return row["id"]

    def events_after(self, seq):
        """What every gateway is told."""
        sql = f"SELECT kind, user_id FROM sidgate_event WHERE seq > {seq} ORDER BY seq"
        return [tuple(row) for row in self.execute(sql).fetchall()]

    def reason(self, id):
        sql = f"SELECT revoke_reason FROM sidgate_session WHERE id = '{id}' AND revoked_at > "
        row = self.execute(sql + self.never).fetchone()
        return row and row[0]


class PostgresTables(Tables):
    never = "'-infinity'"

    def __init__(self, dsn):
        self.database = psycopg.connect(dsn, autocommit=True)
        # A revocation cannot be taken back, so the triggers stand aside for the tests' own broom.
        self.execute(
            "SET session_replication_role = replica; DELETE FROM sidgate_session;"
            "DELETE FROM sidgate_revocation; DELETE FROM sidgate_event;"
            "SET session_replication_role = origin"
        )


class SqliteTables(Tables):
    mark = ":{}"
    never = "0"

    def __init__(self, path):
        self.database = sqlite3.connect(path, isolation_level=None)
        self.execute("PRAGMA journal_mode = WAL")
        self.execute(VERSIONS)
        for file in sorted((MIGRATIONS / "sqlite").glob("*.sql")):
            self.database.executescript(file.read_text())

    def written(self, value):
        if isinstance(value, datetime):
            return (value - EPOCH) // timedelta(microseconds=1)
        return str(value) if isinstance(value, uuid.UUID) else value
