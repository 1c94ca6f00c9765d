"""Usage x price = charge: one line for each dimension used, and lines that sum to the cost. Exact, unrounded."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact

from quart_proxy.core.money import ZERO
from quart_proxy.core.usage import Dimension, Usage

PRICE_DECIMALS_MAX = 6

BASE = 0
"""The tier of a prompt that exceeds no threshold: the rates that the price itself names."""

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
    A free model has the rate 0 in each of them, said out loud. `tiers` holds, by a threshold in tokens, the rates
    of requests whose prompt is longer than that; empty: a prompt of any length costs the same.
    """

    id: int
    rates: Mapping[Dimension, Decimal]
    free: bool = False
    tiers: Mapping[int, Mapping[Dimension, Decimal]] = field(default_factory=dict)

    def tier_of(self, prompt_tokens: int) -> int:
        """The highest threshold that a prompt of so many tokens exceeds; BASE where it exceeds none."""
        return max((threshold for threshold in self.tiers if prompt_tokens > threshold), default=BASE)

    def rate(self, dimension: Dimension, tier: int = BASE) -> Decimal:
        """Dollars per million tokens of `dimension`, after fallback among the rates of the tier. Raises KeyError if
        the price is incomplete, or has no such tier."""
        rates = self.rates if tier == BASE else self.tiers[tier]
        while dimension not in rates and dimension in FALLBACK:
            dimension = FALLBACK[dimension]
        return rates[dimension]

    @property
    def charges_input_alone(self) -> bool:
        """Whether input costs something and output nothing: so is priced what makes embeddings, and nothing else."""
        return bool(self.rate(Dimension.INPUT)) and not self.rate(Dimension.OUTPUT)

    @property
    def is_complete(self) -> bool:
        return all(dimension in rates for rates in (self.rates, *self.tiers.values()) for dimension in REQUIRED)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a receipt: `tokens` x `price` / 1,000,000 = `amount` dollars."""

    dimension: Dimension
    tokens: int
    price: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Charge:
    """What a request costs. `cost` is the sum of the lines' amounts, to the last digit.

    `tier` is the threshold whose rates every line has; BASE where the prompt exceeded none.
    """

    lines: tuple[Line, ...]
    cost: Decimal
    tier: int = BASE


NO_CHARGE = Charge((), ZERO)


def charge(usage: Usage, price: Price) -> Charge:
    """Price one request: a line for each dimension that has tokens, in the order of `Dimension`. The whole prompt,
    however it was cached, decides on the tier, and the tier on every rate, that of the output too.

    Raises KeyError if the price is incomplete; such a model is never served.
    """
    tier = price.tier_of(usage.input_total)
    lines = []
    cost = ZERO
    for dimension in Dimension:
        tokens = usage.count(dimension)
        if tokens:
            rate = price.rate(dimension, tier)
            amount = _EXACT.multiply(rate, tokens).scaleb(-6, _EXACT)
            lines.append(Line(dimension, tokens, rate, amount))
            cost = _EXACT.add(cost, amount)
    return Charge(tuple(lines), cost, tier)
