"""What left the files without a word, and goes on being served as nobody's."""

from collections.abc import Collection
from dataclasses import asdict, dataclass

from sqlalchemy import delete, exists, insert, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import registry_changes, registry_orphans


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanRow:
    """The row that the files of `source` declared until `revision_id`."""

    kind: str
    entity_id: int
    source: str
    revision_id: int


_ORPHAN = tuple(registry_orphans.c[name] for name in OrphanRow.__slots__)


async def list_orphans(connection: AsyncConnection) -> list[OrphanRow]:
    """Without those that were deleted since: whoever makes such a row live again has it."""
    orphan, change = registry_orphans.c, registry_changes.c
    was_deleted = exists().where(
        change.kind == orphan.kind,
        change.entity_id == orphan.entity_id,
        change.revision_id > orphan.revision_id,
        change.action == "delete",
    )
    rows = await connection.execute(select(*_ORPHAN).where(~was_deleted))
    return [OrphanRow(**row) for row in rows.mappings()]


async def replace_orphans(
    connection: AsyncConnection, entities: Collection[tuple[str, int]], orphans: Collection[OrphanRow]
) -> None:
    """Of these entities (kind and id), `orphans` left the files now; the others did not, or not in that way."""
    meant = tuple_(registry_orphans.c.kind, registry_orphans.c.entity_id).in_(list(entities))
    await connection.execute(delete(registry_orphans).where(meant))
    if orphans:
        await connection.execute(insert(registry_orphans), [asdict(orphan) for orphan in orphans])
