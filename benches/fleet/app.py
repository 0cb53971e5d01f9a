"""An app that knows everybody: whoever logs in is the user of that name, and every page is the same.

    app.py PORT
"""

from __future__ import annotations

import asyncio
import json
import sys

PAGE = b"x" * 1024


def answer(path: str, body: bytes) -> bytes:
    if path != "/__sidgate__/authenticate":
        return PAGE
    name = json.loads(body)["email"]
    tenant = name.partition("+")[2].partition("@")[0] or "tenant-1"
    return json.dumps({
        "user": {"id": name, "email": name, "name": "Somebody of Average Name", "is_staff": False, "locale": "en-GB"},
        "tenant_id": tenant,
        "attributes": {"plan": "business", "roles": ["editor", "billing"], "timezone": "Europe/Vienna"},
    }).encode()  # fmt: skip


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            lines = head.decode("latin-1").split("\r\n")
            fields = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
            body = await reader.readexactly(int(fields.get("content-length", 0)))
            page = answer(lines[0].split(" ")[1], body)
            kind = b"application/json" if page is not PAGE else b"text/plain"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(page), page))
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=1024)
    await server.serve_forever()


asyncio.run(main())
