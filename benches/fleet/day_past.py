"""Yesterday's sessions: rows that housekeeping removes while the day goes on, as many as it brings.

A session that has ended is kept for a day. A database that has been in use for longer loses as many rows a minute as it gains, and
so must this one: otherwise every table would grow for as long as the run takes.
"""

from __future__ import annotations

from pathlib import Path

from day_stack import Fleet

# Sessions a second that a user of the profile begins: 6 of 10 visit (17 s, one session), 2 migrate (9 s, one), 2 revoke (10 s, two).
SESSIONS_PER_USER = 0.095


def fill(fleet: Fleet, users: int, seconds: int) -> None:
    rows = round(users * SESSIONS_PER_USER * seconds)
    fleet.psql("-f", Path(__file__).with_suffix(".sql"), rows=rows, seconds=120, length=seconds)
    fleet.psql("-c", "VACUUM (ANALYZE)", seconds=120)
