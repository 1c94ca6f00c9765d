"""Two weeks of requests, settled by the settlement itself, so that balances, lifetime stats and sums stay exact.

The same seed gives the same traffic: figures in tests and pictures do not jump.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import orjson
from cast import Cast, Member, PricedModel, credit
from product import Product
from sqlalchemy import text

from quart_proxy.core.pricing import charge
from quart_proxy.core.usage import Dimension, Usage
from quart_proxy.store.ledger import settle_records
from quart_proxy.store.partitions import first_id, make_partitions

DAYS = 14
ROWS = 4000
BATCH_ROWS = 2000
HOURS = (2, 1, 1, 3, 1, 1, 2, 4, 8, 12, 14, 13, 10, 12, 14, 13, 11, 9, 7, 6, 5, 5, 4, 3)
"""How busy each hour of a day is, UTC; the 3 is a nightly job."""
AGENTS = ("openai-python/3.54.0", "anthropic-python/2.12.0", "claude-cli/2.1.0", "codex_cli_rs/0.169.0", "curl/8.5.0")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a share of the requests ends."""

    outcome: str
    status: int
    share: int
    is_charged: bool = False
    upstream_status: int | None = None
    error_code: str | None = None


ENDINGS = (
    Ending("completed", 200, 930, is_charged=True, upstream_status=200),
    Ending("upstream_error", 429, 14, upstream_status=429, error_code="upstream_rate_limited"),
    Ending("upstream_error", 502, 12, upstream_status=500, error_code="upstream_error"),
    Ending("upstream_error", 504, 5, error_code="upstream_timeout"),
    Ending("refused", 402, 14, error_code="insufficient_balance"),
    Ending("refused", 429, 8, error_code="rate_limit_exceeded"),
    Ending("refused", 404, 5, error_code="model_not_found"),
    Ending("interrupted", 200, 6, upstream_status=200),
    Ending("error_after_usage", 200, 3, is_charged=True, upstream_status=200, error_code="upstream_error"),
    Ending("no_usage", 200, 3, upstream_status=200),
)


class Traffic:
    """Makes records of requests by the users of `cast`, with dice that are always the same."""

    def __init__(self, cast: Cast, *, seed: int = 7) -> None:
        self._dice = random.Random(seed)
        self._members = cast.active
        self._models = [model for model in cast.models if model.busyness]

    def make_records(self, count: int, start: datetime, end: datetime) -> Iterator[str]:
        """Records from `start` to `end`, oldest first."""
        for moment in self._moments(count, start, end):
            member = self._choose(self._members, [one.part.busyness for one in self._members])
            model = self._choose(self._models, [one.busyness for one in self._models])
            ending = self._choose(ENDINGS, [one.share for one in ENDINGS])
            yield encode(self.make_record(moment, member, model, ending))

    def make_record(
        self, moment: datetime, member: Member, model: PricedModel, ending: Ending, /, **fields: Any
    ) -> dict[str, Any]:
        """One settlement record; `fields` overwrite."""
        usage = self._use() if ending.is_charged else None
        first_byte_ms = int(self._dice.lognormvariate(6.3, 0.7)) if ending.status == 200 else None
        tokens_out = usage.count(Dimension.OUTPUT) if usage else 0
        record: dict[str, Any] = {
            "request_id": str(self._make_id(moment)),
            "user_id": member.id,
            "api_key_id": self._dice.choice(list(member.keys.values())),
            "model": model.key,
            "actual_model": "sandbox",
            "upstream": None if ending.outcome == "refused" else model.upstream,
            "endpoint": model.endpoint,
            "streamed": self._dice.random() < 0.7,
            "outcome": ending.outcome,
            "status": ending.status,
            "upstream_status": ending.upstream_status,
            "error_code": ending.error_code,
            "price_id": model.price.id if usage else None,
            "reasoning": None,
            "cost": f"{charge(usage, model.price).cost:f}" if usage else "0",
            "started_at": moment.isoformat(),
            "first_byte_ms": first_byte_ms,
            "duration_ms": (first_byte_ms or self._dice.randrange(2, 60)) + tokens_out * self._dice.randrange(8, 25),
            "client_agent": self._dice.choice(AGENTS),
        }
        for dimension in Dimension:
            record[dimension.value] = usage.count(dimension) if usage else 0
        return {**record, **fields}

    def _moments(self, count: int, start: datetime, end: datetime) -> list[datetime]:
        """Few at night and on weekends, as offices work."""
        hours = [start + timedelta(hours=number) for number in range(int((end - start) / timedelta(hours=1)) + 1)]
        weights = [HOURS[hour.hour] * (1 if hour.weekday() < 5 else 0.35) for hour in hours]
        chosen = self._dice.choices(hours, weights, k=count)
        moments = [hour + timedelta(seconds=self._dice.uniform(0, 3600)) for hour in chosen]
        return sorted(min(moment, end - timedelta(seconds=self._dice.uniform(1, 600))) for moment in moments)

    def _use(self) -> Usage:
        fresh = int(self._dice.lognormvariate(7.9, 1.1)) + 5
        cached = int(self._dice.lognormvariate(9.3, 1.0)) if self._dice.random() < 0.4 else 0
        output = int(self._dice.lognormvariate(6.3, 0.9)) + 1
        tokens = {Dimension.INPUT: fresh, Dimension.CACHED_INPUT: cached, Dimension.OUTPUT: output}
        return Usage(tokens)

    def _make_id(self, moment: datetime) -> UUID:
        """A UUIDv7 of that moment."""
        version, variant = 0x7 << 76, 0b10 << 62
        loose = (self._dice.getrandbits(12) << 64) | self._dice.getrandbits(62)
        return UUID(int=first_id(moment).int | version | variant | loose)

    def _choose(self, choices: Any, weights: list[int]) -> Any:
        return self._dice.choices(choices, weights)[0]


