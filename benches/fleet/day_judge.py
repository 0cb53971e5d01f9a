"""Whether a figure stayed flat over a long run. Pure: from numbers to verdicts.

Only quiet moments count: those outside of fault windows, in the second half of the run. The first half is warm-up. A figure is
flat if two things hold:

- Slope. The median of the slopes between all pairs of points (Theil-Sen) is at most the tolerance for an hour. A few moments
  that stand out do not move it. In a run so short that the slope means less than the absolute amount in the time that is judged,
  it says nothing.
- Step. At no fault did the figure rise for good: nine tenths of the points after it lie above nine tenths of the points before
  it, and the two medians are further apart than the tolerance.

The tolerance is a share of the figure's usual value, and at least an absolute amount. A figure that falls is flat.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, field

HOUR = 3600.0
# Fewer points say nothing.
POINTS_MIN = 10
# On each side of a step.
SIDE_MIN = 5
# Pairs of points for the slope; more points are thinned out evenly.
POINTS_MAX = 300


@dataclass(frozen=True)
class Window:
    """A fault, from its beginning until everything should be well again. Seconds since the run began."""

    begin: float
    end: float
    what: str = ""

    def holds(self, begin: float, end: float | None = None) -> bool:
        """Whether the moment, or any part of the time, lies in the window."""
        return begin <= self.end and (begin if end is None else end) >= self.begin


@dataclass(frozen=True)
class Tolerance:
    """What an hour may add."""

    share: float
    least: float
    # On top: what is known to grow, within a bound.
    known: float = 0.0

    def of(self, level: float) -> float:
        return max(self.share * abs(level), self.least) + self.known


@dataclass(frozen=True)
class Series:
    """A figure over time."""

    name: str
    unit: str
    tolerance: Tolerance
    # Seconds since the run began, and the figure then.
    points: list[tuple[float, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Verdict:
    """What became of a figure. `flat` is `None` if there was too little to say."""

    name: str
    unit: str
    level: float | None
    per_hour: float | None
    tolerance: float | None
    flat: bool | None
    why: str = ""


def inside(windows: Iterable[Window], begin: float, end: float | None = None) -> Window | None:
    """The first window that the moment, or any part of the time, lies in."""
    return next((window for window in windows if window.holds(begin, end)), None)


def quiet(series: Series, windows: list[Window], after: float) -> list[tuple[float, float]]:
    return [point for point in series.points if point[0] >= after and not inside(windows, point[0])]


def slope(points: list[tuple[float, float]]) -> float:
    """Theil-Sen, for a second."""
    thinned = points[:: len(points) // POINTS_MAX + 1]
    return statistics.median(
        (later[1] - earlier[1]) / (later[0] - earlier[0])
        for at, earlier in enumerate(thinned)
        for later in thinned[at + 1 :]
        if later[0] > earlier[0]
    )


def share(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def step(points: list[tuple[float, float]], windows: list[Window], tolerance: float) -> tuple[float, str] | None:
    """A rise that stays, and the fault that it came with: the one that parts the points best."""
    found, best = None, 0.0
    for window in windows:
        before = [value for at, value in points if at < window.begin]
        after = [value for at, value in points if at > window.end]
        if min(len(before), len(after)) < SIDE_MIN or share(after, 0.1) <= share(before, 0.9):
            continue
        rise, parted = statistics.median(after) - statistics.median(before), statistics.fmean(after) - statistics.fmean(before)
        if rise > tolerance and parted > best:
            found, best = (rise, window.what), parted
    return found


def judge(series: Series, windows: list[Window], length: float) -> Verdict:
    """Of a run that took `length` seconds."""
    points = quiet(series, windows, length / 2)
    if len(points) < POINTS_MIN:
        return Verdict(series.name, series.unit, None, None, None, None, "too few quiet moments")
    level = statistics.median(value for _, value in points)
    tolerance, per_hour = series.tolerance.of(level), slope(points) * HOUR
    why, hours = "", (points[-1][0] - points[0][0]) / HOUR
    if per_hour > tolerance and per_hour * hours > series.tolerance.least:
        why = f"rises by {per_hour:,.2f} {series.unit} an hour"
    elif rise := step(points, windows, tolerance):
        why = f"rose by {rise[0]:,.2f} {series.unit} and stayed there, at: {rise[1]}"
    return Verdict(series.name, series.unit, level, per_hour, tolerance, not why, why)
