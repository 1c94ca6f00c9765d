"""The history of the registry: revisions, what each of them changed, and the head that says which is the newest.

Revisions and changes are append-only. An id is that of the head plus one, taken in the transaction of the change
itself: ids have no gaps, and of two writers that saw the same head, one is refused.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import exists, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict
from quart_proxy.store.tables import audit_log, registry_changes, registry_head, registry_revisions


@dataclass(frozen=True, slots=True)
class Head:
    """The newest revision, 0 when nothing was ever written, and how the files were last read; None: never."""

    revision_id: int
    state_digest: str
    last_sync: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRevision:
    """Who changed the registry, why, and by which state of the files. `policy`: the flags that were given."""

    kind: str
    actor: str
    message: str | None = None
    source: str | None = None
    source_digest: str | None = None
    source_rev: str | None = None
    source_seq: int | None = None
    source_author: str | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)
    state_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRow(NewRevision):
    """A revision as it is kept. `counts` says how many entities it changed, by action."""

    id: int
    parent_id: int
    created_at: datetime
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """What one revision did to one entity. `key` is its name afterwards; `after_leaves` None: it is gone.

    `fields` has `{"path", "from", "to"}` for each leaf, and "why" where that was said.
    """

    kind: str
    entity_id: int
    key: str
    action: str
    moved_from: str | None = None
    fields: Sequence[Mapping[str, Any]] = ()
    after_leaves: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FieldAuthor:
    """Who changed one leaf of one entity last."""

    kind: str
    entity_id: int
    path: str
    actor: str
    at: datetime
    message: str | None
    revision_id: int


_CHANGE = tuple(registry_changes.c[name] for name in ChangeRow.__slots__)
_HISTORY = registry_changes.c.kind, registry_changes.c.entity_id

FIELD_AUTHORS = """
SELECT DISTINCT ON (c.kind, c.entity_id, f.value ->> 'path')
       c.kind, c.entity_id, f.value ->> 'path', r.actor, r.created_at, r.message, r.id
