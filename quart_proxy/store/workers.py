"""Which revision of the registry each worker serves, as it says itself."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import workers


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """`name` such as `host:pid`; `version` is the product's."""

    name: str
    revision_id: int
    version: str
    seen_at: datetime


async def report_worker(connection: AsyncConnection, name: str, *, revision_id: int, version: str) -> None:
    """Say that this worker serves that revision now."""
    statement = upsert(workers).values(name=name, revision_id=revision_id, version=version)
    said = {column: statement.excluded[column] for column in ("revision_id", "version")}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["name"], set_={**said, "seen_at": func.now()})
    )


async def list_workers(connection: AsyncConnection, seen_since: datetime) -> list[WorkerRow]:
    """Those heard of since then, by name."""
    query = select(workers).where(workers.c.seen_at >= seen_since).order_by(workers.c.name)
    return [WorkerRow(**row) for row in (await connection.execute(query)).mappings()]


async def forget_workers(connection: AsyncConnection, seen_before: datetime) -> None:
    """Take out those that were not heard of since then."""
    await connection.execute(delete(workers).where(workers.c.seen_at < seen_before))
