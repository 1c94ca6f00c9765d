"""Writers of the registry follow each other, and one that waits long keeps its connection."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from quart_proxy.core.errors import Unavailable
from quart_proxy.settings import DATABASE_TIMEOUT_S
from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database
from registry import state
from registry.apply import apply_bundle, read_bundle
from registry.entities import Policy
from registry.files.sources import SourceFile
from registry.state import STATEMENT_TIMEOUT_S, load_state, lock_registry

FILE = """\
version: 1
models:
  a: {api_format: openai, api_url: https://one.example/v1, pricing: {input: 1.00, output: 8.00}}
"""


async def test_servers_that_start_at_once_wait_longer_than_a_query_may_take_and_all_come_up(database: Database) -> None:
    servers = [Database(database.url) for _ in range(5)]
    files = read_bundle([SourceFile("models.yaml", FILE)])
    try:
        async with database.transaction() as connection:
            await lock_registry(connection)
            starting = [
                asyncio.create_task(apply_bundle(server, files, Policy(), actor=Actor("startup"), is_attended=False))
                for server in servers
            ]
            done, _ = await asyncio.wait(starting, timeout=DATABASE_TIMEOUT_S + 0.5)
            assert not done
        applied = await asyncio.gather(*starting)
    finally:
        await asyncio.gather(*(server.close() for server in servers))
    assert [one.revision for one in applied] == [1] * 5
    assert sum(one.is_changed for one in applied) == 1


async def test_a_writer_that_waited_in_vain_is_told_so_and_its_connection_serves_on(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "LOCK_TIMEOUT_S", 0.2)
    waiting = Database(database.url)
    backend = text("SELECT pg_backend_pid()")
    try:
        async with database.transaction() as connection:
            await lock_registry(connection)
            with pytest.raises(Unavailable, match="Others are changing the registry"):  # noqa: PT012
                async with waiting.transaction() as second:
                    before = await second.scalar(backend)
                    await lock_registry(second)
        async with waiting.transaction() as second:
            await lock_registry(second)
            assert await second.scalar(backend) == before
            assert (await load_state(second, now=datetime.now(UTC))).revision == 0
    finally:
        await waiting.close()


async def test_a_statement_of_a_writer_is_given_up_by_postgresql_before_the_client_does_so(database: Database) -> None:
    assert STATEMENT_TIMEOUT_S < DATABASE_TIMEOUT_S
    async with database.transaction() as connection:
        await lock_registry(connection)
        assert await connection.scalar(text("SHOW statement_timeout")) == f"{STATEMENT_TIMEOUT_S}s"
    async with database.read() as connection:
        assert await connection.scalar(text("SHOW statement_timeout")) == "0"
