"""Noticing within a second that an admin changed something, on every worker.

The version is polled each second, which is true whatever happens to notifications; a notification only makes
it faster. When the listening connection was lost, changes may have been missed, so everything is cleared.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import asyncpg

from quart_proxy.core.errors import Unavailable
from quart_proxy.settings import VERSION_POLL_S
from quart_proxy.store.changes import CHANNEL, read_version
from quart_proxy.store.database import AWAY, Database

logger = logging.getLogger(__name__)


class ChangeWatch:
    """Calls `on_change` when the configuration's version moves. `version` is the newest one that this worker serves,
    `revision` the registry's in it."""

    def __init__(self, database: Database, on_change: Callable[[], None]) -> None:
        self.version = self.revision = 0
        self._database = database
        self._on_change = on_change
        self._hint = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._listener: asyncpg.Connection[Any] | None = None
        self._heard: dict[str, Callable[[str], None]] = {CHANNEL: lambda _: self._hint.set()}

    def hear(self, channel: str, on_payload: Callable[[str], None]) -> None:
        """Listen to another channel as well, over the same connection. Comes before `start`."""
        self._heard[channel] = on_payload

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._listener is not None:
            self._listener.terminate()

    async def check(self) -> None:
        """Read the version now, and tell if it moved. Raises Unavailable."""
        async with self._database.read() as connection:
            version, revision = await read_version(connection)
        if version != self.version:
            self.version, self.revision = version, revision
            self._on_change()

    async def _run(self) -> None:
        while True:
            self._hint.clear()
            try:
                await self._listen()
                await self.check()
            except (Unavailable, asyncpg.PostgresError, *AWAY) as error:
                logger.warning("config_version_unread", extra={"fields": {"reason": str(error)}})
            try:
                async with asyncio.timeout(VERSION_POLL_S):
                    await self._hint.wait()
            except TimeoutError:
                pass

    async def _listen(self) -> None:
        if self._listener is not None and not self._listener.is_closed():
            return
        self._listener = await self._database.connect()
        for channel, on_payload in self._heard.items():
            await self._listener.add_listener(channel, _payload_alone(on_payload))
        # Between two listeners a change can go unheard.
        self._on_change()


def _payload_alone(on_payload: Callable[[str], None]) -> Callable[..., None]:
    return lambda _connection, _pid, _channel, payload: on_payload(payload)
