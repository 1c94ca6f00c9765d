"""Reading figures that requests wait for: many in one query, and never older than a second when they are used.

A worker that serves a thousand users reads each of their figures every second; one by one that would cost more than
relaying their requests.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from quart_proxy.core.errors import Unavailable
from quart_proxy.settings import BALANCE_AGE_S
from quart_proxy.store.database import Database

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BatchReader(Generic[K, V]):
    """One query at a time, for everyone who waits: for all that was asked for while the last one ran. `load` gets a
    connection and the keys; what it leaves out is unknown."""

    def __init__(self, database: Database, load: Callable[[Any, Sequence[K]], Awaitable[Mapping[K, V]]]) -> None:
        self._database = database
        self._load = load
        self._waiting: dict[K, asyncio.Future[V | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def read(self, key: K) -> V | None:
        """The figure by a query that begins after this call; None for an unknown key. Raises Unavailable."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await asyncio.shield(future)

    async def _run(self) -> None:
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, {}
                await self._answer(waiting)
        finally:
            self._task = None

    async def _answer(self, waiting: "dict[K, asyncio.Future[V | None]]") -> None:
        try:
            async with self._database.read() as connection:
                found = await self._load(connection, list(waiting))
        except Unavailable as error:
            for future in waiting.values():
                future.set_exception(error)
                # Whoever waited may be gone, and then nobody looks.
                future.exception()
        else:
            for key, future in waiting.items():
                future.set_result(found.get(key))
        finally:
            for future in waiting.values():
                future.cancel()


@dataclass(slots=True, kw_only=True)
class Figure:
    """What this worker knows of something that others change. `read_at` is monotonic seconds; minus infinity: it is
    read before it is next used."""

    read_at: float = float("-inf")
    reading: "asyncio.Task[None] | None" = field(default=None, repr=False)

    def expire(self) -> None:
        """Something changed it: what is being read may be from before."""
        self.read_at = float("-inf")
        self.reading = None

    async def freshen(self, read: Callable[[], Coroutine[Any, Any, V]], take: Callable[[V], None]) -> None:
        """See that it is a second old at most. `take` gets what `read` read, unless it has expired meanwhile. Raises
        what `read` raises."""
        came_at = time.monotonic()
        while self.read_at < came_at - BALANCE_AGE_S:
            if self.reading is None:
                self.reading = asyncio.create_task(self._read(read, take))
            await asyncio.shield(self.reading)

    async def _read(self, read: Callable[[], Coroutine[Any, Any, V]], take: Callable[[V], None]) -> None:
        try:
            begun = time.monotonic()
            value = await read()
            if self.reading is asyncio.current_task():
                take(value)
                self.read_at = begun
        finally:
            if self.reading is asyncio.current_task():
                self.reading = None
