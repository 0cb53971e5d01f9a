#!/usr/bin/env python3
"""Runs the commands of a document, as its comments ask.

    SIDGATE_BIN=target/debug/sidgate scripts/commands.py docs/install.md..

A comment alone on a line before a fenced block says what becomes of the block:

    <!-- run -->            it is run. All such blocks of a page run in order, in one `bash -eu -o pipefail`
    <!-- run: exit 78 -->   the same, and its last command must end with this exit code
    <!-- file: NAME -->     it is written to NAME first, in order with the blocks that run
    <!-- prints -->         the block before it has printed these lines, in this order; … stands for anything

and `<!-- needs: postgres redis -->` at the top of a page starts servers at the usual ports. A page runs in an empty folder,
which is its HOME, and in a network of its own with loopback alone: fixed ports are free, and whatever still runs at the end is
killed. Other blocks are not run; `<!-- not run: WHY -->` says why.
"""

from __future__ import annotations

import fcntl
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import BinaryIO

ROOT = Path(__file__).resolve().parent.parent
PAGE_SECONDS = 120
# What a page is told apart by in the output of its shell. No program prints it.
MARK = "\x1e"

COMMENT = re.compile(r" *<!-- (.*) -->$")
FENCE = re.compile(r"( *)(```+|~~~+)")
FILE_NAME = re.compile(r"(?!/)(?!.*\.\.)[\w./-]+")
# Words of the tests of single pages, and of people.
FOREIGN = re.compile(r"not run: .|keeps running$|tests: .")
NEEDS = {"postgres", "redis"}


class BadPageError(Exception):
    """A comment of a page cannot be followed, or what it asks for did not come true."""


@dataclass(frozen=True)
class Block:
    """A fenced block with a comment before it."""

    asked: str
    opens: int
    closes: int
    text: str

    @property
    def is_run(self) -> bool:
        return self.asked == "run" or self.asked.startswith("run: ")

    @property
    def exit_code(self) -> int | None:
        found = re.fullmatch(r"run: exit (\d+)", self.asked)
        return int(found[1]) if found else None

    @property
    def file(self) -> str | None:
        return self.asked.removeprefix("file: ") if self.asked.startswith("file: ") else None


@dataclass
class Page:
    """What a page asks for."""

    name: str
    needs: set[str] = field(default_factory=set)
    blocks: list[Block] = field(default_factory=list)

    @property
    def runs(self) -> bool:
        return any(block.is_run for block in self.blocks)


# === Reading ===


