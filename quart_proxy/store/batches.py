"""One movement by hand for several users: all of them or nobody, and once."""

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict
from quart_proxy.store.accounts import lock_users
from quart_proxy.store.ledger import KEY_IS_USED, Entry, find_entries, move
from quart_proxy.store.tables import ledger_batches


async def record_entries(
    connection: AsyncConnection,
    *,
    user_ids: Sequence[int],
    kind: str,
    amount: Decimal,
    reason: str | None,
    actor: str,
    idempotency_key: str | None,
) -> tuple[list[Entry], bool]:
    """Move `amount` dollars for each of these users, none named twice, and keep an entry of each. Returns them in the
    order of the users' ids, and whether they are new.

    With an `idempotency_key` that was used before, the first entries are returned and nothing moves; raises Conflict
    if that one said something else, or was of other users. Raises InvalidFields that names whoever is unknown or
    deleted.
    """
    user_ids = sorted(user_ids)
    if idempotency_key is not None and not await _claim(connection, user_ids, idempotency_key):
        first = await find_entries(connection, user_ids, idempotency_key)
        if any((entry.kind, entry.amount, entry.reason) != (kind, amount, reason) for entry in first):
            raise Conflict(KEY_IS_USED)
        return first, False
    await lock_users(connection, user_ids)
    # One of them may have had an entry of their own with this key: nobody is credited twice with one.
    if await find_entries(connection, user_ids, idempotency_key):
        raise Conflict(KEY_IS_USED)
    entries = await move(
        connection,
        user_ids=user_ids,
        kind=kind,
        amount=amount,
        reason=reason,
        actor=actor,
        idempotency_key=idempotency_key,
    )
    return entries, True


async def _claim(connection: AsyncConnection, user_ids: Sequence[int], idempotency_key: str) -> bool:
    """Whether this is the first batch with the key; another one with it waits here until this one has ended. Raises
    Conflict when the first was of other users."""
    claimed = await connection.execute(
        insert(ledger_batches)
        .values(idempotency_key=idempotency_key, user_ids=user_ids)
        .on_conflict_do_nothing()
        .returning(ledger_batches.c.idempotency_key)
    )
    if claimed.first() is not None:
        return True
    query = select(ledger_batches.c.user_ids).where(ledger_batches.c.idempotency_key == idempotency_key)
    if (await connection.execute(query)).scalar_one() != user_ids:
        raise Conflict(KEY_IS_USED)
    return False
