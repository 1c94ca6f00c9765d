"""Sums of usage over any range, read from the hourly rollups.

The log itself is read for the parts of an hour at the two ends of a range, for filters that the rollups have no column
for, and for bars of minutes. What is summed is the same rows that a list with the same filter shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core import first_byte
from quart_proxy.core.buckets import floor_hour
from quart_proxy.core.record import Outcome
from quart_proxy.core.usage import Dimension
from quart_proxy.store import rollups
from quart_proxy.store.tables import usage_hourly, usage_log
from quart_proxy.store.usage_log import ROLLED, UsageFilter, narrow, narrow_log

HOUR = timedelta(hours=1)
MINUTE_ROWS_MAX = 50_000
"""Bars of minutes read the log, so they are drawn of no more rows than this."""
TOKENS = tuple(dimension.value for dimension in Dimension)
FIGURES: Mapping[str, tuple[str, ...]] = {
    "cost": ("cost",),
    "requests": ("requests",),
    "tokens": TOKENS,
    "first_byte_ms": first_byte.NAMES,
}
"""The sums that each metric is made of."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums by name, of which those that were not asked for are not there. `key` is what they are grouped by."""

    by_name: Mapping[str, Any]
    key: Any = None
    bar: int = 0

    def __getitem__(self, name: str) -> Any:
        return self.by_name[name]

    @property
    def tokens(self) -> int:
        """Every token, whatever its dimension."""
        return sum(self.by_name[name] for name in TOKENS)

    def first_byte_ms(self, share: float) -> int | None:
        """What this share of the waits for a first byte stayed below. None: there were none."""
        return first_byte.estimate_percentile([self.by_name[name] for name in first_byte.NAMES], share)


async def sum_usage(connection: AsyncConnection, chosen: UsageFilter, names: Sequence[str]) -> Sums:
    """The sums of these names over all that is chosen."""
    source = _rows(chosen, names)
    row = (await connection.execute(select(*_summed(source, names)))).one()
    return Sums(dict(zip(names, row, strict=True)))


async def rank_usage(
    connection: AsyncConnection, chosen: UsageFilter, *, by: str, metric: str, names: Sequence[str] = (), limit: int
) -> list[Sums]:
    """The `limit` users, keys, models or outcomes (`by` is the column) with the most of a metric, most first."""
    names = tuple(dict.fromkeys((*FIGURES[metric], *names)))
    source = _rows(chosen, names)
    query = (
        select(source.c[by], *_summed(source, names))
        .group_by(source.c[by])
        .order_by(_metric(source, metric).desc(), source.c[by])
        .limit(limit)
    )
    return [Sums(dict(zip(names, row[1:], strict=True)), row[0]) for row in await connection.execute(query)]


async def chart_usage(
    connection: AsyncConnection,
    chosen: UsageFilter,
    *,
    starts: Sequence[datetime],
    names: Sequence[str],
    by: str | None = None,
    keys: Sequence[Any] = (),
    minutes: bool = False,
) -> list[Sums]:
    """Sums for each bar that has any, and for each of `keys` of the column `by`; those of other keys together, under
    None. `minutes`: bars may begin within an hour."""
    source = _rows(chosen, names, minutes=minutes)
    bounds = bindparam("bounds", list(starts), ARRAY(DateTime(timezone=True)))
    key: ColumnElement[Any] = literal_column("NULL")
    if by is not None:
        key = case((source.c[by].in_(keys), source.c[by]))
    bars = select(
        (func.width_bucket(source.c.at, bounds) - 1).label("bar"),
        key.label("key"),
        *(source.c[name] for name in _plain(names)),
        source.c.outcome,
    ).subquery()
    query = select(bars.c.bar, bars.c.key, *_summed(bars, names)).group_by(bars.c.bar, bars.c.key)
    return [
        Sums(dict(zip(names, row[2:], strict=True)), row[1], max(0, row[0])) for row in await connection.execute(query)
    ]


async def count_rolled(connection: AsyncConnection, chosen: UsageFilter) -> int:
    """How many requests the hours of a range have, both ends whole: no fewer than are chosen."""
    until = None if chosen.until is None else _ceil_hour(chosen.until)
    since = None if chosen.since is None else floor_hour(chosen.since)
    query = select(func.coalesce(func.sum(usage_hourly.c.requests), 0)).where(_narrow_hours(chosen, since, until))
    return int(await connection.scalar(query) or 0)


