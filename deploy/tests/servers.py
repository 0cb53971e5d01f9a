"""PostgreSQL, Redis and an app, for what runs behind the files of deploy/."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import threading
import urllib.error
import urllib.request
from contextlib import ExitStack
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from container import PATH, Process, kept

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def postgres_script() -> Any:
    """`scripts/postgres`, which is a program without a suffix."""
    loader = importlib.machinery.SourceFileLoader("postgres", str(SCRIPTS / "postgres"))
    spec = importlib.util.spec_from_loader("postgres", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


class Postgres:
    """A server without any role but its superuser."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        folder.mkdir()
        # Its folder may lie below one that only root enters.
        self.server = postgres_script().Server(folder, {})
        stack.callback(self.server.stop)
        self.port = self.server.start()

    def psql(self, sql: str, database: str = "postgres") -> None:
        arguments = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-q", "-d", database]
        self.server.run("psql", *arguments, "-c", sql)


def folder_for_all(factory: Any, name: str) -> Path:
    """A folder of this test run that other users reach: PostgreSQL runs as one of them."""
    folder: Path = factory.mktemp(name)
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    return folder


def redis(stack: ExitStack, folder: Path, *settings: str) -> Process:
    command = ["redis-server", "--bind", "127.0.0.1", "--dir", str(folder), "--save", "", *settings]
    process = kept(stack, Process(command, {"PATH": PATH}, folder / "redis.log"))
    process.until("Redis", lambda: "Ready to accept connections" in process.said())
    return process


class App(BaseHTTPRequestHandler):
    """One in which everybody may log in, and which says what it has heard of the session."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer({"user": {"id": "7", "email": "a@example.com"}})

    def do_GET(self) -> None:
        self.answer({"state": self.headers["X-Session-State"], "client": self.headers["X-Forwarded-For"]})

    def answer(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


def app(stack: ExitStack, port: int) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", port), App)
    stack.callback(server.shutdown)
    threading.Thread(target=server.serve_forever, daemon=True).start()


class Answer:
    """Of an HTTP server; `status` 0: nobody answered."""

    def __init__(self, url: str, body: object = None, **headers: str) -> None:
        self.status, self.headers, self.body = 0, Message(), b""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None if body is None else json.dumps(body).encode()
        if data is not None:
            named["Content-Type"] = "application/json"
        request = urllib.request.Request(url, data, named)
        try:
            with OPENER.open(request, timeout=5) as found:
                self.status, self.headers, self.body = found.status, found.headers, found.read()
        except urllib.error.HTTPError as refused:
            self.status, self.headers, self.body = refused.code, refused.headers, refused.read()
        except OSError:
            pass

    def json(self) -> Any:
        return json.loads(self.body)
