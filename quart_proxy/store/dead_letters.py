"""Settlements that PostgreSQL refused for good, kept for a person to look at. `ledger.bury_record` puts them here."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import NotFound
from quart_proxy.store.tables import dead_letter


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """`record` is the settlement as it was sent, `reason` what PostgreSQL said of it."""

    id: int
    record: str
    reason: str
    created_at: datetime


_LETTER = tuple(dead_letter.c[name] for name in DeadLetter.__slots__)


async def list_dead_letters(connection: AsyncConnection, *, before_id: int | None, limit: int) -> list[DeadLetter]:
    """Newest first."""
    query = select(*_LETTER).order_by(dead_letter.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(dead_letter.c.id < before_id)
    return [DeadLetter(*row) for row in await connection.execute(query)]


async def take_dead_letter(connection: AsyncConnection, letter_id: int) -> DeadLetter:
    """Take it out, in the transaction that does something about it. Raises NotFound."""
    taken = await connection.execute(delete(dead_letter).where(dead_letter.c.id == letter_id).returning(*_LETTER))
    if (row := taken.first()) is None:
        raise NotFound(f"There is no dead letter {letter_id}.", param="letter_id")
    return DeadLetter(*row)
