"""Visitors at a constant rate, whatever becomes of their requests: a process of its own.

    visitors.py PORT HOST RATE SECONDS

Each request has a connection of its own choice from those that rest, so that a slow one keeps nobody from coming. Every tenth
is a POST with an id that is used once. Prints a line for each request: when it was sent (seconds on the monotonic clock), how
long it took (seconds), its status (0: no answer), its method and the server that answered ("-": none).
"""

from __future__ import annotations

import asyncio
import sys
import time

POST_EVERY = 10


class Visitors:
    """Requests to one gateway."""

    def __init__(self, port: int, host: str) -> None:
        self.port, self.host = port, host
        self.resting: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.seen: list[tuple[float, float, int, str, str]] = []

    async def ask(self, number: int) -> None:
        method = "POST" if number % POST_EVERY == 0 else "GET"
        body = "Content-Length: 0\r\n" if method == "POST" else ""
        request = f"{method} /it/{number} HTTP/1.1\r\nHost: {self.host}\r\n{body}\r\n"
        sent = time.monotonic()
        status, server = 0, "-"
        try:
            status, server = await self.exchange(request.encode())
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        self.seen.append((sent, time.monotonic() - sent, status, method, server))

    async def exchange(self, request: bytes) -> tuple[int, str]:
        if self.resting:
            reader, writer = self.resting.pop()
        else:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith("content-length:")), 0)
        body = await reader.readexactly(length)
        if "connection: close" in lines:
            writer.close()
        else:
            self.resting.append((reader, writer))
        return int(head.split(b" ", 2)[1]), body.decode() if body.isdigit() else "-"

    async def come(self, rate: float, seconds: float) -> None:
        began = time.monotonic()
        asked = set()
        for number in range(round(rate * seconds)):
            wait = began + number / rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            task = asyncio.create_task(self.ask(number))
            asked.add(task)
            task.add_done_callback(asked.discard)
        await asyncio.gather(*asked)


visitors = Visitors(int(sys.argv[1]), sys.argv[2])
asyncio.run(visitors.come(float(sys.argv[3]), float(sys.argv[4])))
for sent, took, status, method, server in visitors.seen:
    print(f"{sent:.6f} {took:.6f} {status} {method} {server}")
