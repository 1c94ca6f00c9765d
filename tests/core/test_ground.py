"""Laws of money, prices, counts, keys and the prompt chain."""

from collections.abc import Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quart_proxy.core.credentials import (
    ALPHABET,
    KEY_LENGTH,
    PREFIX,
    RANDOM_BYTES,
    digest_key,
    encode_key,
    is_key,
)
from quart_proxy.core.money import MONEY_DECIMALS_MAX, format_money, parse_money
from quart_proxy.core.pricing import NO_CHARGE, PRICE_DECIMALS_MAX, Price, charge
from quart_proxy.core.prompts import PROMPT_CHARACTERS_MAX, PromptMode, PromptRule, SystemPrompt, choose_prompt
from quart_proxy.core.usage import COUNT_MAX, Dimension, InvalidCount, Usage, parse_count

AMOUNTS = st.decimals(
    min_value=-(10**12) + 1, max_value=10**12 - 1, allow_nan=False, allow_infinity=False, places=MONEY_DECIMALS_MAX
)
RATES = st.decimals(min_value=0, max_value=100_000, allow_nan=False, allow_infinity=False, places=PRICE_DECIMALS_MAX)
COUNTS = st.integers(0, COUNT_MAX)
USAGES = st.dictionaries(st.sampled_from(Dimension), COUNTS).map(Usage)
COMPLETE = st.fixed_dictionaries(
    {Dimension.INPUT: RATES, Dimension.OUTPUT: RATES},
    optional={
        Dimension.CACHED_INPUT: RATES,
        Dimension.CACHE_WRITE: RATES,
        Dimension.CACHE_WRITE_1H: RATES,
    },
).map(lambda rates: Price(1, rates))


@given(AMOUNTS)
def test_money_comes_back_from_its_text(amount: Decimal) -> None:
    text = format_money(amount)
    assert parse_money(text) == amount
    assert "e" not in text.lower()
    assert format_money(parse_money(text)) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0", "0"),
        ("0.00", "0"),
        ("10", "10.00"),
        ("10.5", "10.50"),
        ("10.500000", "10.50"),
        ("0.000001", "0.000001"),
        ("1E-12", "0.000000000001"),
        ("1E+3", "1000.00"),
        ("-2.5", "-2.50"),
    ],
)
def test_money_has_one_text_form(amount: str, text: str) -> None:
    assert format_money(Decimal(amount)) == text


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "1e3", "NaN", "Infinity", "-", ".", "1.2.3", "1,000", "0x1", "１０", "1_0", "1000000000000",
        "0.0000000000001", " 1", 1, 1.5, None, True, Decimal(1), b"1",
    ],
)  # fmt: skip
def test_money_refuses_what_is_no_plain_decimal(text: object) -> None:
    with pytest.raises(ValueError, match="must "):
        parse_money(text)


@given(USAGES, COMPLETE)
def test_lines_sum_to_the_cost(usage: Usage, price: Price) -> None:
    charged = charge(usage, price)
    assert sum((line.amount for line in charged.lines), Decimal(0)) == charged.cost
    for line in charged.lines:
        assert line.amount * 1_000_000 == line.price * line.tokens
        assert line.tokens == usage.count(line.dimension) > 0
    assert sum(line.tokens for line in charged.lines) == sum(usage.tokens.values())


@given(USAGES, COMPLETE)
def test_cost_fits_the_decimals_of_money(usage: Usage, price: Price) -> None:
    exponent = charge(usage, price).cost.as_tuple().exponent
    assert isinstance(exponent, int)
    assert -exponent <= MONEY_DECIMALS_MAX


@pytest.mark.parametrize(
    ("rates", "expected"),
    [
        ({}, (3, 3, 3, 3, 15)),
        ({Dimension.CACHED_INPUT: 1}, (3, 1, 3, 3, 15)),
        ({Dimension.CACHE_WRITE: 4}, (3, 3, 4, 4, 15)),
        ({Dimension.CACHE_WRITE_1H: 6}, (3, 3, 3, 6, 15)),
        ({Dimension.CACHED_INPUT: 0, Dimension.CACHE_WRITE: 0}, (3, 0, 0, 0, 15)),
    ],
)
def test_unset_rate_is_another_rate_and_never_zero(rates: Mapping[Dimension, int], expected: tuple[int, ...]) -> None:
    said = {Dimension.INPUT: 3, Dimension.OUTPUT: 15, **rates}
    price = Price(1, {dimension: Decimal(rate) for dimension, rate in said.items()})
    assert tuple(price.rate(dimension) for dimension in Dimension) == expected


