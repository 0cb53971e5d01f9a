"""The container image, run by podman as a careful operator runs it."""

import json
import tarfile
import threading
from pathlib import Path

import pytest
from machine import SHIPPED, App, ask, one, until

CAREFULLY = ("--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges")


@pytest.fixture
def running(podman, folder):
    settings = folder / "sidgate.toml"
    settings.write_bytes(SHIPPED.read_bytes())
    # Of another user than that of the image.
    settings.chmod(0o644)
    mount = f"--volume={settings}:/etc/sidgate/sidgate.toml:ro"
    container = podman.start("it", "localhost/sidgate:0.1.0", *CAREFULLY, mount)
    until("ready", container.is_ready)
    yield container
    container.remove()


def test_nothing_in_it_but_what_is_needed(packages):
    files = {}
    with tarfile.open(one(packages, "*.oci.tar")) as archive:
        (shown,) = json.load(archive.extractfile("manifest.json"))
        for layer in shown["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(layer)) as inner:
                files |= {entry.name: entry.mode for entry in inner if entry.isfile()}
    programs = {name for name, mode in files.items() if mode & 0o111 and ".so" not in name}
    assert programs == {"usr/bin/sidgate"}
    assert not [name for name, mode in files.items() if mode & 0o6022]


def test_not_root_and_nothing_to_write_but_its_volume(running):
    (told,) = json.loads(running.podman("inspect", running.name).stdout)
    status = dict(
        line.split(":\t", 1) for line in Path(f"/proc/{told['State']['Pid']}/status").read_text().splitlines()
    )
    assert status["Uid"].split() == status["Gid"].split() == ["65532"] * 4
    assert (int(status["CapEff"], 16), int(status["CapBnd"], 16), status["NoNewPrivs"]) == (0, 0, "1")
    assert running.run("/bin/sh", "-c", "true", ok=False).returncode == 127, "there is no shell"
    refused = running.run("sidgate", "keys", "generate", "--out", "/etc/sidgate/new.key", ok=False)
    assert "Read-only file system" in refused.stderr
    running.run("sidgate", "keys", "generate", "--out", "/var/lib/sidgate/new.key")
    with App():
        assert ask() == (200, b"hello")


def test_its_health_is_known(running):
    (told,) = json.loads(running.podman("image", "inspect", "localhost/sidgate:0.1.0").stdout)
    assert told["Healthcheck"]["Test"] == ["CMD", "/usr/bin/sidgate", "healthcheck"]
    running.podman("healthcheck", "run", running.name)


def test_a_stop_lets_a_slow_request_end(running):
    answers = []
    with App() as app:
        slow = threading.Thread(target=lambda: answers.append(ask("/slow")))
        slow.start()
        assert app.arrived.wait(60)
        running.podman("kill", "--signal=TERM", running.name)
        until("new connections are refused", lambda: not is_open())
        assert answers == []
        app.go_on.set()
        slow.join(60)
    assert answers == [(200, b"hello")]
    assert running.podman("wait", running.name).stdout.strip() == "0"


def is_open() -> bool:
    try:
        ask(timeout=5)
    except OSError:
        return False
    return True


def test_without_a_configuration_it_says_so(podman):
    done = podman(
        "run",
        "--rm",
        "--network=none",
        *CAREFULLY,
        "--ulimit=nproc=4096:4096",
        "--ulimit=nofile=4096:4096",
        "localhost/sidgate:0.1.0",
        ok=False,
    )
    assert done.returncode == 78
    assert "/etc/sidgate/sidgate.toml" in done.stderr
