"""Prices of long prompts from end to end: declared in files, edited live, listed, and charged to the last digit."""

from decimal import Decimal
from typing import Any

from admin_client import Admin, faults
from product import Product
from registry_files import apply, edit, file_text, plan, read, refusal, registry

from registry.planning.plan_document import Plan
from registry.planning.render_plan import render_text

THRESHOLD = 200_000
TIER = {"input": "6.000001", "cached_input": "0.60", "output": "22.50"}
PRICING = {"input": "3.00", "cached_input": "0.30", "output": "15.00", "tiers": {str(THRESHOLD): TIER}}
LONG = """\
  long:
    provider: one
    actual_model: "sandbox:cached=250000"
    pricing: {input: 3.00, cached_input: 0.30, output: 15.00}   # a short prompt
  tiered:
    provider: one
    actual_model: "sandbox:cached=250000"
    pricing:
      input: 3.00
      cached_input: 0.30
      output: 15.00
      tiers:
        200000: {input: 6.00, cached_input: 0.60, output: 22.50}   # a long one
"""


def model(**more: Any) -> dict[str, Any]:
    return {"provider": "sandbox-gpt", "actual_model": "sandbox", "pricing": PRICING, **more}


async def receipt_of(product: Product, request_id: str) -> dict[str, Any]:
    answer = await product.client.get(f"{product.base_url}/api/user/usage/{request_id}", headers=product.headers)
    return read(answer)


def sent(product: Product, text: str) -> list[dict[str, str]]:
    return [{"name": "models.yaml", "text": text}]


# --- charged ------------------------------------------------------------------------------------------


async def test_a_long_prompt_is_charged_at_its_tier_and_a_prompt_at_the_threshold_is_not(
    admin: Admin, product: Product
) -> None:
    short = read(await admin.put("/models/short", model()))
    assert short["pricing"] == PRICING
    answer = await product.chat("short")
    (row,) = await product.rows(1)
    prompt = sum(count for dimension, count in row.tokens.items() if dimension != "output")
    for cached, tier in ((0, None), (THRESHOLD - prompt, None), (THRESHOLD - prompt + 1, THRESHOLD)):
        key = f"cached-{cached}"
        await admin.put(f"/models/{key}", model(actual_model=f"sandbox:cached={cached}"))
        before = await product.balance()
        answer = await product.chat(key)
        receipt = await receipt_of(product, answer.headers["x-request-id"])
        rates = TIER if tier else PRICING
        assert receipt["tier"] == tier
        assert [line["price"] for line in receipt["lines"]] == [rates[line["dimension"]] for line in receipt["lines"]]
        tokens = receipt["tokens"]
        assert tokens["input"] + tokens["cached_input"] == prompt + cached
        cost = sum(tokens[name] * Decimal(rate) for name, rate in rates.items() if isinstance(rate, str)) / 1_000_000
        assert sum(Decimal(line["amount"]) for line in receipt["lines"]) == Decimal(receipt["cost"]) == cost
        assert Decimal(answer.headers["x-quart-proxy-cost"]) == cost
        assert before - await product.balance() == cost
    assert await product.imbalances() == []


async def test_the_tier_holds_for_streams_and_the_other_format_too(admin: Admin, product: Product) -> None:
    body = model(provider="sandbox-claude", actual_model="sandbox:cached=100000,cache_write=100000,cache_write_1h=1")
    await admin.put("/models/long", body)
    answer = await product.message("long", stream=True)
    assert "message_stop" in answer.text
    receipt = await receipt_of(product, answer.headers["x-request-id"])
    assert receipt["tier"] == THRESHOLD
    prices = {line["dimension"]: line["price"] for line in receipt["lines"]}
    fallback = {"cache_write": TIER["input"], "cache_write_1h": TIER["input"]}
    assert prices == {**TIER, **fallback}
    assert await product.imbalances() == []


async def test_a_receipt_keeps_the_tier_of_its_time(admin: Admin, product: Product) -> None:
    made = await admin.put("/models/long", model(actual_model="sandbox:cached=250000"))
    request_id = (await product.chat("long")).headers["x-request-id"]
    before = await receipt_of(product, request_id)
    changed = await admin.patch("/models/long", {"pricing": {"tiers": None}}, If_Match=made.headers["etag"])
    assert "tiers" not in changed.json()["pricing"]
    assert await receipt_of(product, request_id) == before
    assert (await receipt_of(product, (await product.chat("long")).headers["x-request-id"]))["tier"] is None
    assert await product.imbalances() == []


# --- listed and edited --------------------------------------------------------------------------------


async def test_tiers_are_listed_with_every_rate_after_its_fallback(admin: Admin, product: Product) -> None:
    await admin.put("/models/long", model())
    charged = {
        "input": "6.000001",
        "cached_input": "0.60",
        "cache_write": "6.000001",
        "cache_write_1h": "6.000001",
        "output": "22.50",
    }
    for path, name in (("/v1/models", "id"), ("/api/user/models", "name")):
        listed = read(await product.client.get(product.base_url + path, headers=product.headers))["data"]
        pricing = {one[name]: one["pricing"] for one in listed}
        assert pricing["long"]["tiers"] == {str(THRESHOLD): charged}
        assert pricing["sandbox-gpt"]["tiers"] == {}