def test_incomplete_price_raises_instead_of_charging_nothing() -> None:
    price = Price(1, {Dimension.INPUT: Decimal(3)})
    assert not price.is_complete
    with pytest.raises(KeyError):
        charge(Usage({Dimension.OUTPUT: 1}), price)


def test_no_usage_costs_nothing() -> None:
    price = Price(1, {Dimension.INPUT: Decimal(3), Dimension.OUTPUT: Decimal(3)})
    assert charge(Usage({}), price) == NO_CHARGE


@given(COUNTS)
def test_count_is_itself(count: int) -> None:
    assert parse_count(count, "usage.x") == count


@pytest.mark.parametrize("value", [-1, COUNT_MAX + 1, 1.0, "1", True, False, [], {}, float("nan"), Decimal(1)])
def test_what_is_no_count_is_refused_by_name(value: object) -> None:
    with pytest.raises(InvalidCount) as caught:
        parse_count(value, "usage.x")
    assert caught.value.path == "usage.x"


KEYS = st.binary(min_size=RANDOM_BYTES, max_size=RANDOM_BYTES).map(encode_key)


@given(KEYS)
def test_key_has_one_form(key: str) -> None:
    assert is_key(key)
    assert len(key) == KEY_LENGTH
    assert key.startswith(PREFIX)
    assert set(key[len(PREFIX) :]) <= set(ALPHABET)
    assert len(digest_key(key)) == 32


@given(KEYS, st.integers(len(PREFIX), KEY_LENGTH - 1), st.sampled_from(ALPHABET))
def test_checksum_rejects_any_changed_character(key: str, position: int, character: str) -> None:
    changed = key[:position] + character + key[position + 1 :]
    assert is_key(changed) is (changed == key)


@given(KEYS, st.data())
def test_checksum_rejects_swapped_neighbours(key: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(len(PREFIX), KEY_LENGTH - 2))
    left, right = key[position], key[position + 1]
    swapped = key[:position] + right + left + key[position + 2 :]
    assert is_key(swapped) is (left == right)


@pytest.mark.parametrize("text", ["", "sk-", "sk-proj-abcdef", "sk-ant-api03-" + "x" * 39, "sk-" + "ü" * 49])
def test_foreign_key_is_not_ours(text: str) -> None:
    assert not is_key(text)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_different_randomness_gives_different_keys(first: bytes, second: bytes) -> None:
    assert (encode_key(first) == encode_key(second)) is (first == second)


PREPEND, REPLACE = PromptMode.PREPEND, PromptMode.REPLACE


@pytest.mark.parametrize(
    ("enabled", "model", "everywhere", "expected"),
    [
        (True, PromptRule(), PromptRule(), None),
        (True, PromptRule(), PromptRule("all"), SystemPrompt("all", PREPEND)),
        (True, PromptRule("own"), PromptRule("all"), SystemPrompt("own", PREPEND)),
        (True, PromptRule("own"), PromptRule("all", REPLACE), SystemPrompt("own", REPLACE)),
        (True, PromptRule("own", PREPEND), PromptRule("all", REPLACE), SystemPrompt("own", PREPEND)),
        (True, PromptRule("", REPLACE), PromptRule("all"), SystemPrompt("all", REPLACE)),
        (True, PromptRule("own", disabled=True), PromptRule("all"), None),
        (False, PromptRule("own"), PromptRule("all"), None),
        (True, PromptRule(" \n"), PromptRule(), None),
    ],
)
def test_prompt_chain(enabled: bool, model: PromptRule, everywhere: PromptRule, expected: SystemPrompt | None) -> None:
    assert choose_prompt(enabled=enabled, model=model, everywhere=everywhere) == expected


@given(st.text(min_size=1).filter(lambda text: text.strip()))
def test_prompt_is_cut_between_characters(text: str) -> None:
    prompt = choose_prompt(enabled=True, model=PromptRule(text * 3000), everywhere=PromptRule())
    if prompt is not None:
        assert prompt.text == (text * 3000)[:PROMPT_CHARACTERS_MAX]
