"""Files of many parts: every row once, and nobody waits for those who take them."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from admin_client import Admin
from past import Past
from product import Product

from quart_proxy.http.answers import CSV_ROWS_PER_READ
from quart_proxy.services.exports import AT_ONCE, Exports

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize("more", [-1, 0, 1, CSV_ROWS_PER_READ])
async def test_a_file_of_several_parts_has_every_row_once_in_the_order_of_the_list(
    product: Product, admin: Admin, past: Past, more: int
) -> None:
    count = CSV_ROWS_PER_READ + more
    exchanges = [past.exchange(NOON + timedelta(milliseconds=place)) for place in range(count)]
    await past.settle(*exchanges)
    ids = [f"req_{exchange.request_id.hex}" for exchange in reversed(exchanges)]
    for path, headers in (("admin", admin.headers), ("user", product.headers)):
        url = f"{product.base_url}/api/{path}/usage.csv?from=2026-03-04&to=2026-03-05"
        file = (await product.client.get(url, headers=headers)).text
        assert [row["request_id"] for row in csv.DictReader(io.StringIO(file))] == ids


async def test_files_that_wait_for_their_turn_keep_nobody_else_waiting(product: Product, admin: Admin) -> None:
    turns = product.service(Exports).turns
    for _ in range(AT_ONCE):
        await turns.acquire()
    asked = [asyncio.create_task(admin.get(path)) for path in ("/usage.csv", "/ledger.csv", "/audit.csv")]
    assert (await admin.get("/users")).status_code == 200
    assert not any(task.done() for task in asked)
    for _ in range(AT_ONCE):
        turns.release()
    assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200] * 3
    assert not turns.locked()


async def test_a_client_that_leaves_in_the_middle_of_a_file_gives_its_turn_back(
    product: Product, admin: Admin, past: Past
) -> None:
    await past.settle(*(past.exchange(NOON + timedelta(milliseconds=place)) for place in range(3 * CSV_ROWS_PER_READ)))
    url = f"{product.base_url}/api/admin/usage.csv?from=2026-03-04&to=2026-03-05"
    for _ in range(2 * AT_ONCE):
        async with product.client.stream("GET", url, headers=admin.headers) as answer:
            assert answer.status_code == 200
    whole = await product.client.get(url, headers=admin.headers)
    assert whole.text.count("req_") == 3 * CSV_ROWS_PER_READ
