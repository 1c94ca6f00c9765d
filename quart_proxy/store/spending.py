"""What users and keys spent, by the hourly sums of the log of requests."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, DateTime, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.money import ZERO
from quart_proxy.store.rollups import hour_ago


@dataclass(frozen=True, slots=True)
class Span:
    """What a user spent, or one key of theirs, since the beginning of an hour."""

    user_id: int
    key_id: int | None
    """None: the user, by all keys."""
    since: datetime


async def read_spent(connection: AsyncConnection, spans: Sequence[Span]) -> dict[Span, Decimal]:
    """Dollars that were settled in each span, by the hourly sums: exact, since it begins with an hour."""
    query = text(
        """
        SELECT CASE WHEN a.key_id IS NULL
               THEN (SELECT sum(cost) FROM usage_hourly WHERE user_id = a.user_id AND hour >= a.since)
               ELSE (SELECT sum(cost) FROM usage_hourly
                     WHERE user_id = a.user_id AND api_key_id = a.key_id AND hour >= a.since)
               END
        FROM unnest(:users, :keys, :sinces) WITH ORDINALITY AS a(user_id, key_id, since, place)
        ORDER BY a.place
        """
    ).bindparams(
        bindparam("users", [span.user_id for span in spans], ARRAY(BigInteger)),
        bindparam("keys", [span.key_id for span in spans], ARRAY(BigInteger)),
        bindparam("sinces", [span.since for span in spans], ARRAY(DateTime(timezone=True))),
    )
    sums = (await connection.execute(query)).scalars()
    return {span: spent or ZERO for span, spent in zip(spans, sums, strict=True)}


@dataclass(frozen=True, slots=True)
class Spending:
    """Dollars that a user or a key spent in the last days, the hours at their beginning whole; over how many days
    those of the week were spent; and when its last request began. None: there was none."""

    spent_7d: Decimal
    spent_30d: Decimal
    pace_days: Decimal
    last_used_at: datetime | None


NOTHING_SPENT = Spending(ZERO, ZERO, Decimal(1), None)
_WEEK_AGO = hour_ago(7)


def pace_days(theirs: str, first: str) -> str:
    """SQL of the days that what was spent in the last week is divided by: those since the first request, seven at most;
    one at least, since a morning says nothing of a night. `theirs` are the hours of somebody, `first` is the first one
    of the week."""
    return f"""CASE WHEN EXISTS (SELECT FROM usage_hourly AS old WHERE {theirs} AND old.hour < {_WEEK_AGO}) THEN 7
        ELSE round(least(7, greatest(1, extract(epoch FROM now() - {first}) / 86400)), 1) END"""  # noqa: S608


async def read_user_spending(connection: AsyncConnection, user_ids: Sequence[int]) -> dict[int, Spending]:
    """By user; those of whom there is no request are left out."""
    return await _read_spending(connection, "users", "user_id = o.id", user_ids)


async def read_key_spending(connection: AsyncConnection, key_ids: Sequence[int]) -> dict[int, Spending]:
    """By key; those by which no request came are left out."""
    return await _read_spending(connection, "api_keys", "user_id = o.user_id AND api_key_id = o.id", key_ids)


async def _read_spending(
    connection: AsyncConnection, owners: str, theirs: str, ids: Sequence[int]
) -> dict[int, Spending]:
    # Only of those who did nothing for a month are all hours read, for the last one.
    query = text(
        f"""
        SELECT o.id, coalesce(s.spent_7d, 0), coalesce(s.spent_30d, 0), {pace_days(theirs, "s.first_hour")},
               coalesce(s.last_at, (SELECT max(last_at) FROM usage_hourly WHERE {theirs})) AS at
        FROM {owners} AS o
        CROSS JOIN LATERAL (
            SELECT sum(cost) FILTER (WHERE hour >= {_WEEK_AGO}) AS spent_7d,
                   min(hour) FILTER (WHERE hour >= {_WEEK_AGO}) AS first_hour,
                   sum(cost) AS spent_30d, max(last_at) AS last_at
            FROM usage_hourly
            WHERE {theirs} AND hour >= {hour_ago(30)}) AS s
        WHERE o.id = ANY(:ids)
        """  # noqa: S608  (`owners` and `theirs` are constants of this file)
    ).bindparams(bindparam("ids", list(ids), ARRAY(BigInteger)))
    rows = await connection.execute(query)
    return {row[0]: Spending(*row[1:]) for row in rows if row.at is not None}
