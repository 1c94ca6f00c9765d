"""The one door through which the registry changes, whoever changes it: files, admins, rollbacks.

A write is part of one transaction that began with `lock_registry` and `load_state`. It checks the whole result
first; then rows, history, audit log and the version that workers follow change together, or nothing does.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict, Fault, InvalidFields
from quart_proxy.store import catalog_writes as rows
from quart_proxy.store import registry_base
from quart_proxy.store.changes import bump_version
from quart_proxy.store.registry_base import BaseRow, SourceRow, replace_base
from quart_proxy.store.registry_conflicts import OpenConflict, replace_conflicts
from quart_proxy.store.revisions import ChangeRow, NewRevision, append_audit, append_changes, append_revision
from registry.documents import ModelDocument, ProviderDocument, as_document
from registry.entities import BaseEntry, EntityKey, Leaves, Origin, OwnershipRule
from registry.invariants import find_flaws, find_stranded, read_leaves
from registry.leaves import as_json, document_of, leaves_of
from registry.outcome import EntityOutcome
from registry.rows import model_row, provider_row
from registry.state import State, digest_state, leaves_by_key

RevisionKind = Literal["sync", "ui", "rollback", "import", "revert", "adopt"]
ChangeAction = Literal["create", "restore", "update", "rename", "delete"]
Document = ProviderDocument | ModelDocument


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of one entity. `key` is its name afterwards, `moved_from` the one before, if it is renamed.

    `before` None: it is created, or the deleted row `entity_id` lives again. `after` None: it is deleted. `why` says
    by path why a leaf changes, where there is more to say than that someone wanted it. `rotated` are the paths of
    references that lead to another key from now on: a change, though they say the same.
    """

    key: EntityKey
    before: Leaves | None
    after: Leaves | None
    entity_id: int | None = None
    moved_from: str | None = None
    why: Mapping[str, str] | None = None
    rotated: Collection[str] = ()

    @property
    def key_before(self) -> EntityKey:
        return self.key if self.moved_from is None else EntityKey(self.key.kind, self.moved_from)

    @property
    def action(self) -> ChangeAction:
        if self.after is None:
            return "delete"
        if self.before is None:
            return "create" if self.entity_id is None else "restore"
        return "update" if self.moved_from is None else "rename"


@dataclass(frozen=True, slots=True)
class Revision:
    """Who writes, and why. `origin` is the state of the files of `source`; `policy` the flags that were given."""

    kind: RevisionKind
    actor: str
    message: str | None = None
    source: str | None = None
    origin: Origin | None = None
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """What a write came to: the revision in force, whether this write made it, and the rows of what it left live."""

    id: int
    is_new: bool
    ids: Mapping[EntityKey, int]


IMPORT = Revision("import", "upgrade", "What was served before there was a history.")


async def write_revision(
    connection: AsyncConnection,
    state: State,
    changes: Sequence[Change],
    revision: Revision,
    *,
    is_forced: bool = False,
    request_id: str | None = None,
    address: str | None = None,
) -> Written:
    """Change the registry from `state`, as one revision. Where nothing changes there is none, unless `is_forced`: then
    something else is remembered by it. Rows that are older than the history become a revision of their own first.

    Raises InvalidFields with all that is wrong with the documents, or else with what they are together, such as
    `models.gpt-main.pricing`; Conflict when a provider would go that serves models, or `state` is not the newest.
    """
    wanted, documents = await asyncio.to_thread(_checked, state, changes)
    if state.revision == 0 and state.live:
        state = await _import(connection, state)
    if not wanted and not is_forced:
        return Written(state.revision, False, {})
    revision_id = await _append(connection, state, _merged(state, wanted), revision)
    ids: dict[EntityKey, int] = {}
    if wanted:
        ids = await _write_rows(connection, wanted, documents, revision_id)
        gone = {change.key: state.live[change.key].entity_id for change in wanted if change.after is None}
        changed = [_change_row(change, (gone if change.after is None else ids)[change.key]) for change in wanted]
        await append_changes(connection, revision_id, changed)
        who = {"actor": revision.actor, "request_id": request_id, "address": address}
        shown = [change for change in wanted if _is_other(change)]
        await append_audit(connection, [{**who, **_audited(change, documents)} for change in shown])
    await bump_version(connection)
    return Written(revision_id, True, ids)


