"""What the kernel says about a process: its memory, descriptors, threads and connections."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
MIB = 2**20
ESTABLISHED = "01"


def by_words(*words: str) -> list[int]:
    """Processes whose command line has all these words, the eldest first."""
    wanted, found = {word.encode() for word in words}, []
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted <= set((place / "cmdline").read_bytes().split(b"\0")):
                found.append((started(int(place.name)), int(place.name)))
    return [pid for _, pid in sorted(found)]


def started(pid: int) -> int:
    """Ticks since the machine has started."""
    # The name of the program, in brackets, may have spaces; the start is the 20th field after it.
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


def age(pid: int) -> float:
    """Seconds."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started(pid) / TICKS


def memory(pid: int) -> dict[str, float]:
    status = Path(f"/proc/{pid}/status").read_text()

    def mib(name: str) -> float:
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) * 1024 / MIB

    return {"rss": mib("VmRSS"), "anonymous": mib("RssAnon"), "threads": int(re.search(r"Threads:\s+(\d+)", status)[1])}


def descriptors(pid: int) -> list[str]:
    """Where each leads."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.append(os.readlink(link))
    return found


@dataclass(frozen=True)
class Socket:
    local: int
    remote: int
    state: str


def sockets() -> dict[str, Socket]:
    """All TCP connections of this machine by the descriptor that leads to them."""
    found = {}
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                local, remote = (int(fields[at].rpartition(":")[2], 16) for at in (1, 2))
                found[f"socket:[{fields[9]}]"] = Socket(local, remote, fields[3])
    return found


def connections(links: list[str], all_sockets: dict[str, Socket], places: dict[int, str]) -> dict[str, int]:
    """By where they lead, `places` by port; those that are no longer open on both sides are counted as `half`."""
    counted = Counter({name: 0 for name in (*places.values(), "half", "elsewhere")})
    for link in links:
        socket = all_sockets.get(link)
        # A listener leads nowhere.
        if socket is None or socket.remote == 0:
            continue
        name = places.get(socket.remote) or places.get(socket.local) or "elsewhere"
        counted[name if socket.state == ESTABLISHED else "half"] += 1
    return dict(counted)
