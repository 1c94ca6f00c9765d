"""Reading the log of relayed requests. Rows are written by `ledger.settle_records` alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    func,
    literal_column,
    not_,
    or_,
    select,
    text,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.pricing import Charge, charge
from quart_proxy.core.record import clean_text
from quart_proxy.core.tail import TailCursor, parse_snapshot
from quart_proxy.core.usage import Dimension, Usage
from quart_proxy.store.partitions import first_id
from quart_proxy.store.price_rows import price_of
from quart_proxy.store.tables import api_keys, prices, usage_log, users


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageFilter:
    """Which rows. None does not narrow, several values are alternatives; `since` is included, `until` is not."""

    user_id: int | tuple[int, ...] | None = None
    api_key_id: int | tuple[int, ...] | None = None
    model: str | tuple[str, ...] | None = None
    outcome: str | tuple[str, ...] | None = None
    status: tuple[range, ...] | None = None
    error_code: tuple[str, ...] | None = None
    endpoint: tuple[str, ...] | None = None
    min_cost: Decimal | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One relayed exchange. `cost` is dollars; `price_id` None: it was not charged, and `outcome` says why."""

    request_id: UUID
    user_id: int
    user_name: str
    api_key_id: int
    key_name: str | None
    model: str
    actual_model: str | None
    upstream: str | None
    endpoint: str
    streamed: bool
    outcome: str
    status: int
    upstream_status: int | None
    upstream_request_id: str | None
    answer_id: str | None
    error_code: str | None
    price_id: int | None
    tokens: dict[Dimension, int]
    reasoning: int | None
    cost: Decimal
    client_request_id: str | None
    client_agent: str | None
    started_at: datetime
    first_byte_ms: int | None
    duration_ms: int | None
    attempts: list[dict[str, Any]] | None
    """Those that failed before the upstream that is named here; None: it was the first."""


_PLAIN = tuple(name for name in UsageRow.__slots__ if name != "tokens")
_NAMES = {"user_name": users.c.name, "key_name": api_keys.c.name}
_COLUMNS = (
    *(_NAMES[name] if name in _NAMES else usage_log.c[name] for name in _PLAIN),
    *(usage_log.c[dimension.value] for dimension in Dimension),
)


def _row(values: tuple[object, ...]) -> UsageRow:
    plain = dict(zip(_PLAIN, values[: len(_PLAIN)], strict=True))
    tokens = dict(zip(Dimension, values[len(_PLAIN) :], strict=True))
    return UsageRow(**plain, tokens=tokens)  # type: ignore[arg-type]


def _rows() -> Select[tuple[object, ...]]:
    named = usage_log.join(users, users.c.id == usage_log.c.user_id)
    return select(*_COLUMNS).select_from(named.outerjoin(api_keys, api_keys.c.id == usage_log.c.api_key_id))


ROLLED = ("user_id", "api_key_id", "model", "outcome")
"""Filters for which the hourly sums have a column too."""


def narrow(table: Table, chosen: UsageFilter, names: Iterable[str]) -> list[ColumnElement[bool]]:
    """The conditions of those filters whose columns have these names."""
    conditions = []
    for name in names:
        wanted = getattr(chosen, name)
        if wanted is not None:
            column = table.c[name]
            conditions.append(column.in_(wanted) if isinstance(wanted, tuple) else column == wanted)
    if chosen.user_id is None and isinstance(chosen.api_key_id, tuple):
        conditions.append(_is_of_their_users(table, chosen.api_key_id))
    return conditions


def _is_of_their_users(table: Table, key_ids: tuple[int, ...]) -> ColumnElement[bool]:
    """Every key is of one user, and the indexes begin with the user: without this, a quiet key is looked for in all
    that ever happened."""
    owners = select(api_keys.c.user_id).where(api_keys.c.id.in_(key_ids))
    return table.c.user_id == owners.scalar_subquery() if len(key_ids) == 1 else table.c.user_id.in_(owners)


def narrow_log(chosen: UsageFilter) -> ColumnElement[bool]:
    """The rows of the log that are chosen."""
    conditions = narrow(usage_log, chosen, (*ROLLED, "error_code", "endpoint"))
    if chosen.status is not None:
        conditions.append(or_(*map(_has_status, chosen.status)))
    if chosen.min_cost is not None:
        conditions.append(usage_log.c.cost >= chosen.min_cost)
    # Times become ranges of ids: the primary key and the partitions serve them.
    if chosen.since is not None:
        conditions.append(usage_log.c.request_id >= first_id(chosen.since))
    if chosen.until is not None:
        conditions.append(usage_log.c.request_id < first_id(chosen.until))
    return and_(true(), *conditions)


def _has_status(wanted: range) -> ColumnElement[bool]:
    """One status is said as one: its index has the newest rows of it at its end, and of a range it has not."""
    status = usage_log.c.status
    return status == wanted[0] if len(wanted) == 1 else status.between(wanted[0], wanted[-1])