async def write_base(
    connection: AsyncConnection, source: str, entries: Mapping[EntityKey, BaseEntry | None], revision_id: int
) -> None:
    """Keep what the files of `source` declared of these entities when `revision_id` was applied; None: they manage it
    no more. Raises Conflict for an entity that another source declares."""
    kept = [
        BaseRow(
            source=source,
            kind=key.kind,
            key=key.key,
            entity_id=entry.entity_id,
            leaves=as_json(entry.leaves),
            places=dict(entry.places),
        )
        for key, entry in entries.items()
        if entry is not None
    ]
    await replace_base(connection, source, list(entries), kept, revision_id)


async def save_source(
    connection: AsyncConnection, source: str, origin: Origin, ownership: Sequence[OwnershipRule], revision_id: int
) -> None:
    """Keep that the files of `source`, in this state, were applied now, and that `revision_id` came of it."""
    rules = [rule.as_json() for rule in ownership]
    await registry_base.save_source(
        connection, SourceRow(source=source, **asdict(origin), ownership=rules, revision_id=revision_id)
    )


async def save_conflicts(connection: AsyncConnection, source: str, outcomes: Sequence[EntityOutcome]) -> bool:
    """Keep exactly those of these outcomes as the conflicts of `source`; one whose sides are what they were keeps what
    was decided. Returns whether they are others than before."""
    found = [
        OpenConflict(
            kind=conflict.entity.kind,
            key=conflict.entity.key,
            grp=conflict.group,
            entity_id=outcome.entity_id,
            conflict_kind=conflict.kind,
            base=as_json(conflict.base),
            live=as_json(conflict.live),
            ours=as_json(conflict.ours),
            triple_digest=conflict.triple_digest,
        )
        for outcome in outcomes
        for conflict in outcome.conflicts
    ]
    return await replace_conflicts(connection, source, found)


# --- checking -----------------------------------------------------------------------------------------


def _checked(state: State, changes: Sequence[Change]) -> tuple[list[Change], dict[EntityKey, Document]]:
    """The changes that change something, with their leaves in canonical form, and the documents that they make."""
    faults: list[Fault] = []
    documents: dict[EntityKey, Document] = {}
    wanted = []
    for change in changes:
        if change.after is not None:
            document, flaws = read_leaves(change.key, change.after)
            faults += [Fault(flaw.path, flaw.message) for flaw in flaws]
            if document is None:
                continue
            documents[change.key] = document
            change = replace(change, after=leaves_of(document))
        if _is_other(change) or change.rotated:
            wanted.append(change)
    faults += _taken_keys(state, wanted)
    if faults:
        raise InvalidFields(faults)
    after = _merged(state, wanted)
    flaws = find_flaws(after, {change.key for change in wanted if change.after is not None})
    if flaws:
        raise InvalidFields([Fault(flaw.path, flaw.message) for flaw in flaws])
    for flaw in find_stranded(after, {change.key for change in wanted if change.after is None}):
        raise Conflict(f"{flaw.entity} cannot go: {flaw.message}.")
    return wanted, documents


def _is_other(change: Change) -> bool:
    """Whether anything is said otherwise afterwards."""
    return change.moved_from is not None or change.before != change.after


def _taken_keys(state: State, wanted: Sequence[Change]) -> list[Fault]:
    """What would have a key that something else has, and keeps."""
    left = {change.key_before for change in wanted if change.before is not None}
    taken = state.live.keys() - left
    faults = []
    for change in wanted:
        if change.after is None:
            continue
        if change.key in taken:
            faults.append(
                Fault(f"{change.key.kind}s.{change.key.key}", f"another {change.key.kind} has this key, and keeps it")
            )
        taken.add(change.key)
    return faults


def _merged(state: State, wanted: Sequence[Change]) -> dict[EntityKey, Leaves]:
    """The whole registry after the changes."""
    after = leaves_by_key(state.live)
    # All leave before any comes: one may take the key that another gives up.
    for change in wanted:
        if change.before is not None:
            del after[change.key_before]
    return after | {change.key: change.after for change in wanted if change.after is not None}


