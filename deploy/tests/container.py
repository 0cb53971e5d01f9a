"""A process as a container of the image runs it: a root of its own in which there is the program, its libraries, /proc and
nothing else, read-only, as the user of the image, with what is mounted.

No engine: `unshare` makes the file system, `chroot` enters it. What an engine does beside (cgroups, seccomp, capabilities of
root) is not done here.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import rendered

PROGRAM = Path(os.environ["SIDGATE_BIN"]) if "SIDGATE_BIN" in os.environ else None
USER = 65532
WAIT_SECONDS = 60
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# $1: the folder that becomes the root; $2: the program; $3: user and group, or nothing; then pairs of a source and a path, `--`,
# and the arguments of the program. The root is a file system in memory that ends with the process.
ENTER = r"""
set -eu
umask 022
root=$1 program=$2 user=$3; shift 3
mount -t tmpfs -o mode=0755 none "$root"
mkdir -p "$root/usr/bin" "$root/etc" "$root/proc"
# Every engine mounts it. The program finds its own file by it.
mount --rbind /proc "$root/proc"
for library in $LIBRARIES; do
    mkdir -p "$root${library%/*}"
    cp -L "$library" "$root$library"
done
touch "$root/usr/bin/sidgate" "$root/etc/hosts" "$root/etc/resolv.conf"
mount --bind "$program" "$root/usr/bin/sidgate"
cp "$HOSTS" "$root/etc/hosts"
echo "nameserver 127.0.0.1" >"$root/etc/resolv.conf"
while [ "$1" != -- ]; do
    if [ -d "$1" ]; then mkdir -p "$root$2"; else mkdir -p "$root${2%/*}"; touch "$root$2"; fi
    mount --bind "$1" "$root$2"
    mount -o remount,bind,ro "$root$2"
    shift 2
done
shift
mount -o remount,ro none "$root"
if [ -n "$user" ]; then
    exec setpriv --no-new-privs chroot --userspec="$user:$user" --groups= "$root" /usr/bin/sidgate "$@"
fi
exec chroot "$root" /usr/bin/sidgate "$@"
"""


def is_root() -> bool:
    return os.geteuid() == 0


def libraries(program: Path) -> list[str]:
    """The shared objects of a program, the loader among them."""
    return sorted(set(re.findall(r"(/\S+) \(0x", rendered.call("ldd", program).stdout)))


class Volume:
    """A folder as the kubelet lays it out: links to a folder of the moment, for a group, with a sticky bit."""

    def __init__(self, folder: Path, files: dict[str, str], mode: int) -> None:
        self.path = Path(tempfile.mkdtemp(dir=folder))
        moment = self.path / "..2026_01_01_00_00_00.1"
        moment.mkdir()
        moment.chmod(0o755)
        (self.path / "..data").symlink_to(moment.name)
        for name, text in files.items():
            file = moment / name
            file.write_text(text)
            file.chmod(mode)
            if is_root():
                os.chown(file, 0, USER)
            (self.path / name).symlink_to(f"..data/{name}")
        self.path.chmod(0o3777)
        if is_root():
            os.chown(self.path, 0, USER)


class Host:
    """Where containers run: names that lead to this machine, and a folder for what they mount."""

    def __init__(self, folder: Path, names: list[str]) -> None:
        self.folder = folder
        self.hosts = folder / "hosts"
        self.hosts.write_text("127.0.0.1 localhost\n" + "".join(f"127.0.0.1 {name}\n" for name in names))

    def command(self, arguments: list[str], mounts: dict[str, Path]) -> list[str]:
        """Of the program in a container of its own. The environment must be that of `environ`."""
        assert PROGRAM, "SIDGATE_BIN names no sidgate"
        root = Path(tempfile.mkdtemp(dir=self.folder))
        pairs = [part for path, source in mounts.items() for part in (str(source), path)]
        user = str(USER) if is_root() else ""
        return ["unshare", "--mount", "sh", "-c", ENTER, "sh", str(root), str(PROGRAM), user, *pairs, "--", *arguments]

    def environ(self) -> dict[str, str]:
        assert PROGRAM, "SIDGATE_BIN names no sidgate"
        return {"PATH": PATH, "LIBRARIES": " ".join(libraries(PROGRAM)), "HOSTS": str(self.hosts)}

    def start(self, arguments: list[str], mounts: dict[str, Path], env: dict[str, str], log: Path) -> Process:
        return Process(self.command(arguments, mounts), self.environ() | env, log)


class Process:
    """One that is stopped with the test, by its own id."""

    def __init__(self, command: list[str], env: dict[str, str], log: Path, cwd: Path | None = None) -> None:
        self.log = log
        with log.open("wb") as output:
            self.child = subprocess.Popen(
                command,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=cwd,
            )

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def ends(self) -> int:
        """Its exit code."""
        return self.child.wait(WAIT_SECONDS)

    def terminate(self) -> int:
        self.child.terminate()
        return self.ends()

    def kill(self) -> None:
        if self.child.poll() is None:
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Waits for something that this process makes so."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            if is_so():
                return
            assert self.child.poll() is None, f"{what}: ended\n{self.said()}"
            time.sleep(0.05)
        raise AssertionError(f"{what}: not within {WAIT_SECONDS} s\n{self.said()}")


def kept(stack: ExitStack, process: Process) -> Process:
    stack.callback(process.kill)
    return process
