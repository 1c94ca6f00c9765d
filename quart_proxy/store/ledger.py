"""The only file that moves money: settlements of requests, and movements by hand.

Both are deltas (`balance = balance - x`), never read-modify-write, so they may cross each other freely.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import asyncpg
from sqlalchemy import ColumnElement, and_, func, insert, select, text, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict, NotFound
from quart_proxy.core.usage import Dimension
from quart_proxy.store import rollups
from quart_proxy.store.tables import ledger, users

_COLUMNS = {
    "request_id": "uuid",
    "user_id": "bigint",
    "api_key_id": "bigint",
    "model_id": "bigint",
    "price_id": "bigint",
    "model": "text",
    "actual_model": "text",
    "upstream": "text",
    "endpoint": "text",
    "streamed": "boolean",
    "outcome": "text",
    "status": "smallint",
    "upstream_status": "smallint",
    "upstream_request_id": "text",
    "answer_id": "text",
    "error_code": "text",
    **{dimension.value: "bigint" for dimension in Dimension},
    "reasoning": "bigint",
    "cost": "numeric",
    "client_request_id": "text",
    "client_agent": "text",
    "started_at": "timestamptz",
    "first_byte_ms": "integer",
    "duration_ms": "integer",
    "attempts": "jsonb",
}
RECORD_FIELDS = tuple(_COLUMNS)
"""What a settlement record, one JSON object, must hold; `cost` as a decimal string."""

_NAMES = ", ".join(_COLUMNS)
_INPUT = " + ".join(dimension.value for dimension in Dimension if dimension is not Dimension.OUTPUT)

# Why each part: `l` locks the users in one order, so two batches cannot deadlock; RETURNING hands on only
# rows that were really inserted, so a replay moves no money twice; GROUP BY is vital, since UPDATE .. FROM
# applies one row of several per user; the tokens are the row's, so lifetime totals are sums of rows. `h` adds the
# same rows to the hourly sums: each belongs to one user, whose lock is held, so these cannot deadlock either.
SETTLE = f"""
WITH d AS MATERIALIZED (
       SELECT * FROM json_to_recordset($1::json) AS t({", ".join(f"{n} {t}" for n, t in _COLUMNS.items())})),
     l AS MATERIALIZED (
       SELECT id FROM users WHERE id IN (SELECT user_id FROM d) ORDER BY id FOR NO KEY UPDATE),
     i AS (
       INSERT INTO usage_log ({_NAMES})
       SELECT {_NAMES} FROM d WHERE (SELECT count(*) FROM l) >= 0 ORDER BY request_id
       ON CONFLICT DO NOTHING
       RETURNING {", ".join(rollups.NEEDED)}),
     h AS ({rollups.add_rows("i")}),
     s AS (
       SELECT user_id, sum(cost) AS cost, count(price_id) AS requests,
              sum({_INPUT}) AS input_tokens, sum(output) AS output_tokens
       FROM i GROUP BY user_id)
UPDATE users u
SET balance = u.balance - s.cost, spent = u.spent + s.cost, requests = u.requests + s.requests,
    input_tokens = u.input_tokens + s.input_tokens, output_tokens = u.output_tokens + s.output_tokens
