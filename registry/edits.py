"""Live edits: what an admin changes over the API or the command line, each a revision of its own.

Every function takes a connection on which `lock_registry` was called, and goes through `write_revision`. What the
files declared stays the base, so an edit of it is drift, and survives the next sync.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict, Fault, FieldLocked, InvalidFields, NotFound
from quart_proxy.store.changes import Actor, record_audit
from quart_proxy.store.registry_base import save_detached
from quart_proxy.store.registry_conflicts import forget_conflicts
from quart_proxy.store.registry_holds import create_hold
from registry.documents import ModelDocument, ProviderDocument
from registry.entities import EntityKey, Kind, Leaves
from registry.history import rollback_changes, state_at
from registry.leaves import group_of, known_path, leaves_of, shown_path
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
    connection: AsyncConnection,
    document: ProviderDocument | ModelDocument,
    *,
    actor: Actor,
    message: str | None = None,
    rotated: Collection[str] = (),
) -> None:
    """Create the entity, or make it what the document says. `rotated` are the paths of references behind which there
    will be another key. Raises FieldLocked for a field that the files own."""
    kind: Kind = "provider" if isinstance(document, ProviderDocument) else "model"
    key = EntityKey(kind, document.key)
    state = await _state_of(connection, key)
    entry = state.live.get(key)
    after = leaves_of(document)
    check_locks(state, key, after)
    change = Change(
        key=key,
        before=None if entry is None else entry.leaves,
        after=after,
        # A key that was deleted gives its row another life: its history and its requests stay with it.
        entity_id=state.tombstones.get(key) if entry is None else entry.entity_id,
        rotated=rotated,
    )
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
    check_locks(state, key, {})
    change = Change(key=key, before=entry.leaves, after=None, entity_id=entry.entity_id)
    await _write(connection, state, [change], Revision(kind="ui", actor=actor.name, message=message), actor)


async def revert_entity(
    connection: AsyncConnection,
    key: EntityKey,
    paths: Sequence[str],
    *,
    actor: Actor,
    message: str | None = None,
    expected: int | None = None,
) -> Written:
    """Give up live edits: the fields at `paths` (none: all that are declared, and the key) are again what the files
    said when they were last applied, each with its whole group. A deleted entity lives again.

    `expected` is the revision that was looked at. Raises NotFound for what the files do not manage, and Conflict if
    another revision is in force.
    """
    state = await _state_of(connection, key)
    check_revision(state, expected)
    declared = _get_declared(state, key)
    base, here = state.base[declared].leaves, state.find_live(declared)
    live = {} if here is None else state.live[here].leaves
    chosen = [known_path(key, path) for path in paths] if paths and here is not None else list(base)
    faults = [Fault("paths", f"`{shown_path(path)}` is not declared") for path in chosen if path not in base]
    if faults:
        raise InvalidFields(faults)
    groups = {group_of(path) for path in chosen}
    # What live added to a group goes with the rest of it: nothing that changes together is from two hands.
    kept = {path: value for path, value in live.items() if group_of(path) not in groups}
    said = {path: value for path, value in base.items() if group_of(path) in groups and value is not None}
    name = here if paths and here is not None else declared
    change = Change(
        key=name,
        before=None if here is None else live,
        after=kept | said,
        entity_id=state.tombstones.get(declared),
        moved_from=here.key if here is not None and here != name else None,
    )
    return await _write(connection, state, [change], Revision("revert", actor.name, message), actor)


async def detach_entity(
    connection: AsyncConnection, key: EntityKey, *, actor: Actor, reason: str, expected: int | None = None
) -> Written:
    """Take the entity out of the files' hands. While they declare it, each apply of them is a conflict, so git
    notices; the conflicts that it had are none any more. Raises as `revert_entity`."""
    state = await _state_of(connection, key)
    check_revision(state, expected)
    declared = _get_declared(state, key)
    revision = Revision("ui", actor.name, f"detached {key}: {reason}", state.source)
    written = await _write(connection, state, [], revision, actor, is_forced=True)
    await write_base(connection, state.source, {declared: None}, written.id)
    await save_detached(connection, state.source, declared)
    await forget_conflicts(connection, state.source, declared, state.base[declared].entity_id)
    # No field of it changes, so the revision itself leaves no row.
    after = {"reason": reason, "source": state.source}
    await record_audit(connection, actor, f"{key.kind}.detach", str(key), after=after)
    return written


async def roll_back(
    connection: AsyncConnection,
    revision: int,
    *,
    only: Sequence[EntityKey] = (),
    actor: Actor,
    message: str | None = None,
    is_enforced: bool = False,
    expected: int | None = None,
) -> Rolled:
    """Make the registry what it was at `revision`: a new revision, never a rewind.

    What the files would undo at once (everything when `is_enforced`, else fields that they own) is held until they
    change. `expected` is the revision that was looked at. Raises NotFound for a revision that is not there, and
    Conflict for what is protected, or if another revision than `expected` is in force.
    """
    state = await load_state(connection, now=datetime.now(UTC))
    check_revision(state, expected)
    changes = await plan_rollback(connection, state, revision, only)
    about = Revision("rollback", actor.name, message or f"rollback to revision {revision}")
    written = await _write(connection, state, changes, about, actor)
    held = []
    for source in state.sources.values():
        seen = await load_state(connection, source=source.source, now=datetime.now(UTC))
        for key in _undone(seen, changes, is_enforced=is_enforced):
            held.append(key)
            await create_hold(
                connection,
                kind=key.kind,
                key=key.key,
                reason=f"rollback to revision {revision}",
                by=actor.name,
                source_digest=source.digest,
            )
    return Rolled(written.id, written.is_new, tuple(changes), tuple(held))


async def plan_rollback(
    connection: AsyncConnection, state: State, revision: int, only: Sequence[EntityKey]
) -> list[Change]:
    """What a rollback would change. Raises NotFound, and Conflict where it would delete what is protected."""
    changes = rollback_changes(state, await state_at(connection, revision), only)
    protected = [str(change.key) for change in changes if change.after is None and _is_protected(change)]
    if protected:
        raise Conflict(
            f"Going back to revision {revision} would delete what is protected ({', '.join(protected)}): take "
            "`protect` out of it first."
        )
    return changes


def _is_protected(change: Change) -> bool:
    return change.before is not None and change.before.get("protect") is True


def _undone(state: State, changes: Sequence[Change], *, is_enforced: bool) -> list[EntityKey]:
    """The keys, old and new, of what the files of this source would undo at once."""
    keys: list[EntityKey] = []
    for change in changes:
        names = dict.fromkeys((change.key, change.key_before))
        for declared in names.keys() & state.base.keys():
            if is_enforced or _owned_paths(state, declared, change.before or {}, change.after or {}):
                keys += [name for name in names if name not in keys]
    return keys


# --- locks --------------------------------------------------------------------------------------------


def check_revision(state: State, expected: int | None) -> None:
    """Raise Conflict if the registry is at another revision than somebody looked at; None: nobody did."""
    if expected not in (None, state.revision):
        raise Conflict(f"The registry is at revision {state.revision} by now, not at {expected}; look at it again.")


def check_locks(state: State, key: EntityKey, after: Leaves) -> None:
    """Raise FieldLocked if a field would change that the files own; what they do not manage they do not own. What
    was deleted may live again as they declare it."""
    declared = state.find_declared(key)
    if declared is None:
        return
    base, entry = state.base[declared], state.live.get(key)
    for path in _owned_paths(state, declared, base.leaves if entry is None else entry.leaves, after):
        place = base.places.get(path, "")
        where = f" ({place})" if place else ""
        way_out = "change it there" if after else "take it out there, or detach it"
        raise FieldLocked(
            f"`{shown_path(path)}` of {key} is owned by the registry files{where}: {way_out}.",
            param=shown_path(path),
            place=place,
        )


def _owned_paths(state: State, declared: EntityKey, before: Leaves, after: Leaves) -> list[str]:
    """The fields that would change and are the files' own. `declared` is the key that they have it by."""
    changed = (path for path in sorted({*before, *after}) if before.get(path) != after.get(path))
    return [path for path in changed if mode_of(state.ownership, declared, path) == "yaml"]


# --- steps --------------------------------------------------------------------------------------------


async def _state_of(connection: AsyncConnection, key: EntityKey) -> State:
    """The registry, seen from the source that manages this entity, if one does."""
    state = await load_state(connection, now=datetime.now(UTC))
    if key in state.foreign:
        state = await load_state(connection, source=state.foreign[key], now=datetime.now(UTC))
    return state


def _get_declared(state: State, key: EntityKey) -> EntityKey:
    """The key by which the files have it. Raises NotFound."""
    declared = state.find_declared(key)
    if declared is None:
        raise NotFound(f"{key} is not managed by any registry file.", param="key")
    return declared


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
