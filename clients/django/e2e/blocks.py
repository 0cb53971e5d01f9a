"""Runs the code blocks of a document in the order in which they stand.

A block whose first line names a file (``# shop/settings.py``) becomes that file. Settings grow at
their end; a configuration that is there already changes in its last table, and is checked. Blocks
in ``bash`` are commands, of which a line that ends with ``&`` is a server. What cannot be run has
``<!-- not run: why -->`` before it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from servers import Server, wait_until_ready

FENCE = re.compile(
    r"^(?:<!-- not run: (?P<why>.+?) -->\n)?"
    r"(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)\n *```$",
    re.MULTILINE | re.DOTALL,
)
NAMED = re.compile(r"# ([\w./-]+\.(?:py|toml|ini))$")
PORT = re.compile(r":(\d+)\b")
ADMIN = re.compile(r'^admin_listen = "127\.0\.0\.1:(\d+)"', re.MULTILINE)
COMMANDS = ("bash", "sh")


@dataclass(frozen=True)
class Block:
    line: int
    language: str
    code: str
    #: Why it cannot be run.
    why_not: str | None

    @property
    def file(self) -> str | None:
        named = NAMED.match(self.code.partition("\n")[0])
        return named[1] if named else None


def blocks(text: str) -> Iterator[Block]:
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("language")) + 1
        code = textwrap.dedent(found["indent"] + found["code"])
        yield Block(line, found["language"], code, found["why"])


@dataclass
class Project:
    """The folder in which a reader of the document works, and their shell."""

    home: Path
    env: dict[str, str]
    #: What the document writes, and what stands for it here: ports that are free.
    instead: dict[str, str] = field(default_factory=dict)
    servers: list[Server] = field(default_factory=list)

    def run(self, block: Block) -> None:
        code = block.code
        for written, meant in self.instead.items():
            code = code.replace(written, meant)
        if block.file:
            self._write(block.file, code)
        elif block.language in COMMANDS:
            self._commands(code)
        else:
            raise AssertionError(f"line {block.line}: nobody can say how to run this")

    def _write(self, name: str, code: str) -> None:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text() if path.exists() else ""
        if old and path.suffix == ".toml":
            path.write_text(changed(old, code))
            self.shell(f"sidgate check --config {name}")
        elif path.name == "settings.py":
            path.write_text(f"{old}\n{code}\n")
        else:
            path.write_text(f"{code}\n")

    def _commands(self, code: str) -> None:
        lines = code.splitlines()
        if not any(line.endswith("&") for line in lines):
            self.shell(code)
            return
        for line in lines:
            self._serve(line)

    def shell(self, code: str) -> None:
        # What is exported, and an environment that is activated, lasts until the next block.
        kept = self.home / ".environment"
        script = f"set -eo pipefail\n{code}\nenv -0 > {kept}"
        done = subprocess.run(
            ["bash", "-c", script], cwd=self.home, env=self.env, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}{done.stderr}"
        self.said = done.stdout
        pairs = (line.partition("=") for line in kept.read_text().split("\0") if line)
        self.env = {name: value for name, _, value in pairs}
        kept.unlink()
        lend_packages(self.home / ".venv")

    def _serve(self, line: str) -> None:
        command = line.removesuffix("&").strip()
        config = (self.home / "sidgate.toml").read_text()
        addressed = PORT.search(command) or PORT.search(config)
        assert addressed, line
        log = self.home / f"{command.split()[0]}.log"
        port = int(addressed[1])
        self.servers.append(
            Server(f"exec {command}", port=port, log=log, env=self.env, cwd=self.home)
        )
        if command.startswith("sidgate run"):
            # Readers take longer to log in than the gateway to become ready.
            admin = ADMIN.search(config)
            assert admin, "no admin_listen"
            wait_until_ready(int(admin[1]))

    def stop(self) -> None:
        for server in reversed(self.servers):
            server.stop()


def changed(config: str, block: str) -> str:
    """A configuration in whose last table the keys of ``block`` have other values."""
    table, *said = block.splitlines()[1:]
    before, found, last = config.partition(f"{table}\n")
    assert found, f"{table} is not the last table"
    assert "\n[" not in last, f"{table} is not the last table"
    keys = {line.partition(" = ")[0] for line in said}
    kept = [line for line in last.splitlines() if line.partition(" = ")[0] not in keys]
    return "\n".join([f"{before}{table}", *kept, *said]) + "\n"


def lend_packages(venv: Path) -> None:
    """What pip would fetch is here already: a new environment sees it, and has its commands."""
    lent = venv / "lent"
    if not venv.exists() or lent.exists():
        return
    lent.touch()
    ours = Path(sysconfig.get_path("purelib"))
    (folder,) = venv.glob("lib/python*/site-packages")
    (folder / "lent.pth").write_text(f"{ours}\n")
    for name in ("django-admin", "gunicorn"):
        script = Path(sysconfig.get_path("scripts"), name).read_text()
        command = venv / "bin" / name
        command.write_text(f"#!{venv}/bin/python\n{script.partition(chr(10))[2]}")
        command.chmod(0o755)


def environment(**more: str) -> dict[str, str]:
    """Of a shell that knows nothing of this test, and of pip without the network."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "PATH") if name in os.environ}
    quiet = {
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    return kept | quiet | more