def encode(record: dict[str, Any]) -> str:
    return orjson.dumps(record).decode()


async def live_two_weeks(product: Product, cast: Cast, *, rows: int = ROWS) -> None:
    """`rows` requests over the last two weeks, and in the middle of them the later credits of everyone."""
    end = datetime.now(UTC)
    middle, start = end - timedelta(days=DAYS / 2), end - timedelta(days=DAYS)
    traffic = Traffic(cast)
    await settle(product, traffic.make_records(rows // 2, start, middle), start)
    entries = await _last_entry(product)
    for member in cast.members:
        for dollars in member.part.credits[1:]:
            await credit(product.accounts, member.id, dollars, "Top-up")
    await settle(product, traffic.make_records(rows - rows // 2, middle, end), start)
    await _date_back(product, {entries: start, await _last_entry(product): middle})
    await product.refresh()


async def fill_log(product: Product, cast: Cast, *, rows: int) -> None:
    """A long log and nothing else: for what must stay fast in it."""
    end = datetime.now(UTC)
    start = end - timedelta(days=DAYS)
    await settle(product, Traffic(cast, seed=11).make_records(rows, start, end), start)
    connection = await product.database.connect()
    try:
        # Its own time: the one that statements of requests have is short for a busy machine.
        await connection.execute("VACUUM ANALYZE usage_log", timeout=300)
    finally:
        await connection.close()


async def settle(product: Product, records: Iterator[str], start: datetime) -> None:
    """In batches, by the one statement that bills; the months since `start` get their partitions first."""
    async with product.database.transaction() as connection:
        await make_partitions(connection, start)
    connection = await product.database.connect()
    try:
        while batch := list(islice(records, BATCH_ROWS)):
            await settle_records(connection, batch)
    finally:
        await connection.close()


async def _last_entry(product: Product) -> int:
    async with product.database.read() as connection:
        return int(await connection.scalar(text("SELECT coalesce(max(id), 0) FROM ledger")) or 0)


async def _date_back(product: Product, moments: dict[int, datetime]) -> None:
    """Entries up to each id, beyond the one before, were made then. The ledger refuses changes, so its guard sleeps."""
    async with product.database.transaction() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        after = 0
        for up_to, moment in moments.items():
            await connection.execute(
                text("UPDATE ledger SET created_at = :moment WHERE id > :after AND id <= :up_to AND user_id <> :other"),
                {"moment": moment, "after": after, "up_to": up_to, "other": product.user_id},
            )
            after = up_to
