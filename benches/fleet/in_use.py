"""Three gateways on one database, each of which has been asked for every session."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import compare
import database
import sessions
import stack
from tables import rows as markdown

NODES = 3
# Then each is asked at random for so long, so that the indexes of last uses and renewals have work.
SECONDS = 30


def measure(count: int) -> str:
    """Markdown."""
    with (
        database.server(2 * count) as server,
        compare.bench(stack.RELEASE, threads=1) as at,
        contextlib.ExitStack() as running,
    ):
        there = server.named("in_use")
        there.make_schema()
        cookies, warm = sessions.stored(there, at, count)
        nodes = [
            running.enter_context(sessions.gateway(at, there, count, cookies, warm, name=f"node-{number}"))
            for number in range(NODES)
        ]
        with ThreadPoolExecutor(NODES) as pool:
            list(pool.map(sessions.Gateway.fill, nodes))
            list(pool.map(lambda node: node.drive(SECONDS, keep=True), nodes))
        lines = [
            (f"node {number}", f"{node.held():,}", f"{node.resident / 2**20:,.0f}", f"{node.bytes_per_session:,.0f}")
            for number, node in enumerate(nodes, 1)
        ]
        head = ("", "sessions in use", "resident memory, MiB", "bytes for each session")
        return "\n\n".join([markdown(head, lines), there.sizes(), there.index_use()])
