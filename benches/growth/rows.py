"""The operations of the store on PostgreSQL with few and with many rows.

One server holds a database of each size. In each round every operation runs some dozen times on every size, there and back, so
that a drift of the machine falls on all sizes. `benches/src/bin/operations.rs` calls the store as the gateway does, on one
connection; what the server did meanwhile is its own account (CPU time, pages touched, bytes of WAL, scans of the whole table).
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import statistics
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import compare
import stack
from database import Database, Server, Work

# What housekeeping removes in one call: session_core::service asks for as many.
SWEPT = 500


@dataclass(frozen=True)
class Operation:
    """One line of the tables. `calls` in each round after `warm` that do not count, each on `targets` sessions; `uses_up` says
    that these end."""

    name: str
    title: str
    calls: int
    warm: int
    targets: int = 1
    uses_up: bool = False
    budget: float | None = None
    plotted: bool = True


    @property
    def sessions(self) -> int:
        """In each round."""
        return (self.warm + self.calls) * self.targets


OPERATIONS = (
    Operation("fill", "fill: read a session", 300, 10, budget=1.3),
    Operation("login", "login", 100, 10),
    Operation("login-with-limit", "login, 4 sessions at most", 40, 5, uses_up=True),
    Operation("revoke-one", "revoke one session", 40, 5, uses_up=True, budget=1.3),
    Operation("revoke-user", "revoke a user", 40, 5, uses_up=True, budget=1.3),
    Operation("revoke-others", "log out everywhere else", 40, 5, uses_up=True, budget=1.3),
    Operation("devices", "list devices", 200, 10),
    Operation("heartbeat", "heartbeat", 300, 10, budget=1.3),
    Operation("touch", "write 100 last uses", 10, 2, targets=100),
    Operation("housekeep", f"housekeeping, {SWEPT} rows to remove", 1, 1),
)
# Nothing may be left to remove, so they come last.
FINISH = Operation("housekeep-to-the-end", "", 1, 0)
IDLE = (
    Operation("housekeep", "housekeeping, nothing to remove", 20, 2),
    Operation("count", "count all live sessions", 1, 1, plotted=False),
)


@dataclass
class Measured:
    """An operation at one size."""

    operation: Operation
    rows: int
    p50s: list[float] = field(default_factory=list)
    millis: list[float] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    scans: int = 0

    @property
    def calls(self) -> int:
        return len(self.millis)

    def p99(self) -> float:
        return sorted(self.millis)[min(int(0.99 * self.calls), self.calls - 1)]

    def per_call(self, figure: str) -> float:
        """Of the server's work."""
        return sum(getattr(work, figure) for work in self.work) / self.calls


class Targets:
    """Live sessions of users who have not been logged out. Half of the users are never logged out."""

    def __init__(self, rows: int, rounds: int) -> None:
        self.random = random.Random(rows)
        self.users, self.rows, self.rounds = rows // 4, rows, rounds
        self.lasting = range(1, self.users // 2)
        self.used_up = iter(self.random.sample(range(self.users // 2, self.users), self.wanted()))

    def wanted(self) -> int:
        once = sum(operation.sessions for operation in OPERATIONS if operation.uses_up)
        wanted = once * self.rounds
        if wanted > self.users // 2:
            raise compare.Failed(f"{self.rows} rows are too few for {self.rounds} rounds, which need {8 * wanted}")
        return wanted

    def lines(self, operation: Operation) -> Iterator[str]:
        for _ in range(operation.sessions):
            user = next(self.used_up) if operation.uses_up else self.random.choice(self.lasting)
            yield self.line(user)

    def line(self, user: int) -> str:
        """One of the sessions of a user that sessions.sql has made live. They differ by a number that 19 does not divide."""
        numbers = [user + self.users * at for at in (1, 2, 3)]
        number = self.random.choice([number for number in numbers if number % 19 != 7])
        key = hashlib.sha256(str(number).encode()).hexdigest()
        return f"{key} {user} tenant-{user % max(self.rows // 1000, 1)}"


def run(database: Database, targets: Targets, measured: Measured) -> None:
    """One round of one operation at one size."""
    operation = measured.operation
    command = [stack.RELEASE / "operations", database.url, operation.name, str(operation.warm * operation.targets)]
    scans, pipe = database.scans(), subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        say(process, *targets.lines(operation), "")
        # An empty line when it is warm, nothing when it has failed.
        if process.stdout.readline() != "\n":
            raise failed(process, measured)
        before = database.look()
        say(process, "")
        nanos = []
        while (line := process.stdout.readline()).strip():
            nanos.append(int(line))
        if len(nanos) != operation.calls:
            raise failed(process, measured)
        measured.work.append(database.look() - before)
    millis = [one / 1e6 for one in nanos]
    measured.p50s.append(statistics.median(millis))
    measured.millis += millis
    measured.scans += database.scans() - scans


def say(process: subprocess.Popen, *lines: str) -> None:
    # What it has to say instead of reading on is told by its errors.
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write("".join(f"{line}\n" for line in lines))
        process.stdin.flush()


def failed(process: subprocess.Popen, measured: Measured) -> compare.Failed:
    process.kill()
    return compare.Failed(f"{measured.operation.name} at {measured.rows} rows: {process.stderr.read()}")


def measure(server: Server, sizes: list[int], rounds: int) -> list[Measured]:
    """Every operation at every size."""
    databases = filled(server, sizes, due=SWEPT * (2 * rounds + 2))
    targets = {rows: Targets(rows, rounds) for rows in sizes}
    results = measured_in_turn(databases, targets, OPERATIONS)
    for rows, database in databases.items():
        run(database, targets[rows], Measured(FINISH, rows))
    return results + measured_in_turn(databases, targets, IDLE)


def filled(server: Server, sizes: list[int], due: int) -> dict[int, Database]:
    """A database of each size."""
    # As a server of one's own is while it is filled.
    server.set("full_page_writes", "off")
    databases = {}
    for rows in sorted(sizes, reverse=True):
        database = databases[rows] = server.named(f"rows_{rows}")
        database.make_schema()
        database.fill(rows, due, "sha256(n::text::bytea)")
    for rows, database in databases.items():
        database.settle(rows)
        print(f"{rows:,} rows: {database.size_bytes() / 2**30:.2f} GiB", flush=True)
    server.set("full_page_writes", "on")
    return databases


def measured_in_turn(
    databases: dict[int, Database], targets: dict[int, Targets], operations: tuple[Operation, ...]
) -> list[Measured]:
    results = [Measured(operation, rows) for operation in operations for rows in sorted(databases)]
    rounds = next(iter(targets.values())).rounds
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", flush=True)
        for measured in results if number % 2 == 0 else reversed(results):
            run(databases[measured.rows], targets[measured.rows], measured)
    return results
