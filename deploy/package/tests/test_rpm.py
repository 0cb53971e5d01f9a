"""The RPM package. Debian's rpm installs it into a tree of its own database, so only what a tree of that kind would provide is
not checked: `--nodeps`."""

import os
import subprocess
from pathlib import Path

import pytest
from machine import DEBIAN, PATIENCE, ask, one, until


ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


class Tree:
    """The root of another system. Commands run in it by chroot."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.started: list[subprocess.Popen[bytes]] = []

    def __truediv__(self, name: str) -> Path:
        return self.place / name

    def run(self, *command: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["chroot", self.place, *command],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env=ENVIRONMENT,
        )
        assert not ok or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def as_user(self, *command: str) -> tuple[str, ...]:
        """As the unit runs it: the user, no capabilities, the folder for the handover."""
        return (
            *(
                "setpriv",
                "--reuid=sidgate",
                "--regid=sidgate",
                "--init-groups",
                "--inh-caps=-all",
                "--bounding-set=-all",
            ),
            *("--no-new-privs", "env", "RUNTIME_DIRECTORY=/run/sidgate", *command),
        )

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        command = ("chroot", str(self.place), *self.as_user(*command))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=ENVIRONMENT)
        self.started.append(process)
        return process

    def stop(self) -> None:
        for process in self.started:
            process.kill()
            process.wait()

    def owner(self, name: str) -> str:
        """Owner, group and mode, by the names that this tree has for them."""
        return self.run("stat", "-c", "%U:%G %a", f"/{name}").stdout.strip()


@pytest.fixture
def tree(folder):
    place = folder / "tree"
    place.mkdir()
    # In memory: thousands of files that go again in a moment.
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tree", place], check=True)
    subprocess.run(["tar", "-xf", DEBIAN, "-C", place], check=True)
    subprocess.run(["mount", "-t", "proc", "proc", place / "proc"], check=True)
    tree = Tree(place)
    yield tree
    tree.stop()
    subprocess.run(["umount", "--recursive", place], check=True)


def rpm(tree: Tree, *arguments: str) -> str:
    command = ["rpm", f"--root={tree.place}", "--dbpath=/var/lib/rpm", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout + done.stderr


def test_from_installation_to_removal(tree: Tree, packages):
    package = str(one(packages, "*.rpm"))
    rpm(tree, "--initdb")
    rpm(tree, "--install", "--nodeps", package)
    assert tree.owner("etc/sidgate/sidgate.toml") == "root:sidgate 640"
    assert tree.owner("var/lib/sidgate") == "sidgate:sidgate 700"
    assert rpm(tree, "--verify", "--nodeps", "sidgate") == ""
    tree.run("install", "-d", "-o", "sidgate", "-g", "sidgate", "-m", "0700", "/run/sidgate")
    process = tree.start("sidgate", "run")
    until("ready", lambda: tree.run(*tree.as_user("sidgate", "healthcheck"), ok=False).returncode == 0)
    assert ask("/")[0] == 502, "nobody listens where the shipped configuration has the app"
    process.terminate()
    assert process.wait(60) == 0
    with (tree / "etc/sidgate/sidgate.toml").open("a") as settings:
        settings.write("# a line of the administrator\n")
    said = rpm(tree, "--erase", "sidgate")
    assert "/var/lib/sidgate (sessions, master key)" in said
    assert not (tree / "usr/bin/sidgate").exists()
    assert os.listdir(tree / "etc/sidgate") == ["sidgate.toml.rpmsave"]
    assert "master.key" in os.listdir(tree / "var/lib/sidgate")


def test_what_it_needs(packages):
    package = str(one(packages, "*.rpm"))
    needs = subprocess.run(
        ["rpm", "-qp", "--requires", package], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    assert {"libc.so.6()(64bit)", "libgcc_s.so.1()(64bit)"} <= set(needs)
    kinds = subprocess.run(
        ["rpm", "-qp", "--queryformat", "[%{REQUIRENAME} %{REQUIREFLAGS:deptype}\n]", package],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert "shadow-utils post" in kinds, "installed before this package, not just beside it"
    assert "config(sidgate)" not in needs
    configs = subprocess.run(
        ["rpm", "-qpc", package], capture_output=True, text=True, check=True
    ).stdout.split()
    assert configs == ["/etc/sidgate/sidgate.toml"]
