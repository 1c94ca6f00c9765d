"""A wire between the product and PostgreSQL that fails on demand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

T = TypeVar("T")


async def eventually(found: Callable[[], Awaitable[T]], *, tries: int = 400) -> T:
    """What `found` returns as soon as it is true; 20 seconds at most."""
    for _ in range(tries):
        if result := await found():
            return result
        await asyncio.sleep(0.05)
    raise AssertionError("it never became true")


class ChaosProxy:
    """A TCP port that leads to a database. `url` goes through it."""

    def __init__(self, database_url: str) -> None:
        self._target = urlsplit(database_url)
        self._folder = parse_qs(self._target.query).get("host", [""])[0]
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self.drops_replies = False
        """The server gets everything, and its answers get lost."""
        self.refuses = False
        """New connections are closed at once."""
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["ChaosProxy"]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        user = self._target.netloc.rpartition("@")[0]
        self.url = f"postgresql://{user}@127.0.0.1:{port}{self._target.path}"
        try:
            yield self
        finally:
            server.close()
            self.reset()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def stall(self) -> None:
        """Nothing passes in either direction until `resume`."""
        self._passing.clear()

    def resume(self) -> None:
        self.drops_replies = self.refuses = False
        self._passing.set()

    def reset(self) -> None:
        """Cut every connection, as a server that is killed does."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def go_away(self) -> None:
        self.refuses = True
        self.reset()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            writer.transport.abort()
            return
        if self._folder:
            there, back = await asyncio.open_unix_connection(f"{self._folder}/.s.PGSQL.5432")
        else:
            there, back = await asyncio.open_connection(self._target.hostname, self._target.port or 5432)
        self._writers |= {writer, back}
        for source, sink, is_reply in ((reader, back, False), (there, writer, True)):
            task = asyncio.create_task(self._pass(source, sink, is_reply))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_reply: bool) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                await self._passing.wait()
                if not (is_reply and self.drops_replies):
                    sink.write(data)
                    await sink.drain()
        sink.transport.abort()
