"""After the load: was every request billed, and does the bill agree with what the provider says it gave?"""

import asyncio
from dataclasses import dataclass
from decimal import Decimal

import httpx

from bench.seed import PRICES
from quart_proxy.core.money import format_money
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import count_dead_letters, list_imbalances, read_books

MILLION = Decimal(1_000_000)
PATIENCE_S = 10.0
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Verdict:
    """`problems` is empty when the books balance. Amounts are dollars."""

    sent: int
    """Requests that the load client sent."""
    calls: int
    """Calls that the provider counted."""
    rows: int
    """Usage rows that the product wrote."""
    provider_cost: Decimal
    """The provider's own tokens x price."""
    billed_cost: Decimal
    settlement_rows: int
    problems: tuple[str, ...]

    def render(self) -> str:
        if self.problems:
            return "\n".join(["BOOKS DO NOT BALANCE", *(f"  {problem}" for problem in self.problems)])
        provider, billed = format_money(self.provider_cost), format_money(self.billed_cost)
        settled = f"; audit clean, also over {self.settlement_rows:,} settlements"
        return f"books balance: {self.rows:,} requests, ${provider} = ${billed}{settled}"


async def check_books(*, sent: int, provider_url: str, database_url: str, settlements_url: str) -> Verdict:
    """Compare load client, provider and product, and audit both databases. Raises httpx.HTTPError and Unavailable."""
    async with httpx.AsyncClient(trust_env=False) as client:
        totals = (await client.get(f"{provider_url}/_sandbox/totals")).raise_for_status().json()
    calls = int(totals["calls"])
    provider_cost = sum((price * totals["sent"][str(dimension)] for dimension, price in PRICES.items()), Decimal(0))
    provider_cost /= MILLION
    problems: list[str] = []
    rows, billed_cost = await _audit(database_url, calls, problems)
    settlement_rows, _ = await _audit(settlements_url, 0, problems)
    if not sent == calls == rows:
        problems.append(f"{sent:,} requests were sent, the provider counted {calls:,}, the product {rows:,}")
    if provider_cost != billed_cost:
        problems.append(f"the provider's tokens cost ${provider_cost:f}, the product billed ${billed_cost:f}")
    return Verdict(sent, calls, rows, provider_cost, billed_cost, settlement_rows, tuple(problems))


async def _audit(database_url: str, rows_due: int, problems: list[str]) -> tuple[int, Decimal]:
    """Rows and cost of a database, once the rows that are due have come; what is wrong is added to `problems`."""
    database = Database(database_url)
    try:
        async with database.read() as connection:
            books = await read_books(connection)
            for _ in range(int(PATIENCE_S / POLL_S)):
                if books.rows >= rows_due:
                    break
                await asyncio.sleep(POLL_S)
                books = await read_books(connection)
            problems += [
                f"audit: user {found.user_id}, {found.figure}: kept {found.kept}, rows sum to {found.summed}"
                for found in await list_imbalances(connection)
            ]
            if letters := await count_dead_letters(connection):
                problems.append(f"{letters} settlements were refused and lie in dead_letter")
    finally:
        await database.close()
    return books.rows, books.cost
