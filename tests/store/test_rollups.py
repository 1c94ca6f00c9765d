"""The hourly sums are the sums of the rows, whatever is settled twice, together or at the same time."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from alembic import command
from books import Books, open_books
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from quart_proxy.core.record import Exchange, Outcome
from quart_proxy.core.usage import Dimension, Usage
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import list_imbalances, settle_records
from quart_proxy.store.partitions import first_id
from quart_proxy.store.rollups import hour_ago, mend_sums
from quart_proxy.store.schema import alembic_config, migrate

HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING: dict[str, Any] = {"price_id": None, "usage": None, "cost": Decimal(0)}


def arriving(books: Books, at: datetime, number: int = 0, **fields: Any) -> Exchange:
    """An exchange whose request arrived then; ids of different numbers differ."""
    identifier = first_id(at)
    return books.exchange(request_id=type(identifier)(int=identifier.int + number), started_at=at.isoformat(), **fields)


async def sums(database: Database) -> list[dict[str, Any]]:
    async with database.read() as connection:
        rows = await connection.execute(
            text("SELECT * FROM usage_hourly ORDER BY hour, user_id, api_key_id, model, outcome")
        )
        return [dict(row) for row in rows.mappings()]


async def test_an_hour_holds_the_sums_of_the_requests_that_arrived_in_it(database: Database) -> None:
    books = await open_books(database)
    usage = Usage({Dimension.INPUT: 10, Dimension.CACHED_INPUT: 3, Dimension.OUTPUT: 7}, reasoning=2)
    await books.settle(
        arriving(books, HOUR, 1, usage=usage, first_byte_ms=49, duration_ms=900),
        arriving(books, HOUR + timedelta(minutes=59, seconds=59.999), 2, first_byte_ms=50, duration_ms=100),
        arriving(books, HOUR + timedelta(hours=1), 3, first_byte_ms=60_000),
    )
    first, second = await sums(database)
    assert (first["hour"], second["hour"]) == (HOUR, HOUR + timedelta(hours=1))
    assert (first["requests"], first["charged"], first["timed"], first["duration_ms"]) == (2, 2, 2, 1000)
    assert (first["input"], first["cached_input"], first["output"], first["reasoning"]) == (1010, 3, 107, 2)
    assert (first["first_byte_50"], first["first_byte_100"], first["first_byte_more"]) == (1, 1, 0)
    assert first["cost"] == sum(row.cost for row in (await books.rows())[1:])
    assert first["last_at"] == HOUR + timedelta(minutes=59, seconds=59.999)
    assert (second["first_byte_more"], second["timed"], second["duration_ms"]) == (1, 0, 0)


async def test_the_last_days_begin_with_the_same_hour_in_whatever_zone_the_database_is(database: Database) -> None:
    async with database.transaction() as connection:
        started = await connection.scalar(text("SELECT now()"))
        assert started is not None
        whole_hour = started.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        for zone in ("UTC", "Asia/Kolkata", "America/New_York"):
            await connection.execute(text(f"SET LOCAL timezone = '{zone}'"))
            for days in (7, 30, 300):
                since = await connection.scalar(text(f"SELECT {hour_ago(days)}"))
                assert since == whole_hour - timedelta(days=days), zone


async def test_the_sums_are_apart_by_key_model_and_outcome_and_by_user(database: Database) -> None:
    books = await open_books(database, users=2)
    variants: list[dict[str, Any]] = [
        {},
        {"api_key_id": 2},
        {"model": "other"},
        {"outcome": Outcome.REFUSED, **NOTHING},
    ]
    exchanges = [arriving(books, HOUR, place, **fields) for place, fields in enumerate(variants)]
    await books.settle(*exchanges, arriving(books, HOUR, 9, user=1))
    found = await sums(database)
    assert len(found) == 5 and {row["requests"] for row in found} == {1}
    assert [row["charged"] for row in found if row["outcome"] == "refused"] == [0]


MODELS, KEYS, MINUTES = 3, 3, 180


@st.composite
def settlements(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], list[list[list[int]]]]:
    """Requests, and batches of their places for each of some settlers, with duplicates."""
    request = st.tuples(
        st.integers(0, 2), st.integers(1, KEYS), st.integers(0, MODELS), st.integers(0, MINUTES), st.integers(0, 99_999)
    )
    requests = draw(st.lists(request, min_size=1, max_size=25))
    batch = st.lists(st.integers(0, len(requests) - 1), min_size=1, max_size=12)
    return requests, draw(st.lists(st.lists(batch, min_size=1, max_size=4), min_size=1, max_size=3))


async def test_any_mix_of_duplicates_batches_and_settlers_at_once_leaves_sums_of_rows(database: Database) -> None:
    books = await open_books(database, users=3)
    lanes = [await database.connect() for _ in range(3)]
    round_number = 0

    @settings(max_examples=40, deadline=None, database=None)
    @given(settlements())
    def law(drawn: tuple[list[tuple[int, ...]], list[list[list[int]]]]) -> None:
        outcomes.append(drawn)

    outcomes: list[tuple[list[tuple[int, ...]], list[list[list[int]]]]] = []
    law()
    try:
        for requests, settlers in outcomes:
            round_number += 1
            records = [
                arriving(
                    books,
                    HOUR + timedelta(minutes=minute),
                    round_number * 1000 + place,
                    user=user,
                    api_key_id=key,
                    tokens_in=wait,
                    first_byte_ms=wait or None,
                    duration_ms=wait * 2 if wait % 3 else None,
                    **({"model": f"m{model}"} if model else {"outcome": Outcome.NO_USAGE, **NOTHING}),
                )
                .encode()
                .decode()
                for place, (user, key, model, minute, wait) in enumerate(requests)
            ]

            async def settle(lane: Any, batches: list[list[int]], records: list[str] = records) -> None:
                for batch in batches:
                    await settle_records(lane, [records[place] for place in batch])

            await asyncio.gather(*(settle(lane, batches) for lane, batches in zip(lanes, settlers, strict=False)))
        await books.assert_balanced()
        rows = await books.rows()
        assert sum(row["requests"] for row in await sums(database)) == len(rows)
        assert sum(row["cost"] for row in await sums(database)) == sum(row.cost for row in rows)
    finally:
        for lane in lanes:
            await lane.close()


async def test_settlers_that_cross_each_other_over_many_users_do_not_deadlock(database: Database) -> None:
    books = await open_books(database, users=30)
    chance = random.Random(3)
    exchanges = [
        arriving(books, HOUR, place, user=chance.randrange(30), model=f"m{chance.randrange(9)}")
        for place in range(1500)
    ]
    records = [exchange.encode().decode() for exchange in exchanges]

    async def settle_all(seed: int) -> None:
        order = random.Random(seed)
        connection = await database.connect()
        try:
            for _ in range(25):
                await settle_records(connection, order.sample(records, 100))
        finally:
            await connection.close()

    await asyncio.gather(*(settle_all(seed) for seed in range(4)))
    await books.assert_balanced()


@pytest.mark.parametrize(
    ("damage", "figures"),
    [
        ("UPDATE usage_hourly SET output = output + 1", {"hourly output (1 sums)"}),
        ("UPDATE usage_hourly SET last_at = last_at + interval '1 s'", {"hourly last_at (1 sums)"}),
        ("UPDATE usage_hourly SET first_byte_50 = first_byte_50 + 1", {"hourly first_byte_50 (1 sums)"}),
        ("UPDATE usage_hourly SET cost = cost + 0.000000000001", {"hourly cost (1 sums)"}),
    ],
)
async def test_the_audit_finds_a_sum_that_its_rows_do_not_make(
    database: Database, damage: str, figures: set[str]
) -> None:
    books = await open_books(database)
    await books.settle(books.exchange())
    async with database.transaction() as connection:
        await connection.execute(text(damage))
        assert {wrong.figure for wrong in await list_imbalances(connection)} == figures


async def test_the_audit_finds_sums_that_moved_to_another_hour_or_are_gone(database: Database) -> None:
    books = await open_books(database)
    await books.settle(books.exchange())
    for damage, wrong_sums in (
        ("UPDATE usage_hourly SET hour = hour - interval '1 h'", 2),
        ("DELETE FROM usage_hourly", 1),
    ):
        async with database.transaction() as connection:
            await connection.execute(text(damage))
            figures = {wrong.figure for wrong in await list_imbalances(connection)}
        assert f"hourly cost ({wrong_sums} sums)" in figures


async def test_the_migration_sums_what_is_in_the_log_already(database: Database, database_url: str) -> None:
    books = await open_books(database, users=2)
    exchanges = [
        arriving(books, HOUR + timedelta(minutes=7 * place), place, user=place % 2, first_byte_ms=place * 40)
        for place in range(60)
    ]
    await books.settle(*exchanges, arriving(books, HOUR, 99, outcome=Outcome.REFUSED, **NOTHING))
    before = await sums(database)
    await database.close()
    await asyncio.to_thread(command.downgrade, alembic_config(database_url), "20261123_06")
    await asyncio.to_thread(migrate, database_url)
    assert await sums(database) == before
    await books.assert_balanced()


async def test_sums_that_are_wrong_are_made_anew_while_settlements_go_on(database: Database) -> None:
    books = await open_books(database, users=3)
    await books.settle(*(arriving(books, HOUR, place, user=place % 3) for place in range(20)))
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE usage_hourly SET output = 0 WHERE user_id = :id"), {"id": books.users[0]})
        await connection.execute(text("DELETE FROM usage_hourly WHERE user_id = :id"), {"id": books.users[1]})
    is_over = asyncio.Event()

    async def settle_all_the_time() -> None:
        number = 1000
        while not is_over.is_set():
            number += 1
            await books.settle(arriving(books, HOUR, number, user=number % 3))

    settling = asyncio.create_task(settle_all_the_time())
    async with database.transaction() as connection:
        await mend_sums(connection)
        assert not [wrong for wrong in await list_imbalances(connection) if wrong.figure.startswith("hourly")]
    is_over.set()
    await settling
    await books.assert_balanced()
