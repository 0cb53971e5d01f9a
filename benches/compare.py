"""Processes under load, and the CPU time that their requests cost.

All of them run with the same number of threads in front of the same upstream and get the same requests. What is counted is the
CPU time that a process used, as the kernel accounts it, divided by the requests it served: unlike throughput, that hardly
depends on what else the machine is doing.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import loads

PATH = "/reports/2026/11?page=2&sort=-created_at"
START_SECONDS = 30
END_SECONDS = 40


class Failed(Exception):
    """Ends the run with a message."""


@dataclass
class Target:
    """A process under load, and what was measured in each round."""

    name: str
    process: subprocess.Popen
    port: int
    path: str
    log: Path | None = None
    scheme: str = "http"
    load: loads.Load = loads.wrk
    # Whose requests: of the session, or of a visitor without one.
    has_session: bool = True
    # Per request: all, and the share that was spent in the program itself and not in the kernel.
    micros: list[float] = field(default_factory=list)
    user_shares: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        """CPU time of all its threads. Threads live as long as the process, so the sum only grows."""
        tasks = Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def ticks(self) -> tuple[int, int]:
        return ticks(self.process.pid)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{self.path}"


def ticks(*pids: int) -> tuple[int, int]:
    """In user mode and in the kernel, as the kernel's clock has found them: good for shares only."""
    # The name of the program, in brackets, may have spaces; user and system time are the 14th and 15th field of all.
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(of[11]) for of in fields), sum(int(of[12]) for of in fields)


def ratios(of: Target, to: Target) -> list[float]:
    """Of each round."""
    return [one / other for one, other in zip(of.micros, to.micros, strict=True)]


# === Processes ===


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str | Path], log: Path, cwd: Path, **environment: str):
    # A program with counters writes them when it ends by itself (benches/train).
    counts = {name: os.environ[name] for name in ["LLVM_PROFILE_FILE"] if name in os.environ}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin", **counts, **environment},
        )
    try:
        yield process
    finally:
        if counts:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
        # Nothing is to be drained, and Pingora's own way out takes its time.
        process.kill()
        process.wait()


def wait_for(answers, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Failed(f"{process.args[0]} ended:\n{log.read_text()[-2000:]}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            if answers():
                return
        time.sleep(0.05)
    raise Failed(f"{process.args[0]} did not start:\n{log.read_text()[-2000:]}")


def listens(port: int):
    def ask() -> bool:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True

    return ask


def ready(port: int):
    def ask() -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200

    return ask


def configuration(
    port: int, admin: int, upstream: int, threads: int, tls: int = 0, more: str = "", hosts: str = ""
) -> str:
    """`tls`: the port of another listener, with cert.pem and key.pem. `more`: further sections. `hosts`: all of them, as JSON."""
    listener = f"""
[server.tls]
listen = ["127.0.0.1:{tls}"]
cert = "cert.pem"
key = "key.pem"
"""
    return f"""
[server]
listen = ["127.0.0.1:{port}"]
admin_listen = "127.0.0.1:{admin}"
public_origin = "http://localhost:{port}"
hosts = {hosts or json.dumps([f"localhost:{each}" for each in (port, tls) if each])}
threads = {threads}
{listener if tls else ""}
[store]
url = "sqlite:sidgate.db"
[backend]
upstream = "app"
[identity.headers]
"X-Session-Email" = "user.email"
[upstreams.app]
servers = ["127.0.0.1:{upstream}"]
idle_timeout = "30s"
[[routes]]
path = "/"
upstream = "app"
session = "required"
[[routes]]
path = "/login"
upstream = "app"
session = "none"
[[routes]]
path = "/public"
upstream = "app"
session = "none"
[[routes]]
path = "/open"
upstream = "app"
session = "optional"
{more}
"""


@dataclass
class Bench:
    """Binaries, a folder for this run, and an upstream."""

    binaries: Path
    folder: Path
    threads: int
    upstream: int
    # Another build than the one in `binaries`.
    gateway: Path | None = None

    @property
    def program(self) -> Path:
        return self.gateway or self.binaries / "sidgate"

    def run(self, *command: str | Path) -> str:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def seeded(self, name: str, sessions: int) -> tuple[Path, list[str]]:
        """A folder with a key and a store of so many sessions, and their cookies."""
        folder = self.folder / name
        folder.mkdir()
        key = folder / "master.key"
        self.run(self.program, "keys", "generate", "--out", key)
        database = folder / "sidgate.db"
        cookies = self.run(self.binaries / "seed", database, key, str(sessions)).split()
        return folder, cookies

    @contextlib.contextmanager
    def sidgate(
        self, folder: Path, level: str, tls: int = 0, more: str = "", hosts: str = ""
    ) -> Iterator[tuple[subprocess.Popen, int]]:
        port, admin = free_port(), free_port()
        log, config = folder / f"{level}.log", folder / f"{level}.toml"
        config.write_text(configuration(port, admin, self.upstream, self.threads, tls, more, hosts))
        command = [self.program, "run", "--config", config]
        with running(command, log, folder, RUST_LOG=level) as process:
            wait_for(ready(admin), process, log)
            yield process, port


@contextlib.contextmanager
def bench(binaries: Path, threads: int, gateway: Path | None = None) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="sidgate-bench-") as name:
        folder, port = Path(name), free_port()
        log = folder / "upstream.log"
        command = [binaries / "upstream", f"127.0.0.1:{port}", "1"]
        with running(command, log, folder) as process:
            wait_for(listens(port), process, log)
            yield Bench(binaries, folder, threads, port, gateway)


# === Load ===


def ask(target: Target, sid: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=5)
    if target.scheme == "https":
        anybody = ssl._create_unverified_context()  # noqa: S323: a certificate that was made for this run
        connection = http.client.HTTPSConnection("127.0.0.1", target.port, timeout=5, context=anybody)
    connection.request("GET", target.path, headers=dict(loads.headers(target.port, sid)))
    return connection.getresponse().status


def drive(target: Target, sid: str, seconds: float, keep: bool) -> None:
    fields = loads.headers(target.port, sid if target.has_session else "")
    before, ticked = target.cpu_seconds(), target.ticks()
    try:
        served = target.load(target.url, fields, seconds)
    except loads.NoLoad as failure:
        raise Failed(f"load on {target.name} failed:\n{failure}") from failure
    used = target.cpu_seconds() - before
    user, system = (after - so_far for after, so_far in zip(target.ticks(), ticked, strict=True))
    if target.log:
        # The log is written and kept out of the way of the disk.
        target.log.write_bytes(b"")
    if keep:
        target.micros.append(used * 1e6 / served.requests)
        target.user_shares.append(user / max(user + system, 1))
        target.rates.append(served.rate)
        if served.p50 is not None:
            target.p50.append(served.p50)
            target.p99.append(served.p99)
