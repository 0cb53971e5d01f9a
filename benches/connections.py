#!/usr/bin/env python3
"""Memory of a gateway with many connections: what one at rest takes, and whether it is given back.

    benches/connections.py [--binaries target/release] [--connections 10000] [--rounds 30] [--streams 800] [--preload LIB]

Two trials, each with a gateway of its own:

at rest   so many clients connect, ask once, and keep their connection. The memory that came with them, for each of them,
          and what is left when they are gone.
streams   rounds of event streams that are opened and closed. What is left after the last round.

Memory is what is resident, and "after" is some seconds and a few visitors later: an allocator gives memory back when its
threads work again. Measured from one process with nonblocking sockets, so the gateway is all that grows.
"""

from __future__ import annotations

import argparse
import selectors
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import compare
import loads
from machine import machine

ROOT = Path(__file__).resolve().parent.parent
# At most so many connections are being opened at once: the queue of a socket is not endless.
OPENING = 100
# Sessions are read one after the other; the store is not what is measured.
WARM_UP = 200
PATIENCE_SECONDS = 120
# What is freed is given back to the system a little later.
SETTLE_SECONDS = 3
# Who comes after all others have gone: so many times so many.
VISITS, VISITORS = 20, 20
KIB = 1024


@dataclass(frozen=True)
class Memory:
    """Resident bytes of a gateway before, with, and after all of its clients."""

    before: int
    at: int
    after: int
    clients: int

    def each(self) -> float:
        """Bytes for one client."""
        return (self.at - self.before) / self.clients

    def left(self) -> int:
        """Bytes that stay when they are gone."""
        return self.after - self.before


class Clients:
    """Connections that have sent one request each and read the beginning of its answer."""

    def __init__(self, port: int, request: Callable[[int], bytes], expected: bytes) -> None:
        self.port, self.request, self.expected = port, request, expected
        self.sockets: list[socket.socket] = []

    def open(self, count: int, at_once: int = OPENING) -> None:
        """Opens so many more."""
        with selectors.DefaultSelector() as waiting:
            answered, started = 0, 0
            deadline = time.monotonic() + PATIENCE_SECONDS
            while answered < count:
                while started < count and started - answered < at_once:
                    waiting.register(self.start(started), selectors.EVENT_READ)
                    started += 1
                if time.monotonic() > deadline:
                    raise compare.Failed(f"{count - answered} of {count} clients have no answer")
                for key, _ in waiting.select(timeout=1):
                    answer = key.fileobj.recv(64 * KIB)
                    if self.expected not in answer:
                        raise compare.Failed(f"a client is answered {answer[-300:]!r}")
                    waiting.unregister(key.fileobj)
                    answered += 1

    def start(self, number: int) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        client.sendall(self.request(number))
        client.setblocking(False)
        self.sockets.append(client)
        return client

    def close(self) -> None:
        for client in self.sockets:
            client.close()
        self.sockets.clear()


def settings(port: int, admin: int, upstream: int) -> str:
    return (
        compare.configuration(port, admin, upstream, threads=2).replace(
            "[store]", 'keepalive_timeout = "10m"\n[store]'
        )
        + "[edge]\nmax_connections = 15000\nstreams_per_client = 100000\n"
        + "[endpoints]\nmax_streams = 100000\n"
    )


def descriptors(process: int) -> int:
    return sum(1 for _ in Path(f"/proc/{process}/fd").iterdir())


def settled(target: compare.Target, clients: Clients, open_before: int) -> int:
    """Memory when its connections are gone, and a few others have come and gone."""
    clients.close()
    deadline = time.monotonic() + PATIENCE_SECONDS
    # Connections to the app are kept for a while.
    while descriptors(target.process.pid) > open_before + 2 * OPENING:
        if time.monotonic() > deadline:
            raise compare.Failed("connections stay open")
        time.sleep(0.1)
    time.sleep(SETTLE_SECONDS)
    for _ in range(VISITS):
        clients.open(VISITORS)
        clients.close()
        time.sleep(0.1)
    return target.resident_bytes()


