"""What a load profile runs against: a gateway of its own with PostgreSQL, Redis and an app, or one that is there already."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import shutil
import socket
import subprocess
import tempfile
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import compare

ROOT = Path(__file__).resolve().parent.parent.parent
TARGET = (ROOT / os.environ.get("CARGO_TARGET_DIR", "target")).resolve()
RELEASE = TARGET / "release"
# Another build of the gateway than the one that is compiled here.
GIVEN = os.environ.get("SIDGATE_BIN")
SIDGATE = Path(GIVEN) if GIVEN else RELEASE / "sidgate"


# Of a stack of our own. With one node alone nothing would ever come from Redis, and no revocation have to travel.
NODES = 2


@dataclass(frozen=True)
class Node:
    """Where users go, and where the node tells about itself; `admin` is empty when nobody said."""

    host: str
    admin: str = ""
    token: str = ""

    def metrics(self) -> str:
        """The node's own account, or nothing."""
        if not self.admin:
            return ""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(f"{self.admin}/metrics", headers=headers)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.read().decode()


@dataclass(frozen=True)
class Stack:
    """The nodes that share the users."""

    nodes: tuple[Node, ...]

    @property
    def tells(self) -> bool:
        return all(node.admin for node in self.nodes)

    def metrics(self) -> str:
        """What all nodes have counted; whoever reads it adds up."""
        return "\n".join(node.metrics() for node in self.nodes)


def is_loopback(url: str) -> bool:
    """Whether every address of its host is one of this machine."""
    name = urllib.parse.urlsplit(url).hostname
    if not name:
        return False
    try:
        found = socket.getaddrinfo(name, None)
    except OSError:
        return False
    return all(ipaddress.ip_address(entry[4][0].split("%")[0]).is_loopback for entry in found)


def build() -> None:
    """The programs that are needed; compiles for some minutes, once."""
    # In two steps: the gateway that is measured is the one that is shipped, with no feature of its neighbours.
    if not GIVEN:
        cargo("-p", "sidgate")
    cargo("-p", "sidgate-benches", "--bin", "upstream")


def build_load() -> Path:
    """The users."""
    cargo("--manifest-path", "benches/load/Cargo.toml", "--target-dir", str(TARGET))
    return RELEASE / "sidgate-load"


def cargo(*arguments: str) -> None:
    if subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", *arguments], cwd=ROOT).returncode:
        raise compare.Failed(f"cargo build {' '.join(arguments)} failed")


def configuration(public: int, admin: int, hosts: list[str], apps: list[int], redis: int, postgres: str) -> str:
    return f"""
[server]
listen = ["127.0.0.1:{public}"]
admin_listen = "127.0.0.1:{admin}"
public_origin = "http://{hosts[0]}"
hosts = {json.dumps(hosts)}
[keys]
master = "file:master.key"
[store]
url = "{postgres}"
auto_migrate = true
[cache]
redis_url = "redis://127.0.0.1:{redis}"
# All users come from one address here.
[login_limits]
per_client = "1000000/m"
[edge]
misses_per_client = "1000000/m"
[migration]
mode = "on"
credentials = ["old_session"]
[backend]
upstream = "app"
[identity.headers]
"X-Session-Email" = "user.email"
[upstreams.app]
servers = {json.dumps([f"127.0.0.1:{app}" for app in apps])}
[[routes]]
path = "/"
upstream = "app"
session = "required"
[[routes]]
path = "/login"
upstream = "app"
session = "none"
"""


@contextlib.contextmanager
def own(logs: Path) -> Iterator[Stack]:
    """Everything on free ports of this machine; ends with the block, and leaves what its nodes have written in `logs`."""
    build()
    if shutil.which("redis-server") is None:
        raise compare.Failed("redis-server is missing: scripts/bootstrap load")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sidgate-load-")))
        app, redis = compare.free_port(), compare.free_port()
        ports = [(compare.free_port(), compare.free_port()) for _ in range(NODES)]
        hosts = [f"localhost:{public}" for public, _ in ports]
        stack.callback(keep_logs, folder, logs, "node*.log")
        postgres = stack.enter_context(postgresql())

        def start(name: str, *command: str | Path, **environment: str) -> subprocess.Popen:
            running = compare.running(list(command), folder / f"{name}.log", folder, **environment)
            return stack.enter_context(running)

        start("redis", "redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", "")
        upstream = start("app", RELEASE / "upstream", f"127.0.0.1:{app}", "1")
        compare.wait_for(compare.listens(app), upstream, folder / "app.log")
        subprocess.run(
            [SIDGATE, "keys", "generate", "--out", folder / "master.key"],
            check=True,
            capture_output=True,
        )
        # Access lines of minutes would only fill the disk.
        level = "info,sidgate::access=off"
        for number, (public, admin) in enumerate(ports):
            name = f"node{number}"
            settings = folder / f"{name}.toml"
            settings.write_text(configuration(public, admin, hosts, [app], redis, postgres))
            node = start(name, SIDGATE, "run", "--config", settings, RUST_LOG=level)
            compare.wait_for(compare.ready(admin), node, folder / f"{name}.log")
        yield Stack(
            tuple(
                Node(f"http://{host}", f"http://127.0.0.1:{admin}")
                for host, (_, admin) in zip(hosts, ports, strict=True)
            )
        )


def keep_logs(folder: Path, logs: Path, names: str) -> None:
    for log in folder.glob(names):
        shutil.copy(log, logs)


@contextlib.contextmanager
def postgresql(*settings: str) -> Iterator[str]:
    server = subprocess.Popen(
        [ROOT / "scripts/postgres", *settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        url = server.stdout.readline().strip()
        if not url:
            raise compare.Failed("PostgreSQL does not start: scripts/bootstrap load")
        yield url
    finally:
        server.stdin.close()
        server.wait()
