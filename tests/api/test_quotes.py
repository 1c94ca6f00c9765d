"""What a request would cost, before it is sent and before a price is saved."""

from decimal import Decimal
from typing import Any

import pytest
from admin_client import Admin, faults
from product import PRICES, Product

from quart_proxy.core.usage import Dimension
from quart_proxy.store import repricing

TOKENS = {"input": 1000, "cached_input": 2000, "output": 100}


async def quote(admin: Admin, key: str, **said: Any) -> dict[str, Any]:
    answer = await admin.post(f"/models/{key}/quote", {"tokens": TOKENS, **said})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def test_quote_is_the_bill_of_such_a_request_line_by_line(admin: Admin) -> None:
    quoted = await quote(admin, "sandbox-gpt")
    assert quoted["lines"] == [
        {"dimension": "input", "tokens": 1000, "price": "3.00", "amount": "0.003"},
        {"dimension": "cached_input", "tokens": 2000, "price": "0.30", "amount": "0.0006"},
        {"dimension": "output", "tokens": 100, "price": "15.00", "amount": "0.0015"},
    ]
    assert (quoted["cost"], quoted["tier"], quoted["currency"]) == ("0.0051", None, "USD")
    assert quoted["last_24h"] == {"requests": 0, "charged": "0", "with_draft": "0", "exact": True}


async def test_draft_is_quoted_and_not_saved(admin: Admin) -> None:
    before = (await admin.get("/models/sandbox-gpt")).text
    pricing = {"input": 1, "output": 2, "tiers": {"2999": {"input": 10, "output": 20}}}
    quoted = await quote(admin, "sandbox-gpt", document={"pricing": pricing, "unfinished": True})
    # 3,000 tokens of prompt are above the threshold, and what was cached is charged as input.
    assert (quoted["tier"], quoted["cost"]) == (2999, "0.032")
    assert (await quote(admin, "sandbox-gpt", document={"pricing": {"free": True}}))["cost"] == "0"
    assert (await quote(admin, "sandbox-gpt", document={"display_name": "other"}))["cost"] == "0.0051"
    assert (await admin.get("/models/sandbox-gpt")).text == before


async def test_model_that_is_not_there_yet_is_quoted_by_its_draft(admin: Admin) -> None:
    quoted = await quote(admin, "new-one", document={"pricing": {"input": 1, "output": 1}})
    assert (quoted["cost"], quoted["last_24h"]) == ("0.0031", None)
    assert (await admin.post("/models/new-one/quote", {"tokens": {}})).status_code == 404


async def test_last_day_is_priced_again_to_the_last_digit(admin: Admin, product: Product) -> None:
    costs = [
        Decimal((await product.chat("sandbox-gpt", max_tokens=words)).headers["x-quart-proxy-cost"])
        for words in (1, 3, 7)
    ]
    await product.add_model("other")
    await product.chat("other")
    rows = await product.rows(3, model="sandbox-gpt")
    now = (await quote(admin, "sandbox-gpt"))["last_24h"]
    assert now["requests"] == 3
    assert Decimal(now["charged"]) == Decimal(now["with_draft"]) == sum(costs)
    doubled = {dimension.value: str(2 * rate) for dimension, rate in PRICES.items()}
    twice = (await quote(admin, "sandbox-gpt", document={"pricing": doubled}))["last_24h"]
    assert Decimal(twice["with_draft"]) == 2 * sum(costs) and twice["exact"] is True
    # Each request goes by the length of its own prompt.
    longest = max(row.tokens[Dimension.INPUT] for row in rows)
    for threshold, factor in ((longest, 1), (longest - 1, 10)):
        base, above = {"input": "1", "output": "1"}, {"input": "10", "output": "10"}
        tiered = await quote(admin, "sandbox-gpt", document={"pricing": {**base, "tiers": {str(threshold): above}}})
        tokens = sum(
            sum(row.tokens.values()) * (factor if row.tokens[Dimension.INPUT] > threshold else 1) for row in rows
        )
        assert Decimal(tiered["last_24h"]["with_draft"]) == Decimal(tokens) / 1_000_000


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({}, {"tokens"}),
        ({"tokens": {"input": -1, "thinking": 5}}, {"tokens.input", "tokens.thinking"}),
        ({"tokens": {}, "document": 5}, {"document"}),
        ({"tokens": {}, "document": {"pricing": {"input": -1, "output": "x"}}}, None),
        ({"tokens": {}, "document": {"pricing": {"input": 1}}}, None),
        ({"tokens": {}, "document": {"pricing": None}}, None),
    ],
)
async def test_quote_that_cannot_be_made_is_refused_by_field(admin: Admin, body: Any, params: set[str] | None) -> None:
    refused = faults(await admin.post("/models/sandbox-gpt/quote", body)).keys()
    assert refused == params if params else all(param.startswith("document.pricing") for param in refused)


async def test_busy_day_is_priced_again_from_the_hourly_sums(
    admin: Admin, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repricing, "LOG_ROWS_MAX", 0)
    cost = Decimal((await product.chat("sandbox-gpt")).headers["x-quart-proxy-cost"])
    await product.rows(1)
    tripled = {dimension.value: str(3 * rate) for dimension, rate in PRICES.items()}
    past = (await quote(admin, "sandbox-gpt", document={"pricing": tripled}))["last_24h"]
    assert (Decimal(past["charged"]), Decimal(past["with_draft"])) == (cost, 3 * cost)
    assert (past["requests"], past["exact"]) == (1, True)
    tiers = {"1": {"input": "9", "output": "9"}}
    past = await quote(admin, "sandbox-gpt", document={"pricing": {"input": 1, "output": 1, "tiers": tiers}})
    assert past["last_24h"]["exact"] is False
