"""An entity field by field: what the files declare, what is live, who may change it, and who did."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import NotFound
from quart_proxy.store.catalog import list_models, list_providers
from quart_proxy.store.registry_conflicts import ConflictRow, list_conflicts
from quart_proxy.store.registry_orphans import list_orphans
from registry.documents import as_document
from registry.entities import BaseEntry, EntityKey, Hold, Value
from registry.forms import time_text
from registry.history import last_authors
from registry.leaves import group_of, shown_path
from registry.marks import holds_all_of, holds_on, locked_fields, state_of_entity
from registry.merging.ownership import ALL_FIELDS, is_matched, mode_of
from registry.planning.drift import find_drift
from registry.planning.facts import Author
from registry.rows import etag_of, model_document, provider_document
from registry.state import State, load_state


async def describe_entity(connection: AsyncConnection, key: EntityKey) -> dict[str, Any]:
    """`state` is that of `marks`; a field's is `conflict`, `held`, `drifted`, `managed`, or `ui` for what no file
    declares, and `locked` says that only the files may change it; the entity's own `locked` lists these, unset ones
    too. `document` and `etag` are what the entity's own address answers with, None for what was deleted.

    `key` is the one that is live or the one that the files have it by. Raises NotFound.
    """
    state = await load_state(connection, now=datetime.now(UTC))
    if key in state.foreign:
        state = await load_state(connection, source=state.foreign[key], now=datetime.now(UTC))
    declared = state.find_declared(key)
    key = state.find_live(declared or key) or key
    live, base = state.live.get(key), None if declared is None else state.base[declared]
    if live is None and base is None:
        raise NotFound(f"There is no {key.kind} `{key.key}`.", param="key")
    entity_id = live.entity_id if live is not None else base.entity_id if base is not None else 0
    left = [row.source for row in await list_orphans(connection) if (row.kind, row.entity_id) == (key.kind, entity_id)]
    applied = state.sources.get(state.source)
    holds = holds_on(state.holds, key, applied.digest if applied else None)
    conflicts = [row for row in await list_conflicts(connection) if _is_about(row, key, entity_id)]
    authors = await last_authors(connection, {key: entity_id})
    sides = ({} if base is None else {key: base}, {} if live is None else {key: live})
    drifted = {item.path for item in find_drift(state.ownership, *sides, {})}
    groups = {row.grp for row in conflicts}
    paths = sorted({*(live.leaves if live else ()), *(base.leaves if base else ())})
    fields = {
        shown_path(path): {
            "value": live.leaves.get(path) if live else None,
            "state": _field_state(base, path, drifted, groups, holds),
            **_declared(base, path),
            **_owner(state, declared, path),
            **_author(authors.get((key, path))),
        }
        for path in paths
    }
    return {
        "entity": str(key),
        "id": entity_id,
        "source": state.source if base is not None else None,
        "state": state_of_entity(
            is_managed=base is not None,
            is_orphan=bool(left),
            is_live=live is not None,
            is_held=holds_all_of(holds),
            is_drifted=bool(drifted) or declared not in (None, key),
            is_in_conflict=bool(conflicts),
        ),
        "held": [hold.reason for hold in holds],
        "conflicts": [f"{row.kind}.{row.key}/{row.grp}" for row in conflicts],
        "locked": [] if declared is None else list(locked_fields(state.ownership, declared, paths)),
        "fields": fields,
        **await _served(connection, key),
    }


async def _served(connection: AsyncConnection, key: EntityKey) -> dict[str, Any]:
    """The live document, and what a writer of it names it by."""
    if key.kind == "provider":
        for provider in await list_providers(connection, key.key):
            return {"document": as_document(provider_document(provider)), "etag": etag_of(provider)}
    else:
        for model in await list_models(connection, key.key):
            return {"document": as_document(model_document(model)), "etag": etag_of(model)}
    return {"document": None, "etag": None}


def _is_about(row: ConflictRow, key: EntityKey, entity_id: int) -> bool:
    """A conflict has the key that the files say; while a rename waits, what is live has another."""
    return row.kind == key.kind and (row.key == key.key or row.entity_id == entity_id)


def _field_state(base: BaseEntry | None, path: str, drifted: set[str], groups: set[str], holds: Sequence[Hold]) -> str:
    if group_of(path) in groups or "entity" in groups:
        return "conflict"
    if base is None or path not in base.leaves:
        return "ui"
    if any(is_matched((hold.fields or ALL_FIELDS,), path) for hold in holds):
        return "held"
    return "drifted" if path in drifted else "managed"


def _declared(base: BaseEntry | None, path: str) -> dict[str, Value]:
    """What the files said when they were last applied, and where."""
    if base is None or path not in base.leaves:
        return {}
    return {"yaml": base.leaves[path], "place": base.places.get(path)}


def _owner(state: State, declared: EntityKey | None, path: str) -> dict[str, Any]:
    owner = "ui" if declared is None else mode_of(state.ownership, declared, path)
    return {"owner": owner, "locked": owner == "yaml"}


def _author(author: Author | None) -> Mapping[str, Any]:
    if author is None:
        return {}
    return {"by": author.actor, "at": time_text(author.at), "revision": author.revision}
