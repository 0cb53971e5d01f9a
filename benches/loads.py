"""Load on a target: closed loops over kept-alive connections, by wrk, or by h2load where it is HTTP/2."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HEADERS = Path(__file__).parent / "browser-headers.txt"
CONNECTIONS = 32


Load = Callable[[str, list[tuple[str, str]], float], "Served"]


class NoLoad(Exception):
    """The load could not be made, or was not answered as it should be."""


@dataclass(frozen=True)
class Served:
    """What a load generator tells; the latencies are in milliseconds, and `None` where it does not tell them."""

    requests: int
    rate: float
    p50: float | None = None
    p99: float | None = None


def headers(port: int, sid: str) -> list[tuple[str, str]]:
    """What the browser of somebody with this session sends; without `sid`, of a visitor who has none."""
    fields = [line.split(": ", 1) for line in HEADERS.read_text().splitlines()]
    replaced = {"Host": f"localhost:{port}"}
    ours = f"sid={sid}" if sid else "seen=1"
    return [(name, replaced.get(name, re.sub(r"sid=[0-9a-f-]+", ours, value))) for name, value in fields]


def wrk_command(url: str, fields: list[tuple[str, str]], seconds: float, *options: str) -> list[str]:
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    for name, value in fields:
        command += ["-H", f"{name}: {value}"]
    return [*command, url, *options]


def wrk(url: str, fields: list[tuple[str, str]], seconds: float, *options: str) -> Served:
    text = output(wrk_command(url, fields, seconds, *options))
    served = re.search(r"(\d+) requests in ([\d.]+)(m?s)", text)
    if not served or "Non-2xx" in text or "Socket errors" in text:
        raise NoLoad(text)
    return Served(
        int(served[1]),
        float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]),
        millis(re.search(r" 50%\s+(\S+)", text)[1]),
        millis(re.search(r" 99%\s+(\S+)", text)[1]),
    )


# What HTTP/2 has in another place, and what it does not have.
ELSEWHERE = {"Host": ":authority", "Connection": None}
# Requests at a time on one connection. A browser that loads a page has several.
STREAMS = 4


def h2load(url: str, fields: list[tuple[str, str]], seconds: float) -> Served:
    """As many requests at a time as wrk has."""
    clients = CONNECTIONS // STREAMS
    command = ["h2load", "-t1", f"-c{clients}", f"-m{STREAMS}", f"-D{seconds}s", "--npn-list=h2"]
    for name, value in fields:
        if named := ELSEWHERE.get(name, name.lower()):
            command += ["-H", f"{named}: {value}"]
    text = output([*command, url])
    rate = re.search(r"finished in [\d.]+m?s, ([\d.]+) req/s", text)
    codes = re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", text)
    if not rate or not codes or "0 failed, 0 errored" not in text:
        raise NoLoad(text)
    return Served(int(codes[1]), float(rate[1]))


def output(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise NoLoad(done.stdout + done.stderr)
    return done.stdout


MILLIS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def millis(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * MILLIS[unit]
