"""What PostgreSQL says of itself and of this database."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.schema import is_migrated


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """`now` is its clock; `version` such as `17.2`; `migration` the schema's, of which `is_latest` tells whether this
    version of the product was written for it."""

    now: datetime
    version: str
    size_bytes: int
    migration: str | None
    is_latest: bool


async def read_server_facts(connection: AsyncConnection) -> ServerFacts:
    row = (
        await connection.execute(
            text(
                "SELECT clock_timestamp() AS now, split_part(current_setting('server_version'), ' ', 1) AS version,"
                " pg_database_size(current_database()) AS size_bytes"
            )
        )
    ).one()
    migration = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    return ServerFacts(row.now, row.version, row.size_bytes, migration, await is_migrated(connection))
