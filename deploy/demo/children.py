"""Processes that end when the demo ends, however it ends."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from pathlib import Path

from common import WORK, Failed, say

# More than the gateway takes to drain (15 s), so that it is never cut short.
STOP_SECONDS = 20


class Child:
    """A process of ours: with a log, a group of its own, and no life beyond ours."""

    def __init__(self, name: str, command: list[str | Path], **options: object) -> None:
        self.name = name
        self.log = WORK / f"{name}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C reaches this script alone, which then stops its children in order.
                start_new_session=True,
                preexec_fn=_die_with_parent,
                **options,  # type: ignore[call-overload]
            )

    def died(self) -> bool:
        return self.process.poll() is not None

    def stop(self) -> None:
        if not self.died():
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                say(f"{self.name} does not stop; killing it")
        # Its own children, should it have left any.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def tail(self, lines: int = 20) -> str:
        last = self.log.read_text(errors="replace").splitlines()[-lines:]
        return "\n".join(f"  {line}" for line in last) or "  (empty)"


def _die_with_parent() -> None:
    """Should this script be killed the hard way, the kernel stops its children (Linux)."""
    PR_SET_PDEATHSIG = 1
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def check_alive(children: list[Child]) -> None:
    for child in children:
        if child.died():
            raise Failed(
                f"{child.name} ended by itself (exit code {child.process.returncode}). "
                f"Its last lines, from {child.log}:\n{child.tail()}"
            )
