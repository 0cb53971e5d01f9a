"""Lines between two processes that can be broken while connections are open.

    day_lines.py PORT..      prints a port for each, in their order, in one line; each leads to the one that was given

Words on standard input, `NUMBER MODE`, one a line, are answered with `done`:

- `well`: bytes arrive.
- `cut`: open connections are reset, and new ones as soon as they are made.
- `held`: bytes wait until the fault is over; connections stay open.
- `late`: bytes arrive a while later.

Ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys

LATE_SECONDS = 0.15
PIECE = 64 * 1024
CONNECT_SECONDS = 5
RESET = struct.pack("ii", 1, 0)


class Line:
    """Listens at one port for as long as it lives."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.mode = "well"
        self.goes = asyncio.Event()
        self.goes.set()
        self.writers: set[asyncio.StreamWriter] = set()

    async def listen(self) -> int:
        server = await asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1024)
        return server.sockets[0].getsockname()[1]

    def become(self, mode: str) -> None:
        if mode not in ("well", "cut", "held", "late"):
            raise ValueError(f"{mode} is unknown")
        self.mode = mode
        if mode == "held":
            self.goes.clear()
        else:
            self.goes.set()
        if mode == "cut":
            for writer in list(self.writers):
                reset(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode == "cut":
            reset(writer)
            return
        try:
            connecting = asyncio.open_connection("127.0.0.1", self.target)
            far_reader, far_writer = await asyncio.wait_for(connecting, CONNECT_SECONDS)
        except (OSError, asyncio.TimeoutError):
            reset(writer)
            return
        ends = {writer, far_writer}
        self.writers |= ends
        try:
            await asyncio.gather(self.carry(reader, far_writer), self.carry(far_reader, writer))
        finally:
            self.writers -= ends

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One way, to its end; the other side is told of it."""
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                await self.goes.wait()
                if self.mode == "late":
                    await asyncio.sleep(LATE_SECONDS)
                writer.write(piece)
                await writer.drain()
            await self.goes.wait()
        writer.close()


def reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def main() -> None:
    lines = [Line(int(port)) for port in sys.argv[1:]]
    print(*[await line.listen() for line in lines], flush=True)
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    while word := await words.readline():
        number, mode = word.decode().split()
        lines[int(number)].become(mode)
        print("done", flush=True)


asyncio.run(main())