def parse(name: str, text: str) -> Page:
    """The blocks of a page that have a comment."""
    page, asked = Page(name), ""
    lines = iter(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        if opening := FENCE.match(line):
            block = read_block(page, number, opening, lines)
            if asked and not FOREIGN.match(asked):
                add(page, Block(asked, *block))
            asked = ""
            continue
        if asked and not line.strip():
            continue
        if asked and is_ours(asked):
            raise BadPageError(f"{name}:{number}: `{asked}` stands before a block")
        comment = COMMENT.match(line)
        asked = comment[1] if comment else ""
        if asked.startswith("needs:"):
            page.needs |= needs(page, number, asked)
            asked = ""
    if is_ours(asked):
        raise BadPageError(f"{name}: `{asked}` stands before a block")
    if page.needs and not page.runs:
        raise BadPageError(f"{name}: needs {', '.join(sorted(page.needs))} and runs nothing")
    return page


def is_ours(asked: str) -> bool:
    return bool(re.match(r"(run|prints|file)\b", asked))


def read_block(
    page: Page, number: int, opening: re.Match[str], lines: Iterator[tuple[int, str]]
) -> tuple[int, int, str]:
    """Where a block opens and closes, and its text."""
    indent, fence = opening.groups()
    inside: list[str] = []
    for closes, line in lines:
        if line.strip() == fence:
            return number, closes, "".join(f"{line}\n" for line in inside)
        inside.append(line.removeprefix(indent))
    raise BadPageError(f"{page.name}:{number}: the block does not end")


def needs(page: Page, number: int, asked: str) -> set[str]:
    named = set(asked.removeprefix("needs:").replace(",", " ").split())
    if page.blocks:
        raise BadPageError(f"{page.name}:{number}: `{asked}` stands before the first block")
    if not named or named - NEEDS:
        raise BadPageError(f"{page.name}:{number}: `{asked}`: only {', '.join(sorted(NEEDS))} can be started")
    return named


def add(page: Page, block: Block) -> None:
    where = f"{page.name}:{block.opens - 1}"
    last_run = next((block for block in reversed(page.blocks) if block.is_run), None)
    if block.asked == "run" or block.exit_code is not None:
        pass
    elif block.asked == "prints":
        if last_run is None:
            raise BadPageError(f"{where}: `prints`, and no block before it is run")
    elif block.file is None:
        raise BadPageError(f"{where}: `{block.asked}` is not one of run, run: exit N, file: NAME, prints, not run: WHY")
    elif not FILE_NAME.fullmatch(block.file):
        raise BadPageError(f"{where}: {block.file} is not the name of a file in the folder of the page")
    page.blocks.append(block)


# === The script ===


def script(page: Page, files: Path) -> str:
    """The blocks of a page on the lines that they have there, so that the shell names lines of the page."""
    last = max(block.closes for block in page.blocks)
    lines = [""] * (last + 1)
    for block in page.blocks:
        if block.is_run:
            lines[block.opens] = f"printf '{MARK}%d{MARK}' {block.opens}"
            lines[block.opens + 1 : block.closes] = block.text.splitlines()
        elif block.file:
            lines[block.opens] = f"mkdir -p $(dirname {block.file}); cp {files / str(block.opens)} {block.file}"
        if block.exit_code is not None:
            wrong = f'echo "ended with exit code $code_, not {block.exit_code}"; false'
            lines[block.opens] += "; set +e; trap - ERR; ("
            lines[block.closes] = f") ; code_=$?; set -e; trap '{TRAP}' ERR; [ $code_ = {block.exit_code} ] || {{ {wrong}; }}"
    # A comment stands before each block, so the first line is free.
    lines[1] = f"trap '{TRAP}' ERR; exec 2>&1"
    return "\n".join(lines[1:]) + "\n"


TRAP = f'printf "\\n{MARK}failed %d{MARK}\\n" $LINENO'


def check_output(page: Page, code: int | str, output: str) -> None:
    """Whether everything ran, and printed what the page says."""
    readable = re.sub(f"{MARK}[^{MARK}]*{MARK}", "", output)
    if code != 0:
        failed = re.findall(f"{MARK}failed (\\d+){MARK}", output)
        begun = re.findall(f"{MARK}(\\d+){MARK}", output)
        line = (failed or begun or ["1"])[-1]
        why = f"exit code {code}" if isinstance(code, int) else code
        raise BadPageError(f"{page.name}:{line}: {why}\n{tail(readable)}")
    parts = re.split(f"{MARK}(\\d+){MARK}", output)
    printed = dict(zip(map(int, parts[1::2]), parts[2::2], strict=True))
    for block in page.blocks:
        if block.is_run:
            said = printed[block.opens].splitlines()
            rest = iter(said)
        elif block.asked == "prints":
            for number, line in enumerate(block.text.splitlines(), start=block.opens + 1):
                if line.strip() and not any(matches(line, other) for other in rest):
                    shown = tail("\n".join(said))
                    raise BadPageError(f"{page.name}:{number}: not printed, or not in this order: {line.strip()}\n{shown}")


def matches(line: str, printed: str) -> bool:
    """How much white space stands between words does not matter."""
    parts = [r"\s+".join(map(re.escape, part.split())) for part in line.strip().split("…")]
    return re.fullmatch(r"\s*" + r".*".join(rf"\s*{part}\s*" for part in parts), printed) is not None


def tail(output: str, most: int = 60) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return textwrap.indent("\n".join(lines[-most:]), "    | ")


# === Running ===


def run(page: Page) -> str:
    """What the commands of a page print. Ends with an error when one of them fails."""
    with tempfile.TemporaryDirectory(prefix="sidgate-page-") as folder:
        place = Path(folder)
        for inner in ("home", "files", "bin", "tmp"):
            (place / inner).mkdir()
        for block in page.blocks:
            if block.file:
                (place / "files" / str(block.opens)).write_text(block.text)
        (place / "bin/sidgate").symlink_to(binary())
        (place / Path(page.name).name).write_text(script(page, place / "files"))
        environment = {
            "HOME": str(place / "home"),
            "TMPDIR": str(place / "tmp"),
            "PATH": f"{place / 'bin'}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "LANG": "C.UTF-8",
        }
        inside = [sys.executable, __file__, "--inside", place / Path(page.name).name, *sorted(page.needs)]
        with (place / "output").open("wb") as output:
            code = finish([*apart(), *map(str, inside)], environment, output, place / "home")
        printed = (place / "output").read_text(errors="replace")
    check_output(page, code, printed)
    return re.sub(f"{MARK}[^{MARK}]*{MARK}", "", printed)


def finish(command: list[str], environment: dict[str, str], output: BinaryIO, folder: Path) -> int | str:
    """The exit code, or why there is none."""
    with subprocess.Popen(
        command, env=environment, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
    ) as child:
        try:
            return child.wait(PAGE_SECONDS)
        except subprocess.TimeoutExpired:
            # Everything in its namespaces ends with it.
            child.kill()
            return f"not done after {PAGE_SECONDS} s"


def binary() -> Path:
    named = os.environ.get("SIDGATE_BIN") or f"{os.environ.get('CARGO_TARGET_DIR', ROOT / 'target')}/debug/sidgate"
    path = Path(named).resolve()
    if not path.is_file():
        raise BadPageError(f"{path} is not there: build it, or say SIDGATE_BIN=PATH")
    return path


def apart() -> list[str]:
    """The command that runs another in namespaces of its own. All that it starts ends with it."""
    own = ["--net", "--pid", "--fork", "--kill-child"]
    # As root PostgreSQL takes another user, whom a namespace of users would not know.
    ways = [own] if os.geteuid() == 0 else [["--user", "--map-current-user", "--keep-caps", *own]]
    for way in ways:
        if which("unshare") and subprocess.run(["unshare", *way, "true"], capture_output=True).returncode == 0:
            return ["unshare", *way]
    raise BadPageError(
        "this machine lets nobody have a network of their own (unshare --net), so the commands of documents cannot be run; "
        "be root, or allow unprivileged user namespaces"
    )


# === Inside of the namespaces ===


def inside(page: Path, wanted: list[str]) -> int:
    raise_loopback()
    if "redis" in wanted:
        start_redis()
    postgres = start_postgres() if "postgres" in wanted else None
    code = subprocess.run(["bash", "-eu", "-o", "pipefail", page]).returncode
    if postgres:
        # It takes its folder away.
        postgres.communicate()
    return code


def raise_loopback() -> None:
    """`ip link set lo up`, on machines without `ip` too."""
    set_flags, is_up = 0x8914, 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sh14x", b"lo", is_up))


def start_postgres() -> subprocess.Popen[str]:
    """An empty server: what a page needs in it, it makes."""
    environment = {name: value for name, value in os.environ.items() if name not in ("TMPDIR", "HOME")}
    server = subprocess.Popen(
        [ROOT / "scripts/postgres", "port=5432"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd="/",
    )
    assert server.stdout
    if not server.stdout.readline():
        sys.exit("PostgreSQL does not start")
    drop = ["psql", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres", "-c", "DROP DATABASE sidgate"]
    subprocess.run(drop, check=True)
    return server


def start_redis() -> None:
    """A server that ends with the namespace."""
    command = ["redis-server", "--bind", "127.0.0.1", "--port", "6379", "--save", "", "--dir", os.environ["TMPDIR"]]
    server = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, text=True)
    for _ in range(100):
        if subprocess.run(["redis-cli", "ping"], capture_output=True).stdout.startswith(b"PONG"):
            return
        try:
            server.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        break
    sys.exit("Redis does not start")


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--inside"]:
        return inside(Path(arguments[1]), arguments[2:])
    failed = 0
    for name in arguments:
        try:
            page = parse(name, Path(name).read_text())
            print(run(page) if page.runs else f"{name}: no block is to be run", flush=True)
        except BadPageError as error:
            failed += 1
            print(error, file=sys.stderr)
    return 1 if failed or not arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
