"""How fast charges become durable: the settlement statement alone, in full batches, on one connection.

A process of its own, so that it runs on the server's core as the worker would. Prints one number: settlements a
second. Its database is a copy, so that its rows do not mix with those of the requests.
"""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import uvloop

from bench.seed import PRICES
from quart_proxy.core.pricing import Price, charge
from quart_proxy.core.record import Exchange, Outcome
from quart_proxy.core.usage import Dimension, Usage
from quart_proxy.services.dispatch import new_request_id
from quart_proxy.settings import SETTLE_BATCH_MAX
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import settle_records

USAGE = Usage({Dimension.INPUT: 1200, Dimension.CACHED_INPUT: 800, Dimension.OUTPUT: 350})


async def measure_settlements(database_url: str, users: int, seconds: float) -> float:
    """Settlements a second on so many of the database's users, in turn."""
    database = Database(database_url)
    connection = await database.connect()
    try:
        await connection.execute("SET synchronous_commit = on")
        owners = [tuple(row) for row in await connection.fetch("SELECT user_id, id FROM api_keys ORDER BY id")][:users]
        price = await connection.fetchrow("SELECT id, model_id FROM prices ORDER BY id LIMIT 1")
        assert price is not None, "the database has no models"
        cost = charge(USAGE, Price(price["id"], PRICES)).cost
        await settle_records(connection, _make_batch(owners, price, cost, first=0))
        settled, spent_s = 0, 0.0
        while spent_s < seconds:
            # Making the records is the request's work, not the settlement's.
            batch = _make_batch(owners, price, cost, first=settled)
            start_s = time.perf_counter()
            await settle_records(connection, batch)
            spent_s += time.perf_counter() - start_s
            settled += len(batch)
        return settled / spent_s
    finally:
        await connection.close()
        await database.close()


def _make_batch(owners: Sequence[tuple[int, int]], price: Any, cost: Decimal, *, first: int) -> list[str]:
    now = datetime.now(UTC).isoformat()
    records = []
    for number in range(first, first + SETTLE_BATCH_MAX):
        user_id, key_id = owners[number % len(owners)]
        exchange = Exchange(
            request_id=new_request_id(),
            user_id=user_id,
            api_key_id=key_id,
            model="bench-json",
            endpoint="chat/completions",
            streamed=False,
            started_at=now,
            model_id=price["model_id"],
            actual_model="sandbox",
            upstream="sandbox",
            outcome=Outcome.COMPLETED,
            status=200,
            upstream_status=200,
            price_id=price["id"],
            usage=USAGE,
            cost=cost,
            first_byte_ms=12,
            duration_ms=34,
        )
        records.append(exchange.encode().decode())
    return records


def main() -> None:
    database_url, users, seconds = sys.argv[1:]
    print(uvloop.run(measure_settlements(database_url, int(users), float(seconds))))


if __name__ == "__main__":
    main()
