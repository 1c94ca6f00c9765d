"""Alembic's door: runs the versions over asyncpg, one process at a time."""

import asyncio
from typing import Any

from alembic import context
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from quart_proxy.store.database import engine_url
from quart_proxy.store.partitions import PARTITION_PREFIX
from quart_proxy.store.tables import metadata

# Any number that no one else locks: two processes that start together migrate one after the other.
MIGRATION_LOCK = 0x71756172745F70


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Partitions are made by the running product, month by month; they are no drift of the schema."""
    return not (kind == "table" and name is not None and name.startswith(PARTITION_PREFIX))


def run(connection: Connection) -> None:
    context.configure(
        connection=connection, target_metadata=metadata, include_name=include_name, transaction_per_migration=True
    )
    with context.begin_transaction():
        context.run_migrations()


async def run_online() -> None:
    engine = create_async_engine(engine_url(context.config.attributes["database_url"]), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        await connection.commit()
        await connection.run_sync(run)
        await connection.commit()
    await engine.dispose()


asyncio.run(run_online())
