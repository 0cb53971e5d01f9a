"""A PostgreSQL server of one's own with databases of given sizes, and what it says about the work it did."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import compare
import stack
from tables import rows as markdown

HERE = Path(__file__).resolve().parent
# A server with 8 GB of memory, as its manual advises: a quarter of it for the server's own cache, a checkpoint that does not
# come every few seconds. Nothing waits for the disk (scripts/postgres), so that what grows is not hidden behind it.
SETTINGS = {
    "shared_buffers": "2GB",
    "effective_cache_size": "6GB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "shared_preload_libraries": "pg_stat_statements",
    "track_io_timing": "on",
}
BATCH = 500_000
# Of disk, for a row with its place in all indexes and tables; and for the server's log of changes.
BYTES_PER_ROW, BYTES_BESIDE = 1_450, 2 * 2**30


@dataclass(frozen=True)
class Work:
    """What the server has done for a database: for the connections that are open, and by the statements of all."""

    cpu_seconds: float
    pages: float
    # Of those, the ones that were not in the server's own cache: read from the system's, or from the disk.
    pages_read: float
    read_seconds: float
    wal_bytes: float

    def __sub__(self, before: Work) -> Work:
        return Work(*(now - then for now, then in zip(astuple(self), astuple(before), strict=True)))


@dataclass(frozen=True)
class Server:
    """`postgres`, by the address of its first database."""

    url: str

    def named(self, name: str) -> Database:
        self.of("sidgate").run(f"CREATE DATABASE {name}")
        return self.of(name)

    def of(self, name: str) -> Database:
        return Database(self.url.rsplit("/", 1)[0] + f"/{name}", name)

    def set(self, name: str, value: str) -> None:
        """While it runs."""
        self.of("sidgate").run(f"ALTER SYSTEM SET {name} = {value}")
        self.of("sidgate").run("SELECT pg_reload_conf()")


@dataclass(frozen=True)
class Database:
    url: str
    name: str

    def psql(self, *arguments: str | Path, **variables: object) -> str:
        given = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *given, "-d", self.url, *arguments]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode:
            raise compare.Failed(f"psql failed:\n{done.stderr}")
        return done.stdout

    def run(self, sql: str) -> str:
        return self.psql("-c", sql)

    def make_schema(self) -> None:
        with tempfile.TemporaryDirectory(prefix="sidgate-growth-") as folder:
            config = Path(folder) / "sidgate.toml"
            config.write_text(compare.configuration(1, 2, 3, 1).replace("sqlite:sidgate.db", self.url))
            for words in (["keys", "generate", "--out", "master.key"], ["schema", "apply", "--config", config]):
                command = [stack.SIDGATE, *words]
                done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
                if done.returncode:
                    raise compare.Failed(f"sidgate {words[0]} failed:\n{done.stdout}{done.stderr}")
        self.run("CREATE EXTENSION pg_stat_statements")

    def fill(self, rows: int, due: int, key: str) -> None:
        """So many sessions, and so many more that housekeeping is to remove. `key` is SQL for the key of session n."""
        began = time.monotonic()
        for first in range(1 - due, rows + 1, BATCH):
            last = min(first + BATCH - 1, rows)
            self.psql("-f", HERE / "sessions.sql", rows=rows, first=first, last=last, key=key)
            if rows > BATCH:
                print(f"{time.monotonic() - began:5.0f} s  {last:,} of {rows:,} rows", flush=True)

    def settle(self, rows: int) -> None:
        """Adds what there is beside so many sessions, and leaves it as autovacuum would."""
        self.psql("-f", HERE / "beside.sql", rows=rows)
        self.run("VACUUM (ANALYZE)")
        self.run("CHECKPOINT")

    def size_bytes(self) -> int:
        return int(self.run("SELECT pg_database_size(current_database())"))

    def sizes(self) -> str:
        """Markdown: the largest tables."""
        found = self.run(
            "SELECT relname, n_live_tup, n_dead_tup, pg_table_size(relid) / 1048576, pg_indexes_size(relid) / 1048576 "
            "FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC LIMIT 6"
        )
        head = ("table", "rows", "dead rows", "MiB", "its indexes, MiB")
        return markdown(head, [tuple(line.split("|")) for line in found.splitlines()])

    def index_use(self) -> str:
        """Markdown: how often each index was used since the database was made, the largest first."""
        found = self.run(
            "SELECT indexrelname, pg_relation_size(indexrelid) / 1048576, idx_scan, idx_tup_read "
            "FROM pg_stat_user_indexes ORDER BY pg_relation_size(indexrelid) DESC, indexrelname"
        )
        head = ("index", "MiB", "scans", "entries read")
        return markdown(head, [tuple(line.split("|")) for line in found.splitlines()])

    def cpu_seconds(self) -> float:
        """CPU time of the connections that are open, psql's own apart."""
        pids = self.run(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'psql'"
        )
        spent = (Path(f"/proc/{pid}/schedstat").read_text().split()[0] for pid in pids.split())
        return sum(map(int, spent)) / 1e9

    def scans(self) -> int:
        """How often the whole table of sessions was read, by connections that are closed."""
        return int(self.run("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'sidgate_session'"))

    def look(self) -> Work:
        # The time of reads has another name from version 17 on.
        found = self.run(
            "SELECT coalesce(sum(shared_blks_hit + shared_blks_read), 0), coalesce(sum(shared_blks_read), 0), "
            "coalesce(sum(coalesce(its->>'shared_blk_read_time', its->>'blk_read_time')::float8), 0) / 1000, "
            "coalesce(sum(wal_bytes), 0) FROM pg_stat_statements s, to_jsonb(s) its WHERE query NOT LIKE '%pg_stat_%' "
            "AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return Work(self.cpu_seconds(), *map(float, found.split("|")))


@contextlib.contextmanager
def server(rows: int) -> Iterator[Server]:
    """With room for so many rows."""
    needed, free = BYTES_BESIDE + rows * BYTES_PER_ROW, shutil.disk_usage(tempfile.gettempdir()).free
    if free < needed:
        raise compare.Failed(f"{rows:,} rows need {needed / 2**30:.0f} GiB in {tempfile.gettempdir()}, of which {free / 2**30:.0f} are free")
    settings = [f"{name}={value}" for name, value in SETTINGS.items()]
    with stack.postgresql(*settings) as url:
        yield Server(url)
