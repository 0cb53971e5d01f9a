"""Rows of the comparison: a port under load, and the CPU time of every process that works for its requests."""

from __future__ import annotations

import contextlib
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import compare


def family(pid: int) -> Iterator[int]:
    """A process and all that come from it: nginx works in a child."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from family(int(child))


def cpu_seconds(pids: tuple[int, ...]) -> float:
    """To the nanosecond. What a thread has used is gone when it ends; those that work for requests live as long as the process."""
    used = 0
    for task in [task for pid in pids for task in Path(f"/proc/{pid}/task").iterdir()]:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            used += int((task / "schedstat").read_text().split()[0])
    return used / 1e9


def connects() -> int:
    """How many TCP connections were opened on this machine."""
    names, numbers = (line.split() for line in Path("/proc/net/snmp").read_text().splitlines() if line.startswith("Tcp:"))
    return int(numbers[names.index("ActiveOpens")])


@dataclass(frozen=True)
class Spent:
    """What was used until now: seconds of all processes, of the checker's, connections."""

    whole: float
    checker: float
    connects: int

    def __sub__(self, before: Spent) -> Spent:
        return Spent(
            self.whole - before.whole,
            self.checker - before.checker,
            self.connects - before.connects,
        )


@dataclass
class Row(compare.Target):
    """`process` with its family, and the checker's processes if it asks one."""

    access_log: Path | None = None
    # The same program when it only passes requests on.
    base: Row | None = None
    knows: bool = False
    checkers: tuple[int, ...] = ()
    pids: tuple[int, ...] = ()
    checker_shares: list[float] = field(default_factory=list)
    # Per request: connections that were opened, and lines of the access log.
    connects: list[float] = field(default_factory=list)
    lines: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.pids = (*family(self.process.pid), *self.checkers)

    def cpu_seconds(self) -> float:
        return self.spent().whole

    def ticks(self) -> tuple[int, int]:
        return compare.ticks(*self.pids)

    def spent(self) -> Spent:
        try:
            return Spent(cpu_seconds(self.pids), cpu_seconds(self.checkers), connects())
        except FileNotFoundError as gone:
            raise compare.Failed(f"{self.name}: a process has ended: {gone.filename}") from gone

    def drive(self, sid: str, seconds: float, keep: bool) -> None:
        """One round of load."""
        before = self.spent()
        compare.drive(self, sid, seconds, keep)
        spent = self.spent() - before
        lines = self.take_log()
        if keep:
            requests = self.rates[-1] * seconds
            self.checker_shares.append(spent.checker / spent.whole)
            self.connects.append(spent.connects / requests)
            self.lines.append(lines / requests)

    def take_log(self) -> int:
        """Counts its lines, and empties it. All of them append to it, so the next line is the first one again."""
        if not self.access_log:
            return 0
        lines = self.access_log.read_bytes().count(b"\n")
        if not lines:
            raise compare.Failed(f"{self.name} has written no access log")
        self.access_log.write_bytes(b"")
        return lines

    def micros_of(self, shares: list[float]) -> float:
        return statistics.median(self.micros) * statistics.median(shares)

    def more_than_base(self) -> float:
        """Microseconds of CPU, round by round: what it costs to know the session."""
        return statistics.median(one - other for one, other in zip(self.micros, self.base.micros, strict=True))
