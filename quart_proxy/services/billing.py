"""Making charges durable, many at a time.

One settler a worker. It takes all that queued while its last commit ran and commits it in one statement, so
the busier it is the fewer commits a request costs. When PostgreSQL does not commit in time the charges go to
the spool, are synced there, and count as durable; they are replayed when the database is back.

Whoever waits for a charge may vanish (a client that hangs up takes its waiting task with it); the settler may
not. So waiters hold futures, and a future that was cancelled is passed over.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from quart_proxy.core.record import Exchange, Outcome
from quart_proxy.services.spool import Spool, SpoolBroken, TakenSpool, take
from quart_proxy.settings import DATABASE_TIMEOUT_S, SETTLE_BATCH_MAX, SETTLE_WAIT_S
from quart_proxy.store.database import AWAY, TRANSIENT, Database
from quart_proxy.store.ledger import bury_record, settle_records

logger = logging.getLogger(__name__)

TRIES_MAX = 5
RECOVERY_PAUSE_S = 0.5
SWEEP_PAUSE_S = 1.0
STATEMENT_TIMEOUT_S = DATABASE_TIMEOUT_S
INTENT_AGE_S = STATEMENT_TIMEOUT_S + 1.0
"""An orphan's intents become rows only after this long: a statement that its killed writer had sent has then ended."""

REFUSALS = (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError)
"""What PostgreSQL says of a record that it will never take: a value it cannot hold, a user that is not there."""
FAILURES = (asyncpg.PostgresError, *AWAY)
"""Everything that can come of a statement. What is not a refusal says nothing of the records: a database that is
read-only, full, or not migrated yet must not turn good charges into dead letters, nor end the settler."""


@dataclass(slots=True, eq=False)
class _Pending:
    record: bytes
    request_id: bytes
    user_id: int
    durable: "asyncio.Future[Decimal | None]"


