"""What the registry was, who changed what, and the way back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import NotFound
from quart_proxy.store import revisions
from quart_proxy.store.revisions import RevisionRow
from registry.entities import EntityKey, Leaves
from registry.leaves import from_json
from registry.planning.facts import Author
from registry.state import State, entity_key
from registry.write import Change


class Past(NamedTuple):
    """One entity as it was at some revision."""

    entity_id: int
    leaves: Leaves


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """What a revision did to one entity, as `write.Change` with the leaves that changed as they were recorded:
    `{"path", "from", "to"}`, and "why" where that was said. `after` None: it was deleted."""

    key: EntityKey
    entity_id: int
    action: str
    moved_from: str | None
    fields: tuple[Mapping[str, Any], ...]
    after: Leaves | None


@dataclass(frozen=True, slots=True)
class RecordedRevision:
    """A revision with all that it changed."""

    revision: RevisionRow
    changes: tuple[RecordedChange, ...]


async def list_revisions(
    connection: AsyncConnection, *, entity: EntityKey | None = None, before: int | None = None, limit: int
) -> list[RevisionRow]:
    """Newest first, from the one before `before`. With `entity`: what had this key, and what has it now under the
    names that it had before."""
    return await revisions.list_revisions(connection, entity=entity, before_id=before, limit=limit)


async def get_revision(connection: AsyncConnection, revision: int) -> RecordedRevision:
    """Raises NotFound."""
    found = await revisions.find_revision(connection, revision)
    if found is None:
        raise _no_revision(revision)
    changes = [
        RecordedChange(
            key=entity_key(row.kind, row.key),
            entity_id=row.entity_id,
            action=row.action,
            moved_from=row.moved_from,
            fields=tuple(row.fields),
            after=None if row.after_leaves is None else from_json(row.after_leaves),
        )
        for row in await revisions.list_changes(connection, revision)
    ]
    return RecordedRevision(found, tuple(changes))


async def state_at(connection: AsyncConnection, revision: int) -> dict[EntityKey, Past]:
    """What was live after that revision; 0 is before the first, when nothing was. Raises NotFound."""
    if revision != 0 and await revisions.find_revision(connection, revision) is None:
        raise _no_revision(revision)
    return {
        entity_key(row.kind, row.key): Past(row.entity_id, from_json(row.after_leaves))
        for row in await revisions.list_last_changes(connection, revision)
        if row.after_leaves is not None
    }


async def last_authors(
    connection: AsyncConnection, entities: Mapping[EntityKey, int]
) -> dict[tuple[EntityKey, str], Author]:
    """Who changed each leaf of these entities (with their ids) last, by entity and path. What was deleted counts: all
    its leaves were changed by who deleted it."""
    keys: dict[tuple[str, int], EntityKey] = {(key.kind, entity_id): key for key, entity_id in entities.items()}
    return {
        (keys[row.kind, row.entity_id], row.path): Author(row.actor, row.at, row.message, row.revision_id)
        for row in await revisions.list_field_authors(connection, list(keys))
    }


def diff_states(before: Mapping[EntityKey, Past], after: Mapping[EntityKey, Past]) -> list[Change]:
    """The changes that lead from one state to the other, providers first, by key.

    An entity is the same if its row is, whatever its key; else if its key is, where neither row is on the other side.
    """
    was = {(key.kind, past.entity_id): key for key, past in before.items()}
    rows_after = {(key.kind, past.entity_id) for key, past in after.items()}
    changes: list[Change] = []
    met: set[EntityKey] = set()
    for key, past in after.items():
        old = was.get((key.kind, past.entity_id))
        if old is None and key in before and (key.kind, before[key].entity_id) not in rows_after:
            old = key
        if old is None:
            changes.append(Change(key, None, past.leaves, past.entity_id))
            continue
        met.add(old)
        moved_from = None if old == key else old.key
        if moved_from is not None or before[old].leaves != past.leaves:
            changes.append(Change(key, before[old].leaves, past.leaves, before[old].entity_id, moved_from))
    gone = [Change(key, past.leaves, None, past.entity_id) for key, past in before.items() if key not in met]
    return sorted([*gone, *changes], key=lambda change: (change.key.kind != "provider", change.key))


def rollback_changes(state: State, then: Mapping[EntityKey, Past], only: Collection[EntityKey] = ()) -> list[Change]:
    """The changes that make the registry what it was `then` (see `state_at`): deleted rows live again, what did not
    exist is deleted, old keys return. With `only`, for the entities that have one of these keys now or had it then.

    What the files declared stays as it is, so that what is rolled back is drift to the next sync.
    """
    now = {key: Past(entry.entity_id, entry.leaves) for key, entry in state.live.items()}
    changes = diff_states(now, then)
    return [change for change in changes if not only or change.key in only or change.key_before in only]


def _no_revision(revision: int) -> NotFound:
    return NotFound(f"There is no revision {revision}.", param="revision")
