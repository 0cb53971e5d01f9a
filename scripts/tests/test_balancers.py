"""The balancers of `deploy/examples` in front of a gateway with the example that belongs to them: the app learns who the
client is and how it came, whatever the client says."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "deploy/examples"
CERTIFICATE = ROOT / "gateway/testkit/tls/localhost.pem"
KEY = ROOT / "gateway/testkit/tls/localhost.key"
SIDGATE = Path(os.environ.get("SIDGATE_BIN") or ROOT / "target/debug/sidgate")

HOST = "app.example.com"
CLIENT = "127.0.0.9"
# Where the connections of the balancer come from.
BALANCER = "127.0.0.2"
START_SECONDS = 60


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def changed(name: str, *changes: tuple[str, str]) -> str:
    """An example, with other words where it names places that a test does not have. `changes` are patterns that must fit."""
    text = (EXAMPLES / name).read_text()
    for pattern, words in changes:
        text, times = re.subn(pattern, lambda _: words, text)
        assert times, f"{name}: {pattern}"
    return text


@contextmanager
def running(command: list[str | Path], folder: Path, port: int) -> Iterator[None]:
    """The program, from when it listens on `port`."""
    with (folder / f"{Path(command[0]).name}.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            pytest.fail(Path(log.name).read_text())
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def an_app() -> Iterator[int]:
    """An app that answers with the headers that it got."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def gateway(example: str, folder: Path, app: int) -> dict[str, int]:
    """Writes the configuration; returns the ports that it names. What a test has no server for is SQLite here, and left out."""
    ports = {"plain": free_port(), "tls": free_port(), "admin": free_port()}
    changes = [
        (r"0\.0\.0\.0:8080", f"127.0.0.1:{ports['plain']}"),
        (r"\[server\]", f'[server]\nadmin_listen = "127.0.0.1:{ports["admin"]}"'),
        (r"10\.0\.0\.0/24", BALANCER),
        (r'(?s)url = "postgres://.*?"\npassword = ".*?"', 'url = "sqlite:sidgate.db"'),
        (r"(?s)\[cache\].*?\n\n", ""),
        (r'"10\.0\.1\.11:8000", "10\.0\.1\.12:8000"', f'"127.0.0.1:{app}"'),
    ]
    if "[server.tls]" in (EXAMPLES / example).read_text():
        changes += [
            (r"0\.0\.0\.0:8443", f"127.0.0.1:{ports['tls']}"),
            ("fullchain.pem", str(CERTIFICATE)),
            ("privkey.pem", str(private_key(folder))),
        ]
    (folder / "sidgate.toml").write_text(changed(example, *changes))
    (folder / "sidgate.toml").chmod(0o600)
    return ports


def private_key(folder: Path) -> Path:
    """In a file that nobody else can read, which is more than a checkout gives."""
    file = folder / "privkey.pem"
    file.write_text(KEY.read_text())
    file.chmod(0o600)
    return file


def haproxy(example: str, folder: Path, ports: dict[str, int], public: int) -> list[str | Path]:
    pair = folder / "site.pem"
    pair.write_text(KEY.read_text() + CERTIFICATE.read_text())
    over_http = "http" in example
    plain, tls = (f"127.0.0.1:{ports[name]} source {BALANCER}" for name in ("plain", "tls"))
    changes = [
        ("bind :80\n", f"bind 127.0.0.1:{free_port()}\n"),
        ("bind :443", f"bind 127.0.0.1:{public}"),
        (r"10\.0\.0\.2[01]:8080", plain),
    ]
    if over_http:
        changes += [("/etc/haproxy/site.pem", str(pair)), ("/run/haproxy", str(folder))]
    else:
        changes += [(r"10\.0\.0\.2[01]:8443", tls), ("port 8080", f"port {ports['plain']}")]
    (folder / "haproxy.cfg").write_text(changed(example, *changes))
    return ["/usr/sbin/haproxy", "-db", "-f", folder / "haproxy.cfg"]


def nginx(example: str, folder: Path, ports: dict[str, int], public: int) -> list[str | Path]:
    places = "".join(f"{kind}_temp_path {kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    server = changed(
        example,
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443", f"listen 127.0.0.1:{public}"),
        ("/etc/nginx/fullchain.pem", str(CERTIFICATE)),
        ("/etc/nginx/privkey.pem", str(private_key(folder))),
        (r"10\.0\.0\.2[01]:8080", f"127.0.0.1:{ports['plain']}"),
    )
    (folder / "nginx.conf").write_text(
        "daemon off; master_process off; pid nginx.pid; error_log stderr warn; events { }\n"
        f"http {{ access_log off; {places} proxy_bind {BALANCER};\n{server}}}\n"
    )
    return ["/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf"]


def get(path: str, port: int, **headers: str) -> tuple[int, str]:
    """A request of somebody with the address `CLIENT`, over TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    raw = socket.create_connection(("127.0.0.1", port), timeout=20, source_address=(CLIENT, 0))
    connection = http.client.HTTPConnection(HOST)
    connection.sock = context.wrap_socket(raw, server_hostname=HOST)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("balancer", "its_file", "behind"),
    [
        (haproxy, "production-haproxy-http.cfg", "production-behind-http.toml"),
        (haproxy, "production-haproxy-tcp.cfg", "production-behind-tcp.toml"),
        (nginx, "production-nginx.conf", "production-behind-http.toml"),
    ],
    ids=["haproxy-http", "haproxy-tcp", "nginx"],
)
def test_the_app_learns_who_the_client_is(tmp_path, balancer, its_file, behind):
    with ExitStack() as stack:
        ports, public = gateway(behind, tmp_path, stack.enter_context(an_app())), free_port()
        run = [SIDGATE, "run", "--config", tmp_path / "sidgate.toml"]
        stack.enter_context(running(run, tmp_path, ports["plain"]))
        stack.enter_context(running(balancer(its_file, tmp_path, ports, public), tmp_path, public))

        status, body = get("/", public, X_Forwarded_For="203.0.113.77", X_Forwarded_Proto="http")

        assert status == 200, body
        seen = json.loads(body)
        assert (seen["x-forwarded-for"], seen["x-forwarded-proto"], seen["host"]) == (CLIENT, "https", HOST)
        assert get("/healthz", public)[0] == 200