FROM s WHERE u.id = s.user_id
RETURNING u.id, u.balance
"""  # noqa: S608  (column names are constants of this file)


async def settle_records(connection: "asyncpg.Connection[Any]", records: Sequence[str]) -> dict[int, Decimal]:
    """Write the usage rows of `records` (JSON texts) and take their cost from the balances, in one statement.

    A record whose request id is already there changes nothing: replaying is safe. Returns the new balance of
    each user that a new row belongs to. Raises asyncpg's errors as they are: the settler tells a bad record
    from a lost connection.
    """
    rows = await connection.fetch(SETTLE, "[" + ",".join(records) + "]")
    return {row["id"]: row["balance"] for row in rows}


async def settle_again(connection: AsyncConnection, record: str) -> dict[int, Decimal]:
    """As `settle_records`, of one record, in the transaction that runs on `connection`."""
    raw = await connection.get_raw_connection()
    assert raw.driver_connection is not None
    return await settle_records(raw.driver_connection, [record])


async def bury_record(connection: "asyncpg.Connection[Any]", record: str, reason: str) -> None:
    """Keep a record that PostgreSQL refuses, for a person to look at. No money moves."""
    # A record that was in doubt comes back from the spool; one letter of it is enough.
    await connection.execute(
        "INSERT INTO dead_letter (record, reason) SELECT $1, $2 WHERE NOT EXISTS"
        " (SELECT FROM dead_letter WHERE record = $1)",
        record.replace("\x00", ""),
        reason[:500],
    )


async def count_dead_letters(connection: AsyncConnection) -> int:
    return int(await connection.scalar(text("SELECT count(*) FROM dead_letter")) or 0)


KEY_IS_USED = "This Idempotency-Key was used for another entry; use a new one."


@dataclass(frozen=True, slots=True)
class Entry:
    """One movement by hand. `amount` is signed: what was added to the balance. `reverses` is the entry that this one
    takes back, `reversed_by` the one that took this one back; None for none."""

    id: int
    user_id: int
    kind: str
    amount: Decimal
    balance_after: Decimal
    reason: str | None
    actor: str
    created_at: datetime
    reverses: int | None = None
    reversed_by: int | None = None


_REVERSAL = ledger.alias("reversal")
_ENTRY = (
    *(ledger.c[name] for name in Entry.__slots__ if name != "reversed_by"),
    select(_REVERSAL.c.id).where(_REVERSAL.c.reverses == ledger.c.id).scalar_subquery().label("reversed_by"),
)


async def record_entry(
    connection: AsyncConnection,
    *,
    user_id: int,
    kind: str,
    amount: Decimal,
    reason: str | None,
    actor: str,
    idempotency_key: str | None,
) -> tuple[Entry, bool]:
    """Move `amount` dollars and keep the entry. Returns it, and whether it is new.

    With an `idempotency_key` that was used before, the first entry is returned and nothing moves; raises
    Conflict if that one said something else. Raises NotFound for an unknown user.
    """
    await _lock_user(connection, user_id)
    for first in await find_entries(connection, [user_id], idempotency_key):
        if (first.kind, first.amount, first.reason) != (kind, amount, reason):
            raise Conflict(KEY_IS_USED)
        return first, False
    (entry,) = await move(
        connection,
        user_ids=[user_id],
        kind=kind,
        amount=amount,
        reason=reason,
        actor=actor,
        idempotency_key=idempotency_key,
    )
    return entry, True


async def reverse_entry(
    connection: AsyncConnection, entry_id: int, *, reason: str, actor: str, idempotency_key: str | None
) -> tuple[Entry, bool]:
    """Take an entry back by one of the opposite amount. Returns that one, and whether it is new: as `record_entry`
    with an `idempotency_key`. Raises NotFound for an unknown entry, and Conflict for one that was taken back, is itself
    such a one, or is of a user who is deleted."""
    entry = await get_entry(connection, entry_id)
    try:
        await _lock_user(connection, entry.user_id)
    except NotFound:
        raise Conflict(f"The user of entry {entry_id} is deleted: nothing moves in their books any more.") from None
    for first in await find_entries(connection, [entry.user_id], idempotency_key):
        if (first.reverses, first.reason) != (entry_id, reason):
            raise Conflict(KEY_IS_USED)
        return first, False
    # Again: before the lock, another reversal may have been under way.
    entry = await get_entry(connection, entry_id)
    if entry.reverses is not None:
        raise Conflict(f"Entry {entry_id} takes back entry {entry.reverses} itself; make a new entry instead.")
    if entry.reversed_by is not None:
        raise Conflict(f"Entry {entry_id} was taken back already, by entry {entry.reversed_by}.")
    (reversal,) = await move(
        connection,
        user_ids=[entry.user_id],
        kind="reverse",
        amount=-entry.amount,
        reason=reason,
        actor=actor,
        idempotency_key=idempotency_key,
        reverses=entry_id,
    )
    return reversal, True


async def _lock_user(connection: AsyncConnection, user_id: int) -> None:
    """Make movements of one user follow each other, so that the second sees the first. Raises NotFound."""
    locked = await connection.execute(
        select(users.c.id).where(users.c.id == user_id, users.c.deleted_at.is_(None)).with_for_update()
    )
    if locked.first() is None:
        raise NotFound(f"There is no user {user_id}.", param="user_id")


async def find_entries(
    connection: AsyncConnection, user_ids: Sequence[int], idempotency_key: str | None
) -> list[Entry]:
    """Those of these users that were made with this key, in the order of the users' ids; none where there is no key."""
    if idempotency_key is None:
        return []
    return await _list_of_users(connection, user_ids, ledger.c.idempotency_key == idempotency_key)