class Trials:
    """Both trials with the same binaries."""

    def __init__(self, at: compare.Bench, preload: str | None) -> None:
        self.at, self.preload = at, preload

    def gateway(self, name: str, trial: Callable[[compare.Target, list[str]], Memory]) -> Memory:
        folder, sids = self.at.seeded(name, WARM_UP)
        port, admin = compare.free_port(), compare.free_port()
        log, config = folder / "gateway.log", folder / "sidgate.toml"
        config.write_text(settings(port, admin, self.at.upstream))
        command = [self.at.binaries / "sidgate", "run", "--config", config]
        environment = {"RUST_LOG": "warn"}
        if self.preload:
            environment["LD_PRELOAD"] = self.preload
        with compare.running(command, log, folder, **environment) as process:
            compare.wait_for(compare.ready(admin), process, log)
            return trial(compare.Target(name, process, port, "/"), sids)

    def at_rest(self, connections: int) -> Memory:
        """Connections that have asked for a page of the app, as somebody who is logged in."""

        def trial(target: compare.Target, sids: list[str]) -> Memory:
            def request(number: int) -> bytes:
                sid = sids[number % len(sids)]
                fields = loads.headers(target.port, sid)
                head = "".join(f"{name}: {value}\r\n" for name, value in fields)
                return f"GET {compare.PATH} HTTP/1.1\r\n{head}\r\n".encode()

            open_before = descriptors(target.process.pid)
            clients = Clients(target.port, request, b" 200 ")
            clients.open(WARM_UP, at_once=1)
            before = settled(target, clients, open_before)
            clients.open(connections)
            time.sleep(SETTLE_SECONDS)
            with_all = target.resident_bytes()
            after = settled(target, clients, open_before)
            return Memory(before, with_all, after, connections)

        return self.gateway("rest", trial)

    def streams(self, rounds: int, streams: int) -> Memory:
        """Event streams, opened and closed again and again."""

        def trial(target: compare.Target, sids: list[str]) -> Memory:
            def request(number: int) -> bytes:
                sid = sids[number % len(sids)]
                return (
                    f"GET /api/auth/events HTTP/1.1\r\nHost: localhost:{target.port}\r\n"
                    f"Cookie: sid={sid}\r\n\r\n"
                ).encode()

            open_before = descriptors(target.process.pid)
            clients = Clients(target.port, request, b" 200 ")
            clients.open(WARM_UP, at_once=1)
            before = settled(target, clients, open_before)
            most = 0
            for _ in range(rounds):
                clients.open(streams)
                time.sleep(0.2)
                most = max(most, target.resident_bytes())
                clients.close()
                time.sleep(0.3)
            return Memory(before, most, settled(target, clients, open_before), streams)

        return self.gateway("streams", trial)


def measure(
    binaries: Path,
    connections: int = 10_000,
    rounds: int = 30,
    streams: int = 800,
    preload: str | None = None,
) -> tuple[Memory, Memory]:
    """Memory with connections at rest, and with rounds of event streams."""
    with compare.bench(binaries, threads=2) as at:
        trials = Trials(at, preload)
        return trials.at_rest(connections), trials.streams(rounds, streams)


def report(at_rest: Memory, streams: Memory) -> str:
    lines = [f"{'':10}{'before MiB':>12}{'at MiB':>10}{'after MiB':>12}{'KiB each':>10}"]
    for name, memory in (("at rest", at_rest), ("streams", streams)):
        before, most, after = (
            size / KIB / KIB for size in (memory.before, memory.at, memory.after)
        )
        each = memory.each() / KIB
        lines.append(f"{name:10}{before:12.1f}{most:10.1f}{after:12.1f}{each:10.2f}")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binaries", type=Path, default=ROOT / "target" / "release")
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--streams", type=int, default=800)
    parser.add_argument("--preload", help="another allocator")
    options = parser.parse_args()
    try:
        both = measure(
            options.binaries.resolve(),
            options.connections,
            options.rounds,
            options.streams,
            options.preload,
        )
    except compare.Failed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    print(f"{machine()}\n\n{report(*both)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
