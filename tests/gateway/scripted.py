"""A provider on a raw socket: it reads one request and answers with exactly the bytes that a test wrote."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Script = Callable[["Connection"], Awaitable[None]]

STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


@dataclass
class Connection:
    """One connection of the proxy to this provider, its request read."""

    head: bytes
    body: bytes
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """End with a TCP reset."""
        raw = self.writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.close()

    async def wait_until_gone(self) -> None:
        """Until the proxy hangs up."""
        try:
            await self.reader.read()
        except ConnectionError:
            pass


@dataclass
class ScriptedProvider:
    url: str
    script: Script | None = None
    requests: list[Connection] = field(default_factory=list)

    def says(self, *parts: bytes, reset: bool = False) -> None:
        """Answer with these bytes, each written on its own; then close, or reset."""

        async def script(connection: Connection) -> None:
            for part in parts:
                await connection.send(part)
                await asyncio.sleep(0.005 if len(parts) < 200 else 0)
            if reset:
                connection.reset()

        self.script = script

    def streams(self, *parts: bytes, reset: bool = False) -> None:
        """As `says`, behind the head of an event stream."""
        self.says(STREAM_HEAD, *parts, reset=reset)

    def answers(self, status: int, body: bytes, *headers: str) -> None:
        """A whole answer."""
        lines = [f"HTTP/1.1 {status} Something", f"content-length: {len(body)}", "connection: close", *headers]
        self.says("\r\n".join([*lines, "", ""]).encode() + body)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")
            )
            connection = Connection(head, await reader.readexactly(length), reader, writer)
            self.requests.append(connection)
            assert self.script is not None, "a request came before its script"
            await self.script(connection)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serve_scripted() -> AsyncIterator[ScriptedProvider]:
    provider = ScriptedProvider("")
    running: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(provider.handle(reader, writer))
        running.add(task)
        task.add_done_callback(running.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=2**20)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.close()
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
