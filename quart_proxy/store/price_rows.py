"""A row of `prices` as the price that it is, and the tiers of a price as that row keeps them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from quart_proxy.core.money import format_money
from quart_proxy.core.pricing import Price
from quart_proxy.core.usage import Dimension

Tiers = Mapping[int, Mapping[Dimension, Decimal]]


def price_of(row: Any, price_id: int) -> Price:
    """The price in a row that has the columns of its rates, `free` and `tiers`."""
    rates = {dimension: getattr(row, dimension.value) for dimension in Dimension}
    said = {dimension: rate for dimension, rate in rates.items() if rate is not None}
    return Price(price_id, said, row.free, _tiers_of(row.tiers))


def tiers_as_json(tiers: Tiers) -> dict[str, dict[str, str]] | None:
    """What the column holds: rates as text, so that no digit is lost. None for no tiers."""
    return {
        str(threshold): {dimension.value: format_money(rate) for dimension, rate in rates.items()}
        for threshold, rates in sorted(tiers.items())
    } or None


def _tiers_of(kept: Mapping[str, Mapping[str, str]] | None) -> Tiers:
    """Lowest first: JSONB keeps no order."""
    tiers = {
        int(threshold): {dimension: Decimal(rates[dimension]) for dimension in Dimension if dimension in rates}
        for threshold, rates in (kept or {}).items()
    }
    return dict(sorted(tiers.items()))
