"""What the files of each source declared when they were last applied: the base of the next merge."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, tuple_
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import registry_base, registry_detached, registry_sources


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRow:
    """One entity as the files declared it, and the row that this was applied to. `places` by path."""

    source: str
    kind: str
    key: str
    entity_id: int
    leaves: Mapping[str, Any]
    places: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRow:
    """The state of the files that was applied last, who may change what by it, and what it came to.

    `revision_id` is the registry's after it.
    """

    source: str
    digest: str
    rev: str | None = None
    seq: int | None = None
    author: str | None = None
    ownership: Sequence[Mapping[str, Any]] = ()
    revision_id: int
    applied_at: datetime | None = None


_BASE = tuple(registry_base.c[name] for name in BaseRow.__slots__)


async def list_base(connection: AsyncConnection) -> list[BaseRow]:
    """Of every source."""
    return [BaseRow(**row) for row in (await connection.execute(select(*_BASE))).mappings()]


async def list_base_of(connection: AsyncConnection, entities: Mapping[tuple[str, str], int]) -> list[BaseRow]:
    """What any source declared of these entities (kind and key), or of their rows under another key."""
    base = registry_base.c
    rows = [(kind, entity_id) for (kind, _), entity_id in entities.items()]
    is_meant = tuple_(base.kind, base.key).in_(list(entities)) | tuple_(base.kind, base.entity_id).in_(rows)
    return [BaseRow(**row) for row in (await connection.execute(select(*_BASE).where(is_meant))).mappings()]


async def replace_base(
    connection: AsyncConnection,
    source: str,
    entities: Collection[tuple[str, str]],
    rows: Sequence[BaseRow],
    revision_id: int,
) -> None:
    """Forget what `source` declared of `entities` (kind and key), and keep `rows`. Raises Conflict for an entity
    that another source declares."""
    # All leave before any comes: two entities may have swapped their keys.
    base = registry_base.c
    meant = tuple_(base.kind, base.key).in_(list(entities))
    await connection.execute(delete(registry_base).where(base.source == source, meant))
    if rows:
        # Not `asdict`: it copies every leaf of every entity.
        kept = [{name: getattr(row, name) for name in BaseRow.__slots__} for row in rows]
        await connection.execute(insert(registry_base), [{**row, "revision_id": revision_id} for row in kept])


async def list_detached(connection: AsyncConnection, source: str) -> set[tuple[str, str]]:
    """The entities (kind and key) that were taken out of the hands of `source`."""
    detached = registry_detached.c
    rows = await connection.execute(select(detached.kind, detached.key).where(detached.source == source))
    return {(row.kind, row.key) for row in rows}


async def save_detached(connection: AsyncConnection, source: str, entity: tuple[str, str]) -> None:
    kind, key = entity
    await connection.execute(insert(registry_detached).values(source=source, kind=kind, key=key))


async def forget_detached(connection: AsyncConnection, source: str, entities: Collection[tuple[str, str]]) -> None:
    """The files manage them again, or declare them no more."""
    detached = registry_detached.c
    meant = tuple_(detached.kind, detached.key).in_(list(entities))
    await connection.execute(delete(registry_detached).where(detached.source == source, meant))


async def list_sources(connection: AsyncConnection) -> list[SourceRow]:
    query = select(registry_sources).order_by(registry_sources.c.source)
    return [SourceRow(**row) for row in (await connection.execute(query)).mappings()]


async def find_last_apply(connection: AsyncConnection) -> datetime | None:
    """When files of any source were applied last, also where they changed nothing; None: never."""
    applied_at: datetime | None = await connection.scalar(select(func.max(registry_sources.c.applied_at)))
    return applied_at


async def save_source(connection: AsyncConnection, source: SourceRow) -> None:
    """Keep that this state of the files was applied now."""
    values = asdict(source) | {"ownership": list(source.ownership), "applied_at": func.now()}
    statement = upsert(registry_sources).values(values)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["source"],
            set_={name: statement.excluded[name] for name in values if name != "source"},
        )
    )