async def move(connection: AsyncConnection, *, user_ids: Sequence[int], amount: Decimal, **fields: Any) -> list[Entry]:
    """Move `amount` dollars for each of these users, whose rows this transaction has locked. Returns the new entries in
    the order of the users' ids."""
    moved = await connection.execute(
        update(users)
        .where(users.c.id.in_(user_ids))
        .values(balance=users.c.balance + amount)
        .returning(users.c.id, users.c.balance)
    )
    written = await connection.execute(
        insert(ledger).returning(ledger.c.id),
        [{"user_id": row.id, "amount": amount, "balance_after": row.balance, **fields} for row in sorted(moved)],
    )
    return await _list_of_users(connection, user_ids, ledger.c.id.in_(list(written.scalars())))


async def _list_of_users(
    connection: AsyncConnection, user_ids: Sequence[int], condition: ColumnElement[bool]
) -> list[Entry]:
    query = select(*_ENTRY).where(ledger.c.user_id.in_(user_ids), condition).order_by(ledger.c.user_id)
    return [Entry(*row) for row in await connection.execute(query)]


async def get_entry(connection: AsyncConnection, entry_id: int) -> Entry:
    """Raises NotFound."""
    row = (await connection.execute(select(*_ENTRY).where(ledger.c.id == entry_id))).first()
    if row is None:
        raise NotFound(f"There is no entry {entry_id}.", param="entry_id")
    return Entry(*row)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries. None does not narrow; `since` is included, `until` is not."""

    user_id: int | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def condition(self) -> ColumnElement[bool]:
        columns = ledger.c
        equal = {columns.user_id: self.user_id, columns.kind: self.kind}
        conditions = [column == wanted for column, wanted in equal.items() if wanted is not None]
        if self.since is not None:
            conditions.append(columns.created_at >= self.since)
        if self.until is not None:
            conditions.append(columns.created_at < self.until)
        return and_(true(), *conditions)


async def list_entries(
    connection: AsyncConnection, chosen: EntryFilter, *, before_id: int | None, limit: int
) -> list[Entry]:
    """Newest first."""
    query = select(*_ENTRY).where(chosen.condition).order_by(ledger.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(ledger.c.id < before_id)
    return [Entry(*row) for row in await connection.execute(query)]


@dataclass(frozen=True, slots=True)
class Movements:
    """Sums in dollars: of entries by kind, and of some users' whole books. These are exact when all that was credited
    (entries that took away included) is either used or left. `count` is of the entries that are in `by_kind`."""

    by_kind: Mapping[str, Decimal]
    count: int
    credited: Decimal
    used: Decimal
    outstanding: Decimal

    @property
    def is_exact(self) -> bool:
        return self.credited - self.used == self.outstanding


async def sum_movements(connection: AsyncConnection, chosen: EntryFilter) -> Movements:
    """By kind, those that are chosen; the books are those of its user, or of all, at any time. In a snapshot."""
    by_kind = (
        select(ledger.c.kind, func.sum(ledger.c.amount), func.count())
        .where(chosen.condition)
        .group_by(ledger.c.kind)
        .order_by(ledger.c.kind)
    )
    credited = select(func.coalesce(func.sum(ledger.c.amount), 0))
    balances = select(func.coalesce(func.sum(users.c.spent), 0), func.coalesce(func.sum(users.c.balance), 0))
    if chosen.user_id is not None:
        credited = credited.where(ledger.c.user_id == chosen.user_id)
        balances = balances.where(users.c.id == chosen.user_id)
    used, outstanding = (await connection.execute(balances)).one()
    kinds = (await connection.execute(by_kind)).all()
    return Movements(
        {kind: amount for kind, amount, _ in kinds},
        sum(count for _, _, count in kinds),
        (await connection.execute(credited)).scalar_one(),
        used,
        outstanding,
    )


@dataclass(frozen=True, slots=True)
class Imbalance:
    """A user whose books do not add up: for one figure, what the user row says and what its rows sum to."""

    user_id: int
    name: str
    figure: str
    kept: Decimal
    summed: Decimal


_RATES = ", ".join(dimension.value for dimension in Dimension)
_TIER_RATES = ", ".join(f"(t.rates ->> '{dimension.value}')::numeric" for dimension in Dimension)

# Each row of usage is also priced again from its own price row: a cost that was kept but never charged by
# the price it names is as wrong as a sum that does not add up. A tier holds above its threshold, up to the next one.
_AUDIT = f"""
WITH spent AS (
       SELECT user_id, sum(cost) AS cost, count(price_id) AS requests, sum({_INPUT}) AS input_tokens,
              sum(output) AS output_tokens
       FROM usage_log GROUP BY user_id),
     credited AS (SELECT user_id, sum(amount) AS amount FROM ledger GROUP BY user_id),
     tiers AS (
       SELECT *, lead(above) OVER (PARTITION BY id ORDER BY above) AS up_to
       FROM (SELECT id, -1 AS above, {_RATES} FROM prices
             UNION ALL
             SELECT p.id, t.threshold::bigint, {_TIER_RATES}
             FROM prices p CROSS JOIN LATERAL jsonb_each(p.tiers) AS t (threshold, rates)) AS rated),
     repriced AS (
       SELECT l.user_id, sum(l.cost) AS kept,
              sum((l.input * p.input + l.output * p.output + l.cached_input * coalesce(p.cached_input, p.input)
                   + l.cache_write * coalesce(p.cache_write, p.input)
                   + l.cache_write_1h * coalesce(p.cache_write_1h, p.cache_write, p.input)) * 0.000001) AS summed
       FROM (SELECT *, {_INPUT} AS prompt FROM usage_log) AS l
       JOIN tiers p ON p.id = l.price_id AND l.prompt > p.above AND (p.up_to IS NULL OR l.prompt <= p.up_to)
       GROUP BY l.user_id)