async def list_usage(
    connection: AsyncConnection, chosen: UsageFilter, *, before_id: UUID | None, limit: int
) -> list[UsageRow]:
    """Newest first, those before `before_id`. Served by the primary key, or by the index that has the user, the model,
    or what went wrong before the id."""
    query = _rows().where(narrow_log(chosen)).order_by(usage_log.c.request_id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(usage_log.c.request_id < before_id)
    return [_row(tuple(row)) for row in await connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Receipt:
    """A row, and the lines that its cost is the sum of, with the tier of the price that they have their rates from."""

    row: UsageRow
    charge: Charge


async def find_receipt(connection: AsyncConnection, request_id: UUID, *, user_id: int | None = None) -> Receipt | None:
    """The receipt of a request, of this user alone when `user_id` is given. The lines are made from the price row that
    priced the request, by the function that priced it."""
    query = _rows().where(usage_log.c.request_id == request_id)
    if user_id is not None:
        query = query.where(usage_log.c.user_id == user_id)
    found = (await connection.execute(query)).first()
    if found is None:
        return None
    row = _row(tuple(found))
    if row.price_id is None:
        return Receipt(row, Charge((), row.cost))
    kept = (await connection.execute(select(prices).where(prices.c.id == row.price_id))).one()
    return Receipt(row, charge(Usage(row.tokens, row.reasoning), price_of(kept, kept.id)))


async def find_named_request(connection: AsyncConnection, name: str, *, user_id: int | None = None) -> UUID | None:
    """The newest request whose answer had this id, or whose client called it so; of this user alone when `user_id` is
    given."""
    found = []
    for column in (usage_log.c.answer_id, usage_log.c.client_request_id):
        query = select(usage_log.c.request_id).where(column == clean_text(name))
        if user_id is not None:
            query = query.where(usage_log.c.user_id == user_id)
        newest = query.order_by(usage_log.c.request_id.desc()).limit(1)
        found.append(await connection.scalar(newest))
    return max((request_id for request_id in found if request_id is not None), default=None)


async def count_requests(connection: AsyncConnection, model_ids: Sequence[int], since: datetime) -> dict[int, int]:
    """How many requests each of these models had since then; those with none are left out."""
    query = (
        select(usage_log.c.model_id, func.count())
        .where(usage_log.c.request_id >= first_id(since), usage_log.c.model_id.in_(model_ids))
        .group_by(usage_log.c.model_id)
    )
    return {row[0]: row[1] for row in await connection.execute(query)}


# --- the tail -----------------------------------------------------------------------------------------

_XID = usage_log.c.xid
_SNAPSHOT = literal_column("pg_current_snapshot()::text", Text)
# Rows of a restored dump have the numbers of another server: those that are yet to come here would be new each time.
_HAS_BEGUN = text("usage_log.xid < pg_snapshot_xmax(pg_current_snapshot())::text::bigint")


@dataclass(frozen=True, slots=True)
class TailPage:
    """Rows in the order in which they are told, each with the cursor behind it. `cursor` is behind all of them; with
    `has_more` there are others."""

    rows: list[tuple[TailCursor, UsageRow]]
    cursor: TailCursor
    has_more: bool


async def find_tail_end(connection: AsyncConnection) -> TailCursor:
    """The cursor behind every row that is committed now."""
    return parse_snapshot(str(await connection.scalar(select(_SNAPSHOT))))


async def read_tail(
    connection: AsyncConnection, after: TailCursor, *, limit: int, until: TailCursor | None = None
) -> TailPage:
    """The rows committed since `after`, whoever wrote them; with `until`, a whole cursor, no others than it has read.

    Nothing is passed over and nothing comes twice, however transactions overtake each other. Served by the index on
    the number of the transaction.
    """
    rows: list[tuple[TailCursor, UsageRow]] = []
    if after.within is not None:
        xid, request_id = after.within
        _, rest = await _read_tail(connection, and_(_XID == xid, usage_log.c.request_id > request_id), limit)
        rows = [(after.moved(after.whole, xid, row.request_id), row) for xid, row in rest]
        if len(rows) == limit:
            return TailPage(rows, rows[-1][0], True)
        after = after.whole
    narrowed = _is_unread(after) if until is None else and_(_is_unread(after), not_(_is_unread(until)))
    snapshot, found = await _read_tail(connection, narrowed, limit - len(rows))
    shown = until or snapshot or after
    rows += [(after.moved(shown, xid, row.request_id), row) for xid, row in found]
    has_more = len(rows) == limit
    return TailPage(rows, rows[-1][0] if has_more else shown, has_more)


async def has_tail_beyond(connection: AsyncConnection, after: TailCursor, until: TailCursor, rows: int) -> bool:
    """Whether more than so many rows lie between two cursors."""
    between = and_(_is_unread(after), not_(_is_unread(until)), _HAS_BEGUN)
    return await connection.scalar(select(_XID).where(between).offset(rows).limit(1)) is not None


def _is_unread(cursor: TailCursor) -> ColumnElement[bool]:
    """Of the transactions; a half read one counts as read."""
    if not cursor.running:
        return _XID >= cursor.next_xid
    return or_(_XID >= cursor.next_xid, _XID.in_(sorted(cursor.running)))


async def _read_tail(
    connection: AsyncConnection, narrowed: ColumnElement[bool], limit: int
) -> tuple[TailCursor | None, list[tuple[int, UsageRow]]]:
    """What this statement's snapshot has (None: no row told it), and the rows, each with its transaction."""
    query = _rows().with_only_columns(_SNAPSHOT, _XID, *_COLUMNS).where(narrowed, _HAS_BEGUN)
    found = await connection.execute(query.order_by(_XID, usage_log.c.request_id).limit(limit))
    rows = [tuple(row) for row in found]
    return parse_snapshot(rows[0][0]) if rows else None, [(row[1], _row(row[2:])) for row in rows]
