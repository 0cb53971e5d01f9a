"""Sidgate against a bare Pingora: CPU time per request and memory per session of whole processes.

Both proxies run with the same number of threads in front of the same upstream and get the same requests from the same
load generator (wrk: a closed loop over kept-alive connections), in alternating rounds. What is compared is the CPU time
that each process used, as the kernel accounts it, divided by the requests it served: unlike throughput, that hardly
depends on what else the machine is doing.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

HEADERS = Path(__file__).parent / "browser-headers.txt"
PATH = "/reports/2026/11?page=2&sort=-created_at"
CONNECTIONS = 32
START_SECONDS = 30


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
    micros: list[float] = field(default_factory=list)
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


def ratios(of: Target, to: Target) -> list[float]:
    """Of each round."""
    return [one / other for one, other in zip(of.micros, to.micros, strict=True)]


# === Processes ===


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str | Path], log: Path, cwd: Path, **environment: str):
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin", **environment},
        )
    try:
        yield process
    finally:
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


def configuration(port: int, admin: int, upstream: int, threads: int) -> str:
    return f"""
[server]
listen = ["127.0.0.1:{port}"]
admin_listen = "127.0.0.1:{admin}"
public_origin = "http://localhost:{port}"
threads = {threads}
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
"""


@dataclass
class Bench:
    """Binaries, a folder for this run, and an upstream."""

    binaries: Path
    folder: Path
    threads: int
    upstream: int

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
        self.run(self.binaries / "sidgate", "keys", "generate", "--out", key)
        database = folder / "sidgate.db"
        cookies = self.run(self.binaries / "seed", database, key, str(sessions)).split()
        return folder, cookies

    @contextlib.contextmanager
    def sidgate(self, folder: Path, level: str) -> Iterator[tuple[subprocess.Popen, int]]:
        port, admin = free_port(), free_port()
        log, config = folder / f"{level}.log", folder / f"{level}.toml"
        config.write_text(configuration(port, admin, self.upstream, self.threads))
        command = [self.binaries / "sidgate", "run", "--config", config]
        with running(command, log, folder, RUST_LOG=level) as process:
            wait_for(ready(admin), process, log)
            yield process, port


@contextlib.contextmanager
def bench(binaries: Path, threads: int) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="sidgate-bench-") as name:
        folder, port = Path(name), free_port()
        log = folder / "upstream.log"
        command = [binaries / "upstream", f"127.0.0.1:{port}", "1"]
        with running(command, log, folder) as process:
            wait_for(listens(port), process, log)
            yield Bench(binaries, folder, threads, port)


# === Load ===


def headers(port: int, sid: str) -> list[tuple[str, str]]:
    fields = [line.split(": ", 1) for line in HEADERS.read_text().splitlines()]
    replaced = {"Host": f"localhost:{port}"}
    return [
        (name, replaced.get(name, re.sub(r"sid=[0-9a-f-]+", f"sid={sid}", value)))
        for name, value in fields
    ]


def ask(target: Target, sid: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=5)
    connection.request("GET", target.path, headers=dict(headers(target.port, sid)))
    return connection.getresponse().status


MILLIS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def millis(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * MILLIS[unit]


def drive(target: Target, sid: str, seconds: float, keep: bool) -> None:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    for name, value in headers(target.port, sid):
        command += ["-H", f"{name}: {value}"]
    before = target.cpu_seconds()
    url = f"http://127.0.0.1:{target.port}{target.path}"
    done = subprocess.run([*command, url], capture_output=True, text=True)
    used = target.cpu_seconds() - before
    text = done.stdout
    served = re.search(r"(\d+) requests in ([\d.]+)(m?s)", text)
    if done.returncode or not served or "Non-2xx" in text or "Socket errors" in text:
        raise Failed(f"load on {target.name} failed:\n{text}{done.stderr}")
    if target.log:
        # The log is written and kept out of the way of the disk.
        target.log.write_bytes(b"")
    if keep:
        target.micros.append(used * 1e6 / int(served[1]))
        target.rates.append(float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]))
        target.p50.append(millis(re.search(r" 50%\s+(\S+)", text)[1]))
        target.p99.append(millis(re.search(r" 99%\s+(\S+)", text)[1]))


# === What is measured ===


def compare(binaries: Path, threads: int, rounds: int, seconds: int) -> list[Target]:
    """The bare proxy first; then Sidgate with a local hit, the same without its access log, and without a look-up."""
    with bench(binaries, threads) as at, contextlib.ExitStack() as stack:
        port, log = free_port(), at.folder / "passthrough.log"
        command = [binaries / "passthrough", f"127.0.0.1:{port}", f"127.0.0.1:{at.upstream}"]
        bare = stack.enter_context(running([*command, str(threads)], log, at.folder))
        wait_for(listens(port), bare, log)
        folder, [sid] = at.seeded("compare", 1)
        loud, loud_port = stack.enter_context(at.sidgate(folder, "info"))
        quiet, quiet_port = stack.enter_context(at.sidgate(folder, "warn"))
        loud_log = folder / "info.log"
        targets = [
            Target("bare Pingora", bare, port, PATH),
            Target("Sidgate, local hit", loud, loud_port, PATH, loud_log),
            Target("  without access log", quiet, quiet_port, PATH),
            Target("  route without session", loud, loud_port, "/public" + PATH, loud_log),
        ]
        for target in targets:
            if (status := ask(target, sid)) != 200:
                raise Failed(f"{target.name} answers {status}")
            drive(target, sid, 2, keep=False)
        for number in range(rounds):
            # There and back, so that a drift of the machine falls on all of them.
            for target in targets if number % 2 == 0 else reversed(targets):
                drive(target, sid, seconds, keep=True)
        return targets


def memory(binaries: Path, sessions: int) -> float:
    """Bytes that one session adds to the whole gateway, with everything it keeps for a session that is in use."""
    with bench(binaries, threads=1) as at:
        folder, sids = at.seeded("memory", sessions)
        # The first tenth warms up what is allocated once.
        warm = len(sids) // 10
        with at.sidgate(folder, "warn") as (process, port):
            target = Target("Sidgate", process, port, "/")
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            before = 0
            for number, sid in enumerate(sids):
                if number == warm:
                    before = target.resident_bytes()
                cookie = {"Host": f"localhost:{port}", "Cookie": f"sid={sid}"}
                connection.request("GET", "/", headers=cookie)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    raise Failed(f"session {number} is answered {answer.status}")
            return (target.resident_bytes() - before) / (len(sids) - warm)


def report(targets: list[Target]) -> str:
    bare = targets[0]
    lines = [
        f"{'':26}{'CPU us/request':>16}{'ratio':>8}{'spread':>15}{'req/s':>9}{'p50 ms':>8}{'p99 ms':>8}"
    ]
    for target in targets:
        of = ratios(target, bare)
        middle = statistics.median
        lines.append(
            f"{target.name:26}{middle(target.micros):16.2f}{middle(of):8.3f}"
            f"{f'{min(of):.3f}..{max(of):.3f}':>15}{middle(target.rates):9.0f}"
            f"{middle(target.p50):8.2f}{middle(target.p99):8.2f}"
        )
    return "\n".join(lines)
