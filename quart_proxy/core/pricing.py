"""Usage x price = charge: one line for each dimension used, and lines that sum to the cost. Exact, unrounded."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact

from quart_proxy.core.money import ZERO
from quart_proxy.core.usage import Dimension, Usage

PRICE_DECIMALS_MAX = 6

# A dimension without a price of its own is charged as another one, never as zero.
FALLBACK: Mapping[Dimension, Dimension] = {
    Dimension.CACHED_INPUT: Dimension.INPUT,
    Dimension.CACHE_WRITE: Dimension.INPUT,
    Dimension.CACHE_WRITE_1H: Dimension.CACHE_WRITE,
}
REQUIRED = tuple(dimension for dimension in Dimension if dimension not in FALLBACK)

# Wide enough for any count times any price; a product that does not fit raises instead of losing a digit.
_EXACT = Context(prec=60, traps=[Inexact])


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars per 1,000,000 tokens by dimension, as stored in one price row.

    `rates` holds what was said; `rate()` what is charged. Complete when every dimension in REQUIRED is there.
    A free model has the rate 0 in each of them, said out loud.
    """

    id: int
    rates: Mapping[Dimension, Decimal]
    free: bool = False

    def rate(self, dimension: Dimension) -> Decimal:
        """Dollars per million tokens of `dimension`, after fallback. Raises KeyError if the price is incomplete."""
        while dimension not in self.rates and dimension in FALLBACK:
            dimension = FALLBACK[dimension]
        return self.rates[dimension]

    @property
    def is_complete(self) -> bool:
        return all(dimension in self.rates for dimension in REQUIRED)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt: `tokens` x `price` / 1,000,000 = `amount` dollars."""

    dimension: Dimension
    tokens: int
    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """What a request costs. `cost` is the sum of the lines' amounts, to the last digit."""

    lines: tuple[Line, ...]
    cost: Decimal


NO_CHARGE = Charge((), ZERO)


def charge(usage: Usage, price: Price) -> Charge:
    """Price one request: a line for each dimension that has tokens, in the order of `Dimension`.

    Raises KeyError if the price is incomplete; such a model is never served.
    """
    lines = []
    cost = ZERO
    for dimension in Dimension:
        tokens = usage.count(dimension)
        if tokens:
            rate = price.rate(dimension)
            amount = _EXACT.multiply(rate, tokens).scaleb(-6, _EXACT)
            lines.append(Line(dimension, tokens, rate, amount))
            cost = _EXACT.add(cost, amount)
    return Charge(tuple(lines), cost)
