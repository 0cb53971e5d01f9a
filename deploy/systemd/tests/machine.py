"""A machine with systemd, and what a test asks of it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

BOOT = Path(__file__).with_name("boot")
PACKAGES = "systemd,systemd-sysv,dbus,curl,procps"
MIRROR = "http://deb.debian.org/debian"
LONG = 60.0
# Dies with the test.
GUARD = ("setpriv", "--pdeathsig", "KILL", "--")


def until(what: str, look: Callable[[], Any], limit: float = LONG) -> Any:
    """What `look` finds, as soon as it finds something."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"waited {limit:.0f} s for {what}")


def tree(release: str, folder: Path) -> Path:
    """A Debian tree, made once."""
    made = folder / release
    if not made.is_dir():
        if not shutil.which("mmdebstrap"):
            raise SystemExit("mmdebstrap is missing: apt-get install mmdebstrap")
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{release}.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run(
            ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", release, str(unfinished), MIRROR],
            check=True,
        )
        unfinished.rename(made)
    return made


class Machine:
    """Systemd as process 1, in namespaces."""

    def __init__(self, tree: Path) -> None:
        # It does not outlive the test, whatever becomes of that.
        self._boot = subprocess.Popen([*GUARD, str(BOOT), str(tree)])
        self._beside: list[subprocess.Popen[bytes]] = []
        self.init = until("process 1", self._first)
        until("systemd", lambda: self.run("systemctl", "is-system-running", check=False) in ("running", "degraded"))

    def _first(self) -> int | None:
        if self._boot.poll() is not None:
            raise AssertionError("the machine does not boot")
        children = Path(f"/proc/{self._boot.pid}/task/{self._boot.pid}/children").read_text()
        pids = [int(pid) for pid in children.split()]
        booted = [pid for pid in pids if Path(f"/proc/{pid}/comm").read_text() == "systemd\n"]
        return booted[0] if booted else None

    def beside(self, *arguments: str) -> None:
        """Runs Python in the network of the machine."""
        self._beside.append(subprocess.Popen([*GUARD, *self.network(), sys.executable, *arguments]))

    def network(self) -> list[str]:
        return ["nsenter", f"--target={self.init}", "--net", "--"]

    def end(self) -> None:
        """Ends every process of it."""
        for process in self._beside:
            process.kill()
            process.wait()
        self._boot.kill()
        self._boot.wait()
        for group in Path("/sys/fs/cgroup").glob(f"**/sidgate-systemd-test.{self._boot.pid}"):
            folders = [Path(found) for found, _, _ in os.walk(group, topdown=False)]
            until("the end of the machine", lambda folders=folders: all(map(gone, folders)))

    def path(self, inside: str) -> Path:
        """A file of the machine, seen from outside."""
        return Path(f"/proc/{self.init}", "root", inside.lstrip("/"))

    def write(self, inside: str, text: str) -> None:
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def command(self, *words: str) -> list[str]:
        return ["nsenter", f"--target={self.init}", "--all", "--", *words]

    def run(self, *words: str, check: bool = True) -> str:
        """What a command prints."""
        done = self.attempt(*words)
        if check and done.returncode:
            raise AssertionError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=3 * LONG)

    def show(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", "-p", name, unit)

    def journal(self, *words: str) -> list[dict[str, Any]]:
        """Entries of the gateway's journal, the oldest first."""
        self.run("journalctl", "--sync")
        text = self.run("journalctl", "-u", "sidgate", "-o", "json", "--all", *words)
        return [json.loads(line) for line in text.splitlines()]

    def get(self, path: str, port: int = 3000) -> int:
        """The status of a new connection's only request. Raises where nobody answers."""
        done = self.attempt(
            "curl", "-sS", "-m", "30", "-o", "/dev/null", "-w", "%{http_code}", f"http://127.0.0.1:{port}{path}"
        )
        if done.returncode:
            raise ConnectionError(done.stderr)
        return int(done.stdout)


def gone(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


# New connections, one after the other, from within the network of the machine.
VISITOR = """
import http.client, signal, sys, time
done = []
signal.signal(signal.SIGTERM, lambda *_: done.append(1))
served, cut, failed = 0, 0, []
while not done:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", 3000, timeout=20)
        connection.request("GET", "/page")
        status = connection.getresponse().status
        connection.close()
        if status == 200:
            served += 1
        else:
            failed.append(status)
    except http.client.RemoteDisconnected:
        cut += 1
    except OSError as error:
        failed.append(repr(error))
print(served, cut, failed[:5])
"""


class Visitors:
    """Keep on coming, and count how they are received."""

    def __init__(self, machine: Machine, number: int = 4) -> None:
        command = [*machine.network(), sys.executable, "-c", VISITOR]
        self._each = [
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) for _ in range(number)
        ]

    def end(self) -> tuple[int, int]:
        """How many were served, and how many got no answer on an open connection. Fails if any was refused."""
        all_served, all_cut = 0, 0
        for each in self._each:
            each.send_signal(signal.SIGTERM)
        for each in self._each:
            said, _ = each.communicate(timeout=LONG)
            served, cut, failed = said.split(" ", 2)
            assert failed.strip() == "[]", failed
            all_served += int(served)
            all_cut += int(cut)
        return all_served, all_cut
