"""Users, their money and their keys, as an admin handles them."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from admin_client import Admin, faults
from product import Product

from quart_proxy.store.accounts import delete_user


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
    (entry,) = (await admin.get(f"/users/{user_id}/ledger")).json()["data"]
    assert (await admin.delete(f"/users/{user_id}")).status_code == 204
    refused = await admin.post(f"/ledger/{entry['id']}/reverse", {"reason": "late"})
    assert refused.status_code == 409 and "is deleted" in refused.json()["error"]["message"]
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


# --- reversals ----------------------------------------------------------------------------------------


async def test_entry_is_taken_back_once_and_both_entries_say_so(admin: Admin, product: Product) -> None:
    path = f"/users/{product.user_id}/ledger"
    before = await product.balance()
    wrong = (await admin.post(path, {"kind": "credit", "amount": "50.00"})).json()
    assert (wrong["reverses"], wrong["reversed_by"]) == (None, None)
    answer = await admin.post(f"/ledger/{wrong['id']}/reverse", {"reason": "typing error"})
    assert answer.status_code == 201
    back = answer.json()
    assert (back["kind"], back["amount"], back["reverses"]) == ("reverse", "-50.00", wrong["id"])
    assert Decimal(back["balance_after"]) == before == await product.balance()
    again = await admin.post(f"/ledger/{wrong['id']}/reverse", {"reason": "again"})
    assert again.status_code == 409 and f"entry {back['id']}" in again.json()["error"]["message"]
    of_itself = await admin.post(f"/ledger/{back['id']}/reverse", {"reason": "and back"})
    assert of_itself.status_code == 409
    listed = {entry["id"]: entry for entry in (await admin.get(path)).json()["data"]}
    assert listed[wrong["id"]]["reversed_by"] == back["id"]
    assert await product.balance() == before and not await product.imbalances()


async def test_reversal_may_take_a_balance_below_zero_and_closes_the_door_at_once(
    admin: Admin, product: Product
) -> None:
    user_id, key = await product.add_user("0")
    ask = {"model": "sandbox-gpt", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {key}"}
    entry = (await admin.post(f"/users/{user_id}/ledger", {"kind": "grant", "amount": "0.01"})).json()
    assert (await product.post("/v1/chat/completions", ask, headers=headers)).status_code == 200
    assert (await admin.post(f"/ledger/{entry['id']}/reverse", {"reason": "fraud"})).status_code == 201
    assert await product.balance(user_id) < 0
    assert (await product.post("/v1/chat/completions", ask, headers=headers)).status_code == 402
    assert not await product.imbalances()


async def test_reversals_at_once_move_money_once(admin: Admin, product: Product) -> None:
    before = await product.balance()
    path = f"/users/{product.user_id}/ledger"
    entry = (await admin.post(path, {"kind": "credit", "amount": "5.00"})).json()
    reverse = f"/ledger/{entry['id']}/reverse"
    answers = await asyncio.gather(*(admin.post(reverse, {"reason": "x"}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]
    assert await product.balance() == before
    other = (await admin.post(path, {"kind": "credit", "amount": "5.00"})).json()
    reverse = f"/ledger/{other['id']}/reverse"
    same = await asyncio.gather(*(admin.post(reverse, {"reason": "x"}, Idempotency_Key="once") for _ in range(6)))
    assert {answer.status_code for answer in same} == {201}
    assert len({answer.json()["id"] for answer in same}) == 1
    assert await product.balance() == before and not await product.imbalances()
    for place, body in ((reverse, {"reason": "y"}), (path, {"kind": "adjust", "amount": "-5.00", "reason": "x"})):
        assert (await admin.post(place, body, Idempotency_Key="once")).status_code == 409


async def test_reversal_needs_a_reason_and_an_entry(admin: Admin, product: Product) -> None:
    entry = (await admin.get("/ledger")).json()["data"][0]["id"]
    assert faults(await admin.post(f"/ledger/{entry}/reverse", {})).keys() == {"reason"}
    assert (await admin.post("/ledger/999999/reverse", {"reason": "x"})).status_code == 404


# --- keys that are rotated ----------------------------------------------------------------------------


async def says(product: Product, key: str) -> Any:
    headers = {"authorization": f"Bearer {key}"}
    answer = await product.client.get(f"{product.base_url}/api/user/balance", headers=headers)
    return answer.json()["error"]["code"] if answer.is_error else answer.status_code


async def test_rotated_key_does_what_the_old_one_did_and_the_old_one_ends_at_once(
    admin: Admin, product: Product
) -> None:
    limits = {
        "name": "laptop",
        "allowed_models": ["sandbox-gpt"],
        "max_concurrency": 2,
        "rpm": 60,
        "tpm": 100_000,
        "spend_limit": "20.00",
        "spend_period": "week",
    }
    old = (await admin.post(f"/users/{product.user_id}/keys", limits)).json()
    answer = await admin.post(f"/keys/{old['id']}/rotate")
    assert answer.status_code == 201 and answer.headers["cache-control"] == "no-store"
    new = answer.json()
    assert new["id"] != old["id"] and new["key"] != old["key"]
    assert {name: new[name] for name in limits} == limits
    assert (new["replaces"]["id"], new["replaces"]["status"]) == (old["id"], "revoked")
    assert (await says(product, old["key"]), await says(product, new["key"])) == ("key_revoked", 200)
    assert new["key"] not in (await admin.get("/audit")).text
    assert (await admin.post(f"/keys/{old['id']}/rotate")).status_code == 409


async def test_rotated_key_has_its_grace_and_never_more_than_it_had(admin: Admin, product: Product) -> None:
    soon = datetime.now(UTC) + timedelta(hours=2)
    path = f"/users/{product.user_id}/keys"
    lasting = (await admin.post(path, {"name": "lasting"})).json()
    ending = (await admin.post(path, {"name": "ending", "expires_at": soon.isoformat()})).json()
    for old, hours in ((lasting, 24), (ending, 2)):
        new = (await admin.post(f"/keys/{old['id']}/rotate", {"grace_hours": 24})).json()
        assert new["expires_at"] == old["expires_at"]
        left = datetime.fromisoformat(new["replaces"]["expires_at"]) - datetime.now(UTC)
        assert timedelta(hours=hours - 0.1) < left <= timedelta(hours=hours)
        assert (await says(product, old["key"]), await says(product, new["key"])) == (200, 200)
    assert faults(await admin.post(f"/keys/{lasting['id']}/rotate", {"grace_hours": 2161})).keys() == {"grace_hours"}


async def test_null_takes_a_limit_off_a_key(admin: Admin, product: Product) -> None:
    limits = {"allowed_models": ["x"], "max_concurrency": 1, "expires_at": "2030-01-01"}
    key = (await admin.post(f"/users/{product.user_id}/keys", {"name": "x", **limits})).json()
    cleared = (await admin.patch(f"/keys/{key['id']}", dict.fromkeys(limits))).json()
    assert [cleared[name] for name in limits] == [None, None, None]
    assert faults(await admin.patch(f"/keys/{key['id']}", {"name": None})).keys() == {"name"}


async def test_key_is_not_made_for_a_user_who_is_being_deleted(admin: Admin, product: Product) -> None:
    user_id, _ = await product.add_user("0")
    async with product.database.transaction() as connection:
        await delete_user(connection, user_id)
        making = asyncio.create_task(admin.post(f"/users/{user_id}/keys", {"name": "late"}))
        await asyncio.sleep(0.2)
        assert not making.done()
    assert (await making).status_code == 404