# --- writing ------------------------------------------------------------------------------------------


async def _import(connection: AsyncConnection, state: State) -> State:
    """Begin the history with what is there already."""
    live = leaves_by_key(state.live)
    revision_id = await _append(connection, state, live, IMPORT)
    created = [_change_row(Change(key, None, leaves), state.live[key].entity_id) for key, leaves in live.items()]
    await append_changes(connection, revision_id, created)
    return replace(state, revision=revision_id, state_digest=digest_state(live))


async def _append(
    connection: AsyncConnection, state: State, after: Mapping[EntityKey, Leaves], revision: Revision
) -> int:
    origin = revision.origin
    said = {} if origin is None else {f"source_{name}": value for name, value in asdict(origin).items()}
    new = NewRevision(
        kind=revision.kind,
        actor=revision.actor,
        message=revision.message,
        source=revision.source,
        policy=dict(revision.policy),
        state_digest=await asyncio.to_thread(digest_state, after),
        **said,
    )
    return await append_revision(connection, state.revision, new)


async def _write_rows(
    connection: AsyncConnection, wanted: Sequence[Change], documents: Mapping[EntityKey, Document], revision_id: int
) -> dict[EntityKey, int]:
    """Bring the catalog to the changes; keys are given up before they are taken. Returns the ids of what lives."""
    deleted = [change.key for change in wanted if change.after is None]
    await rows.delete_models(connection, [entity.key for entity in deleted if entity.kind == "model"])
    await rows.delete_providers(connection, [entity.key for entity in deleted if entity.kind == "provider"])
    renamed = {change.moved_from: change.key.key for change in wanted if change.moved_from is not None}
    await rows.rename_models(connection, renamed)
    restored = {change.key: change.entity_id for change in wanted if change.action == "restore" and change.entity_id}
    await rows.restore_providers(connection, {key.key: id for key, id in restored.items() if key.kind == "provider"})
    await rows.restore_models(connection, {key.key: id for key, id in restored.items() if key.kind == "model"})
    kept = [documents[change.key] for change in wanted if change.after is not None]
    providers = await rows.save_providers(
        connection, [provider_row(document) for document in kept if isinstance(document, ProviderDocument)]
    )
    models = await rows.save_models(
        connection,
        [model_row(document) for document in kept if isinstance(document, ModelDocument)],
        revision_id=revision_id,
    )
    return {
        **{EntityKey("provider", key): saved.id for key, saved in providers.items()},
        **{EntityKey("model", key): saved.id for key, saved in models.items()},
    }


def _change_row(change: Change, entity_id: int) -> ChangeRow:
    return ChangeRow(
        kind=change.key.kind,
        entity_id=entity_id,
        key=change.key.key,
        action=change.action,
        moved_from=change.moved_from,
        fields=_fields(change),
        after_leaves=None if change.after is None else as_json(change.after),
    )


def _fields(change: Change) -> list[dict[str, Any]]:
    """Each leaf that changes, or leads to another key: its path, both sides, and why."""
    before, after = as_json(change.before or {}), as_json(change.after or {})
    why = {**(change.why or {}), **dict.fromkeys(change.rotated, "another key")}
    return [
        {
            "path": path,
            "from": before.get(path),
            "to": after.get(path),
            **({"why": why[path]} if path in why else {}),
        }
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path) or path in change.rotated
    ]


def _audited(change: Change, documents: Mapping[EntityKey, Document]) -> dict[str, Any]:
    before = None if change.before is None else _shown(change.key_before, change.before)
    after = None if change.after is None else as_document(documents[change.key])
    if change.moved_from is not None:
        before, after = {"key": change.moved_from, **(before or {})}, {"key": change.key.key, **(after or {})}
    action = f"{change.key.kind}.{change.action}"
    return {"action": action, "target": str(change.key), "before": before, "after": after}


def _shown(entity: EntityKey, leaves: Leaves) -> dict[str, Any]:
    """The document as the admin API writes it; what today's grammar does not accept, by its leaves alone."""
    document, _ = read_leaves(entity, leaves)
    return document_of(leaves) if document is None else as_document(document)
