"""A database to serve from: reached, brought to its schema and partitions, filled from `models.yaml`."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime

from quart_proxy.settings import Settings
from quart_proxy.store.database import Database, translated_errors
from quart_proxy.store.embedded import embedded_postgres
from quart_proxy.store.partitions import make_partitions
from quart_proxy.store.schema import migrate
from registry.sync import sync_registry

PREPARED = "QUART_PROXY_PREPARED"
"""Set by `serve` for its workers: the database was migrated and the registry synced before they started."""


@contextlib.contextmanager
def database_url(settings: Settings) -> Iterator[str]:
    """The address of the database to use: the one given, or the embedded one, running while the block does."""
    if settings.database_url is not None:
        yield settings.database_url
    else:
        with embedded_postgres(settings.data_dir) as server:
            yield server.url


def prepare_database(settings: Settings, database_url: str) -> None:
    """Migrate under the advisory lock, make partitions, sync the registry. Blocks; may run in several processes
    at once. Raises Unavailable when the database is away, and InvalidRegistry for files that
    cannot be used while there is nothing else to serve."""
    with translated_errors():
        migrate(database_url)
    asyncio.run(_fill(settings, database_url))


async def _fill(settings: Settings, database_url: str) -> None:
    database = Database(database_url)
    try:
        async with database.transaction() as connection:
            await make_partitions(connection, datetime.now(UTC))
        await sync_registry(database, settings, actor=f"startup:{socket.gethostname()}")
    finally:
        await database.close()
