"""The border to PostgreSQL: snapshots, and its errors in our words."""

from decimal import Decimal

import asyncpg
import pytest
from chaos import ChaosProxy
from sqlalchemy import text

from quart_proxy.core.errors import InvalidRequest, Unavailable
from quart_proxy.store.accounts import create_user, find_user
from quart_proxy.store.database import Database


async def test_queries_of_a_snapshot_see_one_state(database: Database) -> None:
    async with database.transaction() as connection:
        user = await create_user(connection, name="before")
    async with database.snapshot() as connection:
        await find_user(connection, user.id)
        async with database.transaction() as writer:
            await writer.execute(text("UPDATE users SET name = 'after'"))
        again = await find_user(connection, user.id)
    assert again is not None
    assert again.name == "before"


@pytest.mark.parametrize("value", [10**30, "a\x00b"])
async def test_a_value_that_no_column_holds_is_the_callers_fault(database: Database, value: object) -> None:
    query = "SELECT id FROM users WHERE id = :value" if isinstance(value, int) else "SELECT CAST(:value AS text)"
    with pytest.raises(InvalidRequest):
        async with database.read() as connection:
            await connection.execute(text(query), {"value": value})


async def test_an_id_beyond_every_column_is_the_callers_fault(database: Database) -> None:
    with pytest.raises(InvalidRequest):
        async with database.read() as connection:
            await find_user(connection, 10**30)


async def test_nobody_at_the_address_is_unavailable() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable):
        async with database.read() as connection:
            await connection.execute(text("SELECT 1"))
    await database.close()


async def test_a_connection_that_dies_in_a_query_is_unavailable(database: Database, database_url: str) -> None:
    async with ChaosProxy(database_url).running() as wire:
        cut = Database(wire.url)
        async with cut.read() as connection:
            await connection.execute(text("SELECT 1"))
        with pytest.raises(Unavailable):  # noqa: PT012
            async with cut.read() as connection:
                wire.go_away()
                await connection.execute(text("SELECT 1"))
        wire.resume()
        async with cut.read() as connection:
            assert await connection.scalar(text("SELECT 1")) == 1
        await cut.close()


async def test_a_connection_that_died_while_idle_is_replaced(database_url: str) -> None:
    database = Database(database_url)
    async with database.read() as connection:
        pid = await connection.scalar(text("SELECT pg_backend_pid()"))
    killer = await asyncpg.connect(database_url)
    await killer.execute("SELECT pg_terminate_backend($1)", pid)
    await killer.close()
    async with database.read() as connection:
        assert await connection.scalar(text("SELECT 2.50")) == Decimal("2.50")
    await database.close()


async def test_a_lock_that_does_not_come_is_unavailable_and_nothing_is_written(database: Database) -> None:
    async with database.transaction() as connection:
        user = await create_user(connection, name="one")
    change = text("UPDATE users SET name = 'other' WHERE id = :id")
    async with database.transaction() as holder:
        await holder.execute(change, {"id": user.id})
        with pytest.raises(Unavailable):  # noqa: PT012
            async with database.transaction() as waiter:
                await waiter.execute(text("SET LOCAL lock_timeout = '20ms'"))
                await waiter.execute(change, {"id": user.id})


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(ValueError, match="postgresql"):
        Database("sqlite:///file.db")


async def test_a_pooler_that_hands_connections_on_is_named_and_not_taken_for_a_fault_of_ours(
    database: Database,
) -> None:
    with pytest.raises(Unavailable, match="let it pool sessions"):  # noqa: PT012
        async with database.transaction() as connection:
            await connection.scalar(text("SELECT 1"))
            # As PostgreSQL looks after a pooler has put another connection in place of this one.
            await connection.execute(text("DEALLOCATE ALL"))
            await connection.scalar(text("SELECT 1"))
