"""The balance endpoints of others: their shapes, and one truth behind all of them."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from product import Product


async def get(product: Product, path: str) -> dict[str, Any]:
    answer = await product.client.get(product.base_url + path, headers=product.headers)
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


async def spend(product: Product) -> tuple[float, float]:
    """Spend some; what was spent and what is left."""
    answer = await product.chat()
    return float(answer.headers["x-quart-proxy-cost"]), float(answer.headers["x-quart-proxy-balance"])


@pytest.mark.parametrize("base", ["/v1/dashboard/billing", "/dashboard/billing"])
async def test_limit_less_usage_is_what_is_left_whatever_the_dates(product: Product, base: str) -> None:
    used, left = await spend(product)
    subscription = await get(product, f"{base}/subscription")
    assert subscription == {
        "object": "billing_subscription",
        "has_payment_method": True,
        "soft_limit_usd": 100.0,
        "hard_limit_usd": 100.0,
        "system_hard_limit_usd": 100.0,
        "access_until": 0,
    }
    usage = await get(product, f"{base}/usage?start_date=2001-01-01&end_date=2001-01-02")
    assert usage == {"object": "list", "total_usage": pytest.approx(used * 100, abs=1e-15)}
    assert subscription["hard_limit_usd"] - usage["total_usage"] / 100 == pytest.approx(left)
    grants = await get(product, f"{base}/credit_grants")
    assert grants == {
        "object": "credit_summary",
        "total_granted": 100.0,
        "total_used": used,
        "total_available": left,
        "grants": {"object": "list", "data": []},
    }


@pytest.mark.parametrize("path", ["/api/v1/credits", "/v1/credits"])
async def test_credits_less_usage_is_what_is_left(product: Product, path: str) -> None:
    used, left = await spend(product)
    data = (await get(product, path))["data"]
    assert data == {"total_credits": 100.0, "total_usage": used}
    assert data["total_credits"] - data["total_usage"] == pytest.approx(left)


@pytest.mark.parametrize("path", ["/api/v1/key", "/api/v1/auth/key"])
async def test_key_tells_its_label_and_what_was_spent_lately(
    product: Product, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC)
    monkeypatch.setattr("quart_proxy.api.v1.key.datetime", SimpleNamespace(now=lambda zone: today))
    used, left = await spend(product)
    data = (await get(product, path))["data"]
    assert data["label"] == f"{product.key[:7]}...{product.key[-4:]}"
    assert (data["limit"], data["limit_remaining"], data["usage"]) == (100.0, left, used)
    assert data["usage_daily"] == data["usage_weekly"] == data["usage_monthly"] == used
    assert (data["is_management_key"], data["expires_at"]) == (False, None)
