"""What a model's requests were charged, and what they would have been at another price."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, ColumnElement, Integer, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.money import ZERO
from quart_proxy.core.pricing import BASE, Price
from quart_proxy.core.usage import Dimension
from quart_proxy.store.catalog import Model
from quart_proxy.store.partitions import first_id
from quart_proxy.store.statistics import count_rolled, sum_usage
from quart_proxy.store.tables import usage_log
from quart_proxy.store.usage_log import UsageFilter

LOG_ROWS_MAX = 50_000
"""So many rows of the log are read while somebody waits."""


@dataclass(frozen=True, slots=True)
class Repriced:
    """`charged` is what was taken for so many `requests`, and `with_price` what they cost at the other price, both in
    dollars. Not `is_exact`: nobody knows any more how long each prompt was, which tiers ask for."""

    requests: int
    charged: Decimal
    with_price: Decimal
    is_exact: bool


async def reprice(connection: AsyncConnection, model: Model, price: Price, since: datetime) -> Repriced:
    """The charged requests of a model since then, at `price`: from the log, each by its own prompt, or from the hourly
    sums where the log has had more than a moment's worth of rows since."""
    if await count_rolled(connection, UsageFilter(since=since)) <= LOG_ROWS_MAX:
        return await _from_log(connection, model.id, price, since)
    names = ("charged", "cost", *(dimension.value for dimension in Dimension))
    sums = await sum_usage(connection, UsageFilter(model=model.display_name, since=since), names)
    with_price = _cost(price, BASE, {dimension: int(sums[dimension.value]) for dimension in Dimension})
    return Repriced(int(sums["charged"]), Decimal(sums["cost"]), with_price, is_exact=not price.tiers)


async def _from_log(connection: AsyncConnection, model_id: int, price: Price, since: datetime) -> Repriced:
    thresholds = sorted(price.tiers)
    tier: ColumnElement[int] = literal(0, Integer)
    if thresholds:
        prompt = sum(
            (usage_log.c[d.value] for d in Dimension if d is not Dimension.OUTPUT), start=literal(0, BigInteger)
        )
        # The number of thresholds that the prompt exceeds: one that it equals does not count.
        above = literal([threshold + 1 for threshold in thresholds], ARRAY(BigInteger))
        tier = func.width_bucket(prompt, above, type_=Integer)
    query = (
        select(
            tier.label("tier"),
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
    requests, charged, with_price = 0, ZERO, ZERO
    for row in await connection.execute(query):
        requests += row.requests
        charged += row.cost
        tokens = {dimension: int(getattr(row, dimension.value)) for dimension in Dimension}
        with_price += _cost(price, (BASE, *thresholds)[row.tier], tokens)
    return Repriced(requests, charged, with_price, is_exact=True)


def _cost(price: Price, tier: int, tokens: Mapping[Dimension, int]) -> Decimal:
    return sum((price.rate(each, tier) * count for each, count in tokens.items()), ZERO).scaleb(-6)
