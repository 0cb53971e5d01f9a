"""What a comparison has found, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import compare
from counted import Row
from tables import number, rows

HEAD = (
    "", "CPU, µs per request", "user + system", "more than pass-through", "of it the checker", "x bare Pingora", "spread",
    "requests/s", "p50, ms", "p99, ms",
)  # fmt: skip
# Connections per request up to which they are kept: load and proxy open theirs once, some servers end each after a thousand
# requests, and others on the machine open theirs.
KEPT = 0.25
# Lines per request from which on the log is whole: the last ones of a round may still be in a buffer.
WHOLE = 0.95


def line(row: Row, bare: Row) -> tuple[str, ...]:
    middle, ratios = statistics.median, compare.ratios(row, bare)
    user = row.micros_of(row.user_shares)
    whole = middle(row.micros)
    return (
        row.name,
        number(whole),
        f"{number(user, 0)} + {number(whole - user, 0)}",
        number(row.more_than_base()) if row.base else "",
        number(row.micros_of(row.checker_shares)) if row.checkers else "",
        number(middle(ratios), 2),
        f"{number(min(ratios), 2)}..{number(max(ratios), 2)}",
        number(middle(row.rates), 0),
        number(middle(row.p50), 2),
        number(middle(row.p99), 2),
    )


def table(measured: list[Row]) -> str:
    """The first one is what the others are compared with."""
    return rows(HEAD, [line(row, measured[0]) for row in measured])


def remarks(measured: list[Row]) -> Iterator[str]:
    """What a reader of the table has to know about one of its rows."""
    for row in measured:
        connects, lines = statistics.median(row.connects), statistics.median(row.lines)
        if connects > KEPT:
            yield f"{row.name}: {number(connects, 2)} connections are opened per request, which is a good part of what it costs."
        if row.access_log and lines < WHOLE:
            yield f"{row.name}: {number(lines, 2)} lines of the access log per request; the others got lost."
