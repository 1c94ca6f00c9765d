"""Users, their money and their keys, as an admin handles them."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from admin_client import Admin, faults
from product import Product


async def a_user(admin: Admin, **fields: Any) -> int:
    answer = await admin.post("/users", {"name": "Ada", **fields})
    assert answer.status_code == 201
    return int(answer.json()["id"])


async def test_new_user_has_an_id_and_a_balance_of_zero(admin: Admin) -> None:
    answer = await admin.post("/users", {"name": "Ada", "email": "ada@example.com", "note": "two\nlines"})
    assert answer.status_code == 201
    made = answer.json()
    assert type(made["id"]) is int
    assert made["balance"] == "0"
    assert made["lifetime"] == {"spent": "0", "requests": 0, "input_tokens": 0, "output_tokens": 0}
    assert (await admin.get(f"/users/{made['id']}")).json() == made
    assert answer.headers["location"] == f"/api/admin/users/{made['id']}"


@pytest.mark.parametrize(
    ("body", "params"),
    [
        ({}, {"name"}),
        ({"name": "", "emial": "x", "note": 5}, {"name", "emial", "note"}),
        ({"name": "Ada", "balance": "100"}, {"balance"}),
        ({"name": "Ada", "email": "no address"}, {"email"}),
        ({"name": None}, {"name"}),
    ],
)
async def test_bad_user_is_refused_with_all_faults_at_once(admin: Admin, body: Any, params: set[str]) -> None:
    answer = await admin.post("/users", body)
    assert faults(answer).keys() == params
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_user_is_changed_and_deleted_and_then_not_found(admin: Admin, product: Product) -> None:
    user_id, key = await product.add_user()
    changed = await admin.patch(f"/users/{user_id}", {"name": "Grace", "note": None, "disabled": True})
    assert changed.json()["name"] == "Grace"
    headers = {"authorization": f"Bearer {key}"}
    assert (await product.client.get(f"{product.base_url}/api/user/balance", headers=headers)).status_code == 403
    assert (await admin.delete(f"/users/{user_id}")).status_code == 204
    for answer in (
        await admin.get(f"/users/{user_id}"),
        await admin.patch(f"/users/{user_id}", {"name": "x"}),
        await admin.delete(f"/users/{user_id}"),
        await admin.post(f"/users/{user_id}/ledger", {"kind": "credit", "amount": "1.00"}),
        await admin.post(f"/users/{user_id}/keys", {"name": "x"}),
        await admin.get(f"/users/{user_id}/ledger"),
        await admin.get(f"/users/{user_id}/keys"),
    ):
        assert answer.status_code == 404, answer.request.url
    assert (await product.client.get(f"{product.base_url}/api/user/balance", headers=headers)).status_code == 401


async def test_patch_cannot_write_a_balance(admin: Admin, product: Product) -> None:
    answer = await admin.patch(f"/users/{product.user_id}", {"balance": "1000000.00"})
    assert "ledger" in faults(answer)["balance"]


async def test_list_comes_in_pages_that_repeat_and_miss_nobody(admin: Admin) -> None:
    made = {await a_user(admin, name=f"user {number}") for number in range(5)}
    seen, cursor = [], ""
    while True:
        page = (await admin.get(f"/users?limit=2&q=user{cursor}")).json()
        seen += [user["id"] for user in page["data"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=!!", "cursor=eA", "cursor=LTU"])
async def test_page_that_cannot_be_is_refused(admin: Admin, query: str) -> None:
    assert faults(await admin.get(f"/users?{query}")).keys() == {query.split("=")[0]}


# --- money --------------------------------------------------------------------------------------------


async def test_money_moves_by_the_ledger_and_the_statement_tells(admin: Admin) -> None:
    user_id = await a_user(admin)
    moves = [("credit", "10.50"), ("grant", "0.000000000001"), ("adjust", "-20.00"), ("refund", "1.00")]
    balance = Decimal(0)
    for kind, amount in moves:
        answer = await admin.post(f"/users/{user_id}/ledger", {"kind": kind, "amount": amount, "reason": "why"})
        assert answer.status_code == 201
        balance += Decimal(amount)
        assert Decimal(answer.json()["balance_after"]) == balance
        assert answer.json()["amount"] == amount
    statement = (await admin.get(f"/users/{user_id}/ledger")).json()
    assert [(entry["kind"], entry["amount"]) for entry in statement["data"]] == moves[::-1]
    assert {entry["actor"] for entry in statement["data"]} == {"admin"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"kind": "credit", "amount": 5}, "amount"),
        ({"kind": "credit", "amount": 5.0}, "amount"),
        ({"kind": "credit", "amount": "5e3"}, "amount"),
        ({"kind": "credit", "amount": "-5.00"}, "amount"),
        ({"kind": "credit", "amount": "0"}, "amount"),
        ({"kind": "grant", "amount": "-0.01"}, "amount"),
        ({"kind": "refund", "amount": "-0.01"}, "amount"),
        ({"kind": "adjust", "amount": "0.00", "reason": "x"}, "amount"),
        ({"kind": "adjust", "amount": "-1.00"}, "reason"),
        ({"kind": "credit", "amount": "0.0000000000001"}, "amount"),
        ({"kind": "credit", "amount": "1000000000000"}, "amount"),
        ({"kind": "usage", "amount": "1.00"}, "kind"),
        ({"kind": "credit"}, "amount"),
        ({"kind": "credit", "amount": "1.00", "balance_after": "5"}, "balance_after"),
    ],
)
async def test_movement_that_may_not_be_moves_nothing(admin: Admin, product: Product, body: Any, param: str) -> None:
    before = await product.balance()
    assert param in faults(await admin.post(f"/users/{product.user_id}/ledger", body))
    assert await product.balance() == before


async def test_same_idempotency_key_credits_once(admin: Admin, product: Product) -> None:
    before = await product.balance()
    path, body = f"/users/{product.user_id}/ledger", {"kind": "credit", "amount": "5.00"}
    answers = await asyncio.gather(*(admin.post(path, body, Idempotency_Key="invoice-7") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert await product.balance() == before + 5
    other = await admin.post(path, {**body, "amount": "6.00"}, Idempotency_Key="invoice-7")
    assert other.status_code == 409
    assert await product.balance() == before + 5
    assert not await product.imbalances()


async def test_same_idempotency_key_of_two_users_credits_both(admin: Admin, product: Product) -> None:
    other, _ = await product.add_user("0")
    for user_id in (product.user_id, other):
        await admin.post(f"/users/{user_id}/ledger", {"kind": "credit", "amount": "5.00"}, Idempotency_Key="k")
    assert await product.balance(other) == 5


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_idempotency_key_that_is_none_is_refused(admin: Admin, product: Product, key: str) -> None:
    answer = await admin.post(
        f"/users/{product.user_id}/ledger", {"kind": "credit", "amount": "5.00"}, Idempotency_Key=key
    )
    assert faults(answer).keys() == {"Idempotency-Key"}


async def test_credit_opens_the_door_for_the_very_next_request(admin: Admin, product: Product) -> None:
    user_id, key = await product.add_user("0")
    headers = {"authorization": f"Bearer {key}"}
    ask = {"model": "sandbox-gpt", "messages": [{"role": "user", "content": "hi"}]}
    assert (await product.post("/v1/chat/completions", ask, headers=headers)).status_code == 402
    await admin.post(f"/users/{user_id}/ledger", {"kind": "credit", "amount": "5.00"})
    assert (await product.post("/v1/chat/completions", ask, headers=headers)).status_code == 200


# --- keys ---------------------------------------------------------------------------------------------


async def test_key_is_shown_once_works_at_once_and_is_kept_as_a_digest(admin: Admin, product: Product) -> None:
    answer = await admin.post(f"/users/{product.user_id}/keys", {"name": "laptop", "max_concurrency": 3})
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    assert made["key"].startswith(made["prefix"])
    assert made["key"].endswith(made["last4"])
    headers = {"authorization": f"Bearer {made['key']}"}
    assert (await product.client.get(f"{product.base_url}/api/user/balance", headers=headers)).status_code == 200
    kept = (await admin.get(f"/keys/{made['id']}")).text
    listed = (await admin.get(f"/users/{product.user_id}/keys")).text
    audited = (await admin.get("/audit")).text
    assert all(made["key"] not in text for text in (kept, listed, audited))


async def test_revoked_key_is_refused_by_the_very_next_request(admin: Admin, product: Product) -> None:
    made = (await admin.post(f"/users/{product.user_id}/keys", {"name": "old"})).json()
    headers = {"authorization": f"Bearer {made['key']}"}
    url = f"{product.base_url}/api/user/balance"
    assert (await product.client.get(url, headers=headers)).status_code == 200
    assert (await admin.delete(f"/keys/{made['id']}")).status_code == 204
    refused = await product.client.get(url, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_revoked")
    assert (await admin.get(f"/keys/{made['id']}")).json()["status"] == "revoked"


async def test_key_is_narrowed_and_expires_at_once(admin: Admin, product: Product) -> None:
    made = (await admin.post(f"/users/{product.user_id}/keys", {"name": "x"})).json()
    headers = {"authorization": f"Bearer {made['key']}"}
    narrowed = await admin.patch(f"/keys/{made['id']}", {"allowed_models": ["Sandbox-Claude"]})
    assert narrowed.json()["allowed_models"] == ["sandbox-claude"]
    ask = {"model": "sandbox-gpt", "messages": [{"role": "user", "content": "hi"}]}
    assert (await product.post("/v1/chat/completions", ask, headers=headers)).status_code == 403
    past = (datetime.now(UTC) - timedelta(seconds=5)).isoformat()
    assert (await admin.patch(f"/keys/{made['id']}", {"expires_at": past})).json()["status"] == "expired"
    refused = await product.post("/v1/chat/completions", ask, headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "key_expired")


@pytest.mark.parametrize("field", ["spend_limit", "spend_period", "rpm", "tpm"])
async def test_limit_that_is_not_enforced_is_refused_and_not_stored(admin: Admin, product: Product, field: str) -> None:
    answer = await admin.post(f"/users/{product.user_id}/keys", {"name": "x", field: 5})
    assert faults(answer) == {field: "is not enforced by this version"}
    nothing_said = await admin.post(f"/users/{product.user_id}/keys", {"name": "x", field: None})
    assert nothing_said.status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x", "max_concurrency": 0},
        {"name": "x", "max_concurrency": "3"},
        {"name": "x", "allowed_models": "gpt"},
        {"name": "x", "expires_at": "tomorrow"},
        {"name": "x", "expires_at": "2027-01-01T00:00:00"},
        {"name": "x", "key": "sk-mine"},
    ],
)
async def test_key_that_may_not_be_is_refused(admin: Admin, product: Product, body: Any) -> None:
    assert faults(await admin.post(f"/users/{product.user_id}/keys", body))


async def test_unknown_key_is_not_found(admin: Admin) -> None:
    for answer in (await admin.get("/keys/99"), await admin.patch("/keys/99", {}), await admin.delete("/keys/99")):
        assert answer.status_code == 404
