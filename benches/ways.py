#!/usr/bin/env python3
"""Ten thousand connections by each way into the gateway and out of it: what one takes, and whether anything stays.

    benches/ways.py [--binaries target/release] [--connections 10000] [--ways unix,app-tls]

Each way has a gateway of its own. So many clients connect, ask once, and keep their connection; then they go, and the same
once more. Memory is what is resident. What is left after the second time beyond the first is growth. Needs nginx, which is the
app of the ways out.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import shutil
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import compare
import connections
from machine import machine

ROOT = connections.ROOT
KIB = connections.KIB
ROUNDS = 2
WARM_UP = 500
TLS_FILES = ROOT / "gateway" / "testkit" / "tls"

# Keys of [server], and what else the file says. {folder} is that of the run, {tls} a port of its own.
LISTENERS = {
    "port": ("", ""),
    "unix": ('listen = ["127.0.0.1:{port}", "unix:{folder}/http.sock?mode=0600"]', ""),
    "proxy": ('proxy_protocol_from = ["127.0.0.1"]', ""),
    "tls": ("", '[server.tls]\nlisten = ["127.0.0.1:{tls}"]\ncert = "{files}/localhost.pem"\nkey = "{files}/localhost.key"\n'),
    "client-certificate": (
        "",
        '[server.tls]\nlisten = ["127.0.0.1:{tls}"]\ncert = "{files}/localhost.pem"\nkey = "{files}/localhost.key"\n'
        'client_ca = "{files}/app/authority.pem"\n',
    ),
}
# Keys of the upstream.
APPS = {
    "app-unix": 'servers = ["unix:{folder}/app.sock"]',
    "app-tls": (
        'servers = ["https://localhost:{app}"]\ntls = {{ ca = "{files}/app/authority.pem", '
        'client_cert = "{folder}/client.pem", client_key = "{folder}/client.key" }}'
    ),
    "app-h2c": 'servers = ["127.0.0.1:{app}"]\nprotocol = "h2"',
    "app-h2": 'servers = ["https://localhost:{app}"]\nprotocol = "h2"\ntls = {{ ca = "{files}/app/authority.pem" }}',
}
NGINX = """
daemon off;
master_process off;
error_log {folder}/nginx.log;
pid {folder}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  keepalive_requests 1000000;
  server {{ {listen} location / {{ return 200 "ok"; }} }}
}}
"""
SERVES = {
    "app-unix": "listen unix:{folder}/app.sock;",
    "app-tls": (
        "listen 127.0.0.1:{app} ssl; ssl_certificate {files}/app/server.pem; ssl_certificate_key {files}/app/server.key; "
        "ssl_client_certificate {files}/app/authority.pem; ssl_verify_client on;"
    ),
    "app-h2c": "listen 127.0.0.1:{app} http2;",
    "app-h2": "listen 127.0.0.1:{app} ssl http2; ssl_certificate {files}/app/server.pem; ssl_certificate_key {files}/app/server.key;",
}


@dataclass
class Way:
    """How clients reach the gateway."""

    name: str
    port: int
    tls: int
    folder: Path

    @functools.cached_property
    def context(self) -> ssl.SSLContext:
        context = ssl._create_unverified_context()  # noqa: S323: a certificate of the tests
        if self.name == "client-certificate":
            context.load_cert_chain(self.folder / "client.pem", self.folder / "client.key")
        return context

    def connect(self) -> socket.socket:
        if self.name == "unix":
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(self.folder / "http.sock"))
            return client
        if self.name in ("tls", "client-certificate"):
            plain = socket.create_connection(("127.0.0.1", self.tls), timeout=10)
            # As browsers do: a request does not wait for the answer to the handshake.
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self.context.wrap_socket(plain, server_hostname="localhost")
        client = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        if self.name == "proxy":
            client.sendall(b"PROXY TCP4 203.0.113.7 127.0.0.1 5000 80\r\n")
        return client


class Clients:
    """Connections that have asked once."""

    def __init__(self, way: Way) -> None:
        self.way = way
        host = f"localhost:{way.port}"
        self.request = f"GET /public HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        self.open_ones: list[socket.socket] = []

    def open(self, count: int) -> None:
        for _ in range(count):
            client = self.way.connect()
            client.settimeout(10)
            client.sendall(self.request)
            answer = client.recv(4096)
            if b" 200 " not in answer:
                raise compare.Failed(f"a client is answered {answer[-300:]!r}")
            self.open_ones.append(client)

    def close(self) -> None:
        for client in self.open_ones:
            client.close()
        self.open_ones.clear()


@contextlib.contextmanager
def app(way: str, folder: Path, values: dict) -> Iterator[None]:
    """nginx, for the ways that lead to it."""
    if way not in SERVES:
        yield
        return
    # Debian has it where only administrators look.
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(listen=SERVES[way].format(**values), **values))
    with compare.running([nginx, "-c", str(config), "-p", str(folder)], folder / "nginx.out", folder):
        time.sleep(0.5)
        yield


def configured(way: str, port: int, admin: int, upstream: int, values: dict) -> str:
    text = compare.configuration(port, admin, upstream, threads=2)
    keys, sections = LISTENERS.get(way, ("", ""))
    keys, sections = keys.format(**values), sections.format(**values)
    if keys.startswith("listen"):
        text = text.replace(f'listen = ["127.0.0.1:{port}"]', keys)
        keys = ""
    text = text.replace("[server]", f'[server]\nkeepalive_timeout = "10m"\n{keys}')
    text = text.replace("[store]", f"{sections}[store]")
    if way in APPS:
        text = text.replace(f'servers = ["127.0.0.1:{upstream}"]', APPS[way].format(**values))
    hosts = f'hosts = ["localhost:{port}"]'
    return text.replace(hosts, f'hosts = ["localhost:{port}", "localhost:{values["tls"]}"]') + (
        "[edge]\nmax_connections = 15000\n"
    )


@dataclass(frozen=True)
class Outcome:
    """Resident bytes before, with all, and after each time."""

    before: int
    most: int
    after: list[int]
    clients: int


def settled(process, clients: Clients, open_before: int) -> int:
    clients.close()
    deadline = time.monotonic() + connections.PATIENCE_SECONDS
    while connections.descriptors(process.pid) > open_before + 2 * connections.OPENING:
        if time.monotonic() > deadline:
            raise compare.Failed("connections stay open")
        time.sleep(0.1)
    time.sleep(connections.SETTLE_SECONDS)
    for _ in range(connections.VISITS):
        clients.open(connections.VISITORS)
        clients.close()
        time.sleep(0.1)
    return compare.Target("", process, 0, "/").resident_bytes()


def trial(at: compare.Bench, way: str, count: int) -> Outcome:
    folder, _ = at.seeded(way, 1)
    port, admin, tls, app_port = (compare.free_port() for _ in range(4))
    for name in ("client.pem", "client.key"):
        copy = folder / name
        copy.write_bytes((TLS_FILES / "app" / name).read_bytes())
        copy.chmod(0o600)
    values = {"folder": folder, "files": folder / "tls", "tls": tls, "app": app_port, "port": port}
    (folder / "tls" / "app").mkdir(parents=True)
    for file in [*TLS_FILES.glob("*.*"), *TLS_FILES.glob("app/*.*")]:
        copy = folder / "tls" / file.relative_to(TLS_FILES)
        copy.write_bytes(file.read_bytes())
        copy.chmod(0o600)
    config = folder / "sidgate.toml"
    config.write_text(configured(way, port, admin, at.upstream, values))
    log = folder / "gateway.log"
    command = [at.binaries / "sidgate", "run", "--config", config]
    with app(way, folder, values), compare.running(command, log, folder, RUST_LOG="warn") as process:
        compare.wait_for(compare.ready(admin), process, log)
        clients = Clients(Way(way, port, tls, folder))
        open_before = connections.descriptors(process.pid)
        clients.open(WARM_UP)
        before = settled(process, clients, open_before)
        most, after = 0, []
        for _ in range(ROUNDS):
            clients.open(count)
            most = max(most, compare.Target("", process, 0, "/").resident_bytes())
            after.append(settled(process, clients, open_before))
        return Outcome(before, most, after, count)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binaries", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--ways", default=",".join([*LISTENERS, *APPS]))
    options = parser.parse_args()
    print(f"{machine()}; {options.connections} connections, {ROUNDS} times\n")
    print("| way | before MiB | with all MiB | KiB each | after MiB | after the second time MiB |")
    print("|---|---:|---:|---:|---:|---:|")
    with compare.bench(options.binaries.resolve(), threads=2) as at:
        for way in options.ways.split(","):
            one = trial(at, way, options.connections)
            each = (one.most - one.before) / one.clients / KIB
            sizes = [size / KIB / KIB for size in (one.before, one.most, *one.after)]
            print(
                f"| {way} | {sizes[0]:.1f} | {sizes[1]:.1f} | {each:.1f} | {sizes[2]:.1f} | {sizes[3]:.1f} |",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except compare.Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        sys.exit(1)
