"""Edges that ask Sidgate about each request, configured as `sidgate edge-config` prints it. What is changed of that: one worker each,
folders for temporary files, and nginx's access log, as in the rows beside them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import compare
from counted import Row, family
from products import PRODUCTS
from proof import has_routes

TEMPORARY = "".join(f" {kind}_temp_path temp/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
LOGGED = f"http {{\n    access_log access.log combined buffer=64k flush=1s;{TEMPORARY}"


@dataclass(frozen=True)
class Asking:
    """An edge, and how it is started in the folder of its configuration."""

    # As `edge-config` calls it.
    edge: str
    row: str
    # The product whose first row it is compared with.
    product: str
    arguments: tuple[str, ...]
    file: str
    change: tuple[str, str] = ("", "")
    environment: tuple[tuple[str, str], ...] = ()


EDGES = (
    Asking(
        "nginx",
        "nginx, `auth_request` to **Sidgate**",
        "nginx",
        ("-e", "stderr", "-p", ".", "-c", "nginx.conf", "-g", "daemon off; worker_processes 1; pid nginx.pid; error_log stderr;"),
        "nginx.conf",
        ("http {", LOGGED),
    ),
    Asking(
        "envoy-http",
        "Envoy, `ext_authz` over HTTP to **Sidgate**, no access log",
        "Envoy",
        ("-c", "envoy.yaml", "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"),
        "envoy.yaml",
    ),
    Asking(
        "envoy-grpc",
        "Envoy, `ext_authz` over gRPC to **Sidgate**, no access log",
        "Envoy",
        ("-c", "envoy.yaml", "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"),
        "envoy.yaml",
    ),
    Asking(
        "haproxy",
        "HAProxy, Lua to **Sidgate**, no access log",
        "HAProxy",
        ("-db", "-f", "haproxy.cfg"),
        "haproxy.cfg",
        ("global\n", "global\n    nbthread 1\n"),
    ),
    Asking(
        "traefik",
        "Traefik, `forwardAuth` to **Sidgate**, no access log",
        "Traefik",
        ("--configFile=static.yml",),
        "static.yml",
        environment=(("GOMAXPROCS", "1"),),
    ),
)


@contextlib.contextmanager
def asking(at: compare.Bench, folder: Path, bases: dict[str, Row]) -> Iterator[list[Row]]:
    """A row for each edge. `folder`: of the key and the store with the known session. `bases`: the first row of each product."""
    ports = {edge.edge: compare.free_port() for edge in EDGES}
    authz = compare.free_port()
    hosts = json.dumps([f"localhost:{port}" for port in ports.values()])
    with contextlib.ExitStack() as within:
        section = f'[authz]\nlisten = ["127.0.0.1:{authz}"]'
        gateway, _ = within.enter_context(at.sidgate(folder, "warn", more=section, hosts=hosts))
        rows = []
        for edge in EDGES:
            port = ports[edge.edge]
            process = within.enter_context(started(at, edge, folder / "warn.toml", port))
            rows.append(
                Row(
                    edge.row,
                    process,
                    port,
                    compare.PATH,
                    access_log=at.folder / f"asking-{edge.edge}" / "access.log" if edge.edge == "nginx" else None,
                    base=bases[edge.product],
                    knows=True,
                    checkers=tuple(family(gateway.pid)),
                )
            )
        yield rows


@contextlib.contextmanager
def started(at: compare.Bench, edge: Asking, config: Path, port: int):
    folder = at.folder / f"asking-{edge.edge}"
    (folder / "temp").mkdir(parents=True)
    listen = f"127.0.0.1:{port}"
    at.run(at.program, "edge-config", edge.edge, "--config", config, "--listen", listen, "--out", folder)
    file = folder / edge.file
    file.write_text(file.read_text().replace(*edge.change, 1))
    program = next(product for product in PRODUCTS if product.name == edge.product).program()
    log = folder / "output.log"
    with compare.running([program, *edge.arguments], log, folder, **dict(edge.environment)) as process:
        try:
            compare.wait_for(has_routes(port), process, log)
            yield process
        finally:
            # Killed, the master of nginx would leave its worker behind.
            process.terminate()
            with contextlib.suppress(Exception):
                process.wait(10)
