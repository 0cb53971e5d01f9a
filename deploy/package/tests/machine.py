"""What the tests are made of: the build of packages, an app, and somebody who asks all the time."""

from __future__ import annotations

import http.client
import os
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# A Debian 12 with essential packages and systemd. `scripts/bootstrap` makes it.
DEBIAN = ROOT / ".venv/trees/bookworm.tar"
SHIPPED = ROOT / "deploy/package/sidgate.toml"
# Long enough for a busy machine; nothing is measured.
PATIENCE = 60.0


def packed(source: Path, binary: Path, out: Path, *options: str, umask: int = -1, **environment: str) -> Path:
    subprocess.run(
        [
            ROOT / ".venv/dist/bin/python",
            source / "deploy/package/build",
            "--binary",
            binary,
            "--out",
            out,
            *options,
        ],
        env={**os.environ, "SOURCE_DATE_EPOCH": "1790000000", **environment},
        umask=umask,
        check=True,
        timeout=300,
    )
    return out


def one(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def until(what: str, holds, patience: float = PATIENCE) -> None:
    ends = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < ends, f"not within {patience:.0f} s: {what}"
        time.sleep(0.05)


class App:
    """An app at port 8000, where the shipped configuration looks for it. `/slow` answers when it is told to."""

    def __enter__(self) -> App:
        self.arrived, self.go_on = threading.Event(), threading.Event()
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/slow":
                    app.arrived.set()
                    assert app.go_on.wait(PATIENCE)
                self.send_response(200)
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"hello")

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 8000), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.server.server_close()


def ask(path: str = "/", timeout: float = PATIENCE) -> tuple[int, bytes]:
    """A connection of its own to the gateway."""
    connection = http.client.HTTPConnection("127.0.0.1", 3000, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": "localhost:3000"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Visitors:
    """Ask without a pause, each time with a new connection, and remember every answer that was not 200."""

    def __init__(self) -> None:
        self.answers, self.failures, self.stopped = 0, [], threading.Event()
        self.threads = [threading.Thread(target=self.visit) for _ in range(2)]

    def visit(self) -> None:
        while not self.stopped.is_set():
            try:
                status, _ = ask()
                self.answers += 1
                if status != 200:
                    self.failures.append(str(status))
            except OSError as error:
                self.failures.append(repr(error))

    def __enter__(self) -> Visitors:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()
