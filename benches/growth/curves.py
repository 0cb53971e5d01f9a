"""Figures at several sizes: how they grow, as Markdown, and which of them bend."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import sessions
from rows import Measured
from tables import rows as markdown

BENDS_AT = 1.3


@dataclass(frozen=True)
class Curve:
    """A figure by size: what was measured there in each round."""

    what: str
    figure: str
    rounds: dict[int, list[float]]
    digits: int = 0
    budget: float | None = None
    # Whether it is among the lines of a plot.
    plotted: bool = False
    # Whether it is told where it grows by too much.
    judged: bool = True

    @property
    def sizes(self) -> list[int]:
        return sorted(self.rounds)

    def at(self, size: int) -> float:
        return statistics.median(self.rounds[size])

    def ratio(self, size: int) -> float:
        """To the smallest size, of the rounds one by one: a drift of the machine falls out."""
        pairs = zip(self.rounds[size], self.rounds[self.sizes[0]], strict=True)
        return statistics.median(one / max(other, 1e-9) for one, other in pairs)

    @property
    def growth(self) -> float:
        return self.ratio(self.sizes[-1])

    def shown(self, size: int) -> str:
        return f"{self.at(size):,.{self.digits}f}"

    def row(self) -> tuple[str, ...]:
        growth = "–" if not self.at(self.sizes[0]) else f"{self.growth:.2f}"
        return (self.what, *map(self.shown, self.sizes), growth)


def of_sessions(gateways: list[sessions.Gateway]) -> list[Curve]:
    def curve(what: str, figure: Callable[[sessions.Gateway], list[float]], **more: object) -> Curve:
        return Curve(what, "", {one.sessions: figure(one) for one in gateways}, **more)

    judged = {"digits": 1, "budget": BENDS_AT, "plotted": True}
    return [
        curve("CPU per request for any of them, µs", lambda one: one.any.micros, **judged),
        curve(f"CPU per request for the same {sessions.HOT:,}, µs", lambda one: one.hot.micros, **judged),
        curve("memory of a session in use, bytes", lambda one: [one.bytes_per_session], plotted=True),
        curve("look-up, p50, µs", lambda one: [one.p50_micros], digits=2, plotted=True),
        curve("look-ups that the gateway's memory answers, %", lambda one: [100 * one.local_share], digits=2),
        curve("last uses written, per 100 requests", lambda one: [100 * one.uses_written], digits=2, judged=False),
        curve("resident memory, MiB", lambda one: [one.resident / 2**20], judged=False),
    ]


@dataclass(frozen=True)
class Figure:
    """What is told of an operation on rows, in each round."""

    heading: str
    of: Callable[[Measured], list[float]]
    digits: int = 0
    judged: bool = True


FIGURES = (
    Figure("p50, ms", lambda it: it.p50s, 3),
    # A few slow calls among a hundred are the machine's as often as ours.
    Figure("p99, ms", lambda it: [it.p99()], 2, judged=False),
    Figure("server's CPU, µs", lambda it: [1e6 * it.per_call("cpu_seconds")]),
    Figure("pages touched", lambda it: [it.per_call("pages")]),
    # How much memory there is beside the server's cache decides how long reads take.
    Figure("pages not in the server's cache", lambda it: [it.per_call("pages_read")], 1, judged=False),
    Figure("time to read those, ms", lambda it: [1e3 * it.per_call("read_seconds")], 3, judged=False),
    # Whole pages after a checkpoint: more rows lie on more pages.
    Figure("WAL, bytes", lambda it: [it.per_call("wal_bytes")], judged=False),
)


def of_rows(measured: list[Measured]) -> list[Curve]:
    operations = dict.fromkeys(it.operation for it in measured)
    curves = []
    for figure in FIGURES:
        is_time = figure == FIGURES[0]
        for operation in operations:
            by_size = {it.rows: figure.of(it) for it in measured if it.operation == operation}
            budget = operation.budget if is_time else None
            plotted = is_time and operation.plotted
            curves.append(
                Curve(operation.title, figure.heading, by_size, figure.digits, budget, plotted, figure.judged)
            )
    return curves


def table(curves: list[Curve], of: str) -> str:
    """One for each figure."""
    parts = []
    for figure in dict.fromkeys(curve.figure for curve in curves):
        its = [curve for curve in curves if curve.figure == figure]
        head = (figure or of, *(f"{size:,}" for size in its[0].sizes), "x")
        parts.append(markdown(head, [curve.row() for curve in its]))
    return "\n\n".join(parts)


def bends(curves: list[Curve]) -> list[str]:
    """What has a budget, and what grows by more than BENDS_AT between the smallest and the largest size."""
    lines = []
    for what in dict.fromkeys(curve.what for curve in curves):
        its = [curve for curve in curves if curve.what == what and curve.judged]
        bent = [curve for curve in its if curve.budget is not None or curve.growth > BENDS_AT]
        if bent:
            lines.append(f"{what}: {'; '.join(map(told, bent))}")
    return lines


def whole_tables(measured: list[Measured]) -> str:
    """Which operations read the table of sessions from one end to the other, at the largest size."""
    largest = max(it.rows for it in measured)
    scanning = [it.operation.title for it in measured if it.rows == largest and it.scans]
    return f"At {largest:,} rows the whole table of sessions is read by: {', '.join(scanning) or 'nothing'}."


def told(curve: Curve) -> str:
    small, large = curve.sizes[0], curve.sizes[-1]
    figure = f"{curve.figure} " if curve.figure else ""
    text = f"{figure}{curve.shown(small)} to {curve.shown(large)}, {curve.growth:.2f} x"
    if curve.budget is None:
        return text
    return f"{text} ({'within' if curve.growth <= curve.budget else '**over**'} {curve.budget} x)"
