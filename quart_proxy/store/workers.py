"""Which revision of the registry each worker serves, and how it is doing, as it says itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import workers


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerRow:
    """`name` such as `host:pid`; `version` is the product's; `health` is JSON, empty where it said nothing."""

    name: str
    revision_id: int
    version: str
    seen_at: datetime
    health: Mapping[str, Any]


async def report_worker(
    connection: AsyncConnection, name: str, *, revision_id: int, version: str, health: Mapping[str, Any] | None = None
) -> None:
    """Say that this worker serves that revision now, and how it is doing."""
    statement = upsert(workers).values(name=name, revision_id=revision_id, version=version, health=health or {})
    said = {column: statement.excluded[column] for column in ("revision_id", "version", "health")}
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