class Settler:
    """Settles exchanges for one worker. `on_balance` hears each user's new balance, and on what monotonic second the
    statement that made it was sent."""

    def __init__(self, database: Database, spool: Spool, on_balance: Callable[[int, Decimal, float], None]) -> None:
        self._database = database
        self._spool = spool
        self._on_balance = on_balance
        self._queue: deque[_Pending] = deque()
        self._wake = asyncio.Event()
        self._connection: asyncpg.Connection[Any] | None = None
        self._is_away = False
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False

    # --- what relays use ------------------------------------------------------------------------------

    @property
    def can_bill(self) -> bool:
        """False when a charge could be lost: no request may begin."""
        return self._spool.is_healthy

    @property
    def backlog(self) -> int:
        return len(self._queue) + self._spool.unreplayed

    @property
    def spooled(self) -> int:
        """Charges that are in this worker's journal and not in PostgreSQL yet."""
        return self._spool.unreplayed

    def begin(self, exchange: Exchange) -> None:
        """Leave word that a request begins, so that a crash leaves its name. Raises SpoolBroken."""
        self._spool.note_intent(exchange.request_id.bytes, exchange.encode())

    def settle(self, exchange: Exchange) -> "asyncio.Future[Decimal | None]":
        """Queue the exchange; the future is done when its row is durable, in PostgreSQL or in the spool. It holds the
        user's balance with the row in it. None: the row is not in PostgreSQL, or it is not known whether it is."""
        durable = asyncio.get_running_loop().create_future()
        pending = _Pending(exchange.encode(), exchange.request_id.bytes, exchange.user_id, durable)
        self._queue.append(pending)
        self._wake.set()
        return pending.durable

    # --- life -----------------------------------------------------------------------------------------

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._run()), asyncio.create_task(self._sweep())]

    async def stop(self) -> None:
        """Settle all that is queued, then leave."""
        self._is_stopping = True
        self._wake.set()
        if self._tasks:
            runner, sweeper = self._tasks
            sweeper.cancel()
            await asyncio.gather(runner, sweeper, return_exceptions=True)
        if self._connection is not None:
            self._connection.terminate()
        self._spool.close()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), SETTLE_BATCH_MAX))]
                await self._make_durable(batch)
            if self._is_stopping:
                return

    async def _make_durable(self, batch: list[_Pending]) -> None:
        if not self._is_away:
            try:
                async with asyncio.timeout(SETTLE_WAIT_S):
                    balances = await self._commit(
                        await self._connected(), [pending.record.decode() for pending in batch]
                    )
            except FAILURES as error:
                # In doubt: it may have been committed. The same ids go to the spool, so it counts once.
                self._lose_connection(error)
            else:
                self._finish(batch, balances)
                return
        await self._spool_batch(batch)

    async def _spool_batch(self, batch: list[_Pending]) -> None:
        try:
            self._spool.append([pending.record for pending in batch])
            await asyncio.to_thread(self._spool.sync)
        except SpoolBroken:
            # Neither place takes it: keep it in memory, let no request begin, and try the database again.
            self._queue.extendleft(reversed(batch))
            await asyncio.sleep(RECOVERY_PAUSE_S)
            self._is_away = False
            return
        self._finish(batch, {})

    def _finish(self, batch: list[_Pending], balances: Mapping[int, Decimal]) -> None:
        for pending in batch:
            self._spool.close_intent(pending.request_id)
            if not pending.durable.done():
                pending.durable.set_result(balances.get(pending.user_id))

    # --- PostgreSQL -----------------------------------------------------------------------------------

    async def _commit(self, connection: "asyncpg.Connection[Any]", records: Sequence[str]) -> dict[int, Decimal]:
        """Commit the records, once each, and tell the new balances. Those that PostgreSQL refuses for good become dead
        letters: the others of their batch must not suffer for them."""
        sent_at = time.monotonic()
        try:
            balances = await self._try_commit(connection, records)
        except REFUSALS as error:
            if len(records) == 1:
                logger.critical("settlement_refused", extra={"fields": {"reason": type(error).__name__}})
                await bury_record(connection, records[0], f"{type(error).__name__}: {error}")
                return {}
            middle = len(records) // 2
            first = await self._commit(connection, records[:middle])
            return first | await self._commit(connection, records[middle:])
        for user_id, balance in balances.items():
            self._on_balance(user_id, balance, sent_at)
        return balances

    async def _try_commit(self, connection: "asyncpg.Connection[Any]", records: Sequence[str]) -> dict[int, Decimal]:
        for attempt in range(TRIES_MAX - 1):
            try:
                return await settle_records(connection, records)
            except TRANSIENT:
                await asyncio.sleep(random.uniform(0.001, 0.01) * 2**attempt)
        return await settle_records(connection, records)

    async def _connected(self) -> "asyncpg.Connection[Any]":
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        return self._connection

    async def _connect(self) -> "asyncpg.Connection[Any]":
        """A connection whose commits are durable when they are answered, whatever the server's default is."""
        connection = await self._database.connect()
        try:
            await connection.execute(
                f"SET synchronous_commit = on; SET statement_timeout = '{int(STATEMENT_TIMEOUT_S)}s'"
            )
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _lose_connection(self, error: BaseException) -> None:
        self._is_away = True
        logger.error("settlements_spooled", extra={"fields": {"reason": type(error).__name__}})
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    # --- replay ---------------------------------------------------------------------------------------

    async def _sweep(self) -> None:
        """Bring back what is in spools: this worker's after an outage, and those that dead workers left."""
        while True:
            if self._is_away or self._spool.unreplayed or not self._spool.is_healthy:
                await self._postponable(self._recover())
            for path in self._spool.orphans():
                await self._postponable(self._adopt(path))
            await asyncio.sleep(RECOVERY_PAUSE_S if self._is_away else SWEEP_PAUSE_S)

    async def _postponable(self, replay: Coroutine[Any, Any, None]) -> None:
        try:
            await replay
        except (SpoolBroken, *FAILURES) as error:
            logger.warning("replay_postponed", extra={"fields": {"reason": type(error).__name__}})

    async def _recover(self) -> None:
        """The database may be back: replay this worker's own file, empty it, and go on settling there."""
        connection = await self._connect()
        is_kept = False
        try:
            while True:
                payloads, end = self._spool.read_unreplayed(SETTLE_BATCH_MAX)
                if not payloads:
                    break
                await self._commit(connection, [payload.decode() for payload in payloads])
                self._spool.mark_replayed(len(payloads), end)
            self._spool.compact()
            if self._is_away:
                # It proved good, and to connect anew might take longer than a settlement waits.
                self._connection, is_kept, self._is_away = connection, True, False
                logger.info("settlements_resumed", extra={"fields": {}})
        finally:
            if not is_kept:
                connection.terminate()

    async def _adopt(self, path: Path) -> None:
        """Replay what a dead worker left, and remove it when all of it is in PostgreSQL."""
        taken = take(path)
        if taken is None:
            return
        try:
            connection = await self._connect()
            try:
                if await self._replay(connection, taken):
                    taken.remove()
            finally:
                connection.terminate()
        finally:
            taken.release()

    async def _replay(self, connection: "asyncpg.Connection[Any]", taken: TakenSpool) -> bool:
        """Whether all of it is in PostgreSQL now."""
        is_ripe = taken.age_s(time.time()) >= INTENT_AGE_S
        settled: set[str] = set()
        for batch in _batches(taken.settlements()):
            await self._commit(connection, [payload.decode() for payload in batch])
            settled.update(orjson.loads(payload)["request_id"] for payload in batch)
        for batch in _batches(taken.intents()):
            if not is_ripe:
                return False
            await self._commit(connection, _interrupted(batch, settled))
        logger.info("spool_replayed", extra={"fields": {"settlements": len(settled)}})
        return True


def _batches(payloads: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(islice(payloads, SETTLE_BATCH_MAX)):
        yield batch


def _interrupted(intents: Iterable[bytes], settled: set[str]) -> list[str]:
    """Rows for the requests of a crashed worker that no settlement followed. Those that were committed meet their own
    row and change nothing."""
    records = [orjson.loads(payload) for payload in intents]
    return [
        orjson.dumps({**record, "outcome": Outcome.INTERRUPTED, "error_code": "process_killed"}).decode()
        for record in records
        if record["request_id"] not in settled
    ]
