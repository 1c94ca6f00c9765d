"""What the product is given before it is measured: models that lead to the sandbox, and users with money and keys."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import yaml

from bench.plan import TRANSLATED, Work
from quart_proxy.core.credentials import RANDOM_BYTES, digest_key, encode_key
from quart_proxy.core.usage import Dimension
from quart_proxy.store.accounts import create_key, create_user
from quart_proxy.store.changes import bump_version
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import record_entry

PRICES = {
    Dimension.INPUT: Decimal("3.00"),
    Dimension.CACHED_INPUT: Decimal("0.30"),
    Dimension.CACHE_WRITE: Decimal("3.75"),
    Dimension.CACHE_WRITE_1H: Decimal("6.00"),
    Dimension.OUTPUT: Decimal("15.00"),
}
"""Dollars per million tokens of every model here."""
CREDIT = Decimal("1000000")
"""More than a run can spend: nobody is to be refused."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A user as a load client knows one. `user_id` and `key_id` are the database's."""

    user_id: int
    key_id: int
    key: str


def write_models_file(path: Path, sandbox_url: str, works: Mapping[str, Work]) -> None:
    """A `models.yaml` in which each name leads to its work's scenario of the sandbox, in its upstream's format."""
    providers = {
        f"sandbox-{name.replace('_', '-')}": {
            "api_format": name,
            "api_url": f"{sandbox_url}/v1" if name.startswith("openai") else sandbox_url,
            "api_key": "${env:SANDBOX_API_KEY}",
        }
        for name in ("openai", *TRANSLATED)
    }
    pricing = {dimension.value: float(price) for dimension, price in PRICES.items()}
    models = {
        name.replace("_", "-"): {
            "display_name": name,
            "provider": f"sandbox-{work.upstream.replace('_', '-')}",
            "actual_model": work.scenario,
            "pricing": pricing,
        }
        for name, work in works.items()
    }
    path.write_text(yaml.safe_dump({"version": 1, "providers": providers, "models": models}))


async def add_customers(database: Database, count: int) -> list[Customer]:
    """So many new users, each with CREDIT and one key."""
    customers = []
    async with database.transaction() as connection:
        for number in range(count):
            user = await create_user(connection, name=f"bench {number}")
            await record_entry(
                connection,
                user_id=user.id,
                kind="credit",
                amount=CREDIT,
                reason="benchmark",
                actor="bench",
                idempotency_key=None,
            )
            text = encode_key(os.urandom(RANDOM_BYTES))
            key = await create_key(
                connection,
                user_id=user.id,
                name="bench",
                digest=digest_key(text),
                prefix=text[:7],
                last4=text[-4:],
            )
            customers.append(Customer(user.id, key.id, text))
        await bump_version(connection)
    return customers
