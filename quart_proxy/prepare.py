"""Making a database ready to serve from: its schema, its partitions, and the models of `models.yaml`."""

import asyncio
from datetime import UTC, datetime

from quart_proxy.settings import Settings
from quart_proxy.store.database import Database, translated_errors
from quart_proxy.store.partitions import make_partitions
from quart_proxy.store.schema import migrate
from registry.apply import sync_registry


def prepare_database(settings: Settings, database_url: str) -> None:
    """Migrate under the advisory lock, make partitions, sync the registry. Blocks; may run in several processes
    at once. Raises Unavailable when the database is away, and RegistryError for a file that cannot be used."""
    with translated_errors():
        migrate(database_url)
    asyncio.run(_fill(settings, database_url))


async def _fill(settings: Settings, database_url: str) -> None:
    database = Database(database_url)
    try:
        async with database.transaction() as connection:
            await make_partitions(connection, datetime.now(UTC))
        await sync_registry(database, settings)
    finally:
        await database.close()
