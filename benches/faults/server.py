"""A server of an app that can be made to fail, in ways that real servers fail in.

Reads words from its standard input, one in a line, and fails in that way until the next word. Prints its port first, and at
the end the ids of every POST that it has read.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import sys

ILL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
HALF = b"HTTP/1.1 200 OK\r\nContent-Le"
# Connections to oneself that fill the queue of a listener, which then answers no other one.
QUEUE = 16


class Server:
    """Listens at one port for as long as it lives."""

    def __init__(self) -> None:
        self.mode = "well"
        self.posts: list[str] = []
        self.writers: set[asyncio.StreamWriter] = set()
        self.listener: asyncio.Server | None = None
        self.swallowing: list[socket.socket] = []
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    async def become(self, mode: str) -> None:
        """Fails in this way from now on."""
        self.mode = mode
        for held in self.swallowing:
            held.close()
        self.swallowing = []
        if mode in ("refuse", "swallow"):
            await self.close()
        if mode == "swallow":
            self.swallow()
        elif mode != "refuse" and self.listener is None:
            self.listener = await asyncio.start_server(
                self.serve, "127.0.0.1", self.port, backlog=1024, reuse_address=True
            )

    async def close(self) -> None:
        if self.listener:
            self.listener.close()
            self.listener = None
        for writer in list(self.writers):
            writer.transport.abort()

    def swallow(self) -> None:
        """A listener whose queue is full: the system drops what else comes."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(0)
        self.swallowing.append(listener)
        for _ in range(QUEUE):
            client = socket.socket()
            client.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                client.connect(("127.0.0.1", self.port))
            self.swallowing.append(client)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self.answer(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    async def answer(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        if head.startswith(b"POST "):
            self.posts.append(head.split(b" ", 2)[1].decode())
        match self.mode:
            case "silent":
                while self.mode == "silent":
                    await asyncio.sleep(0.05)
                writer.transport.abort()
            case "reset":
                writer.write(HALF)
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            case "503":
                writer.write(ILL)
            case _:
                name = str(self.port).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(name), name))


async def main() -> None:
    server = Server()
    await server.become("well")
    print(server.port, flush=True)
    words = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(words), sys.stdin
    )
    while word := await words.readline():
        await server.become(word.decode().strip())
        print("done", flush=True)
    print(" ".join(server.posts), flush=True)


asyncio.run(main())
