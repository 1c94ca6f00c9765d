"""An entity field by field: what the files declare, what is live, who may change it, and who did."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import NotFound
from quart_proxy.store.registry_conflicts import ConflictRow, list_conflicts
from registry.entities import BaseEntry, EntityKey, Hold, Value
from registry.forms import time_text
from registry.history import last_authors
from registry.leaves import group_of, shown_path
from registry.marks import state_of_entity
from registry.merging.ownership import mode_of
from registry.planning.drift import find_drift
from registry.planning.facts import Author
from registry.state import State, load_state


async def describe_entity(connection: AsyncConnection, key: EntityKey) -> dict[str, Any]:
    """`state` is `conflict`, `deleted` (here, and still declared), `drifted`, `managed`, or `ui` for what no file
    declares; a field's is the same, and `locked` says that only the files may change it.

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
    conflicts = [row for row in await list_conflicts(connection) if _is_about(row, key, entity_id)]
    authors = await last_authors(connection, {key: entity_id})
    sides = ({} if base is None else {key: base}, {} if live is None else {key: live})
    drifted = {item.path for item in find_drift(state.ownership, *sides, {})}
    groups = {row.grp for row in conflicts}
    paths = sorted({*(live.leaves if live else ()), *(base.leaves if base else ())})
    fields = {
        shown_path(path): {
            "value": live.leaves.get(path) if live else None,
            "state": _field_state(base, path, drifted, groups),
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
            is_live=live is not None,
            is_drifted=bool(drifted) or declared not in (None, key),
            is_in_conflict=bool(conflicts),
        ),
        "held": [hold.reason for hold in state.holds if _is_held(hold, key)],
        "conflicts": [f"{row.kind}.{row.key}/{row.grp}" for row in conflicts],
        "fields": fields,
    }


def _is_about(row: ConflictRow, key: EntityKey, entity_id: int) -> bool:
    """A conflict has the key that the files say; while a rename waits, what is live has another."""
    return row.kind == key.kind and (row.key == key.key or row.entity_id == entity_id)


def _field_state(base: BaseEntry | None, path: str, drifted: set[str], groups: set[str]) -> str:
    if group_of(path) in groups or "entity" in groups:
        return "conflict"
    if base is None or path not in base.leaves:
        return "ui"
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


def _is_held(hold: Hold, key: EntityKey) -> bool:
    return hold.kind in (None, key.kind) and hold.key in (None, key.key)