async def test_a_tier_is_patched_by_its_rates_and_taken_out_by_null(admin: Admin) -> None:
    made = await admin.put("/models/long", model())
    assert made.status_code == 201
    patched = await edit(admin, "/models/long", {"pricing": {"tiers": {str(THRESHOLD): {"input": "7.00"}}}})
    assert patched["pricing"]["tiers"] == {str(THRESHOLD): {**TIER, "input": "7.00"}}
    higher = {name: "30.00" for name in TIER}
    patched = await edit(admin, "/models/long", {"pricing": {"tiers": {"1000000": higher}}})
    assert list(patched["pricing"]["tiers"]) == [str(THRESHOLD), "1000000"]
    patched = await edit(admin, "/models/long", {"pricing": {"tiers": {str(THRESHOLD): None}}})
    assert patched["pricing"]["tiers"] == {"1000000": higher}


async def test_each_fault_of_a_tier_is_named_by_its_field(admin: Admin) -> None:
    tiers = {
        "200000": {**TIER, "input": "cheap"},
        "300000": {"input": "6.00", "output": "22.50"},
        "400k": TIER,
        "500000": {**TIER, "cache_write": "1.00"},
        "600000": {**TIER, "inptu": "1.00"},
    }
    refused = faults(await admin.put("/models/long", model(pricing={**PRICING, "tiers": tiers})))
    assert refused.keys() == {
        "pricing.tiers.200000.input",
        "pricing.tiers.300000",
        "pricing.tiers.400k",
        "pricing.tiers.500000.cache_write",
        "pricing.tiers.600000.inptu",
    }
    assert '"cached_input"' in refused["pricing.tiers.300000"]
    assert 'did you mean "input"?' in refused["pricing.tiers.600000.inptu"]
    free = faults(await admin.put("/models/long", model(pricing={"free": True, "tiers": {"9": TIER}})))
    assert free == {"pricing.tiers": "a free model has no tiers"}


# --- in files -----------------------------------------------------------------------------------------


async def test_files_declare_tiers_and_an_edit_of_one_is_drift_and_a_small_diff(admin: Admin, product: Product) -> None:
    text = file_text(product, more=LONG)
    shown = render_text(Plan.from_json(await plan(admin, sent(product, text))))
    assert "+ pricing.tiers.200000.input 6.00 " in shown
    await apply(admin, sent(product, text))
    receipt = await receipt_of(product, (await product.chat("tiered")).headers["x-request-id"])
    assert (receipt["tier"], receipt["lines"][0]["price"]) == (200_000, "6.00")
    assert (await apply(admin, sent(product, text)))["changed"] is False

    await edit(admin, "/models/tiered", {"pricing": {"tiers": {"200000": {"output": "25.00"}}}})
    (item,) = (await registry(admin, "/drift"))["drift"]
    assert (item["entity"], item["path"], item["yaml"], item["live"]) == (
        "model/tiered",
        "pricing.tiers.200000.output",
        "22.50",
        "25.00",
    )
    exported = read(await admin.post("/registry/export", {"files": sent(product, text)}))
    (file,) = exported["files"]
    assert file["text"] == text.replace("output: 22.50}", "output: 25.00}")
    assert (await apply(admin, sent(product, file["text"])))["plan"]["drift"] == []
    assert (await registry(admin, "/drift"))["drift"] == []


async def test_a_tier_and_its_price_are_one_group_and_no_bill_is_from_two_hands(admin: Admin, product: Product) -> None:
    text = file_text(product, more=LONG)
    await apply(admin, sent(product, text))
    await edit(admin, "/models/tiered", {"pricing": {"output": "16.00"}})
    changed = text.replace("200000: {input: 6.00", "200000: {input: 6.50")
    refused = refusal(await admin.post("/registry/apply", {"files": sent(product, changed)}), 409)
    (conflict,) = refused["plan"]["conflicts"]
    assert conflict["address"] == "model.tiered/pricing"
    assert conflict["ours"]["pricing.tiers.200000.input"] == "6.50"
    resolved = {"files": sent(product, changed), "policy": {"resolutions": {"model.tiered/pricing": "yaml"}}}
    read(await admin.post("/registry/apply", resolved))
    pricing = read(await admin.get("/models/tiered"))["pricing"]
    assert (pricing["output"], pricing["tiers"]["200000"]["input"]) == ("15.00", "6.50")


async def test_a_tier_that_is_new_is_a_jump_for_long_prompts_and_a_rollback_takes_it_back(
    admin: Admin, product: Product
) -> None:
    text = file_text(product, more=LONG)
    first = await apply(admin, sent(product, text))
    tiers = "tiers: {200000: {input: 6.00, cached_input: 0.60, output: 22.50}}"
    more = text.replace("output: 15.00}   # a short", f"output: 15.00, {tiers}}}   # a short")
    refused = refusal(await admin.post("/registry/apply", {"files": sent(product, more)}), 409)
    (guard,) = refused["plan"]["guards"]
    assert guard["code"] == "price-jump"
    assert "model/long pricing.tiers.200000.input 3.00 -> 6.00 (+100.0 %)" in guard["message"]
    await apply(admin, sent(product, more), policy={"allow_price_jump": True})
    assert (await receipt_of(product, (await product.chat("long")).headers["x-request-id"]))["tier"] == 200_000

    read(await admin.post("/registry/rollback", {"to": first["revision"]}))
    assert "tiers" not in read(await admin.get("/models/long"))["pricing"]
    assert (await receipt_of(product, (await product.chat("long")).headers["x-request-id"]))["tier"] is None
    latest = (await registry(admin, "/revisions"))["data"][0]["revision"]
    (change,) = (await registry(admin, f"/revisions/{latest}"))["changes"]
    assert [(field["path"], field["from"], field["to"]) for field in change["fields"]] == [
        ("pricing.tiers.200000.cached_input", "0.60", None),
        ("pricing.tiers.200000.input", "6.00", None),
        ("pricing.tiers.200000.output", "22.50", None),
    ]
    assert await product.imbalances() == []
