"""The months of the usage log: ids lead to their month, a replay meets its own row, migrations do not mind."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from alembic import command
from books import open_books
from sqlalchemy import text

from quart_proxy.store.database import Database
from quart_proxy.store.partitions import first_id, make_partitions, month_start
from quart_proxy.store.schema import alembic_config, is_migrated, migrate

NOVEMBER = datetime(2026, 11, 23, tzinfo=UTC)


def uuid7_at(moment: datetime, rest: int) -> UUID:
    """A UUIDv7 of that millisecond; `rest` fills the random bits, 0 all low and -1 all high."""
    low = 0x7000_8000_0000_0000_0000 | (0x0FFF_3FFF_FFFF_FFFF_FFFF if rest else 0)
    return UUID(int=(int(moment.timestamp() * 1000) << 80) | low)


async def partition_of(database: Database, identifier: UUID) -> str:
    async with database.read() as connection:
        name = await connection.scalar(
            text("SELECT tableoid::regclass::text FROM usage_log WHERE request_id = :id"), {"id": identifier}
        )
    return str(name)


MILLISECOND = timedelta(milliseconds=1)


PLACES = (
    (month_start(NOVEMBER) - MILLISECOND, -1, "usage_log_other"),
    (month_start(NOVEMBER), 0, "usage_log_2026_11"),
    (month_start(NOVEMBER, 1) - MILLISECOND, -1, "usage_log_2026_11"),
    (month_start(NOVEMBER, 1), 0, "usage_log_2026_12"),
    (month_start(NOVEMBER, 2) - MILLISECOND, -1, "usage_log_2026_12"),
    (month_start(NOVEMBER, 2), 0, "usage_log_2027_01"),
    (datetime(1970, 1, 1, tzinfo=UTC), 0, "usage_log_other"),
    (datetime(2199, 1, 1, tzinfo=UTC), -1, "usage_log_other"),
)


async def test_an_id_lies_in_the_month_of_its_time_and_comes_back_to_it(database: Database) -> None:
    async with database.transaction() as connection:
        await make_partitions(connection, NOVEMBER)
    books = await open_books(database)
    exchanges = [books.exchange(request_id=uuid7_at(moment, rest)) for moment, rest, _ in PLACES]
    await books.settle(*exchanges)
    await books.settle(*reversed(exchanges))
    found = [await partition_of(database, exchange.request_id) for exchange in exchanges]
    assert found == [partition for _, _, partition in PLACES]
    assert await books.spent() == sum(exchange.cost for exchange in exchanges)


def test_a_moment_before_1970_is_before_every_id() -> None:
    assert first_id(datetime(1900, 1, 1, tzinfo=UTC)) == UUID(int=0)


async def test_an_old_id_that_comes_back_after_its_month_was_made_meets_its_own_row(database: Database) -> None:
    books = await open_books(database)
    far = datetime(2031, 5, 17, tzinfo=UTC)
    exchange = books.exchange(request_id=uuid7_at(far, 0))
    await books.settle(exchange)
    async with database.transaction() as connection:
        await make_partitions(connection, far)
    await books.settle(exchange)
    assert await books.spent() == exchange.cost
    await books.assert_balanced()


async def test_a_month_whose_rows_lie_in_the_net_already_stays_there_with_an_alarm(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    books = await open_books(database)
    far = datetime(2031, 5, 17, tzinfo=UTC)
    await books.settle(books.exchange(request_id=uuid7_at(far, 0)))
    for _ in range(2):
        async with database.transaction() as connection:
            await make_partitions(connection, far)
    assert [record.message for record in caplog.records] == ["partition_not_made"] * 2
    later = [books.exchange(request_id=uuid7_at(moment, 0)) for moment in (far, month_start(far, 1))]
    await books.settle(*later)
    assert [await partition_of(database, one.request_id) for one in later] == ["usage_log_other", "usage_log_2031_06"]


async def test_a_table_in_use_does_not_hold_up_the_start(
    database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quart_proxy.store.partitions.LOCK_TIMEOUT_S", 0.05)
    await open_books(database)
    async with database.transaction() as reader:
        await reader.execute(text("SELECT count(*) FROM usage_log"))
        async with database.transaction() as connection:
            await make_partitions(connection, datetime(2031, 5, 17, tzinfo=UTC))
    assert {record.message for record in caplog.records} == {"partition_not_made"}


async def test_many_processes_make_partitions_at_once(database: Database) -> None:
    async def make() -> None:
        async with database.transaction() as connection:
            await make_partitions(connection, NOVEMBER)

    await asyncio.gather(*(make() for _ in range(6)))
    async with database.read() as connection:
        count = await connection.scalar(text("SELECT count(*) FROM pg_inherits"))
        indexes = await connection.scalar(text("SELECT count(*) FROM pg_indexes WHERE tablename = 'usage_log'"))
    # The net and four months, each with the table itself and its indexes.
    assert count == 5 * (1 + indexes)


async def test_partitions_are_no_drift_of_the_schema(database: Database, database_url: str) -> None:
    await open_books(database)
    await asyncio.to_thread(command.check, alembic_config(database_url))


async def test_the_schema_goes_down_and_up_again_with_partitions_and_rows(
    database: Database, database_url: str
) -> None:
    books = await open_books(database)
    await books.settle(books.exchange())
    await asyncio.to_thread(command.downgrade, alembic_config(database_url), "base")
    async with database.read() as connection:
        assert not await is_migrated(connection)
    await asyncio.to_thread(migrate, database_url)
    async with database.read() as connection:
        assert await is_migrated(connection)
    again = await open_books(database)
    await again.settle(again.exchange())
    assert await again.spent() == Decimal("0.0045")


async def test_two_processes_migrate_one_after_the_other(database: Database, database_url: str) -> None:
    await asyncio.to_thread(command.downgrade, alembic_config(database_url), "base")
    script = f"from quart_proxy.store.schema import migrate; migrate({database_url!r})"
    running = [await asyncio.create_subprocess_exec(sys.executable, "-c", script) for _ in range(2)]
    assert [await process.wait() for process in running] == [0, 0]
    async with database.read() as connection:
        assert await is_migrated(connection)