SELECT u.id, u.name, f.figure, f.kept, f.summed
FROM users u
LEFT JOIN spent s ON s.user_id = u.id
LEFT JOIN credited c ON c.user_id = u.id
LEFT JOIN repriced r ON r.user_id = u.id
CROSS JOIN LATERAL (VALUES
    ('balance', u.balance, coalesce(c.amount, 0) - coalesce(s.cost, 0)),
    ('spent', u.spent, coalesce(s.cost, 0)),
    ('requests', u.requests::numeric, coalesce(s.requests, 0)::numeric),
    ('input_tokens', u.input_tokens::numeric, coalesce(s.input_tokens, 0)::numeric),
    ('output_tokens', u.output_tokens::numeric, coalesce(s.output_tokens, 0)::numeric),
    ('price x tokens', coalesce(r.kept, 0), coalesce(r.summed, 0))) AS f(figure, kept, summed)
WHERE f.kept <> f.summed
ORDER BY u.id, f.figure
"""  # noqa: S608  (column names are constants of this file)


async def list_imbalances(connection: AsyncConnection) -> list[Imbalance]:
    """Every figure of every user that does not equal the sum of its rows, the hourly ones too. Each statement is one
    snapshot: it is exact while requests are being settled."""
    return [
        Imbalance(*row) for statement in (_AUDIT, rollups.AUDIT) for row in await connection.execute(text(statement))
    ]


@dataclass(frozen=True, slots=True)
class Books:
    """Totals over everyone, for the audit's last line."""

    users: int
    rows: int
    credits: Decimal
    cost: Decimal
    balance: Decimal


async def read_books(connection: AsyncConnection) -> Books:
    row = await connection.execute(
        text(
            "SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM usage_log),"
            " (SELECT coalesce(sum(amount), 0) FROM ledger), (SELECT coalesce(sum(cost), 0) FROM usage_log),"
            " (SELECT coalesce(sum(balance), 0) FROM users)"
        )
    )
    return Books(*row.one())
