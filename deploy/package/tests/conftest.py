"""The packages, made once from SIDGATE_BIN without its symbols, and podman to run things in."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import Podman
from machine import DEBIAN, ROOT, one, packed


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """Not one of pytest's, which keeps what is in there."""
    with tempfile.TemporaryDirectory(prefix="sidgate-packages-") as place:
        # Users that are not root pass through it.
        os.chmod(place, 0o755)
        yield Path(place)


@pytest.fixture(scope="session")
def binary(folder: Path) -> Path:
    program = folder / "sidgate"
    subprocess.run(["strip", "-o", program, os.environ["SIDGATE_BIN"]], check=True)
    return program


@pytest.fixture(scope="session")
def packages(folder: Path, binary: Path) -> Path:
    return packed(ROOT, binary, folder / "packages")


@pytest.fixture(scope="session")
def podman(folder: Path, packages: Path) -> Iterator[Podman]:
    """Has the image that is shipped, and a Debian."""
    place = folder / "podman"
    place.mkdir()
    podman = Podman(place)
    podman("import", "--quiet", str(DEBIAN), "localhost/debian")
    podman("load", "--quiet", "--input", str(one(packages, "*.oci.tar")))
    yield podman
    podman.leave()
