"""Lists of users and keys: sorted, narrowed, in pages, with what was spent of late."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from admin_client import Admin, faults
from past import Past
from product import Product


async def names(admin: Admin, query: str, limit: int = 2) -> list[str]:
    """The names of all users in the order of a list, read in pages."""
    found: list[str] = []
    cursor = ""
    while True:
        page = (await admin.get(f"/users?limit={limit}&{query}&cursor={cursor}")).json()
        found += [row["name"] for row in page["data"]]
        if not page["has_more"]:
            return found
        cursor = page["next_cursor"]


@pytest.fixture
async def people(admin: Admin, product: Product, past: Past) -> Past:
    """someone $100, other $50, and two with what the test of a sort needs: equals, and nothing."""
    for name, dollars in (("Zoe", "50"), ("adam", "0"), ("Bob", "-3")):
        await product.add_user(dollars, name=name)
    now = datetime.now(UTC)
    await past.settle(
        past.exchange(now - timedelta(days=1), user=0, cost=Decimal("7")),
        past.exchange(now - timedelta(days=20), user=0, cost=Decimal("30")),
        past.exchange(now - timedelta(days=40), user=1, cost=Decimal("45")),
        past.exchange(now - timedelta(hours=3), user=1, cost=Decimal("0.000000000001")),
    )
    return past


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", "someone other Zoe adam Bob"),
        ("order=desc", "Bob adam Zoe other someone"),
        ("sort=name", "adam Bob other someone Zoe"),
        ("sort=name&order=desc", "Zoe someone other Bob adam"),
        ("sort=balance", "Bob adam other Zoe someone"),
        ("sort=balance&order=desc", "someone Zoe other adam Bob"),
        ("sort=spent_30d", "someone other Bob adam Zoe"),
        ("sort=spent_30d&order=asc", "Zoe adam Bob other someone"),
        ("sort=last_used_at", "other someone Bob adam Zoe"),
        ("sort=last_used_at&order=asc", "Zoe adam Bob someone other"),
        ("standing=out", "adam Bob"),
        ("standing=out&sort=balance&q=o", "Bob"),
        ("standing=low", ""),
        ("standing=idle", "Zoe adam Bob"),
        ("standing=disabled", ""),
    ],
)
async def test_users_are_sorted_through_all_pages(admin: Admin, people: Past, query: str, order: str) -> None:
    for limit in (1, 2, 100):
        assert await names(admin, query, limit) == order.split()


async def test_a_user_row_says_what_was_spent_and_how_long_the_rest_lasts(admin: Admin, people: Past) -> None:
    user_id = people.books.users[0]
    row = (await admin.get("/users?q=someone")).json()["data"][0]
    assert row == (await admin.get(f"/users/{user_id}")).json()
    assert (row["spent_7d"], row["spent_30d"], row["keys"], row["days_left"]) == ("7.00", "37.00", 1, 63.0)
    assert datetime.now(UTC) - datetime.fromisoformat(row["last_used_at"]) < timedelta(days=1, minutes=2)
    assert row["pace_days"] == 7.0
    unused = (await admin.get("/users?q=adam")).json()["data"][0]
    assert (unused["spent_30d"], unused["last_used_at"], unused["days_left"], unused["keys"]) == ("0", None, None, 1)
    assert (await admin.post(f"/users/{user_id}/keys", {"name": "second"})).status_code == 201
    assert (await admin.get(f"/users/{user_id}")).json()["keys"] == 2


async def test_the_pace_of_who_began_in_the_week_is_that_of_the_days_since(
    admin: Admin, product: Product, past: Past
) -> None:
    now = datetime.now(UTC)
    began = past.books.users[1]
    # $50 are there before it; the hour of the first request counts whole.
    for ago, left, pace in ((timedelta(hours=2), 1.5, 1.0), (timedelta(days=3), 3.0, 3.0)):
        await past.settle(past.exchange(now - ago, user=1, cost=Decimal("20") if pace == 1.0 else Decimal("5")))
        row = (await admin.get(f"/users/{began}")).json()
        assert (row["days_left"], row["pace_days"]) == (left, pace)
        assert await names(admin, "standing=low") == (["other"] if left < 3 else [])


async def test_what_a_list_holds_is_summed_and_leaves_as_a_file(admin: Admin, people: Past) -> None:
    low = people.books.users[0]
    before = (await admin.get(f"/users/{low}")).json()
    # What is left for 2.9 days at the pace of the last week is low; for 3 it is not.
    for days, found in (("3", []), ("2.9", ["someone"])):
        balance = Decimal((await admin.get(f"/users/{low}")).json()["balance"])
        change = Decimal(before["spent_7d"]) / 7 * Decimal(days) - balance
        moved = await admin.post(f"/users/{low}/ledger", {"kind": "adjust", "amount": str(change), "reason": "x"})
        assert moved.status_code == 201
        assert (await admin.get(f"/users/{low}")).json()["days_left"] == float(days)
        assert await names(admin, "standing=low") == found
    assert (await admin.patch(f"/users/{low}", {"disabled": True})).status_code == 200
    assert await names(admin, "standing=disabled") == ["someone"]
    for query in ("", "standing=out", "q=o&sort=spent_30d"):
        rows = (await admin.get(f"/users?{query}")).json()["data"]
        totals = (await admin.get(f"/users/totals?{query}")).json()
        saved = list(csv.DictReader(io.StringIO((await admin.get(f"/users.csv?{query}")).text)))
        assert totals.pop("count") == len(rows) == len(saved)
        for name, total in totals.items():
            assert sum(Decimal(row[name]) for row in rows) == Decimal(total)
        assert [(row["id"], row["balance"], row["spent"]) for row in saved] == [
            (str(row["id"]), row["balance"], row["lifetime"]["spent"]) for row in rows
        ]


async def test_every_key_is_listed_with_its_user_and_its_spending(admin: Admin, product: Product, past: Past) -> None:
    other = past.books.users[1]
    own = (await admin.get(f"/users/{product.user_id}/keys")).json()["data"][0]["id"]
    expired = await admin.post(f"/users/{other}/keys", {"name": "old", "expires_at": "2020-01-01"})
    revoked = await admin.post(f"/users/{other}/keys", {"name": "gone"})
    assert (await admin.delete(f"/keys/{revoked.json()['id']}")).status_code == 204
    now = datetime.now(UTC)
    latest = past.exchange(now - timedelta(hours=1), api_key_id=own, cost=Decimal("1.5"), client_agent="aider/1.0")
    earlier = past.exchange(now - timedelta(days=3), api_key_id=own, cost=Decimal(0), client_agent="curl/8.5.0")
    await past.settle(earlier, latest)
    await past.settle(past.exchange(now, api_key_id=own + 1000, cost=Decimal(0), client_agent="another key's"))

    async def keys(query: str = "") -> list[dict[str, Any]]:
        answer = await admin.get(f"/keys?{query}")
        assert answer.status_code == 200, answer.text
        rows: list[dict[str, Any]] = answer.json()["data"]
        return rows

    everything = await keys()
    assert [row["id"] for row in everything] == sorted((row["id"] for row in everything), reverse=True)
    assert len(everything) == 4
    by_id = {row["id"]: row for row in everything}
    assert (by_id[own]["user_name"], by_id[own]["spent_30d"]) == ("someone", "1.50")
    last = ("last_used_at", "last_request_id", "last_client_agent")
    assert by_id[own]["last_used_at"] is not None
    assert [by_id[own][name] for name in last[1:]] == [f"req_{latest.request_id.hex}", "aider/1.0"]
    assert [by_id[expired.json()["id"]][name] for name in last] == [None, None, None]
    saved = list(csv.DictReader(io.StringIO((await admin.get("/keys.csv")).text)))
    assert {row["last_client_agent"] for row in saved} == {"aider/1.0", ""}
    assert {row["status"] for row in await keys(f"user_id={other}")} == {"active", "expired", "revoked"}
    assert [row["name"] for row in await keys("status=expired")] == ["old"]
    assert [row["name"] for row in await keys("status=revoked")] == ["gone"]
    assert [row["name"] for row in await keys("q=GON")] == ["gone"]
    assert len(await keys("status=active")) == 2
    page = (await admin.get("/keys?limit=3")).json()
    rest = (await admin.get(f"/keys?limit=3&cursor={page['next_cursor']}")).json()
    assert page["data"] + rest["data"] == everything
    assert (await admin.get(f"/users/{product.user_id}/keys")).json()["data"] == [by_id[own]]
    mine = await product.client.get(f"{product.base_url}/api/user/keys", headers=product.headers)
    assert mine.json()["data"] == [by_id[own]]
    assert product.key not in mine.text
    file = await admin.get("/keys.csv?status=active")
    saved = list(csv.DictReader(io.StringIO(file.text)))
    assert [(row["id"], row["spent_30d"]) for row in saved] == [
        (str(row["id"]), row["spent_30d"]) for row in await keys("status=active")
    ]
    assert saved[-1]["key"] == f"{product.key[:7]}…{product.key[-4:]}" and product.key not in file.text


async def test_a_key_row_says_why_its_next_call_would_be_refused(admin: Admin, product: Product, past: Past) -> None:
    user = product.user_id
    (key,) = (await admin.get(f"/users/{user}/keys")).json()["data"]
    # An hour ahead: it is of the day that runs, and of the next one, should that begin in the middle of this.
    await past.settle(past.exchange(datetime.now(UTC) + timedelta(hours=1), api_key_id=key["id"], cost=Decimal("1.5")))

    async def reason() -> str | None:
        (row,) = (await admin.get(f"/users/{user}/keys")).json()["data"]
        assert row == (await admin.get(f"/keys/{key['id']}")).json()
        return row["refused_for"]

    assert await reason() is None
    # The nearest reason is told: what comes first for a call comes first here.
    await admin.patch(f"/keys/{key['id']}", {"spend_limit": "1.50", "spend_period": "day"})
    assert await reason() == "spend_limit"
    await admin.patch(f"/users/{user}", {"spend_limit": "1.00"})
    assert await reason() == "user_spend_limit"
    balance = (await admin.get(f"/users/{user}")).json()["balance"]
    await admin.post(f"/users/{user}/ledger", {"kind": "adjust", "amount": f"-{balance}", "reason": "x"})
    assert await reason() == "insufficient_balance"
    await admin.patch(f"/users/{user}", {"disabled": True})
    assert await reason() == "user_disabled"
    await admin.delete(f"/keys/{key['id']}")
    assert await reason() is None


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/users?sort=colour", "sort"),
        ("/users?order=up", "order"),
        ("/users?standing=rich", "standing"),
        ("/users?sort=balance&cursor=MSBub25l", "cursor"),
        ("/keys?status=lost", "status"),
        ("/keys?user_id=-1", "user_id"),
    ],
)
async def test_a_list_that_cannot_be_made_is_refused_by_name(admin: Admin, path: str, param: str) -> None:
    assert faults(await admin.get(path)).keys() == {param}
