"""The packages for apps: wheel and source distribution of clients/django, npm tarball of clients/js."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from content import ROOT


def copy_of(folder: Path, into: Path, ignored: tuple[str, ...]) -> Path:
    """With the same modes on every machine: build tools write them into what they make."""
    copy = into / folder.name
    shutil.copytree(
        folder, copy, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "*_cache", *ignored)
    )
    for path in (copy, *copy.rglob("*")):
        is_program = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if is_program else 0o644)
    return copy


def python(out: Path, epoch: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        source = copy_of(ROOT / "clients/django", Path(place), ("tests", "e2e", "test-matrix"))
        # hatchling takes the times in wheels and archives from here.
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
        for kind in ("wheel", "sdist"):
            subprocess.run(
                [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)],
                cwd=source,
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )


def javascript(out: Path) -> None:
    """What `scripts/js package` has built. npm itself writes no times and no owners."""
    js = str(ROOT / "scripts/js")
    subprocess.run([js, "package"], check=True)
    with tempfile.TemporaryDirectory() as place:
        source = copy_of(ROOT / "clients/js", Path(place), ("node_modules", "test", "src"))
        subprocess.run(
            [js, "npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", str(out), str(source)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
