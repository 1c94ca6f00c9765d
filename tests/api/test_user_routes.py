"""What users read with their key: balance, requests, receipts, models; and nothing of anyone else's."""

import csv
import io
from decimal import Decimal
from typing import Any

import httpx
import pytest
from admin_client import Admin, faults
from product import PRICES, Product
from sqlalchemy import text

from quart_proxy.core.usage import Dimension


async def get(product: Product, path: str, key: str | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {key or product.key}"}
    return await product.client.get(product.base_url + path, headers=headers)


async def test_balance_tells_what_is_left_and_what_was_spent(product: Product) -> None:
    cost = Decimal((await product.chat()).headers["x-quart-proxy-cost"])
    document = (await get(product, "/api/user/balance")).json()
    assert Decimal(document["balance"]) == 100 - cost
    assert document["currency"] == "USD"
    assert document["lifetime"]["requests"] == 1
    assert Decimal(document["lifetime"]["spent"]) == cost
    assert document["key"]["status"] == "active"
    assert product.key not in str(document)


async def test_receipt_has_a_line_for_each_dimension_and_they_sum_to_the_cost(product: Product) -> None:
    await product.add_model(
        "all", actual_model="sandbox:cached=1200,cache_write=31,cache_write_1h=7", api_format="anthropic"
    )
    answer = await product.message("all")
    request_id = answer.headers["x-request-id"]
    receipt = (await get(product, f"/api/user/usage/{request_id}")).json()
    assert receipt["request_id"] == request_id
    assert [line["dimension"] for line in receipt["lines"]] == [dimension.value for dimension in Dimension]
    for line in receipt["lines"]:
        assert Decimal(line["amount"]) == line["tokens"] * Decimal(line["price"]) / 1_000_000
        assert Decimal(line["price"]) == PRICES[Dimension(line["dimension"])]
        assert line["tokens"] == receipt["tokens"][line["dimension"]]
    assert sum(Decimal(line["amount"]) for line in receipt["lines"]) == Decimal(receipt["cost"])
    assert Decimal(answer.headers["x-quart-proxy-cost"]) == Decimal(receipt["cost"])


async def test_receipt_keeps_the_price_of_its_time(product: Product) -> None:
    await product.add_model("m")
    request_id = (await product.chat("m")).headers["x-request-id"]
    before = (await get(product, f"/api/user/usage/{request_id}")).json()
    await product.add_model("m", rates={Dimension.INPUT: Decimal(999), Dimension.OUTPUT: Decimal(999)})
    assert (await get(product, f"/api/user/usage/{request_id}")).json() == before


async def test_request_id_is_taken_in_every_spelling(product: Product) -> None:
    shown = (await product.chat()).headers["x-request-id"]
    digits = shown.removeprefix("req_")
    dashed = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    for spelling in (shown, digits, dashed, f"req_{dashed}", shown.upper()):
        assert (await get(product, f"/api/user/usage/{spelling}")).json()["request_id"] == shown


@pytest.mark.parametrize("spelling", ["x", "req_", "req_" + "0" * 32, "0" * 31, "é" * 32])
async def test_unknown_request_is_not_found(product: Product, spelling: str) -> None:
    answer = await get(product, f"/api/user/usage/{spelling}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_refused_request_has_a_receipt_without_lines(product: Product) -> None:
    await product.add_model("broken", actual_model="sandbox:status=500")
    request_id = (await product.chat("broken")).headers["x-request-id"]
    receipt = (await get(product, f"/api/user/usage/{request_id}")).json()
    assert (receipt["lines"], receipt["cost"], receipt["outcome"]) == ([], "0", "upstream_error")


async def test_user_never_sees_which_provider_answered(product: Product) -> None:
    request_id = (await product.chat()).headers["x-request-id"]
    for path in ("/api/user/usage", f"/api/user/usage/{request_id}", "/api/user/usage.csv"):
        answer = await get(product, path)
        assert answer.status_code == 200
        assert "actual_model" not in answer.text
        assert "upstream_status" not in answer.text


async def test_usage_is_narrowed_and_comes_in_pages(product: Product) -> None:
    for model in ("sandbox-gpt", "sandbox-gpt", "sandbox-claude"):
        assert (await (product.message if "claude" in model else product.chat)(model)).status_code == 200
    everything = (await get(product, "/api/user/usage")).json()
    ids = [row["request_id"] for row in everything["data"]]
    assert ids == sorted(ids, reverse=True)
    first = (await get(product, "/api/user/usage?limit=2")).json()
    rest = (await get(product, f"/api/user/usage?limit=2&cursor={first['next_cursor']}")).json()
    assert [row["request_id"] for row in first["data"] + rest["data"]] == ids
    assert (first["has_more"], rest["has_more"], rest["next_cursor"]) == (True, False, None)
    chosen = (await get(product, "/api/user/usage?model=sandbox-claude")).json()["data"]
    assert [row["model"] for row in chosen] == ["sandbox-claude"]
    assert (await get(product, "/api/user/usage?from=2199-01-01")).json()["data"] == []
    assert (await get(product, "/api/user/usage?to=2020-01-01T00:00:00Z")).json()["data"] == []
    assert len((await get(product, "/api/user/usage?from=2020-01-01&to=2199-01-01")).json()["data"]) == 3


@pytest.mark.parametrize(
    "query",
    ["from=soon", "to=1", "from=0001-01-01", "limit=-1", "cursor=abc", "outcome=fine", "model=%00", "limit=1e2"],
)
async def test_query_that_cannot_be_read_is_refused_by_name(product: Product, query: str) -> None:
    assert faults(await get(product, f"/api/user/usage?{query}")).keys() == {query.split("=")[0]}


async def test_csv_has_the_rows_of_the_list_and_runs_nothing(product: Product) -> None:
    evil = "=HYPERLINK(1)"
    await product.post(
        "/v1/chat/completions",
        {"model": "sandbox-gpt", "messages": [{"role": "user", "content": "hi"}]},
        headers={**product.headers, "x-client-request-id": evil},
    )
    answer = await get(product, "/api/user/usage.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    [row] = list(csv.DictReader(io.StringIO(answer.text)))
    assert row["client_request_id"] == f"'{evil}"
    listed = (await get(product, "/api/user/usage")).json()["data"][0]
    assert (row["request_id"], row["cost"]) == (listed["request_id"], listed["cost"])
    assert int(row["input"]) == listed["tokens"]["input"]
    assert (await get(product, "/api/user/usage.csv?model=none")).text.count("\n") == 1


async def test_user_without_money_can_read_everything(product: Product) -> None:
    _, key = await product.add_user("0")
    for path in ("balance", "usage", "usage.csv", "models"):
        assert (await get(product, f"/api/user/{path}", key)).status_code == 200
    assert (await get(product, "/api/user/balance", key)).json()["balance"] == "0"


async def test_models_are_those_that_the_key_may_call_with_every_rate(product: Product) -> None:
    _, key = await product.add_user(allowed_models=["sandbox-gpt"])
    [model] = (await get(product, "/api/user/models", key)).json()["data"]
    assert model["name"] == "sandbox-gpt"
    assert {name: Decimal(model["pricing"][name]) for name in PRICES} == PRICES


async def test_nobody_reads_what_is_another_users(product: Product) -> None:
    """Two users, each with a request of their own: every reading of each has the own and never the other's."""
    people: list[dict[str, Any]] = []
    for name in ("one", "two"):
        user_id, key = await product.add_user(name=name)
        headers = {"authorization": f"Bearer {key}"}
        ask = {"model": "sandbox-gpt", "messages": [{"role": "user", "content": "hi"}]}
        answer = await product.post("/v1/chat/completions", ask, headers=headers)
        people.append({"id": user_id, "key": key, "request": answer.headers["x-request-id"]})
    for mine, other in (people, people[::-1]):
        assert (await get(product, f"/api/user/usage/{mine['request']}", mine["key"])).status_code == 200
        assert (await get(product, f"/api/user/usage/{other['request']}", mine["key"])).status_code == 404
        for path in ("usage", "usage.csv", f"usage?user_id={other['id']}", f"usage.csv?user_id={other['id']}"):
            text = (await get(product, f"/api/user/{path}", mine["key"])).text
            assert mine["request"] in text
            assert other["request"] not in text
        assert (await get(product, "/api/user/balance", mine["key"])).json()["key"]["user_id"] == mine["id"]


# --- what admins read ---------------------------------------------------------------------------------


async def test_admin_reads_everyones_requests_and_narrows_them(admin: Admin, product: Product) -> None:
    user_id, key = await product.add_user()
    headers = {"authorization": f"Bearer {key}"}
    ask = {"model": "sandbox-gpt", "messages": [{"role": "user", "content": "hi"}]}
    theirs = (await product.post("/v1/chat/completions", ask, headers=headers)).headers["x-request-id"]
    await product.chat()
    assert len((await admin.get("/usage")).json()["data"]) == 2
    [row] = (await admin.get(f"/usage?user_id={user_id}&outcome=completed&model=sandbox-gpt")).json()["data"]
    assert (row["request_id"], row["user_id"], row["upstream"]) == (theirs, user_id, "sandbox-gpt")
    assert (await admin.get(f"/usage?key_id={row['key_id']}")).json()["data"] == [row]
    assert (await admin.get(f"/usage/{theirs}")).json()["actual_model"] == "sandbox"
    lines = list(csv.DictReader(io.StringIO((await admin.get(f"/usage.csv?user_id={user_id}")).text)))
    assert [line["request_id"] for line in lines] == [theirs]
    assert faults(await admin.get("/usage?user_id=x")).keys() == {"user_id"}


async def test_ledger_lists_all_movements_and_exports_them_safely(admin: Admin, product: Product) -> None:
    reason = "=cmd|' /C calc'!A0"
    await admin.post(f"/users/{product.user_id}/ledger", {"kind": "adjust", "amount": "-2.50", "reason": reason})
    listed = (await admin.get("/ledger?limit=1")).json()
    assert (listed["data"][0]["amount"], listed["has_more"]) == ("-2.50", True)
    older = (await admin.get(f"/ledger?limit=1&cursor={listed['next_cursor']}")).json()
    assert older["data"][0]["id"] < listed["data"][0]["id"]
    row = next(csv.DictReader(io.StringIO((await admin.get(f"/ledger.csv?user_id={product.user_id}")).text)))
    assert (row["amount"], row["reason"]) == ("-2.50", f"'{reason}")


async def test_long_export_has_every_row_once(admin: Admin, product: Product) -> None:
    many = "SELECT 'x', 'long', n::text FROM generate_series(1, 2500) n"
    async with product.database.transaction() as connection:
        await connection.execute(text(f"INSERT INTO audit_log (actor, action, target) {many}"))
    rows = list(csv.DictReader(io.StringIO((await admin.get("/audit.csv?action=long")).text)))
    assert [int(row["target"]) for row in rows] == list(range(2500, 0, -1))
