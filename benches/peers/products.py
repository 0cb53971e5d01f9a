"""The proxies that Sidgate is compared with: where their programs are, how they are started, and what each of them is asked
to do. Their configurations lie beside this file, a folder for each, with `{{name}}` where a port or a session is to stand."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import compare
import stack

HERE = Path(__file__).resolve().parent
# Where `scripts/bootstrap bench-peers` puts what Debian does not have.
PYPI = stack.ROOT / ".venv/peers/bin"
# Debian's servers are there, which is not on everybody's PATH.
SERVERS = "/usr/local/sbin:/usr/sbin"
STOP_SECONDS = 10
# Of a port: whether it can be used.
Ready = Callable[[int], Callable[[], bool]]
PLACE = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Way:
    """One row of the table: a proxy that does one thing, on a port of its own (`port` is its name in the configuration)."""

    name: str
    port: str
    # Whether it knows sessions: then the app must get the identity, and strangers must be refused.
    knows: bool = False
    # Whether it asks the checker.
    asks: bool = False


@dataclass(frozen=True)
class Product:
    """A proxy; `arguments` are read in the folder of its filled-in configuration, which it runs in. The first way passes on."""

    name: str
    folder: str
    arguments: tuple[str, ...]
    log: str
    ways: tuple[Way, ...]
    version: tuple[str, ...]
    environment: Mapping[str, str] | None = None

    def program(self) -> Path:
        name = self.arguments[0]
        found = shutil.which(name, path=f"{PYPI}:{os.environ.get('PATH', '')}:{SERVERS}")
        if found is None:
            raise compare.Failed(f"{name} is missing: scripts/bootstrap bench-peers")
        return Path(found)

    def told_version(self) -> str:
        """Its name and the number that the program says of itself."""
        done = subprocess.run([self.program(), *self.version], capture_output=True, text=True)
        number = re.search(r"\d+\.\d+\.\d+", done.stdout + done.stderr)
        return f"{self.name} {number[0] if number else 'of unknown version'}"


NGINX = ("nginx", "-e", "stderr", "-p", ".", "-c", "nginx.conf")
CHECKER = Product("checker", "checker", NGINX, "", (Way("", "checker_http"), Way("", "checker_grpc")), ("-v",))
PRODUCTS = (
    Product(
        "nginx",
        "nginx",
        NGINX,
        "access.log",
        (
            Way("nginx, pass-through", "pass"),
            Way("nginx, Lua and a shared dict", "lua", knows=True),
            Way("nginx, `auth_request`", "auth_request", knows=True, asks=True),
        ),
        ("-v",),
    ),
    Product(
        "Envoy",
        "envoy",
        ("envoy", "-c", "envoy.yaml", "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"),
        "access.log",
        (
            Way("Envoy, pass-through", "pass"),
            Way("Envoy, `ext_authz` over HTTP", "ext_authz_http", knows=True, asks=True),
            Way("Envoy, `ext_authz` over gRPC", "ext_authz_grpc", knows=True, asks=True),
        ),
        ("--version",),
    ),
    Product(
        "HAProxy",
        "haproxy",
        ("haproxy", "-db", "-f", "haproxy.cfg"),
        # Its standard output, see its configuration.
        "output.log",
        (Way("HAProxy, pass-through", "pass"),),
        ("-v",),
    ),
    Product(
        "Traefik",
        "traefik",
        ("traefik", "--configFile=traefik.yml"),
        "access.log",
        (
            Way("Traefik, pass-through", "pass"),
            Way("Traefik, `forwardAuth`", "forward_auth", knows=True, asks=True),
        ),
        ("version",),
        {"GOMAXPROCS": "1"},
    ),
)


def filled(text: str, values: Mapping[str, object]) -> str:
    """The text with a value in each of its places."""

    def value(place: re.Match[str]) -> str:
        if place[1] not in values:
            raise compare.Failed(f"a configuration has the place {place[0]}, for which there is no value")
        return str(values[place[1]])

    return PLACE.sub(value, text)


def modules() -> str:
    """Where nginx has its modules: the build decides, and tells."""
    told = subprocess.run([CHECKER.program(), "-V"], capture_output=True, text=True).stderr
    found = re.search(r"--modules-path=(\S+)", told)
    if found is None or not (Path(found[1]) / "ngx_http_lua_module.so").exists():
        raise compare.Failed("nginx is without its Lua module: scripts/bootstrap bench-peers")
    return found[1]


@contextlib.contextmanager
def started(
    product: Product, parent: Path, values: Mapping[str, object], ready: Ready
) -> Iterator[tuple[subprocess.Popen, Path]]:
    """The product with its configuration filled in, all its ports ready, and the folder that it runs in."""
    folder = parent / product.folder
    (folder / "temp").mkdir(parents=True)
    for source in (HERE / product.folder).iterdir():
        (folder / source.name).write_text(filled(source.read_text(), values))
    log = folder / "output.log"
    command = [product.program(), *product.arguments[1:]]
    with compare.running(command, log, folder, **(product.environment or {})) as process:
        try:
            for way in product.ways:
                compare.wait_for(ready(int(values[way.port])), process, log)
            yield process, folder
        finally:
            # Killed, the master of nginx would leave its worker behind.
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
