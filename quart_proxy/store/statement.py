"""A user's money as a bank would state it: movements by hand, and between two of them what requests used.

An entry keeps the balance after it, so the use between two entries is the difference of what they kept: exact, without
a look at any request.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

USAGE = "usage"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `amount` is signed dollars; `balance_after` is what they left. A line of usage has no entry, and is of
    the time from `since` (None: from the start) to `until` (None: it goes on). `reverses` is the entry that this one
    takes back, `reversed_by` the one that took this one back."""

    place: str
    at: datetime
    kind: str
    amount: Decimal
    balance_after: Decimal
    entry_id: int | None
    reason: str | None
    actor: str | None
    since: datetime | None
    until: datetime | None
    reverses: int | None
    reversed_by: int | None


# `number` and `part` put a line in its order: the use before an entry is part 0 of it, the entry itself part 1, and
# what was used since the last one comes after all of them. Without use there is no line of it.
_LINES = """
WITH entries AS (
       SELECT *, lag(balance_after, 1, 0) OVER by_id AS left_before, lag(created_at) OVER by_id AS since
       FROM ledger WHERE user_id = :user_id WINDOW by_id AS (ORDER BY id)),
     last AS (SELECT id, balance_after, created_at FROM entries ORDER BY id DESC LIMIT 1),
     lines AS (
       SELECT id AS number, 1 AS part, created_at AS at, kind, amount, balance_after, id AS entry_id, reason, actor,
              NULL::timestamptz AS since, NULL::timestamptz AS until, reverses,
              (SELECT r.id FROM ledger AS r WHERE r.reverses = entries.id) AS reversed_by
       FROM entries
       UNION ALL
       SELECT id, 0, created_at, 'usage', balance_after - amount - left_before, balance_after - amount, NULL, NULL,
              NULL, since, created_at, NULL, NULL
       FROM entries WHERE balance_after - amount <> left_before
       UNION ALL
       SELECT coalesce(last.id, 0) + 1, 0, now(), 'usage', u.balance - coalesce(last.balance_after, 0), u.balance,
              NULL, NULL, NULL, last.created_at, NULL, NULL, NULL
       FROM users AS u LEFT JOIN last ON true
       WHERE u.id = :user_id AND u.balance <> coalesce(last.balance_after, 0))
SELECT number || '.' || part, at, kind, amount, balance_after, entry_id, reason, actor, since, until, reverses,
       reversed_by
FROM lines
WHERE (number, part) < (:number, :part)
ORDER BY number DESC, part DESC
LIMIT :limit
"""
_LAST_NUMBER = 2**63 - 1


def parse_place(written: str) -> tuple[int, int]:
    """Raises ValueError for what is no place of a line."""
    number, _, part = written.partition(".")
    if not (number.isdecimal() and part in ("0", "1") and int(number) <= _LAST_NUMBER):
        raise ValueError("no place")
    return int(number), int(part)


async def list_statement(
    connection: AsyncConnection, user_id: int, *, before: tuple[int, int] | None = None, limit: int
) -> list[Line]:
    """The lines before a place, newest first."""
    number, part = before or (_LAST_NUMBER, 1)
    values = {"user_id": user_id, "number": number, "part": part, "limit": limit}
    return [Line(*row) for row in await connection.execute(text(_LINES), values)]
