"""Containers by podman: for the image, and for a Debian that boots with systemd and gets the package."""

from __future__ import annotations

import subprocess
from pathlib import Path

from machine import until

# Those of the test may be less than what podman would ask for, and only some roots may raise them.
LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")


class Podman:
    """With storage of its own, which goes with the folder."""

    def __init__(self, folder: Path) -> None:
        self.storage = folder / "root"
        self.options = [
            "--root",
            str(self.storage),
            "--runroot",
            str(folder / "run"),
            "--cgroup-manager",
            "cgroupfs",
        ]
        # crun knows cgroups of version 2, or of version 1, and not both side by side.
        if Path("/sys/fs/cgroup/unified").exists():
            self.options += ["--runtime", "runc"]

    def __call__(self, *arguments: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        command = ["podman", *self.options, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert not ok or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    def start(self, name: str, image: str, *options: str, command: tuple[str, ...] = ()) -> Container:
        self("run", "--detach", "--network=host", f"--name={name}", *LIMITS, *options, image, *command)
        return Container(self, name)

    def leave(self) -> None:
        self("rm", "--all", "--force", "--time", "0")
        self("rmi", "--all", "--force")
        # Podman leaves it mounted for the next one.
        subprocess.run(["umount", "--lazy", self.storage / "overlay"], stderr=subprocess.DEVNULL)


class Container:
    """One that runs. It has the network of the test."""

    def __init__(self, podman: Podman, name: str) -> None:
        self.podman, self.name = podman, name

    def run(self, *command: str, ok: bool = True) -> subprocess.CompletedProcess[str]:
        return self.podman("exec", self.name, *command, ok=ok)

    def said(self, *command: str) -> str:
        return self.run(*command).stdout.strip()

    def is_ready(self) -> bool:
        return self.run("sidgate", "healthcheck", ok=False).returncode == 0

    def remove(self) -> None:
        self.podman("rm", "--force", "--time", "0", self.name)


class Debian(Container):
    """A system that has booted, and sees these folders where they are."""

    def __init__(self, podman: Podman, *folders: Path) -> None:
        volumes = (f"--volume={folder}:{folder}:ro" for folder in folders)
        options = ("--systemd=always", "--privileged", *volumes)
        podman.start("debian", "localhost/debian", *options, command=("/sbin/init",))
        super().__init__(podman, "debian")
        until(
            "systemd runs", lambda: self.run("systemctl", "is-system-running", ok=False).stdout == "running\n"
        )

    def install(self, package: Path) -> str:
        done = self.run("dpkg", "--install", str(package))
        return done.stdout + done.stderr

    def after_rpm(self, script: str) -> str:
        """What an RPM package's script says after an upgrade."""
        done = self.run("sh", "-c", script, "sh", "2")
        return done.stdout + done.stderr

    def forget(self) -> None:
        """As before the package was there."""
        # Nobody waits for an answer any more.
        self.run("systemctl", "kill", "--signal=KILL", "sidgate.service", ok=False)
        self.run("dpkg", "--purge", "sidgate")
        self.run("rm", "-rf", "/etc/sidgate", "/var/lib/sidgate", "/var/log/sidgate", "/run/sidgate")
        self.run("userdel", "sidgate", ok=False)
        self.run("groupdel", "sidgate", ok=False)

    def main_pid(self) -> int:
        return int(self.said("systemctl", "show", "--property=MainPID", "--value", "sidgate"))

    def owner(self, path: str) -> str:
        """Owner, group and mode."""
        return self.said("stat", "--format=%U:%G %a", path)
