"""Conflicts that an unattended sync left to people, and what they decided."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import registry_conflicts


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenConflict:
    """One group of leaves that both sides changed, with the three sides as JSON.

    `key` is the one in the files; `entity_id` the row, which has another key while a rename waits. None: no row.
    """

    kind: str
    key: str
    grp: str
    entity_id: int | None
    conflict_kind: str
    base: Mapping[str, Any]
    live: Mapping[str, Any]
    ours: Mapping[str, Any]
    triple_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictRow(OpenConflict):
    """The same as it is kept. `resolution` ("yaml" or "live") is good for exactly this `triple_digest`."""

    source: str
    first_seen: datetime
    last_seen: datetime
    resolution: str | None
    resolved_by: str | None
    resolved_at: datetime | None


async def list_conflicts(connection: AsyncConnection, source: str | None = None) -> list[ConflictRow]:
    """By source, kind, key and group; None: of every source."""
    columns = registry_conflicts.c
    query = select(registry_conflicts).order_by(columns.source, columns.kind, columns.key, columns.grp)
    if source is not None:
        query = query.where(columns.source == source)
    return [ConflictRow(**row) for row in (await connection.execute(query)).mappings()]


async def replace_conflicts(connection: AsyncConnection, source: str, found: Sequence[OpenConflict]) -> bool:
    """Keep exactly the conflicts that `source` has now. One whose three sides are what they were keeps what was
    decided of it, and since when it is there. Returns whether they are others than before."""
    columns = registry_conflicts.c
    before = {_identity(row) for row in await list_conflicts(connection, source)}
    still = [(one.kind, one.key, one.grp) for one in found]
    gone = delete(registry_conflicts).where(columns.source == source)
    if still:
        gone = gone.where(tuple_(columns.kind, columns.key, columns.grp).not_in(still))
    await connection.execute(gone)
    if not found:
        return bool(before)
    statement = upsert(registry_conflicts)
    is_same = columns.triple_digest == statement.excluded.triple_digest
    said = ("entity_id", "conflict_kind", "base", "live", "ours", "triple_digest")
    statement = statement.on_conflict_do_update(
        index_elements=["source", "kind", "key", "grp"],
        set_={
            **{name: statement.excluded[name] for name in said},
            "last_seen": func.now(),
            **{name: case((is_same, columns[name])) for name in ("resolution", "resolved_by", "resolved_at")},
        },
    )
    await connection.execute(statement, [{"source": source, **asdict(one)} for one in found])
    return before != {_identity(one) for one in found}


def _identity(one: OpenConflict) -> tuple[str, ...]:
    return one.kind, one.key, one.grp, one.triple_digest


async def forget_conflicts(connection: AsyncConnection, source: str, entity: tuple[str, str], entity_id: int) -> None:
    """Those of the entity (kind and key), and those about its row."""
    kind, key = entity
    columns = registry_conflicts.c
    is_meant = (columns.kind == kind) & ((columns.key == key) | (columns.entity_id == entity_id))
    await connection.execute(delete(registry_conflicts).where(columns.source == source, is_meant))


async def resolve_conflict(
    connection: AsyncConnection,
    source: str,
    entity: tuple[str, str],
    grp: str,
    triple_digest: str,
    choice: str,
    by: str,
) -> bool:
    """Keep the decision. False: there is no such conflict, or its sides are others by now."""
    columns = registry_conflicts.c
    decided = await connection.execute(
        update(registry_conflicts)
        .where(
            columns.source == source,
            tuple_(columns.kind, columns.key) == entity,
            columns.grp == grp,
            columns.triple_digest == triple_digest,
        )
        .values(resolution=choice, resolved_by=by, resolved_at=func.now())
    )
    return decided.rowcount == 1
