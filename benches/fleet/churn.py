"""A table of sessions in which as many rows come as go.

pgbench writes at a steady rate what gateways write: logins, last uses, logouts. The sessions are born old: a minute after its
login, the day has passed for which an ended session is kept. So a gateway that keeps house has as much to remove as is made.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import compare
import database
import stack
from database import Database, Server
from measure import Metrics
from tables import rows as markdown

HERE = Path(__file__).resolve().parent
# There from the beginning, and stay.
ROWS = 2_000_000
LOGINS, USES, LOGOUTS = 1_000, 1_000, 100
EVERY_SECONDS = 15
# As they were before the schema had settings of its own.
RESET = "autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold, autovacuum_analyze_scale_factor"
LOOK = """
SELECT s.n_dead_tup, pg_table_size(s.relid) / 1048576, pg_indexes_size(s.relid) / 1048576, s.autovacuum_count,
    round(100.0 * s.n_tup_hot_upd / greatest(s.n_tup_upd, 1), 1),
    (SELECT count(*) FROM sidgate_session WHERE expires_at < now() - interval '24 hours'),
    (SELECT pg_total_relation_size('sidgate_event') / 1048576),
    s.n_tup_ins, s.n_tup_del
FROM pg_stat_user_tables s WHERE s.relname = 'sidgate_session'
"""


@dataclass(frozen=True)
class Look:
    seconds: float
    dead: float
    table_mib: float
    indexes_mib: float
    vacuums: float
    hot_percent: float
    due: float
    events_mib: float
    inserted: float
    deleted: float
    overdue: float


def measure(minutes: int) -> str:
    """Markdown."""
    with database.server(2 * ROWS) as server:
        looks = {name: run(server, name, minutes) for name in ("without", "with")}
    return table(looks)


def run(server: Server, name: str, minutes: int) -> list[Look]:
    print(f"{name} the settings of the schema", flush=True)
    there = server.named(f"churn_{name}")
    there.make_schema()
    if name == "without":
        for each in there.run("SELECT relname FROM pg_class WHERE relkind = 'r' AND reloptions IS NOT NULL").split():
            there.run(f"ALTER TABLE {each} RESET ({RESET})")
    there.fill(ROWS, 0, "sha256(n::text::bytea)")
    there.settle(ROWS)
    with gateway(there) as admin, load(there, 60 * minutes):
        looks, began = [], time.monotonic()
        while time.monotonic() < began + 60 * minutes:
            time.sleep(EVERY_SECONDS)
            looks.append(look(there, admin, time.monotonic() - began))
            print(looks[-1], flush=True)
    used = there.index_use()
    print(used, flush=True)
    server.of("sidgate").run(f"DROP DATABASE churn_{name} WITH (FORCE)")
    return looks


def look(there: Database, admin: int, seconds: float) -> Look:
    figures = map(float, there.run(LOOK).strip().split("|"))
    node = stack.Node("", f"http://127.0.0.1:{admin}")
    overdue = Metrics(node.metrics()).sum("sidgate_housekeeping_overdue_seconds")
    return Look(seconds, *figures, overdue)


@contextlib.contextmanager
def gateway(there: Database) -> Iterator[int]:
    """Its admin port."""
    with tempfile.TemporaryDirectory(prefix="sidgate-churn-") as name:
        folder, port, admin = Path(name), compare.free_port(), compare.free_port()
        config = folder / "sidgate.toml"
        config.write_text(compare.configuration(port, admin, 9, 1).replace("sqlite:sidgate.db", there.url))
        subprocess.run([stack.SIDGATE, "keys", "generate", "--out", folder / "master.key"], check=True, capture_output=True)
        log, command = folder / "log", [stack.SIDGATE, "run", "--config", config]
        with compare.running(command, log, folder, RUST_LOG="warn") as process:
            compare.wait_for(compare.ready(admin), process, log)
            yield admin


@contextlib.contextmanager
def load(there: Database, seconds: int) -> Iterator[None]:
    scripts = [("login", LOGINS), ("use", USES), ("logout", LOGOUTS)]
    weighed = [part for name, rate in scripts for part in ("-f", f"{HERE / name}.sql@{rate}")]
    rate = sum(rate for _, rate in scripts)
    command = ["pgbench", "-n", "-M", "prepared", "-c", "8", "-j", "2", "-R", str(rate), "-T", str(seconds), *weighed, there.url]
    environment = {**os.environ, "PGOPTIONS": "-c synchronous_commit=off"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as bench:
        try:
            yield
        finally:
            bench.terminate()
            print("\n".join(line for line in bench.stdout.read().splitlines() if "tps" in line or "error" in line), flush=True)


def table(looks: dict[str, list[Look]]) -> str:
    def cells(of: list[Look]) -> list[str]:
        first, last = of[0], of[-1]
        took = last.seconds - first.seconds
        return [
            f"{(last.inserted - first.inserted) / took:,.0f}",
            f"{(last.deleted - first.deleted) / took:,.0f}",
            f"{max(one.dead for one in of):,.0f}",
            f"{last.vacuums:,.0f}",
            f"{first.table_mib:,.0f} to {last.table_mib:,.0f}",
            f"{first.indexes_mib:,.0f} to {last.indexes_mib:,.0f}",
            f"{last.hot_percent:.1f}",
            f"{max(one.due for one in of):,.0f}",
            f"{max(one.overdue for one in of):,.0f}",
        ]

    heads = [
        "logins a second", "removed a second", "most dead rows", "vacuums", "table, MiB", "its indexes, MiB",
        "updates in place (HOT), logouts are not, %", "most rows due", "most overdue, s",
    ]  # fmt: skip
    columns = [cells(of) for of in looks.values()]
    head = (f"{ROWS:,} rows and the churn", *(f"{name} the settings" for name in looks))
    return markdown(head, list(zip(heads, *columns, strict=True)))
