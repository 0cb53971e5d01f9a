"""What a long day runs on: three gateways behind lines that can be broken, PostgreSQL, Redis and two servers of an app."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[1:1] = [str(HERE.parent), str(HERE.parent / "load")]

import compare  # noqa: E402
import day_process  # noqa: E402
import stack  # noqa: E402

NODES = 3
APPS = 2
DONE_SECONDS = 60
UPGRADE_SECONDS = 90
# A second route makes the configuration another one.
ROUTE = """
[[routes]]
path = "/reloaded"
upstream = "app"
session = "optional"
"""


class Told:
    """A process that does what it is told on its standard input, and ends with it."""

    def __init__(self, *command: str | Path | int) -> None:
        self.process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.first = self.line()

    def line(self) -> str:
        if not select.select([self.process.stdout], [], [], DONE_SECONDS)[0]:
            raise compare.Failed(f"{self.process.args[0]} does not answer")
        return self.process.stdout.readline().strip()

    def say(self, words: str) -> None:
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()
        if (answer := self.line()) != "done":
            raise compare.Failed(f"{words}: {answer or 'no answer'}")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


@dataclass
class Server:
    """A process that may be killed, frozen and started again at the same port."""

    command: list[str | Path]
    port: int
    log: Path
    process: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [str(part) for part in self.command], cwd=self.log.parent, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        compare.wait_for(compare.listens(self.port), self.process, self.log)

    def signal(self, what: signal.Signals) -> None:
        self.process.send_signal(what)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@dataclass
class Gateway:
    """A node. Its process changes: it is killed, and upgraded in place."""

    number: int
    public: int
    admin: int
    folder: Path
    settings: str
    started: list[subprocess.Popen] = field(default_factory=list)
    reloads: int = 0

    @property
    def name(self) -> str:
        return f"gateway {self.number}"

    @property
    def host(self) -> str:
        return f"localhost:{self.public}"

    @property
    def config(self) -> Path:
        return self.folder / f"gateway{self.number}.toml"

    @property
    def log(self) -> Path:
        return self.folder / f"gateway{self.number}.log"

    def pids(self) -> list[int]:
        """Its processes, the eldest first. More than one only while one takes the place of another."""
        for process in self.started:
            process.poll()
        return day_process.by_words("run", str(self.config))

    def start(self) -> None:
        self.config.write_text(self.settings + ROUTE * (self.reloads % 2))
        # Access lines of hours would only fill the disk.
        environment = {"PATH": "/usr/bin:/bin", "RUST_LOG": "info,sidgate::access=off"}
        command = [stack.SIDGATE, "run", "--config", self.config]
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.started.append(process)
        compare.wait_for(compare.ready(self.admin), process, self.log)

    def kill(self) -> None:
        deadline = time.monotonic() + DONE_SECONDS
        while (pids := self.pids()) and time.monotonic() < deadline:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
        if pids:
            raise compare.Failed(f"{self.name} does not end")

    def upgrade(self) -> None:
        command = [stack.SIDGATE, "upgrade", "--config", self.config]
        done = subprocess.run(command, capture_output=True, text=True, timeout=UPGRADE_SECONDS)
        if done.returncode:
            raise compare.Failed(f"{self.name}: {done.stdout}{done.stderr}")

    def reload(self) -> None:
        self.reloads += 1
        self.config.write_text(self.settings + ROUTE * (self.reloads % 2))
        os.kill(self.pids()[-1], signal.SIGHUP)

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return compare.ready(self.admin)()
        return False

    def ask(self, path: str, body: dict | None = None, cookie: str = "", admin: bool = False) -> tuple[int, str, str]:
        """Status, body and the cookie that was set."""
        place = f"http://127.0.0.1:{self.admin}" if admin else f"http://{self.host}"
        request = urllib.request.Request(f"{place}{path}", data=json.dumps(body).encode() if body else None)
        for name, value in (("Content-Type", body and "application/json"), ("Cookie", cookie), ("Accept", "application/json")):
            if value:
                request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode(), (answer.headers["Set-Cookie"] or "").split(";")[0]
        except urllib.error.HTTPError as error:
            return error.code, "", ""


@dataclass(frozen=True)
class Fleet:
    """All of it. Line `n` leads gateway `n` to PostgreSQL, line `NODES + n` to Redis."""

    gateways: list[Gateway]
    postgres: Told
    redis: Server
    apps: list[Server]
    lines: Told
    line_ports: list[int]

    @property
    def url(self) -> str:
        """Of PostgreSQL itself, beside the lines."""
        return self.postgres.first

    def psql(self, *arguments: str | Path, seconds: float = 30, **variables: object) -> str:
        given = [part for name, value in variables.items() for part in ("-v", f"{name}={value}")]
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", *given, "-d", self.url, *arguments]
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds)
        if done.returncode:
            raise compare.Failed(f"psql failed:\n{done.stderr}")
        return done.stdout

    def redis_cli(self, *words: str, seconds: float = 5) -> str:
        command = ["redis-cli", "-p", str(self.redis.port), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True).stdout


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1].split("/")[0])


@contextlib.contextmanager
def started(logs: Path) -> Iterator[Fleet]:
    """Everything on free ports of this machine; ends with the block. What gateways have written stays in `logs`."""
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="sidgate-day-")))
        ends.callback(stack.keep_logs, folder, logs, "gateway*.log")
        postgres = Told(stack.ROOT / "scripts/postgres")
        ends.callback(postgres.close)
        if not postgres.first:
            raise compare.Failed("PostgreSQL does not start: scripts/bootstrap fleet")

        def server(name: str, port: int, *command: str | Path) -> Server:
            one = Server(list(command), port, folder / f"{name}.log")
            ends.callback(one.kill)
            one.start()
            return one

        port = compare.free_port()
        redis = server("redis", port, "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "")
        apps = [
            server(f"app{number}", port, stack.RELEASE / "upstream", f"127.0.0.1:{port}", "1")
            for number, port in enumerate([compare.free_port() for _ in range(APPS)])
        ]
        ports = [port_of(postgres.first)] * NODES + [redis.port] * NODES
        lines = Told(sys.executable, HERE / "day_lines.py", *ports)
        ends.callback(lines.close)
        line_ports = [int(port) for port in lines.first.split()]
        subprocess.run([stack.SIDGATE, "keys", "generate", "--out", folder / "master.key"], check=True, capture_output=True)
        gateways = []
        listeners = [(compare.free_port(), compare.free_port()) for _ in range(NODES)]
        hosts = [f"localhost:{public}" for public, _ in listeners]
        for number, (public, admin) in enumerate(listeners):
            store = postgres.first.replace(f":{ports[0]}/", f":{line_ports[number]}/")
            cache = line_ports[NODES + number]
            settings = stack.configuration(public, admin, hosts, [app.port for app in apps], cache, store)
            gateways.append(Gateway(number, public, admin, folder, settings))
            ends.callback(gateways[-1].kill)
            gateways[-1].start()
        yield Fleet(gateways, postgres, redis, apps, lines, line_ports)
