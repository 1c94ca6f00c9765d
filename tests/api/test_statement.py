"""The bank statement: its lines follow each other to the last digit, whatever moved the money."""

import csv
import io
import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from admin_client import Admin, faults
from past import Past
from product import TESTER, Product

NOW = datetime.now(UTC)


async def lines(admin: Admin, user_id: int, limit: int = 200) -> list[dict[str, Any]]:
    """The whole statement, read in pages."""
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = (await admin.get(f"/users/{user_id}/statement?limit={limit}&cursor={cursor}")).json()
        found += page["data"]
        if not page["has_more"]:
            return found
        cursor = page["next_cursor"]


async def test_use_between_two_movements_is_one_line_and_no_use_is_none(
    admin: Admin, product: Product, past: Past
) -> None:
    user_id = product.user_id
    await past.settle(past.exchange(NOW, cost=Decimal("1.25")), past.exchange(NOW, cost=Decimal("0.75")))
    for amount in ("10", "5"):
        body = {"kind": "credit", "amount": amount, "reason": "invoice"}
        assert (await admin.post(f"/users/{user_id}/ledger", body)).status_code == 201
    await past.settle(past.exchange(NOW, cost=Decimal("0.000001")))
    found = await lines(admin, user_id)
    assert [(line["kind"], line["amount"], line["balance_after"]) for line in found] == [
        ("usage", "-0.000001", "112.999999"),
        ("credit", "5.00", "113.00"),
        ("credit", "10.00", "108.00"),
        ("usage", "-2.00", "98.00"),
        ("adjust", "100.00", "100.00"),
    ]
    assert found[0]["to"] is None
    assert (found[0]["from"], found[3]["from"], found[3]["to"]) == (found[1]["at"], found[4]["at"], found[2]["at"])
    assert found[1].items() >= {"actor": "admin", "reason": "invoice"}.items() and "from" not in found[1]
    assert [line["entry_id"] is None for line in found] == [True, False, False, True, False]


async def test_every_line_follows_from_the_one_before_in_pages_of_any_size(
    admin: Admin, product: Product, past: Past
) -> None:
    chance = random.Random(11)
    user_id = product.user_id
    for _ in range(25):
        if chance.random() < 0.5:
            cost = Decimal(chance.randrange(10**9)).scaleb(-12)
            await past.settle(past.exchange(NOW, cost=cost))
        else:
            amount = Decimal(chance.randrange(-500, 500) or 1).scaleb(-2)
            await product.accounts.move_money(TESTER, user_id=user_id, kind="adjust", amount=amount, reason="x")
    whole = await lines(admin, user_id)
    balance = Decimal(0)
    for line in reversed(whole):
        balance += Decimal(line["amount"])
        assert Decimal(line["balance_after"]) == balance
    assert balance == await product.balance()
    by_hand = [line for line in whole if line["kind"] != "usage"]
    used = sum(Decimal(line["amount"]) for line in whole if line["kind"] == "usage")
    assert used == -sum(row.cost for row in await product.rows())
    assert len(by_hand) == len((await admin.get(f"/users/{user_id}/ledger?limit=200")).json()["data"])
    for limit in (1, 3):
        paged = await lines(admin, user_id, limit)
        assert [line["balance_after"] for line in paged] == [line["balance_after"] for line in whole]
    file = list(csv.DictReader(io.StringIO((await admin.get(f"/users/{user_id}/statement.csv")).text)))
    assert [row["balance_after"] for row in file] == [line["balance_after"] for line in whole]


async def test_the_statement_says_which_entry_took_back_which(admin: Admin, product: Product) -> None:
    user_id = product.user_id
    wrong = (await admin.post(f"/users/{user_id}/ledger", {"kind": "grant", "amount": "5"})).json()["id"]
    back = (await admin.post(f"/ledger/{wrong}/reverse", {"reason": "slip"})).json()["id"]
    found = {line["entry_id"]: (line["reverses"], line["reversed_by"]) for line in await lines(admin, user_id)}
    assert (found[wrong], found[back]) == ((None, back), (wrong, None))


async def test_a_user_reads_the_own_statement_alone(product: Product, past: Past) -> None:
    await past.settle(past.exchange(NOW, user=1, cost=Decimal(3)))
    answer = await product.client.get(f"{product.base_url}/api/user/statement", headers=product.headers)
    assert [line["amount"] for line in answer.json()["data"]] == ["100.00"]
    file = await product.client.get(f"{product.base_url}/api/user/statement.csv", headers=product.headers)
    assert len(file.text.splitlines()) == 2


async def test_a_user_without_money_or_movements_has_an_empty_statement(admin: Admin) -> None:
    user_id = (await admin.post("/users", {"name": "new"})).json()["id"]
    assert await lines(admin, user_id) == []
    assert (await admin.get("/users/999999/statement")).status_code == 404
    assert faults(await admin.get(f"/users/{user_id}/statement?cursor=eA")).keys() == {"cursor"}


async def test_the_ledger_is_narrowed_and_summed_and_the_books_are_exact(
    admin: Admin, product: Product, past: Past
) -> None:
    other = past.books.users[1]
    for kind, amount in (("credit", "7.5"), ("grant", "2.5")):
        assert (await admin.post(f"/users/{other}/ledger", {"kind": kind, "amount": amount})).status_code == 201
    await past.settle(past.exchange(NOW, user=1, cost=Decimal("0.1")))
    rows = (await admin.get(f"/ledger?user_id={other}&kind=credit")).json()["data"]
    assert [(row["user_name"], row["amount"]) for row in rows] == [("other", "7.50")]
    assert (await admin.get("/ledger?to=2020-01-01")).json()["data"] == []
    assert len((await admin.get("/ledger?from=2020-01-01")).json()["data"]) == 4
    file = list(csv.DictReader(io.StringIO((await admin.get("/ledger.csv?kind=grant")).text)))
    assert [(row["user_name"], row["amount"]) for row in file] == [("other", "2.50")]
    totals = (await admin.get("/ledger/totals")).json()
    assert totals == {
        "by_kind": {"adjust": "150.00", "credit": "7.50", "grant": "2.50"},
        "count": 4,
        "credited": "160.00",
        "used": "0.10",
        "outstanding": "159.90",
        "exact": True,
    }
    one = (await admin.get(f"/ledger/totals?user_id={other}&kind=grant")).json()
    assert (one["by_kind"], one["count"], one["credited"], one["outstanding"], one["exact"]) == (
        {"grant": "2.50"}, 1, "60.00", "59.90", True,
    )  # fmt: skip


@pytest.mark.parametrize("query", ["user_id=x", "from=soon", "kind=%00"])
async def test_a_ledger_filter_that_cannot_be_read_is_refused_by_name(admin: Admin, query: str) -> None:
    assert faults(await admin.get(f"/ledger?{query}")).keys() == {query.split("=")[0]}