FROM unnest(CAST(:kinds AS text[]), CAST(:ids AS bigint[])) AS e (kind, id)
JOIN registry_changes c ON c.kind = e.kind AND c.entity_id = e.id
JOIN registry_revisions r ON r.id = c.revision_id
CROSS JOIN jsonb_array_elements(c.fields) AS f
ORDER BY c.kind, c.entity_id, f.value ->> 'path', c.revision_id DESC
"""


# --- writing ------------------------------------------------------------------------------------------


async def append_revision(connection: AsyncConnection, parent_id: int, revision: NewRevision) -> int:
    """Make the revision after `parent_id` and point the head at it. Returns its id. Raises Conflict if the head is
    at another one by now."""
    revision_id = parent_id + 1
    moved = await connection.execute(
        update(registry_head)
        .where(registry_head.c.revision_id == parent_id)
        .values(revision_id=revision_id, state_digest=revision.state_digest)
    )
    if moved.rowcount != 1:
        raise Conflict("The registry was changed in the meantime; read it again.")
    await connection.execute(insert(registry_revisions).values(id=revision_id, parent_id=parent_id, **asdict(revision)))
    return revision_id


async def append_changes(connection: AsyncConnection, revision_id: int, changes: Sequence[ChangeRow]) -> None:
    await connection.execute(
        insert(registry_changes),
        # Not `asdict`: it copies every leaf of every entity.
        [
            {"revision_id": revision_id, **{name: getattr(change, name) for name in ChangeRow.__slots__}}
            for change in changes
        ],
    )


async def append_audit(connection: AsyncConnection, entries: Sequence[Mapping[str, Any]]) -> None:
    """Many rows of the audit log at once; `changes.record_audit` tells what they hold."""
    if entries:
        await connection.execute(insert(audit_log), list(entries))


async def save_last_sync(connection: AsyncConnection, report: Mapping[str, Any]) -> None:
    """Keep how the files were read and what came of it."""
    await connection.execute(update(registry_head).values(last_sync=dict(report)))


# --- reading ------------------------------------------------------------------------------------------


async def read_head(connection: AsyncConnection) -> Head:
    columns = registry_head.c
    row = (await connection.execute(select(columns.revision_id, columns.state_digest, columns.last_sync))).one()
    return Head(*row)


async def list_revisions(
    connection: AsyncConnection, *, entity: tuple[str, str] | None = None, before_id: int | None, limit: int
) -> list[RevisionRow]:
    """Newest first. With `entity`, a kind and a key: those that changed what had this key, and those that changed
    the one which has it now (or had it last) under the names before."""
    query = select(registry_revisions).order_by(registry_revisions.c.id.desc()).limit(limit)
    if before_id is not None:
        query = query.where(registry_revisions.c.id < before_id)
    if entity is not None:
        kind, key = entity
        change = registry_changes.c
        had_it = (change.kind == kind) & (change.key == key)
        holder = select(change.entity_id).where(had_it).order_by(change.revision_id.desc()).limit(1).scalar_subquery()
        of_it = (change.kind == kind) & (change.entity_id == holder)
        query = query.where(registry_revisions.c.id.in_(select(change.revision_id).where(had_it | of_it)))
    rows = (await connection.execute(query)).mappings().all()
    counts = await _count_changes(connection, [row["id"] for row in rows])
    return [RevisionRow(**row, counts=counts.get(row["id"], {})) for row in rows]


async def find_revision(connection: AsyncConnection, revision_id: int) -> RevisionRow | None:
    found = await list_revisions(connection, before_id=revision_id + 1, limit=1)
    return found[0] if found and found[0].id == revision_id else None


async def was_applied(connection: AsyncConnection, source: str, digest: str) -> bool:
    """Whether any revision came of these very files."""
    known = registry_revisions.c
    return bool(await connection.scalar(select(exists().where(known.source == source, known.source_digest == digest))))


async def count_live_edits(connection: AsyncConnection, since_id: int) -> int:
    """How many revisions after that one were made by people, and not by files."""
    by_hand = registry_revisions.c.kind.in_(("ui", "rollback", "revert"))
    edits = select(func.count()).where(registry_revisions.c.id > since_id, by_hand)
    return int(await connection.scalar(edits) or 0)


async def _count_changes(connection: AsyncConnection, revision_ids: Collection[int]) -> dict[int, dict[str, int]]:
    change = registry_changes.c
    query = (
        select(change.revision_id, change.action, func.count())
        .where(change.revision_id.in_(revision_ids))
        .group_by(change.revision_id, change.action)
        .order_by(change.action)
    )
    counts: dict[int, dict[str, int]] = {}
    for revision_id, action, count in await connection.execute(query):
        counts.setdefault(revision_id, {})[action] = count
    return counts


async def list_changes(connection: AsyncConnection, revision_id: int) -> list[ChangeRow]:
    """What the revision changed: providers first, by key."""
    query = (
        select(*_CHANGE)
        .where(registry_changes.c.revision_id == revision_id)
        .order_by(registry_changes.c.kind.desc(), registry_changes.c.key, registry_changes.c.entity_id)
    )
    return [ChangeRow(**row) for row in (await connection.execute(query)).mappings()]


async def list_last_changes(connection: AsyncConnection, revision_id: int) -> list[ChangeRow]:
    """The newest change of every entity at that revision: what the registry was then."""
    query = (
        select(*_CHANGE)
        .ext(distinct_on(*_HISTORY))
        .where(registry_changes.c.revision_id <= revision_id)
        .order_by(*_HISTORY, registry_changes.c.revision_id.desc())
    )
    return [ChangeRow(**row) for row in (await connection.execute(query)).mappings()]


async def list_field_authors(connection: AsyncConnection, entities: Collection[tuple[str, int]]) -> list[FieldAuthor]:
    """Who changed each leaf of these entities (kind and id) last; leaves that are unset by now too."""
    values = {"kinds": [kind for kind, _ in entities], "ids": [entity_id for _, entity_id in entities]}
    return [FieldAuthor(*row) for row in await connection.execute(text(FIELD_AUTHORS), values)]
