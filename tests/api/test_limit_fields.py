"""What keys and users may be limited to: written, read back, audited, and told with what is left."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from admin_client import Admin, faults
from product import Product

LIMITS = {
    "allowed_models": ["sandbox-gpt"],
    "max_concurrency": 3,
    "rpm": 60,
    "tpm": 100_000,
    "spend_limit": "12.50",
    "spend_period": "month",
}
NONE = dict.fromkeys(LIMITS)


def limits_of(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in LIMITS}


async def own(product: Product, path: str, key: str = "") -> Any:
    headers = {"authorization": f"Bearer {key or product.key}"}
    return (await product.client.get(product.base_url + path, headers=headers)).json()


@pytest.mark.parametrize("holder", ["user", "key"])
async def test_limits_are_kept_changed_taken_away_and_audited(admin: Admin, product: Product, holder: str) -> None:
    place = "/users" if holder == "user" else f"/users/{product.user_id}/keys"
    made = (await admin.post(place, {"name": "x", **LIMITS})).json()
    one = f"/{holder}s/{made['id']}"
    assert limits_of(made) == limits_of((await admin.get(one)).json()) == LIMITS
    changed = (await admin.patch(one, {"rpm": 5, "allowed_models": ["B", "a"]})).json()
    assert limits_of(changed) == {**LIMITS, "rpm": 5, "allowed_models": ["a", "b"]}
    assert limits_of((await admin.patch(one, NONE)).json()) == NONE
    entries = (await admin.get(f"/audit?target={holder}/{made['id']}")).json()["data"]
    assert [entry["action"] for entry in entries] == [f"{holder}.update", f"{holder}.update", f"{holder}.create"]
    assert entries[0]["after"] == NONE
    assert entries[1]["after"] == {"rpm": 5, "allowed_models": ["a", "b"]}
    assert {name: entries[2]["after"][name] for name in LIMITS} == LIMITS


async def test_a_new_user_or_key_has_no_limits(admin: Admin, product: Product) -> None:
    for place in ("/users", f"/users/{product.user_id}/keys"):
        assert limits_of((await admin.post(place, {"name": "x"})).json()) == NONE


async def test_a_spend_limit_that_goes_takes_its_period_with_it(admin: Admin, product: Product) -> None:
    made = (await admin.post(f"/users/{product.user_id}/keys", {"name": "x", **LIMITS})).json()
    changed = (await admin.patch(f"/keys/{made['id']}", {"spend_limit": None})).json()
    assert (changed["spend_limit"], changed["spend_period"]) == (None, None)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("rpm", 0, "must be a whole number from 1 to 100000"),
        ("rpm", "5", "must be a whole number from 1 to 100000"),
        ("tpm", 1.5, "must be a whole number from 1 to 1000000000000"),
        ("max_concurrency", 100_001, "must be a whole number from 1 to 100000"),
        ("spend_limit", "0", "must be above zero; null is no limit"),
        ("spend_limit", "-1.00", "must be above zero; null is no limit"),
        ("spend_limit", 5, 'must be dollars as a decimal string, such as "10.50"'),
        ("spend_limit", "NaN", 'must be dollars as a decimal string, such as "10.50"'),
        ("spend_period", "hour", "must be one of day, week, month"),
        ("spend_period", "day", "needs a spend_limit"),
    ],
)
async def test_a_limit_that_may_not_be_is_refused(
    admin: Admin, product: Product, field: str, value: Any, sentence: str
) -> None:
    for place in ("/users", f"/users/{product.user_id}/keys"):
        assert faults(await admin.post(place, {"name": "x", field: value})) == {field: sentence}


async def test_lists_and_balance_tell_what_is_left_of_a_spend_limit(
    admin: Admin, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC)
    monkeypatch.setattr("quart_proxy.http.account_rows.datetime", SimpleNamespace(now=lambda zone: today))
    await admin.patch(f"/users/{product.user_id}", {"spend_limit": "50.00", "spend_period": "day"})
    made = (await admin.post(f"/users/{product.user_id}/keys", {"name": "x", "spend_limit": "2.00"})).json()
    headers = {"authorization": f"Bearer {made['key']}"}
    ask = {"model": "sandbox-gpt", "messages": [{"role": "user", "content": "hi"}]}
    answer = await product.post("/v1/chat/completions", ask, headers=headers)
    cost = Decimal(answer.headers["x-quart-proxy-cost"])
    tomorrow = today.date() + timedelta(days=1)
    of_key = {"spent": str(cost), "left": str(2 - cost), "resets_at": None}
    of_user = {"spent": str(cost), "left": str(50 - cost), "resets_at": f"{tomorrow}T00:00:00.000Z"}
    (row,) = (
        row for row in (await admin.get(f"/users/{product.user_id}/keys")).json()["data"] if row["id"] == made["id"]
    )
    assert row["spend_status"] == of_key
    assert (await admin.get(f"/users/{product.user_id}")).json()["spend_status"] == of_user
    balance = await own(product, "/api/user/balance", made["key"])
    assert (balance["key"]["spend_status"], balance["limits"]["spend_status"]) == (of_key, of_user)
    assert balance["limits"]["spend_limit"] == "50.00"
    listed = (await own(product, "/api/user/keys"))["data"]
    assert {row["id"]: row["spend_status"] for row in listed} == {made["id"]: of_key, balance["key"]["id"] - 1: None}


@pytest.mark.parametrize(("period", "reset"), [(None, None), ("week", "weekly"), ("month", "monthly")])
async def test_the_compatible_key_tells_its_limit_and_never_more_left_than_the_balance(
    admin: Admin, product: Product, period: str | None, reset: str | None
) -> None:
    limits = {"spend_limit": "7.00", "spend_period": period}
    made = (await admin.post(f"/users/{product.user_id}/keys", {"name": "x", **limits})).json()
    data = (await own(product, "/api/v1/key", made["key"]))["data"]
    assert (data["limit"], data["limit_remaining"], data["limit_reset"]) == (7.0, 7.0, reset)
    await admin.patch(f"/keys/{made['id']}", {"spend_limit": "700.00"})
    data = (await own(product, "/api/v1/key", made["key"]))["data"]
    assert (data["limit"], data["limit_remaining"]) == (700.0, 100.0)
