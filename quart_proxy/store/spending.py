"""What a user spent since given moments, summed from the log of requests."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.partitions import first_id
from quart_proxy.store.tables import usage_log


async def sum_costs(connection: AsyncConnection, *, user_id: int, since: Sequence[datetime]) -> list[Decimal]:
    """Dollars spent since each moment. One walk over the rows since the earliest of them."""
    cost, request_id = usage_log.c.cost, usage_log.c.request_id
    sums = [func.coalesce(func.sum(cost).filter(request_id >= first_id(moment)), 0) for moment in since]
    query = select(*sums).where(usage_log.c.user_id == user_id, request_id >= first_id(min(since)))
    return list((await connection.execute(query)).one())
