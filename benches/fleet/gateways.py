"""Many gateways on one PostgreSQL and one Redis, in front of an app of our own, and people who log in and out at them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
for folder in (HERE.parent, HERE.parent / "load"):
    sys.path.insert(1, str(folder))

import compare  # noqa: E402
import stack  # noqa: E402
from measure import Metrics  # noqa: E402

SESSION = "/api/auth/session-v2"
# What one gateway may open at most (docs/capacity.md), and some for whoever looks.
CONNECTIONS_PER_NODE, CONNECTIONS_BESIDE = 20, 20
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    # Commits wait for the disk, as they do where people keep data.
    "fsync": "on",
    "shared_buffers": "512MB",
    "track_io_timing": "on",
}


def configuration(public: int, admin: int, app: int, redis: int, postgres: str) -> str:
    host = f"localhost:{public}"
    # A node has one worker here: twenty share one machine.
    return stack.configuration(public, admin, [host], app, redis, postgres).replace(
        "[server]", "[server]\nthreads = 1", 1
    )


@dataclass
class Gateway:
    """One process."""

    number: int
    public: int
    admin: int
    process: subprocess.Popen
    log: Path

    def cpu_seconds(self) -> float:
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def resident_bytes(self) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0

    def metrics(self) -> Metrics:
        return Metrics(stack.Node("", f"http://127.0.0.1:{self.admin}").metrics())

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, compare.http.client.HTTPException):
            return compare.ready(self.admin)()
        return False


@dataclass
class Postgres:
    """The server, by the address of its database."""

    url: str

    def ask(self, sql: str) -> list[list[str]]:
        command = ["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", sql]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise compare.Failed(f"psql failed:\n{done.stderr}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def postmaster(self) -> int:
        return int(self.ask("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")[0][0])


@dataclass
class Fleet:
    """Everything that runs."""

    folder: Path
    postgres: Postgres
    redis: int
    app: int
    gateways: list[Gateway] = field(default_factory=list)
    running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def start(self, nodes: int, wait: bool = True) -> None:
        """All at once. Which of them migrates is up to them."""
        level = "info,sidgate::access=off"
        for number in range(len(self.gateways), len(self.gateways) + nodes):
            public, admin = compare.free_port(), compare.free_port()
            settings, log = self.folder / f"node{number}.toml", self.folder / f"node{number}.log"
            settings.write_text(configuration(public, admin, self.app, self.redis, self.postgres.url))
            command = [stack.SIDGATE, "run", "--config", settings]
            process = self.running.enter_context(compare.running(command, log, self.folder, RUST_LOG=level))
            self.gateways.append(Gateway(number, public, admin, process, log))
        if wait:
            for one in self.gateways:
                compare.wait_for(compare.ready(one.admin), one.process, one.log)

    def sum(self, name: str, **labels: str) -> float:
        return sum(one.metrics().sum(name, **labels) for one in self.gateways)


@contextlib.contextmanager
def fleet(nodes: int, **settings: str) -> Iterator[Fleet]:
    """So many gateways, ready; none when it is 0. `settings` are those of PostgreSQL."""
    room = max(nodes, 1) * CONNECTIONS_PER_NODE + CONNECTIONS_BESIDE
    given = {**SETTINGS, "max_connections": str(room), **settings}
    with contextlib.ExitStack() as things:
        folder = Path(things.enter_context(tempfile.TemporaryDirectory(prefix="sidgate-fleet-")))
        url = things.enter_context(stack.postgresql(*(f"{name}={value}" for name, value in given.items())))
        redis, app = compare.free_port(), compare.free_port()
        for name, port, command in (
            ("redis", redis, ["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", ""]),
            ("app", app, [sys.executable, HERE / "app.py", str(app)]),
        ):
            log = folder / f"{name}.log"
            process = things.enter_context(compare.running(command, log, folder))
            compare.wait_for(compare.listens(port), process, log)
        command = [stack.SIDGATE, "keys", "generate", "--out", folder / "master.key"]
        subprocess.run(command, check=True, capture_output=True)
        postgres = Postgres(url)
        postgres.ask("CREATE EXTENSION pg_stat_statements")
        found = Fleet(folder, postgres, redis, app)
        things.enter_context(found.running)
        if nodes:
            # The first one migrates.
            found.start(1)
            found.start(nodes - 1)
        yield found


# === People ===


@dataclass
class Seen:
    """What came of it."""

    answers: dict[str, int] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    late: int = 0

    def note(self, what: str, status: int, seconds: float) -> None:
        name = f"{what} {status}"
        self.answers[name] = self.answers.get(name, 0) + 1
        self.seconds.setdefault(what, []).append(seconds)

    def quantile_ms(self, what: str, share: float) -> float:
        times = sorted(self.seconds.get(what, [0.0]))
        return 1000 * times[min(len(times) - 1, int(share * len(times)))]


class Client:
    """Connections to one gateway that are kept."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.resting: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def ask(self, method: str, path: str, sid: str = "", body: object = None, limit: float = 15) -> tuple[int, str]:
        """The status, and the cookie that was set; 0 when no answer came."""
        text = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: localhost:{self.port}", "Accept: application/json"]
        if sid:
            lines.append(f"Cookie: {sid}")
        if body is not None or method != "GET":
            lines += ["Content-Type: application/json", f"Content-Length: {len(text)}"]
        request = "\r\n".join([*lines, "", ""]).encode() + text
        try:
            return await asyncio.wait_for(self.exchange(request), limit)
        except (OSError, asyncio.IncompleteReadError, ValueError, TimeoutError):
            return 0, ""

    async def exchange(self, request: bytes) -> tuple[int, str]:
        if self.resting:
            reader, writer = self.resting.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in head[1:])]
            length = next((int(value) for name, value in fields if name == "content-length"), 0)
            await reader.readexactly(length)
        except BaseException:
            writer.close()
            raise
        if ("connection", "close") in fields:
            writer.close()
        else:
            self.resting.append((reader, writer))
        cookies = (value.split(";")[0] for name, value in fields if name == "set-cookie")
        return int(head[0].split(" ")[1]), next((one for one in cookies if one.startswith("sid=")), "")

    def close(self) -> None:
        for _, writer in self.resting:
            writer.close()


async def at_a_rate(rate: float, seconds: float, one) -> None:
    """Calls `one(number)` so often, whatever becomes of those before."""
    began, asked = time.monotonic(), set()
    for number in range(round(rate * seconds)):
        wait = began + number / rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        task = asyncio.create_task(one(number))
        asked.add(task)
        task.add_done_callback(asked.discard)
    if asked:
        await asyncio.gather(*asked)


async def people(gateways: list[Gateway], seconds: float, logins: float, logout_every: int) -> Seen:
    """Logs in at this rate, each time at the next gateway; one of so many logs out again, at yet another one."""
    clients, seen = [Client(one.public) for one in gateways], Seen()

    async def come(number: int) -> None:
        began = time.monotonic()
        body = {"email": f"{time.monotonic_ns()}@example.com", "password": "correct horse battery"}
        status, sid = await clients[number % len(clients)].ask("POST", SESSION, body=body)
        seen.note("login", status, time.monotonic() - began)
        if number % logout_every == 0 and sid:
            await asyncio.sleep(0.2)
            began = time.monotonic()
            status, _ = await clients[(number // logout_every) % len(clients)].ask("DELETE", SESSION, sid)
            seen.note("logout", status, time.monotonic() - began)

    await at_a_rate(logins, seconds, come)
    for client in clients:
        client.close()
    return seen
