"""What a model's requests were charged, and what they would have been at another price."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Integer, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.money import ZERO
from quart_proxy.core.pricing import BASE, Price
from quart_proxy.core.usage import Dimension
from quart_proxy.store.partitions import first_id
from quart_proxy.store.tables import usage_log


@dataclass(frozen=True, slots=True)
class Repriced:
    """`charged` is what was taken for so many `requests`, and `with_price` what they cost at the other price, both in
    dollars. Not `is_exact`: nobody knows any more how long each prompt was, which tiers ask for."""

    requests: int
    charged: Decimal
    with_price: Decimal
    is_exact: bool


async def reprice(connection: AsyncConnection, model_id: int, price: Price, since: datetime) -> Repriced:
    """The charged requests of a model since then, at `price`. From the log, in a range of its primary key."""
    prompt = sum((usage_log.c[d.value] for d in Dimension if d is not Dimension.OUTPUT), start=literal(0, BigInteger))
    # The bucket of a prompt is the number of thresholds that it exceeds: those it equals do not count.
    thresholds = [threshold + 1 for threshold in sorted(price.tiers)]
    bucket = func.width_bucket(prompt, literal(thresholds, ARRAY(BigInteger)), type_=Integer)
    tier = bucket.label("tier") if thresholds else literal(0, Integer).label("tier")
    query = (
        select(
            tier,
            func.count().label("requests"),
            func.sum(usage_log.c.cost).label("cost"),
            *(func.sum(usage_log.c[dimension.value]).label(dimension.value) for dimension in Dimension),
        )
        .where(
            usage_log.c.request_id >= first_id(since),
            usage_log.c.model_id == model_id,
            usage_log.c.price_id.is_not(None),
        )
        .group_by("tier")
    )
    tiers = [BASE, *sorted(price.tiers)]
    requests, charged, with_price = 0, ZERO, ZERO
    for row in await connection.execute(query):
        requests += row.requests
        charged += row.cost
        for dimension in Dimension:
            with_price += (price.rate(dimension, tiers[row.tier]) * getattr(row, dimension.value)).scaleb(-6)
    return Repriced(requests, charged, with_price, is_exact=True)
