"""One write about several users: their money, and whether they may call. All of them or nobody, and once."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from admin_client import Admin, faults
from books import Books
from past import Past
from product import Product

CREDIT = {"kind": "credit", "amount": "5.00", "reason": "invoice 7"}


async def several(product: Product, count: int, dollars: str = "0") -> list[int]:
    return [(await product.add_user(dollars))[0] for _ in range(count)]


async def balances(product: Product, users: list[int]) -> list[Decimal]:
    return [await product.balance(user_id) for user_id in users]


async def test_every_user_gets_the_same_entry_and_a_row_of_the_audit_log(admin: Admin, product: Product) -> None:
    users = await several(product, 3)
    answer = await admin.post("/users/ledger", {"user_ids": users[::-1], **CREDIT})
    assert answer.status_code == 201
    entries = answer.json()["data"]
    assert [entry["user_id"] for entry in entries] == users
    assert all({name: entry[name] for name in CREDIT} == CREDIT for entry in entries)
    assert {entry["balance_after"] for entry in entries} == {"5.00"}
    assert await balances(product, users) == [5, 5, 5]
    rows = (await admin.get(f"/audit?q={answer.headers['x-request-id']}")).json()["data"]
    assert sorted((row["action"], row["target"], row["after"]["entry"]) for row in rows) == [
        ("ledger.record", f"user/{entry['user_id']}", entry["id"]) for entry in entries
    ]
    assert not await product.imbalances()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({**CREDIT}, "user_ids"),
        ({**CREDIT, "user_ids": []}, "user_ids"),
        ({**CREDIT, "user_ids": "1"}, "user_ids"),
        ({**CREDIT, "user_ids": [1, "2"]}, "user_ids.1"),
        ({**CREDIT, "user_ids": [1, 2, 1]}, "user_ids"),
        ({**CREDIT, "user_ids": list(range(1, 202))}, "user_ids"),
        ({**CREDIT, "user_ids": [1], "amount": "-5"}, "amount"),
        ({**CREDIT, "user_ids": [1], "kind": "adjust", "reason": None}, "reason"),
        ({**CREDIT, "user_ids": [1, 10**9]}, "user_ids"),
    ],
)
async def test_movement_of_several_that_may_not_be_moves_nothing(
    admin: Admin, product: Product, body: Any, param: str
) -> None:
    before = await product.balance(1)
    assert param in faults(await admin.post("/users/ledger", body))
    assert await product.balance(1) == before


async def test_unknown_and_deleted_users_are_named_and_nobody_is_touched(admin: Admin, product: Product) -> None:
    here, gone = await several(product, 2)
    await admin.delete(f"/users/{gone}")
    unknown = gone + 1_000_000
    said = f"must not have unknown or deleted users: {gone}, {unknown}; nothing was changed"
    refused = await admin.post("/users/ledger", {"user_ids": [unknown, here, gone], **CREDIT}, Idempotency_Key="k")
    assert faults(refused) == {"user_ids": said}
    switched = await admin.patch("/users", {"user_ids": [unknown, here, gone], "disabled": True})
    assert faults(switched) == {"user_ids": said}
    assert await product.balance(here) == 0
    assert (await admin.get(f"/users/{here}")).json()["disabled"] is False
    # What was refused used no key up.
    assert (await admin.post("/users/ledger", {"user_ids": [here], **CREDIT}, Idempotency_Key="k")).is_success


async def test_same_key_credits_several_once_and_is_of_these_users_alone(admin: Admin, product: Product) -> None:
    users, others = await several(product, 3), await several(product, 2)
    body = {"user_ids": users, **CREDIT}
    first = await admin.post("/users/ledger", body, Idempotency_Key="batch")
    again = await admin.post("/users/ledger", {**body, "user_ids": users[::-1]}, Idempotency_Key="batch")
    assert (again.status_code, again.json()) == (201, first.json())
    for other in (
        {**body, "amount": "6.00"},
        {**body, "reason": None},
        {**body, "user_ids": users[:2]},
        {**body, "user_ids": [*users, others[0]]},
        {**body, "user_ids": others},
    ):
        refused = await admin.post("/users/ledger", other, Idempotency_Key="batch")
        assert refused.status_code == 409 and "Idempotency-Key" in refused.json()["error"]["message"]
    assert await balances(product, [*users, *others]) == [5, 5, 5, 0, 0]


async def test_key_of_one_users_own_entry_does_not_credit_them_again(admin: Admin, product: Product) -> None:
    users = await several(product, 2)
    await admin.post(f"/users/{users[1]}/ledger", CREDIT, Idempotency_Key="own")
    refused = await admin.post("/users/ledger", {"user_ids": users, **CREDIT}, Idempotency_Key="own")
    assert refused.status_code == 409
    assert await balances(product, users) == [0, 5]
    together = await admin.post("/users/ledger", {"user_ids": users, **CREDIT}, Idempotency_Key="shared")
    alone = await admin.post(f"/users/{users[0]}/ledger", CREDIT, Idempotency_Key="shared")
    assert alone.json() == together.json()["data"][0]
    assert await balances(product, users) == [5, 10]


async def test_batches_of_the_same_users_cross_each_other_and_settlements_without_a_loss(
    admin: Admin, product: Product, past: Past
) -> None:
    """Twice with one key, three times with others whose users overlap in another order, while requests are charged."""
    users = await several(product, 4, "100")
    books = Books(product.database, users, past.books.price, Decimal(100))
    charged = [books.exchange(place) for place in (3, 1, 0, 2) * 6]
    orders = (users, users[::-1], users[1:], users[2:] + users[:1])
    same = {"user_ids": users, **CREDIT}
    answers = await asyncio.gather(
        *(admin.post("/users/ledger", same, Idempotency_Key="same") for _ in range(3)),
        *(admin.post("/users/ledger", {**CREDIT, "user_ids": ids}) for ids in orders),
        *(admin.patch("/users", {"user_ids": ids, "disabled": False}) for ids in orders),
        *(admin.post(f"/users/{user_id}/ledger", CREDIT) for user_id in users),
        *(books.settle(*charged[start : start + 8]) for start in (0, 8, 16)),
    )
    assert {answer.status_code for answer in answers if answer is not None} == {200, 201}
    assert answers[0].json() == answers[1].json() == answers[2].json()
    for place, user_id in enumerate(users):
        credits = 1 + sum(user_id in ids for ids in orders) + 1
        cost = sum(one.cost for one in charged if one.user_id == user_id)
        assert await product.balance(user_id) == 100 + 5 * credits - cost, place
    assert not await product.imbalances()


async def test_keys_of_all_who_are_switched_off_are_refused_by_the_very_next_request(
    admin: Admin, product: Product
) -> None:
    people = [await product.add_user("5") for _ in range(3)]
    users = [user_id for user_id, _ in people]
    url = f"{product.base_url}/api/user/balance"

    async def statuses() -> set[int]:
        return {
            (await product.client.get(url, headers={"authorization": f"Bearer {key}"})).status_code for _, key in people
        }

    assert await statuses() == {200}
    answer = await admin.patch("/users", {"user_ids": users, "disabled": True})
    assert [(row["id"], row["disabled"]) for row in answer.json()["data"]] == [(user_id, True) for user_id in users]
    assert await statuses() == {403}
    assert (await admin.patch("/users", {"user_ids": users, "disabled": False})).is_success
    assert await statuses() == {200}
    audited = (await admin.get(f"/audit?action=user.update&target=user/{users[2]}")).json()["data"]
    assert [(row["before"], row["after"]) for row in audited] == [
        ({"disabled": True}, {"disabled": False}),
        ({"disabled": False}, {"disabled": True}),
    ]
    assert faults(await admin.patch("/users", {"user_ids": users, "name": "x"})).keys() == {"name", "disabled"}


async def test_those_who_are_named_by_their_ids_are_listed_summed_and_saved(admin: Admin, product: Product) -> None:
    users = await several(product, 3, "2")
    query = f"ids={users[2]},{users[0]}"
    assert [row["id"] for row in (await admin.get(f"/users?{query}")).json()["data"]] == [users[0], users[2]]
    assert (await admin.get(f"/users/totals?{query}")).json()["balance"] == "4.00"
    assert len((await admin.get(f"/users.csv?{query}")).text.splitlines()) == 3
    for wrong in ("ids=x", "ids=1,,2", "ids=0", "ids=" + ",".join(map(str, range(1, 202)))):
        assert faults(await admin.get(f"/users?{wrong}")).keys() == {"ids"}