# --- where the rows come from -------------------------------------------------------------------------


def _rows(chosen: UsageFilter, names: Sequence[str], *, minutes: bool = False) -> Subquery:
    """Rollups and rows of the log that together are what is chosen, each with the time that it counts for."""
    plain = _plain(names)
    if minutes or not _is_rolled(chosen):
        return _log(chosen, plain, minutes=minutes).subquery()
    since = None if chosen.since is None else _ceil_hour(chosen.since)
    until = None if chosen.until is None else floor_hour(chosen.until)
    if since is not None and until is not None and since >= until:
        return _log(chosen, plain).subquery()
    parts = [_hours(chosen, plain, since, until)]
    if since is not None and since != chosen.since:
        parts.append(_log(replace(chosen, until=since), plain))
    if until is not None and until != chosen.until:
        parts.append(_log(replace(chosen, since=until), plain))
    return union_all(*parts).subquery()


def _is_rolled(chosen: UsageFilter) -> bool:
    """Whether the rollups have a column for everything that is asked."""
    return all(wanted is None for wanted in (chosen.status, chosen.error_code, chosen.endpoint, chosen.min_cost))


def _hours(
    chosen: UsageFilter, names: Sequence[str], since: datetime | None, until: datetime | None
) -> Select[tuple[Any, ...]]:
    table = usage_hourly
    return select(
        table.c.hour.label("at"), *(table.c[name] for name in ROLLED), *(table.c[name] for name in names)
    ).where(_narrow_hours(chosen, since, until))


def _narrow_hours(chosen: UsageFilter, since: datetime | None, until: datetime | None) -> ColumnElement[bool]:
    conditions = narrow(usage_hourly, chosen, ROLLED)
    if since is not None:
        conditions.append(usage_hourly.c.hour >= since)
    if until is not None:
        conditions.append(usage_hourly.c.hour < until)
    return and_(true(), *conditions)


def _log(chosen: UsageFilter, names: Sequence[str], *, minutes: bool = False) -> Select[tuple[Any, ...]]:
    at = literal_column(rollups.arrived_at("usage_log.request_id", 60 if minutes else 3600), DateTime(timezone=True))
    columns = [usage_log.c[name] for name in ROLLED]
    return select(at.label("at"), *columns, *(_of_row(name).label(name) for name in names)).where(narrow_log(chosen))


def _of_row(name: str) -> ColumnElement[Any]:
    """What one row of the log adds to the sum of this name."""
    if name == "requests":
        return literal_column("1")
    if name in ("charged", "timed"):
        known = usage_log.c.price_id if name == "charged" else usage_log.c.duration_ms
        return _one_if(known.is_not(None))
    if name in first_byte.NAMES:
        place = first_byte.NAMES.index(name)
        waited, bounds = usage_log.c.first_byte_ms, (0, *first_byte.BOUNDS_MS)
        above = waited >= bounds[place]
        return _one_if(above if name == first_byte.NAMES[-1] else and_(above, waited < bounds[place + 1]))
    return func.coalesce(usage_log.c[name], 0)


def _one_if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, literal_column("1")), else_=literal_column("0"))


# --- sums ---------------------------------------------------------------------------------------------

_DERIVED = {
    "failed": lambda outcome: outcome.not_in((Outcome.COMPLETED.value, Outcome.REFUSED.value)),
    "refused": lambda outcome: outcome == Outcome.REFUSED.value,
}
"""Counts of requests by how they ended."""


def _plain(names: Sequence[str]) -> list[str]:
    """The columns that sums of these names are made of."""
    return list(dict.fromkeys("requests" if name in _DERIVED else name for name in names))


def _summed(source: Subquery, names: Sequence[str]) -> list[ColumnElement[Any]]:
    sums: list[ColumnElement[Any]] = []
    for name in names:
        added: ColumnElement[Any] = func.sum(source.c["requests" if name in _DERIVED else name])
        if name in _DERIVED:
            added = added.filter(_DERIVED[name](source.c.outcome))
        sums.append(func.coalesce(added, 0).label(name))
    return sums


def _metric(source: Subquery, metric: str) -> ColumnElement[Any]:
    total: ColumnElement[Any] = literal_column("0")
    for name in FIGURES[metric]:
        total = total + func.coalesce(func.sum(source.c[name]), 0)
    return total


def _ceil_hour(moment: datetime) -> datetime:
    floor = floor_hour(moment)
    return floor if floor == moment else floor + HOUR
