"""What all users have together."""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import users


@dataclass(frozen=True, slots=True)
class BalanceSums:
    """`outstanding` is the sum of all balances in dollars, those of deleted users too; the counts are without these."""

    outstanding: Decimal
    users: int
    at_or_below_zero: int


async def sum_balances(connection: AsyncConnection) -> BalanceSums:
    is_there = users.c.deleted_at.is_(None)
    query = select(
        func.coalesce(func.sum(users.c.balance), 0),
        func.count().filter(is_there),
        func.count().filter(is_there, users.c.balance <= 0),
    )
    return BalanceSums(*(await connection.execute(query)).one())
