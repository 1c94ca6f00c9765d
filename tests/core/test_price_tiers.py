"""Laws of tiers: the whole prompt decides, one set of rates holds for all of a request, and every digit is there."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quart_proxy.core.money import ZERO
from quart_proxy.core.pricing import BASE, PRICE_DECIMALS_MAX, Price, charge
from quart_proxy.core.usage import COUNT_MAX, Dimension, Usage
from quart_proxy.services.admission import BYTES_PER_TOKEN, expected_cost

PROMPT = tuple(dimension for dimension in Dimension if dimension is not Dimension.OUTPUT)
RATES = st.decimals(min_value=0, max_value=100_000, places=PRICE_DECIMALS_MAX)
COUNTS = st.integers(0, 500) | st.integers(0, COUNT_MAX)
USAGES = st.dictionaries(st.sampled_from(Dimension), COUNTS).map(Usage)
THRESHOLDS = st.integers(1, 500) | st.integers(1, COUNT_MAX)


@st.composite
def prices(draw: st.DrawFn) -> Price:
    """A price with up to four tiers, which name the rates that it names."""
    named = draw(st.frozensets(st.sampled_from(Dimension))) | {Dimension.INPUT, Dimension.OUTPUT}
    rates = st.fixed_dictionaries(dict.fromkeys(sorted(named), RATES))
    return Price(1, draw(rates), tiers=draw(st.dictionaries(THRESHOLDS, rates, max_size=4)))


def rates(**said: str) -> Mapping[Dimension, Decimal]:
    return {Dimension(name): Decimal(rate) for name, rate in said.items()}


LONG = Price(1, rates(input="3", output="15"), tiers={200_000: rates(input="6", output="22.5")})


@given(USAGES, prices())
def test_lines_sum_to_the_cost_and_all_have_rates_of_one_tier(usage: Usage, price: Price) -> None:
    bill = charge(usage, price)
    assert sum((line.amount for line in bill.lines), ZERO) == bill.cost
    assert [(line.dimension, line.tokens) for line in bill.lines] == [
        (dimension, usage.count(dimension)) for dimension in Dimension if usage.count(dimension)
    ]
    for line in bill.lines:
        assert line.price == price.rate(line.dimension, bill.tier)
        assert line.amount * 1_000_000 == line.tokens * line.price


@given(USAGES, prices())
def test_a_request_costs_what_its_tier_would_cost_as_a_price_of_its_own(usage: Usage, price: Price) -> None:
    bill = charge(usage, price)
    alone = Price(1, price.tiers[bill.tier] if bill.tier else price.rates)
    assert (bill.lines, bill.cost) == (charge(usage, alone).lines, charge(usage, alone).cost)


@given(USAGES, COUNTS, prices())
def test_the_whole_prompt_decides_and_nothing_else(usage: Usage, output: int, price: Price) -> None:
    prompt = sum(usage.count(dimension) for dimension in PROMPT)
    tier = charge(usage, price).tier
    exceeded = [threshold for threshold in price.tiers if threshold < prompt]
    assert tier == max(exceeded, default=BASE)
    for kind in PROMPT:  # however it was cached, and however long the answer is
        assert charge(Usage({kind: prompt, Dimension.OUTPUT: output}), price).tier == tier


@given(prices().filter(lambda price: price.tiers), st.sampled_from(PROMPT))
def test_at_a_threshold_the_rates_below_it_hold_and_one_token_more_has_its_own(price: Price, kind: Dimension) -> None:
    for threshold in price.tiers:
        below = max((other for other in price.tiers if other < threshold), default=BASE)
        assert charge(Usage({kind: threshold}), price).tier == below
        assert charge(Usage({kind: threshold + 1}), price).tier == threshold


@given(USAGES, st.sampled_from(Dimension), COUNTS, prices())
def test_more_tokens_never_choose_a_lower_tier(usage: Usage, more: Dimension, count: int, price: Price) -> None:
    grown = Usage({**usage.tokens, more: usage.count(more) + count})
    assert charge(grown, price).tier >= charge(usage, price).tier


@given(USAGES, prices(), THRESHOLDS)
def test_a_tier_that_says_what_held_there_anyway_changes_no_cost(usage: Usage, price: Price, threshold: int) -> None:
    held = price.tier_of(threshold + 1)
    same = Price(1, price.rates, tiers={**price.tiers, threshold: price.tiers[held] if held else price.rates})
    before, after = charge(usage, price), charge(usage, same)
    assert (after.cost, after.lines) == (before.cost, before.lines)


@pytest.mark.parametrize(
    ("prompt", "tier", "cost"),
    [
        ({}, BASE, "0"),
        ({Dimension.INPUT: 200_000}, BASE, "0.6"),
        ({Dimension.INPUT: 200_001}, 200_000, "1.200006"),
        ({Dimension.INPUT: 1, Dimension.CACHED_INPUT: 200_000}, 200_000, "1.200006"),
        ({Dimension.CACHE_WRITE: 100_000, Dimension.CACHE_WRITE_1H: 100_001}, 200_000, "1.200006"),
    ],
)
def test_examples(prompt: Mapping[Dimension, int], tier: int, cost: str) -> None:
    bill = charge(Usage(prompt), LONG)
    assert (bill.tier, bill.cost) == (tier, Decimal(cost))
    with_output = charge(Usage({**prompt, Dimension.OUTPUT: 1000}), LONG)
    assert with_output.cost - bill.cost == (Decimal("0.0225") if tier else Decimal("0.015"))


def test_an_unset_rate_falls_back_within_its_tier() -> None:
    price = Price(
        1,
        rates(input="3", cache_write="4", output="15"),
        tiers={10: rates(input="6", cache_write="8", output="30")},
    )
    assert [price.rate(dimension, 10) for dimension in Dimension] == [6, 6, 8, 8, 30]
    assert [price.rate(dimension) for dimension in Dimension] == [3, 3, 4, 4, 15]


def test_a_price_is_complete_when_each_of_its_tiers_is() -> None:
    assert LONG.is_complete
    assert not Price(1, LONG.rates, tiers={10: rates(input="6")}).is_complete


def test_a_hold_expects_the_rates_of_the_tier_that_the_body_is_long_enough_for() -> None:
    at, above = (tokens * BYTES_PER_TOKEN for tokens in (200_000 - 1, 200_000))
    assert expected_cost(LONG, body_bytes=at, output_tokens=1000) == Decimal("0.615")
    assert expected_cost(LONG, body_bytes=above, output_tokens=1000) == Decimal("1.222506")
