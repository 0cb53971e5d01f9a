"""What has to be there before the demo starts: packages, binary, configuration, free ports."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from common import ADMIN_PORT, DEMO, PORT, ROOT, VENV, WORK, Failed, say


def call(*command: str | Path, **options: object) -> str:
    """Run a command of the preparation; its output is shown only if it fails."""
    try:
        done = subprocess.run(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            **options,  # type: ignore[call-overload]
        )
    except OSError as error:
        raise Failed(f"cannot run {command[0]}: {error.strerror}") from None
    if done.returncode != 0:
        shown = " ".join(str(part) for part in command)
        raise Failed(f"failed: {shown}\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout.strip()


def free_addresses() -> list[str]:
    """The addresses to listen on: both loopbacks, or IPv4 alone where there is no IPv6."""
    usable = []
    for family, host, port in (
        (socket.AF_INET, "127.0.0.1", PORT),
        (socket.AF_INET6, "::1", PORT),
        (socket.AF_INET, "127.0.0.1", ADMIN_PORT),
    ):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise Failed(
                    f"port {port} on {host} is in use. Stop what listens there, or choose "
                    "others with DEMO_PORT and DEMO_ADMIN_PORT."
                ) from None
            if family == socket.AF_INET6:
                continue
            raise Failed(f"cannot listen on {host}:{port}: {error.strerror}") from None
        usable.append(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    return usable[:-1]


def python() -> Path:
    return VENV / "bin" / "python"


def make_venv() -> None:
    if (
        python().exists()
        and subprocess.run([python(), "-m", "pip", "-V"], capture_output=True).returncode == 0
    ):
        return
    # Debian ships venv without the part that puts pip into it.
    if (
        subprocess.run(
            [sys.executable, "-c", "import ensurepip, venv"], capture_output=True
        ).returncode
        != 0
    ):
        say("installing python3-venv ...")
        sudo = [] if os.geteuid() == 0 else ["sudo"]
        environ = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        call(*sudo, "apt-get", "update", "-q", env=environ)
        call(*sudo, "apt-get", "install", "-q", "-y", "python3-venv", env=environ)
    say(f"creating {VENV} ...")
    call(sys.executable, "-m", "venv", "--clear", VENV)


def install_packages() -> None:
    """Once per state of the package's metadata, so that the next start needs no network."""
    package = ROOT / "clients" / "django"
    wanted = ["-e", f"{package}[legacy]", "gunicorn>=27"]
    state = hashlib.sha256(
        (package / "pyproject.toml").read_bytes() + repr(wanted).encode()
    ).hexdigest()
    stamp = VENV / "demo-packages"
    if stamp.exists() and stamp.read_text() == state:
        return
    say("installing Django, gunicorn and sidgate-django ...")
    call(python(), "-m", "pip", "install", "-q", "--disable-pip-version-check", *wanted)
    stamp.write_text(state)


def build_sidgate() -> Path:
    given = os.environ.get("SIDGATE_BIN")
    if given:
        return Path(given).resolve()
    if shutil.which("cargo") is None:
        raise Failed(
            "cargo is not installed, and SIDGATE_BIN names no sidgate. See https://rustup.rs"
        )
    say("building sidgate (the first time takes some minutes) ...")
    # Its progress is worth seeing, so not through call().
    if subprocess.run(["cargo", "build", "--release", "-p", "sidgate"], cwd=ROOT).returncode != 0:
        raise Failed("cargo build failed")
    target = os.environ.get("CARGO_TARGET_DIR", "target")
    return ROOT / target / "release" / "sidgate"


def node() -> Path | None:
    """A Node.js that is new enough, and the Next.js app built with it; or `None`."""
    script = ROOT / "scripts" / "js"
    found = subprocess.run([script, "node"], capture_output=True, text=True)
    if found.returncode != 0:
        return None
    # Its progress is worth seeing, so not through call().
    if subprocess.run([script, "build"], stdin=subprocess.DEVNULL).returncode != 0:
        raise Failed("the Next.js app could not be built")
    return Path(found.stdout.strip())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def render_config(listen: list[str], django: str, next_app: str | None) -> Path:
    """deploy/demo/sidgate.toml with the ports of this run."""
    text = (DEMO / "sidgate.toml").read_text()
    quoted = ", ".join(f'"{address}"' for address in listen)
    for old, new in (
        ('["127.0.0.1:3000", "[::1]:3000"]', f"[{quoted}]"),
        ('"127.0.0.1:9901"', f'"127.0.0.1:{ADMIN_PORT}"'),
        ('"http://localhost:3000"', f'"http://localhost:{PORT}"'),
        ('"127.0.0.1:8000"', f'"{django}"'),
        ('"127.0.0.1:3001"', f'"{next_app or django}"'),
    ):
        if text.count(old) != 1:
            raise Failed(f"deploy/demo/sidgate.toml should contain {old} exactly once")
        text = text.replace(old, new)
    if next_app is None:
        text = text.replace('upstream = "next"', 'upstream = "django"')
    path = WORK / "sidgate.toml"
    path.write_text("# Written anew at every start, from deploy/demo/sidgate.toml.\n" + text)
    return path
