"""Hourly sums of the usage log, by user, key, model and outcome: what statistics read instead of the log.

A row of the log belongs to the hour in which its request arrived, by the time that its id begins with. Lists of
requests choose their rows by that time too, so a sum and a list of one range are of the same rows.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core import first_byte
from quart_proxy.core.usage import Dimension

KEYS = ("user_id", "api_key_id", "hour", "model", "outcome")
TOKENS = (*(dimension.value for dimension in Dimension), "reasoning")
SUMS = ("requests", "charged", *TOKENS, "cost", "duration_ms", "timed", *first_byte.NAMES)
"""`charged` counts rows with a price, `timed` those whose duration is known."""
LAST = "last_at"

_READ = ("request_id", "user_id", "api_key_id", "model", "outcome", "price_id", *TOKENS, "cost", "started_at")
NEEDED = (*_READ, "first_byte_ms", "duration_ms")
"""The columns of the log that sums are made of."""

_BOUNDS = ",".join(map(str, first_byte.BOUNDS_MS))
_EACH = {
    "requests": "count(*)",
    "charged": "count(price_id)",
    **{name: f"coalesce(sum({name}), 0)" for name in (*TOKENS, "cost", "duration_ms")},
    "timed": "count(duration_ms)",
    **{name: f"count(*) FILTER (WHERE place = {place})" for place, name in enumerate(first_byte.NAMES)},
    LAST: "max(started_at)",
}
COLUMNS = (*KEYS, *_EACH)


def arrived_at(identifier: str, seconds: int = 3600) -> str:
    """SQL for the hour, or the part of it, in which the request of this id arrived: the first 12 digits of an id are
    milliseconds since 1970."""
    digits = f"left({identifier}::text, 8) || substr({identifier}::text, 10, 4)"
    return f"to_timestamp(('x' || {digits})::bit(48)::bigint / {seconds * 1000} * {seconds})"


def hour_ago(days: int) -> str:
    """SQL for the beginning of the hour in which it was now so many times 24 hours ago. In UTC as the rollups are,
    whatever zone the database has: days have 23 hours there, and hours begin at half past."""
    return f"date_trunc('hour', now() - interval '{days * 24} hours', 'UTC')"


def sum_rows(source: str) -> str:
    """The query that sums the rows of `source`, which has the columns NEEDED, into those of the rollups."""
    hour = arrived_at("request_id")
    keys = ", ".join(KEYS)
    sums = ", ".join(f"{each} AS {name}" for name, each in _EACH.items())
    return (
        f"SELECT {keys}, {sums}"  # noqa: S608  (names and bounds are constants)
        f" FROM (SELECT *, {hour} AS hour, width_bucket(first_byte_ms, '{{{_BOUNDS}}}'::int[]) AS place FROM {source})"
        f" AS arrived GROUP BY {keys}"
    )


def add_rows(source: str) -> str:
    """The statement that adds the rows of `source` to the rollups."""
    added = [f"{name} = usage_hourly.{name} + excluded.{name}" for name in SUMS]
    return (
        f"INSERT INTO usage_hourly ({', '.join(COLUMNS)}) {sum_rows(source)}"
        f" ON CONFLICT ({', '.join(KEYS)}) DO UPDATE SET {', '.join(added)},"
        f" {LAST} = greatest(usage_hourly.{LAST}, excluded.{LAST})"
    )


async def mend_sums(connection: AsyncConnection) -> None:
    """Make all sums anew from the rows, in a transaction. Settlements wait for its end, or go to the spool.

    Only a worker of a version that kept no sums can have left them wrong: one that settled after the migration.
    """
    await connection.execute(text("LOCK TABLE usage_log IN SHARE MODE"))
    await connection.execute(text("DELETE FROM usage_hourly"))
    await connection.execute(text(add_rows("usage_log")))


def _compare() -> str:
    """The query of every figure of every hour that is not the sum of its rows: per user, with how many hours are wrong.

    Figures of hours that are right are left out, so an error is seen where another makes up for it.
    """
    figures = (*SUMS, LAST)
    sides = [", ".join(f"{side}.{name}" for name in figures) for side in "hr"]
    pairs = ", ".join(f"('{name}', {_number('h', name)}, {_number('r', name)})" for name in figures)
    return f"""
SELECT user_id, coalesce(u.name, ''), 'hourly ' || f.figure || ' (' || count(*) || ' sums)',
       sum(f.kept), sum(f.summed)
FROM usage_hourly AS h FULL JOIN ({sum_rows("usage_log")}) AS r USING ({", ".join(KEYS)})
LEFT JOIN users AS u ON u.id = user_id
CROSS JOIN LATERAL (VALUES {pairs}) AS f(figure, kept, summed)
WHERE ({sides[0]}) IS DISTINCT FROM ({sides[1]}) AND f.kept <> f.summed
GROUP BY user_id, u.name, f.figure
ORDER BY user_id, f.figure
"""  # noqa: S608  (names are constants of this file)


def _number(side: str, name: str) -> str:
    return f"coalesce({f'extract(epoch FROM {side}.{name})' if name == LAST else f'{side}.{name}'}::numeric, 0)"


AUDIT = _compare()
