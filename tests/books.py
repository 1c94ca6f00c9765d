"""Users with money, a price, and exchanges to settle: what the tests of billing begin with."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from quart_proxy.core.pricing import Price, charge
from quart_proxy.core.record import Exchange, Outcome
from quart_proxy.core.usage import Dimension, Usage
from quart_proxy.services.accounts import Accounts
from quart_proxy.services.billing import Settler
from quart_proxy.services.spool import Spool
from quart_proxy.store.accounts import User, get_user
from quart_proxy.store.catalog import Model, Upstream
from quart_proxy.store.catalog_writes import save_model
from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import list_imbalances, settle_records
from quart_proxy.store.partitions import make_partitions
from quart_proxy.store.served import list_served_models
from quart_proxy.store.usage_log import UsageFilter, UsageRow, list_usage

CLERK = Actor("clerk")
RATES = {Dimension.INPUT: Decimal("3"), Dimension.OUTPUT: Decimal("15")}
UPSTREAM = Upstream(key="only", api_format="openai", api_url="http://127.0.0.1:9/v1", actual_model="actual")


@dataclass
class Books:
    """Users of one database. Each begins with `dollars` and pays `price`."""

    database: Database
    users: list[int]
    price: Price
    dollars: Decimal
    settled: dict[UUID, Exchange] = field(default_factory=dict)

    def exchange(self, user: int = 0, *, tokens_in: int = 1000, tokens_out: int = 100, **fields: Any) -> Exchange:
        """A completed exchange of the user at this place, priced; `fields` overwrite."""
        usage = Usage({Dimension.INPUT: tokens_in, Dimension.OUTPUT: tokens_out})
        values: dict[str, Any] = {
            "request_id": uuid7(),
            "user_id": self.users[user],
            "api_key_id": 1,
            "model": "model",
            "endpoint": "/v1/chat/completions",
            "streamed": True,
            "started_at": datetime.now(UTC).isoformat(),
            "outcome": Outcome.COMPLETED,
            "status": 200,
            "price_id": self.price.id,
            "usage": usage,
            "cost": charge(usage, self.price).cost,
        }
        return Exchange(**{**values, **fields})

    def intent(self, user: int = 0) -> Exchange:
        """An exchange that begins: nothing is known of its end."""
        nothing: dict[str, Any] = {"price_id": None, "usage": None, "cost": Decimal(0), "status": 0}
        return self.exchange(user, outcome=Outcome.INTERRUPTED, **nothing)

    async def settle(self, *exchanges: Exchange) -> None:
        """The settlement statement itself, on a connection of its own."""
        connection = await self.database.connect()
        try:
            await settle_records(connection, [exchange.encode().decode() for exchange in exchanges])
        finally:
            await connection.close()

    async def user(self, place: int = 0) -> User:
        async with self.database.read() as connection:
            return await get_user(connection, self.users[place])

    async def spent(self, place: int = 0) -> Decimal:
        """What left the balance, by hand of nobody but the settlements."""
        return self.dollars - (await self.user(place)).balance

    async def rows(self, **chosen: Any) -> list[UsageRow]:
        async with self.database.read() as connection:
            return await list_usage(connection, UsageFilter(**chosen), before_id=None, limit=100_000)

    async def assert_balanced(self) -> None:
        async with self.database.read() as connection:
            assert await list_imbalances(connection) == []


async def open_books(
    database: Database, *, users: int = 1, dollars: str = "100", tiers: Mapping[int, Mapping[Dimension, Decimal]] = {}
) -> Books:
    accounts = Accounts(database)
    async with database.transaction() as connection:
        await make_partitions(connection, datetime.now(UTC))
        priced = {"rates": RATES, "tiers": tiers, "upstreams": (UPSTREAM,)}
        await save_model(connection, Model(key="model", display_name="model", **priced))
        price = (await list_served_models(connection, "model"))[0].price
    ids = []
    for place in range(users):
        user = await accounts.create_user(CLERK, name=f"user {place}")
        await accounts.move_money(CLERK, user_id=user.id, kind="credit", amount=Decimal(dollars), reason="start")
        ids.append(user.id)
    return Books(database, ids, price, Decimal(dollars))


def ignore_balance(user_id: int, balance: Decimal, sent_at: float) -> None:
    """For settlers whose worker admits nobody."""


@asynccontextmanager
async def running_settler(database: Database, folder: Path) -> AsyncIterator[tuple[Settler, Spool]]:
    """A worker's settler and its journal in `folder`; stopped, with all that it was given, at the end."""
    spool = Spool(folder)
    settler = Settler(database, spool, ignore_balance)
    settler.start()
    try:
        yield settler, spool
    finally:
        await settler.stop()
