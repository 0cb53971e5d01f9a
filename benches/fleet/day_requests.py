"""The users of a long day, and what became of each of their requests.

The load program tells of every request as it happens, through a pipe: what it tells holds cookies, and belongs on no disk. A right
status with a wrong answer it tells in its debug log, which lies in the folder of the run and goes with it. What is kept of a request
fits into one line of a file.
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from day_judge import Window, inside, share
from day_stack import Fleet

TIMEOUT = 20
HOST = re.compile(r'url: "http://([^/"]+)')
# Requests of the profile that begin a session.
LOGINS = ("log in", "log in again", "migrate")
# Waiting for the last lines.
END_SECONDS = 60


@dataclass(frozen=True)
class Request:
    """Times in seconds since the run began. Status 0: there was no answer. `again`: the request before, whose answer was wrong."""

    begin: float
    took: float
    status: int
    is_good: bool
    again: bool
    host: str
    name: str
    error: str = ""

    def line(self) -> str:
        return "\t".join([
            f"{self.begin:.3f}", f"{self.took:.6f}", str(self.status), str(int(self.is_good)), str(int(self.again)), self.host,
            self.name, self.error,
        ])  # fmt: skip

    @classmethod
    def of_log(cls, row: dict[str, str], clock: float) -> Request:
        """From a row of the request log of a program whose clock began at `clock`."""
        return cls(
            clock + int(row["elapsed"]) / 1000, int(row["response_time_us"]) / 1e6, int(row["status_code"]),
            row["success"] == "true", False, HOST.search(row["raw"])[1], row["name"], " ".join(row["error"].split()),
        )  # fmt: skip

    @classmethod
    def of_debug_log(cls, line: str, clock: float) -> Request:
        """The request whose answer was wrong, although its status was right."""
        said = json.loads(line)
        request = said["request"]
        host = request["raw"]["url"].split("/")[2]
        took = request["response_time"] / 1000
        return cls(
            clock + request["elapsed"] / 1000, took, request["status_code"], False, True, host, request["name"], said["tag"]
        )

    @classmethod
    def of_line(cls, line: str) -> Request:
        begin, took, status, is_good, again, host, name, error = line.rstrip("\n").split("\t")
        return cls(float(begin), float(took), int(status), is_good == "1", again == "1", host, name, error)


class Users:
    """Goose with the profile `standard`, for as long as the block lasts."""

    def __init__(self, program: Path, fleet: Fleet, users: int, seconds: int, folder: Path, began: float) -> None:
        self.program, self.fleet, self.users, self.seconds = program, fleet, users, seconds
        self.folder, self.began = folder, began
        self.pipe, self.wrong = (fleet.gateways[0].folder / name for name in ("requests", "wrong.jsonl"))
        self.clock = float("inf")
        self.lock = threading.Lock()
        self.latest: list[Request] = []
        self.process: subprocess.Popen | None = None
        self.reader = threading.Thread(target=self.read, daemon=True)

    def __enter__(self) -> Users:
        os.mkfifo(self.pipe, 0o600)
        self.reader.start()
        first, *others = (f"http://{gateway.host}" for gateway in self.fleet.gateways)
        command = [
            self.program, "--host", first, "--users", self.users, "--increase-time", "10s", "--run-time", f"{self.seconds + END_SECONDS}s",
            "--timeout", TIMEOUT, "--request-log", self.pipe, "--request-format", "csv",
            "--debug-log", self.wrong, "--debug-format", "json", "--no-debug-body",
            "--no-reset-metrics", "--no-telnet", "--no-print-metrics", "--quiet",
        ]  # fmt: skip
        environment = {**os.environ, "LOAD_OTHER_NODES": " ".join(others)}
        with (self.folder / "day.users.log").open("w") as log:
            self.process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, env=environment)
        return self

    def __exit__(self, *_: object) -> None:
        # On an interrupt it ends the requests that are under way, and tells of the last.
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(END_SECONDS)

    def read(self) -> None:
        with self.pipe.open(newline="") as told, (self.folder / "day.requests.tsv").open("w", buffering=1) as kept:
            # By when a line is here, its request has ended: the earliest of all says when the program's clock began.
            for row in csv.DictReader(told):
                spent = int(row["elapsed"]) / 1000 + int(row["response_time_us"]) / 1e6
                self.clock = min(self.clock, time.monotonic() - self.began - spent)
                self.keep(kept, Request.of_log(row, self.clock))
            # Written when the program ends.
            for line in self.wrong.read_text().splitlines() if self.wrong.exists() else ():
                self.keep(kept, Request.of_debug_log(line, self.clock))

    def keep(self, kept: TextIO, request: Request) -> None:
        kept.write(f"{request.line()}\n")
        with self.lock:
            self.latest.append(request)

    def since_last(self) -> list[Request]:
        """What has ended since somebody asked last."""
        with self.lock:
            found, self.latest = self.latest, []
        return found


def read(file: Path) -> Iterator[Request]:
    with file.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield Request.of_line(line)


@dataclass(frozen=True)
class Tally:
    """Requests of one kind of time."""

    requests: int
    failed: int
    statuses: dict[int, int]
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float | None

    @classmethod
    def of(cls, requests: list[Request]) -> Tally:
        times = [1000 * request.took for request in requests if not request.again]
        bad = [request for request in requests if not request.is_good]
        quantiles = (share(times, 0.5), share(times, 0.99), max(times)) if times else (None, None, None)
        return cls(len(times), len(bad), dict(Counter(request.status for request in bad)), *quantiles)


def parted(requests: Iterable[Request], windows: list[Window]) -> tuple[list[Request], dict[str, list[Request]]]:
    """Those outside of all windows, and those inside by the fault."""
    outside: list[Request] = []
    within: dict[str, list[Request]] = {}
    for request in requests:
        window = inside(windows, request.begin, request.begin + request.took)
        if window:
            within.setdefault(window.what, []).append(request)
        else:
            outside.append(request)
    return outside, within
