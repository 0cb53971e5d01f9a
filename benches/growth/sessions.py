"""One gateway with few and with many sessions in use: its memory, its CPU time per request, and where it finds a session.

A gateway for each size runs on the same database of a million sessions; they differ only in how many of them they are asked for.
Each session is asked for once, which fills the gateway. Then wrk asks, in alternating rounds, for any of them, and for the same
thousand again and again. Among a million, nearly every request is the first one of its session for a minute: its assertion
has to be signed anew, and its use be written to the store. Among a thousand both is rare, however many others there are.
"""

from __future__ import annotations

import contextlib
import http.client
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import compare
import loads
import stack
from compare import Bench, Failed, Target
from database import Database, Server
from measure import Between, Metrics

LUA = Path(__file__).with_name("cookies.lua")
# Sessions that are asked for again and again.
HOT = 1_000
# Asked for before memory is looked at: what is allocated once is no part of a session.
WARM = 1_000
# Added to what the gateways of `make bench` have. Everybody comes from one address here, and nothing may be read again because
# of its age while a million sessions are being filled in.
MORE = """
[cache]
local_ttl = "24h"
local_max_entries = 4000000
local_max_bytes = "64GiB"
[edge]
misses_per_client = "1000000/m"
"""
FILL_SECONDS = 3_600
# A request that comes to nothing because the store is busy is made again when it is the turn of its session, which takes long
# among a million: the last few are not waited for.
ENOUGH = 0.999
TOLD_EVERY = 10


def asks(cookies: Path, count: int, order: str) -> list[str]:
    """Options of wrk."""
    return ["-s", str(LUA), "--", str(cookies), str(count), order]


def at_random(cookies: Path, count: int) -> loads.Load:
    """Asks for any of the first so many."""
    return lambda url, fields, seconds: loads.wrk(url, fields, seconds, *asks(cookies, count, "at-random"))


@dataclass
class Gateway:
    """A gateway that is asked for the sessions of the first so many cookies, and what was measured."""

    sessions: int
    any: Target
    hot: Target
    admin: int
    cookies: Path
    warm: Path
    bytes_per_session: float = 0
    resident: int = 0
    local_share: float = 0
    p50_micros: float = 0
    uses_written: float = 0

    def metrics(self) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", self.admin, timeout=5)
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()

    def held(self) -> int:
        return int(Metrics(self.metrics()).sum("sidgate_local_sessions"))

    def fill(self) -> None:
        """Asks for each session once."""
        self.ask_for_all(self.warm, WARM, WARM)
        before = self.any.resident_bytes()
        self.ask_for_all(self.cookies, self.sessions, WARM + self.sessions)
        self.resident = self.any.resident_bytes()
        self.bytes_per_session = (self.resident - before) / self.sessions

    def ask_for_all(self, cookies: Path, count: int, wanted: int) -> None:
        fields = loads.headers(self.any.port, "@")
        command = loads.wrk_command(self.any.url, fields, FILL_SECONDS, *asks(cookies, count, "in-order"))
        began = told = time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as asking:
            while (held := self.held()) < ENOUGH * wanted and asking.poll() is None:
                if time.monotonic() - told > TOLD_EVERY:
                    told = time.monotonic()
                    print(f"{told - began:5.0f} s  {held:,} of {wanted:,} sessions in use", flush=True)
                time.sleep(0.1)
            asking.send_signal(signal.SIGINT)
            said = asking.stdout.read()
        if held < ENOUGH * wanted:
            raise Failed(f"{held} of {wanted} sessions are held:\n{said}")
        # What is on its way to the store is written.
        time.sleep(3)

    def drive(self, seconds: int, keep: bool) -> None:
        for target in (self.any, self.hot):
            compare.drive(target, "@", seconds, keep)

    def look_at(self, between: Between) -> None:
        """Where sessions were found."""
        found = between.count("sidgate_resolve_total")
        self.local_share = between.count("sidgate_resolve_total", tier="local") / found
        self.p50_micros = 1e6 * (between.quantile("sidgate_resolve_seconds", 0.5) or 0)
        self.uses_written = between.count("sidgate_core_total", what="touches_written") / found


def measure(server: Server, sizes: list[int], rounds: int, seconds: int) -> list[Gateway]:
    with compare.bench(stack.RELEASE, threads=1) as at, contextlib.ExitStack() as running:
        database = server.named("in_use")
        database.make_schema()
        cookies, warm = stored(database, at, max(sizes))
        gateways = [
            running.enter_context(gateway(at, database, sessions, cookies, warm)) for sessions in sorted(sizes)
        ]
        for one in gateways:
            one.fill()
            print(f"{one.sessions:,} sessions: {one.bytes_per_session:,.0f} bytes each", flush=True)
            one.drive(2, keep=False)
        before = [one.metrics() for one in gateways]
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", flush=True)
            for one in gateways if number % 2 == 0 else reversed(gateways):
                one.drive(seconds, keep=True)
        for one, then in zip(gateways, before, strict=True):
            one.look_at(Between(then, one.metrics()))
        return gateways


def stored(database: Database, at: Bench, sessions: int) -> tuple[Path, Path]:
    """Stores so many live sessions and some that are not, and those to warm up with; the cookies of both."""
    master, minted = at.folder / "master.key", at.folder / "minted"
    at.run(stack.SIDGATE, "keys", "generate", "--out", master)
    # A tenth is not alive (sessions.sql).
    rows = (sessions + WARM) * 10 // 9 + 100
    lines = at.run(stack.RELEASE / "mint", master, str(rows)).splitlines()
    minted.write_text("".join(f"{number}\t\\\\x{line.split()[1]}\n" for number, line in enumerate(lines, 1)))
    database.run("CREATE UNLOGGED TABLE minted (number bigint PRIMARY KEY, session_key bytea NOT NULL)")
    database.psql("-c", f"\\copy minted FROM '{minted}'")
    database.fill(rows, 0, "(SELECT m.session_key FROM minted m WHERE m.number = n)")
    database.run("DROP TABLE minted")
    database.settle(rows)
    alive = [line.split()[0] for number, line in enumerate(lines, 1) if number > rows / 20 and number % 19 != 7]
    cookies, warm = at.folder / "cookies", at.folder / "warm"
    cookies.write_text("\n".join(alive[:sessions]))
    warm.write_text("\n".join(alive[sessions:][:WARM]))
    return cookies, warm


@contextlib.contextmanager
def gateway(
    at: Bench, database: Database, sessions: int, cookies: Path, warm: Path, name: str = ""
) -> Iterator[Gateway]:
    """`name`: of its files; where there are several of one size."""
    port, admin, name = compare.free_port(), compare.free_port(), name or str(sessions)
    log, config = at.folder / f"{name}.log", at.folder / f"{name}.toml"
    text = compare.configuration(port, admin, at.upstream, at.threads).replace("sqlite:sidgate.db", database.url)
    config.write_text(text + MORE)
    command = [stack.SIDGATE, "run", "--config", config]
    with compare.running(command, log, at.folder, RUST_LOG="warn") as process:
        compare.wait_for(compare.ready(admin), process, log)
        any_of_them, hot = (
            Target(f"{sessions} sessions", process, port, compare.PATH, load=at_random(cookies, count))
            for count in (sessions, min(HOT, sessions))
        )
        yield Gateway(sessions, any_of_them, hot, admin, cookies, warm)
