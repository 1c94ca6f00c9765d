"""Reading the balances that requests wait for: all that were asked for while the last query ran, in one query.

A worker that serves a thousand users reads each of their balances every second; one by one that would cost more
than relaying their requests.
"""

import asyncio
from decimal import Decimal

from quart_proxy.core.errors import Unavailable
from quart_proxy.store.accounts import read_balances
from quart_proxy.store.database import Database


class BalanceReader:
    """One query at a time, for everyone who waits."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[int, asyncio.Future[Decimal | None]] = {}
        self._task: asyncio.Task[None] | None = None

    async def read(self, user_id: int) -> Decimal | None:
        """The balance by a query that begins after this call; None for an unknown user. Raises Unavailable."""
        future = self._waiting.get(user_id)
        if future is None:
            future = self._waiting[user_id] = asyncio.get_running_loop().create_future()
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

    async def _answer(self, waiting: "dict[int, asyncio.Future[Decimal | None]]") -> None:
        try:
            async with self._database.read() as connection:
                balances = await read_balances(connection, list(waiting))
        except Unavailable as error:
            for future in waiting.values():
                future.set_exception(error)
                # Whoever waited may be gone, and then nobody looks.
                future.exception()
        else:
            for user_id, future in waiting.items():
                future.set_result(balances.get(user_id))
        finally:
            for future in waiting.values():
                future.cancel()
