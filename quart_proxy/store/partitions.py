"""The monthly partitions of `usage_log`, made ahead of time.

A UUIDv7 begins with 48 bits of milliseconds, so a month is a range of ids.
"""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PARTITION_PREFIX = "usage_log_"
MONTHS_AHEAD = 3
LOCK_TIMEOUT_S = 2
"""To make a partition locks the whole table: settlements would queue behind it for as long as it waits."""


def first_id(moment: datetime) -> UUID:
    """The least id that a request at `moment` can have. There was none before 1970."""
    return UUID(int=max(0, (moment - EPOCH) // timedelta(milliseconds=1)) << 80)


def first_id_of(moment: str) -> str:
    """SQL for the same, of a `moment` in SQL."""
    return f"(lpad(to_hex((extract(epoch FROM {moment}) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid"


def month_start(moment: datetime, months_later: int = 0) -> datetime:
    years, month = divmod(moment.year * 12 + moment.month - 1 + months_later, 12)
    return datetime(years, month + 1, 1, tzinfo=UTC)


async def make_partitions(connection: AsyncConnection, now: datetime) -> None:
    """Make the partitions of this month and the next ones, and the one for ids outside every month.

    That one is a net: a machine whose clock is years off loses no settlement. If it caught ids of a month that has no
    partition yet, they and all others of that month stay in it, with an alarm. Two processes may call this at once.
    """
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('usage_log partitions', 0))"))
    await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT_S}s'"))
    await _make_partition(connection, "other", "DEFAULT")
    for months_later in range(MONTHS_AHEAD + 1):
        start = month_start(now, months_later)
        low, high = first_id(start), first_id(month_start(now, months_later + 1))
        await _make_partition(connection, f"{start:%Y_%m}", f"FOR VALUES FROM ('{low}') TO ('{high}')")


async def _make_partition(connection: AsyncConnection, name: str, bounds: str) -> None:
    table = PARTITION_PREFIX + name
    if await connection.scalar(text("SELECT to_regclass(:table) IS NOT NULL"), {"table": table}):
        return
    try:
        async with connection.begin_nested():
            await connection.execute(text(f"CREATE TABLE {table} PARTITION OF usage_log {bounds}"))
    except DBAPIError as error:
        cause = error.orig and error.orig.__cause__
        if not isinstance(cause, (asyncpg.CheckViolationError, asyncpg.LockNotAvailableError)):
            raise
        # Months are made long ahead and tried again: a table that is in use now is no reason not to serve.
        logger.critical("partition_not_made", extra={"fields": {"table": table, "reason": type(cause).__name__}})
