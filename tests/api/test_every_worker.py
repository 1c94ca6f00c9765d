"""A write on one worker is in force on every other within moments, without a restart."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from admin_client import Admin
from product import Product, serve_product

Status = Callable[[], Awaitable[int]]


async def becomes(status: Status, wanted: int) -> None:
    """Returns when the status is the wanted one; fails when it never is."""
    async with asyncio.timeout(10):
        while await status() != wanted:
            await asyncio.sleep(0.02)


async def test_write_on_one_worker_is_seen_by_another(
    admin: Admin, product: Product, sandbox_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    async with serve_product(product.database.url, sandbox_url, folder) as other:
        user_id, key = await product.add_user("0")
        headers = {"authorization": f"Bearer {key}"}

        async def ask() -> int:
            body = {"model": "fresh", "messages": [{"role": "user", "content": "hi"}]}
            return (await other.post("/v1/chat/completions", body, headers=headers)).status_code

        await becomes(ask, 404)
        document = {"provider": "sandbox-gpt", "actual_model": "sandbox", "pricing": {"input": "1", "output": "2"}}
        made = await admin.put("/models/fresh", document)
        await becomes(ask, 402)
        await admin.post(f"/users/{user_id}/ledger", {"kind": "credit", "amount": "5.00"})
        await becomes(ask, 200)
        await admin.patch("/models/fresh", {"enabled": False}, If_Match=made.headers["etag"])
        await becomes(ask, 404)
        await admin.patch(f"/users/{user_id}", {"disabled": True})
        await becomes(ask, 403)
        await admin.delete(f"/users/{user_id}")
        await becomes(ask, 401)
        assert not await product.imbalances()
