"""Where the demo keeps things, how it speaks, and how it ends."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

DEMO = Path(__file__).resolve().parent
ROOT = DEMO.parent.parent
WORK = Path(os.environ.get("DEMO_DIR", ROOT / ".demo")).resolve()
VENV = Path(os.environ.get("DEMO_VENV", ROOT / ".venv")).resolve()
PORT = int(os.environ.get("DEMO_PORT", "3000"))
ADMIN_PORT = int(os.environ.get("DEMO_ADMIN_PORT", "9901"))


class Failed(Exception):
    """Ends the demo with a message and exit code 1."""


class Stopped(BaseException):
    """A signal asks to stop. Not an Exception: nothing on the way out may swallow it."""


def say(text: str = "") -> None:
    # The terminal may be gone already; that must not keep us from stopping what we started.
    with contextlib.suppress(OSError):
        print(text, flush=True)
