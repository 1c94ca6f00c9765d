"""The monthly partitions of `usage_log`, made ahead of time.

A UUIDv7 begins with 48 bits of milliseconds, so a month is a range of ids.
"""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

PARTITION_PREFIX = "usage_log_"
MONTHS_AHEAD = 3


def first_id(moment: datetime) -> UUID:
    """The least id that a request at `moment` can have."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def month_start(moment: datetime, months_later: int = 0) -> datetime:
    years, month = divmod(moment.year * 12 + moment.month - 1 + months_later, 12)
    return datetime(years, month + 1, 1, tzinfo=UTC)


async def make_partitions(connection: AsyncConnection, now: datetime) -> None:
    """Make the partitions of this month and the next ones, and the one for ids outside every month.

    That one is a net: a machine whose clock is years off loses no settlement. Two processes may call this at
    once.
    """
    await connection.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended('usage_log partitions', 0))")
    )
    await connection.execute(
        text(f"CREATE TABLE IF NOT EXISTS {PARTITION_PREFIX}other PARTITION OF usage_log DEFAULT")
    )
    for months_later in range(MONTHS_AHEAD + 1):
        start = month_start(now, months_later)
        low, high = first_id(start), first_id(month_start(now, months_later + 1))
        await connection.execute(
            text(
                f"CREATE TABLE IF NOT EXISTS {PARTITION_PREFIX}{start:%Y_%m}"
                f" PARTITION OF usage_log FOR VALUES FROM ('{low}') TO ('{high}')"
            )
        )
