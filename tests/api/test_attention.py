"""What waits for a person is told, and nothing else is."""

import json
from typing import Any

from admin_client import Admin
from product import Product
from registry_files import apply, edit, files, registry
from sqlalchemy import text


async def attention(admin: Admin) -> dict[str, dict[str, Any]]:
    answer = await admin.get("/attention")
    assert answer.status_code == 200, answer.text
    return {row.pop("kind"): row for row in answer.json()["data"]}


async def test_an_empty_list_says_that_all_is_well(admin: Admin) -> None:
    assert await attention(admin) == {}


async def test_users_without_money_are_named_the_deepest_in_debt_first(admin: Admin, product: Product) -> None:
    for number in range(12):
        await product.add_user(f"-{number}" if number else "0", name=f"poor {number}")
    row = (await attention(admin))["users_out_of_money"]
    assert (row["severity"], row["count"], len(row["users"])) == ("warning", 12, 10)
    assert row["users"][0].items() >= {"name": "poor 11", "balance": "-11.00"}.items()


async def test_dead_letters_and_models_without_a_price_are_told(admin: Admin, product: Product) -> None:
    async with product.database.transaction() as connection:
        await connection.execute(text("INSERT INTO dead_letter (record, reason) VALUES ('{}', 'no')"))
        await connection.execute(
            text("UPDATE prices SET valid_to = now() WHERE model_id = (SELECT min(id) FROM models)")
        )
    found = await attention(admin)
    assert list(found) == ["dead_letters", "unpriced_models"]
    assert found["dead_letters"] == {"severity": "critical", "count": 1}
    assert len(found["unpriced_models"]["models"]) == 1


async def test_drift_names_what_was_edited_live(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    assert "drift" not in await attention(admin)
    await edit(admin, "/models/alpha", {"pricing": {"input": "5.00"}})
    assert (await attention(admin))["drift"] == {
        "severity": "warning", "count": 1, "models": ["alpha"], "providers": [],
    }  # fmt: skip


async def test_upstreams_that_fail_on_any_worker_are_summed(admin: Admin, product: Product) -> None:
    async with product.database.transaction() as connection:
        await connection.execute(text("ALTER TABLE workers ADD COLUMN IF NOT EXISTS health jsonb"))
        for number, (failures, at) in enumerate(((1, "2026-01-01T00:00:00Z"), (2, "2026-01-02T00:00:00Z"))):
            bad = {"name": "bad", "requests": 20, "failures": failures, "last_error": f"e{number}", "last_error_at": at}
            fine = {"name": "fine", "requests": 100, "failures": 4, "last_error": "x", "last_error_at": None}
            await connection.execute(
                text(
                    "INSERT INTO workers (name, revision_id, version, health)"
                    " VALUES (:name, 0, '', CAST(:health AS jsonb))"
                ),
                {"name": f"elsewhere:{number}", "health": json.dumps({"spooled": number, "upstreams": [bad, fine]})},
            )
    found = await attention(admin)
    assert found["spooled_settlements"]["count"] == 1
    assert found["upstream_failing"]["upstreams"] == [
        {"name": "bad", "requests": 40, "failures": 3, "last_error": "e1"}
    ]


async def test_what_both_sides_changed_is_one_conflict_and_no_drift(admin: Admin, product: Product) -> None:
    await apply(admin, files(product))
    await edit(admin, "/models/alpha", {"pricing": {"input": "4.50"}})
    await apply(admin, files(product, price="5.00"), policy={"on_conflict": "defer"})
    found = await attention(admin)
    assert list(found) == ["conflicts"]
    assert found["conflicts"]["count"] == 1
    await edit(admin, "/models/alpha", {"limits": {"timeout": "90s"}})
    assert (await attention(admin))["drift"]["models"] == ["alpha"]
    drift = (await registry(admin, "/drift"))["drift"]
    assert [(item["path"], item["is_disputed"]) for item in drift] == [
        ("limits.timeout", False),
        ("pricing.input", True),
    ]
    status = await registry(admin, "/status")
    assert (status["drift"], len(status["conflicts"])) == (1, 1)


async def test_answers_that_nobody_paid_for_are_told_with_their_models(admin: Admin, product: Product) -> None:
    await product.add_model("mute", actual_model="sandbox:no_usage=1")
    for model in ("mute", "mute", "sandbox-gpt"):
        assert (await product.chat(model)).status_code == 200
    await product.rows(3)
    assert (await attention(admin))["unmetered_answers"] == {"severity": "warning", "count": 2, "models": ["mute"]}
