"""What a figure was measured on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def machine() -> str:
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "unknown CPU",
    )
    rustc = subprocess.check_output(["rustc", "--version"], text=True).strip()
    return f"{os.cpu_count()} x {model}, Linux {os.uname().release.split('-')[0]}, {rustc}"
