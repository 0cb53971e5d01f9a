"""A real gateway in front of a real app, each in a process of its own."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).resolve().parents[1]
ROOT = EXAMPLES.parents[1]
START_SECONDS = 30


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Browser:
    """Keeps cookies, and nothing else: one connection a request, no redirect followed."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            fields["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("localhost", self.port, timeout=10)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body) if body is not None else None, fields)
            reply = connection.getresponse()
            answer = Answer(reply.status, reply.headers, reply.read().decode())
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
            if not value:
                del self.cookies[name]
        return answer


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int, **options: Any) -> Iterator[None]:
    """A process, from when it listens at `port`."""
    child = subprocess.Popen(command, **options)
    try:
        wait_for(child, port)
        yield
    finally:
        child.terminate()
        child.wait()


def wait_for(child: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + START_SECONDS
    while child.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            socket.create_connection(("localhost", port), timeout=1).close()
            return
        time.sleep(0.05)
    raise AssertionError(f"{child.args} does not listen at {port}")


class Gateway:
    """The gateway of sidgate.toml, with ports and a folder of its own."""

    def __init__(self, folder: Path, more: str = "") -> None:
        self.binary, self.folder = os.environ["SIDGATE_BIN"], folder
        self.port, self.admin, self.app = free_port(), free_port(), free_port()
        text = (EXAMPLES / "sidgate.toml").read_text()
        text = text.replace("127.0.0.1:8000", f"127.0.0.1:{self.app}").replace(
            'public_origin = "http://localhost:3000"',
            f'listen = ["127.0.0.1:{self.port}", "[::1]:{self.port}"]\n'
            f'public_origin = "http://localhost:{self.port}"\n'
            f'admin_listen = "127.0.0.1:{self.admin}"',
        )
        (folder / "sidgate.toml").write_text(text + more)
        self.sidgate("keys", "generate", "--out", "master.key")
        self.key = self.sidgate("keys", "upstream", "app", "--config", "sidgate.toml")

    def sidgate(self, *command: str) -> str:
        done = subprocess.run(
            [self.binary, *command], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        command = [self.binary, "run", "--config", "sidgate.toml"]
        with running(command, self.port, cwd=self.folder, stdout=subprocess.DEVNULL):
            while Browser(self.admin).send("GET", "/readyz").status != 200:
                time.sleep(0.05)
            yield

    def metric(self, line: str) -> int:
        """The value of a counter, as it is written before its value; 0 if it is not there yet."""
        shown = Browser(self.admin).send("GET", "/metrics").body.splitlines()
        return sum(int(one.rpartition(" ")[2]) for one in shown if one.startswith(f"{line} "))
