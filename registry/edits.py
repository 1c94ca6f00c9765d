"""Live edits: what an admin changes over the API or the command line, each a revision of its own.

Every function takes a connection on which `lock_registry` was called, and goes through `write_revision`. What the
files declared stays the base, so an edit of it is drift, and survives the next sync.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Fault, FieldLocked, InvalidFields, NotFound
from quart_proxy.store.changes import Actor
from quart_proxy.store.registry_holds import create_hold
from registry.documents import ModelDocument, ProviderDocument
from registry.entities import BaseEntry, EntityKey, Kind, Leaves, Value
from registry.history import rollback_changes, state_at
from registry.leaves import known_path, leaves_of, shown_path
from registry.merging.ownership import mode_of
from registry.state import State, load_state
from registry.write import Change, Revision, Written, write_base, write_revision


@dataclass(frozen=True, slots=True)
class Rolled:
    """A rollback: the revision in force afterwards, what it changed, and the holds that keep it."""

    revision: int
    is_changed: bool
    changes: tuple[Change, ...]
    held: tuple[EntityKey, ...]


async def save_document(
    connection: AsyncConnection, document: ProviderDocument | ModelDocument, *, actor: Actor, message: str | None = None
) -> None:
    """Create the entity, or make it what the document says. Raises FieldLocked for a field that the files own."""
    kind: Kind = "provider" if isinstance(document, ProviderDocument) else "model"
    key = EntityKey(kind, document.key)
    state = await _state_of(connection, key)
    entry = state.live.get(key)
    after = leaves_of(document)
    before = None if entry is None else entry.leaves
    if before is not None:
        check_locks(state, key, before, after)
    # A key that was deleted gives its row another life: its history and its requests stay with it.
    entity_id = entry.entity_id if entry is not None else state.tombstones.get(key)
    change = Change(key=key, before=before, after=after, entity_id=entity_id)
    await _write(connection, state, [change], Revision(kind="ui", actor=actor.name, message=message), actor)


async def delete_entity(
    connection: AsyncConnection, key: EntityKey, *, actor: Actor, message: str | None = None
) -> None:
    """Softly. The files may go on declaring it: it stays deleted until they change. Raises NotFound, and FieldLocked
    if a field of it is the files' own."""
    state = await _state_of(connection, key)
    entry = state.live.get(key)
    if entry is None:
        raise NotFound(f"There is no {key.kind} `{key.key}`.", param="key")
    check_locks(state, key, entry.leaves, {})
    change = Change(key=key, before=entry.leaves, after=None, entity_id=entry.entity_id)
    await _write(connection, state, [change], Revision(kind="ui", actor=actor.name, message=message), actor)


async def revert_entity(
    connection: AsyncConnection, key: EntityKey, paths: Sequence[str], *, actor: Actor, message: str | None = None
) -> Written:
    """Give up live edits: the fields at `paths` (none: all that are declared) are again what the files said when
    they were last applied. A deleted entity lives again. Raises NotFound for what the files do not manage."""
    state = await _state_of(connection, key)
    base = _get_base(state, key)
    entry = state.live.get(key)
    chosen = [known_path(key, path) for path in paths] if paths and entry is not None else list(base.leaves)
    faults = [Fault("paths", f"`{shown_path(path)}` is not declared") for path in chosen if path not in base.leaves]
    if faults:
        raise InvalidFields(faults)
    after: dict[str, Value] = dict(entry.leaves) if entry is not None else {}
    after |= {path: base.leaves[path] for path in chosen}
    change = Change(
        key=key,
        before=None if entry is None else entry.leaves,
        after={path: value for path, value in after.items() if value is not None},
        entity_id=base.entity_id,
    )
    return await _write(connection, state, [change], Revision("revert", actor.name, message), actor)


async def detach_entity(connection: AsyncConnection, key: EntityKey, *, actor: Actor, reason: str) -> Written:
    """Take the entity out of the files' hands. While they declare it, their next apply is a conflict, so git
    notices. Raises NotFound for what the files do not manage."""
    state = await _state_of(connection, key)
    _get_base(state, key)
    revision = Revision("ui", actor.name, f"detached {key}: {reason}", state.source)
    written = await _write(connection, state, [], revision, actor, is_forced=True)
    await write_base(connection, state.source, {key: None}, written.id)
    return written


async def roll_back(
    connection: AsyncConnection,
    revision: int,
    *,
    only: Sequence[EntityKey] = (),
    actor: Actor,
    message: str | None = None,
    is_enforced: bool = False,
) -> Rolled:
    """Make the registry what it was at `revision`: a new revision, never a rewind.

    What the files would undo at once (everything when `is_enforced`, else fields that they own) is held until they
    change. Raises NotFound for a revision that is not there.
    """
    state = await load_state(connection, now=datetime.now(UTC))
    changes = rollback_changes(state, await state_at(connection, revision), only)
    about = Revision("rollback", actor.name, message or f"rollback to revision {revision}")
    written = await _write(connection, state, changes, about, actor)
    held = []
    for source in state.sources.values():
        seen = await load_state(connection, source=source.source, now=datetime.now(UTC))
        for change in changes:
            if change.key in seen.base and (is_enforced or _is_owned(seen, change)):
                held.append(change.key)
                await create_hold(
                    connection,
                    kind=change.key.kind,
                    key=change.key.key,
                    reason=f"rollback to revision {revision}",
                    by=actor.name,
                    source_digest=source.digest,
                )
    return Rolled(written.id, written.is_new, tuple(changes), tuple(held))


# --- locks --------------------------------------------------------------------------------------------


def check_locks(state: State, key: EntityKey, before: Leaves, after: Leaves) -> None:
    """Raise FieldLocked if a field would change that the files own; what they do not manage they do not own."""
    for path in _owned_paths(state, key, before, after):
        place = state.base[key].places.get(path, "")
        where = f" ({place})" if place else ""
        way_out = "change it there" if after else "take it out there, or detach it"
        raise FieldLocked(
            f"`{shown_path(path)}` of {key} is owned by the registry files{where}: {way_out}.",
            param=shown_path(path),
            place=place,
        )


def _owned_paths(state: State, key: EntityKey, before: Leaves, after: Leaves) -> list[str]:
    if key not in state.base:
        return []
    changed = (path for path in sorted({*before, *after}) if before.get(path) != after.get(path))
    return [path for path in changed if mode_of(state.ownership, key, path) == "yaml"]


def _is_owned(state: State, change: Change) -> bool:
    """Whether the files would undo it because a field of it is theirs."""
    return bool(_owned_paths(state, change.key, change.before or {}, change.after or {}))


# --- steps --------------------------------------------------------------------------------------------


async def _state_of(connection: AsyncConnection, key: EntityKey) -> State:
    """The registry, seen from the source that manages this entity, if one does."""
    state = await load_state(connection, now=datetime.now(UTC))
    if key in state.foreign:
        state = await load_state(connection, source=state.foreign[key], now=datetime.now(UTC))
    return state


def _get_base(state: State, key: EntityKey) -> BaseEntry:
    base = state.base.get(key)
    if base is None:
        raise NotFound(f"{key} is not managed by any registry file.", param="key")
    return base


async def _write(
    connection: AsyncConnection,
    state: State,
    changes: Sequence[Change],
    revision: Revision,
    actor: Actor,
    *,
    is_forced: bool = False,
) -> Written:
    return await write_revision(
        connection,
        state,
        changes,
        revision,
        is_forced=is_forced,
        request_id=actor.request_id,
        address=actor.address,
    )
