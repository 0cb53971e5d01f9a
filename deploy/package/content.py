"""What every package has: the program, what it says about itself, and files of the repository."""

from __future__ import annotations

import re
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from archive import File

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
# Where each shell looks for completions.
SHELLS = {
    "bash": "usr/share/bash-completion/completions/sidgate",
    "fish": "usr/share/fish/vendor_completions.d/sidgate.fish",
    "zsh": "usr/share/zsh/vendor-completions/_sidgate",
}
SUMMARY = "Session gateway: one opaque cookie in, a verified identity out"


@dataclass(frozen=True)
class Needed:
    """A shared object and the versions of its symbols that the program was linked with."""

    soname: str
    versions: tuple[str, ...]


@dataclass(frozen=True)
class Content:
    """Everything that is packed. `third_party`: the licences of what is linked into the program."""

    binary: Path
    version: str
    third_party: bytes

    @cached_property
    def program(self) -> bytes:
        return self.binary.read_bytes()

    @cached_property
    def manuals(self) -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            self.said("man", folder)
            return {page.name: page.read_bytes() for page in sorted(Path(folder).iterdir())}

    @cached_property
    def completions(self) -> dict[str, bytes]:
        return {shell: self.said("completions", shell) for shell in SHELLS}

    @cached_property
    def units(self) -> dict[str, bytes]:
        return of_folder("deploy/systemd", "*.service", "*.socket")

    @cached_property
    def documents(self) -> dict[str, bytes]:
        """The documents as text. Their links to pictures and sources lead to the repository."""
        return of_folder("docs", "*.md", "integrations/*.md", "reference/*.md")

    @cached_property
    def examples(self) -> dict[str, bytes]:
        """The configuration of the quick start, those of docs/production.md, edges, rules for Prometheus, a dashboard."""
        production = of_folder("deploy/examples", "production-*")
        return {
            **of_folder("deploy", "quickstart.toml", "edge/**/*", "prometheus/*.rules.yml", "grafana/*.json"),
            **{f"production/{name}": data for name, data in production.items()},
        }

    @cached_property
    def needed(self) -> list[Needed]:
        """From the program's own table of what it needs."""
        text = run("objdump", "-p", str(self.binary))
        versions: dict[str, list[str]] = {name: [] for name in re.findall(r"NEEDED +(\S+)", text)}
        soname = ""
        for line in text.partition("Version References:")[2].splitlines():
            if found := re.match(r" +required from (\S+):", line):
                soname = found[1]
            elif (found := re.match(r" +0x\w+ 0x\w+ \d+ (\S+)", line)) and soname:
                versions.setdefault(soname, []).append(found[1])
        return [Needed(name, tuple(sorted(found, key=in_order))) for name, found in sorted(versions.items())]

    def said(self, *arguments: str) -> bytes:
        return subprocess.run([self.binary, *arguments], check=True, capture_output=True, timeout=60).stdout


def in_order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version))


def of_folder(folder: str, *patterns: str) -> dict[str, bytes]:
    """Files below `folder` that git knows, or that would be there without git; by their paths below it."""
    place = ROOT / folder
    found = {path for pattern in patterns for path in place.glob(pattern) if path.is_file()}
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in sorted(found)
        if "__pycache__" not in path.parts
    }


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def repository(name: str) -> bytes:
    return (ROOT / name).read_bytes()


def chart(name: str) -> list[File]:
    """The Helm chart, as Helm reads it from an archive. `helm package` writes the time into it."""
    files = of_folder("deploy/helm/sidgate", "**/*")
    ignored = tuple(files[".helmignore"].decode().split())
    return [File(f"{name}/{path}", data) for path, data in files.items() if not path.startswith(ignored)]


def tarball(content: Content) -> list[File]:
    """The archive for machines without a package manager that we serve: one folder, to be looked at before it is copied."""
    files = [
        File("bin/sidgate", content.program, 0o755),
        File("LICENSE", repository("LICENSE")),
        File("THIRD-PARTY.txt", content.third_party),
        File("CHANGELOG.md", repository("CHANGELOG.md")),
        File("sidgate.toml", (HERE / "sidgate.toml").read_bytes()),
        *(File(name, data) for name, data in content.examples.items()),
        *(File(f"systemd/{name}", data) for name, data in content.units.items()),
        *(File(f"man/man1/{name}", data) for name, data in content.manuals.items()),
        *(File(f"completions/{name}", data) for name, data in content.completions.items()),
        *(File(f"docs/{name}", data) for name, data in content.documents.items()),
    ]
    return files
