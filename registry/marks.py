"""Where entities stand between the files and live: one word for each, for lists that show many."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.registry_base import list_base_of, list_sources
from quart_proxy.store.registry_conflicts import list_conflicts
from quart_proxy.store.registry_orphans import list_orphans
from registry.entities import BaseEntry, EntityKey, Hold, Kind, LiveEntry, OwnershipRule
from registry.files.grammar import LIMITS, MODEL, PRICING, PROVIDER, ROUTING, SYSTEM_PROMPT
from registry.leaves import TABLES, from_json, known_path, shown_path
from registry.merging.ownership import ALL_FIELDS, mode_of
from registry.planning.drift import find_drift
from registry.state import entity_key, load_holds

EntityState = Literal["conflict", "ui", "orphaned", "deleted", "held", "drifted", "managed"]
"""`deleted`: here, and still declared. `ui`: no file declares it; `orphaned`: nor any more, and nobody said what
becomes of it. `held`: files may change nothing of it for a while."""
_TABLES = {"pricing": PRICING, "system_prompt": SYSTEM_PROMPT, "limits": LIMITS, "routing": ROUTING}
FIELDS: Mapping[Kind, tuple[str, ...]] = {
    "provider": tuple(name for name in PROVIDER if name != "headers"),
    "model": (
        *(name for name in MODEL if name not in {*TABLES, "upstreams", "extends"}),
        *(f"{table}.{name}" for table in TABLES for name in _TABLES[table] if name not in ("tiers", "file")),
    ),
}
"""The paths that an entity may have whatever it is, as people write them; those of upstreams, tiers and headers have
names that it gives them."""
STANZA = ""
"""Where a base entry's `places` has the stanza as such, beside its leaves."""


@dataclass(frozen=True, slots=True)
class Mark:
    """`source` is whose files declare it, or did until it was orphaned; `place` where. None: no file does, or where is
    not known. `locked` are the fields, as people write them, that only the files may change."""

    state: EntityState
    source: str | None = None
    place: str | None = None
    locked: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        locked = {"locked": list(self.locked)} if self.locked else {}
        return {"state": self.state, "source": self.source, "place": self.place, **locked}


def state_of_entity(
    *, is_managed: bool, is_orphan: bool, is_live: bool, is_held: bool, is_drifted: bool, is_in_conflict: bool
) -> EntityState:
    if is_in_conflict:
        return "conflict"
    if not is_managed:
        return "orphaned" if is_orphan else "ui"
    if not is_live:
        return "deleted"
    if is_held:
        return "held"
    return "drifted" if is_drifted else "managed"


def holds_on(holds: Iterable[Hold], key: EntityKey, digest: str | None) -> list[Hold]:
    """Those on the entity or a part of it, while the files that were applied last are those of `digest`."""
    return [
        hold
        for hold in holds
        if hold.kind in (None, key.kind) and hold.key in (None, key.key) and hold.source_digest in (None, digest)
    ]


def holds_all_of(holds: Iterable[Hold]) -> bool:
    """Whether one of them is on every field."""
    return any(hold.fields in (None, ALL_FIELDS) for hold in holds)


async def find_marks(connection: AsyncConnection, live: Mapping[EntityKey, LiveEntry]) -> dict[EntityKey, Mark]:
    """The mark of each of these live entities, in as many queries for many as for one.

    The files may have an entity by another key: a rename was rolled back, or waits for its conflict.
    """
    by_row = {(key.kind, entry.entity_id): key for key, entry in live.items()}
    bases: dict[str, dict[EntityKey, BaseEntry]] = defaultdict(dict)
    names: dict[EntityKey, EntityKey] = {}
    renamed: set[EntityKey] = set()
    rows = await list_base_of(connection, {key: entry.entity_id for key, entry in live.items()})
    by_key = {(row.kind, row.key) for row in rows}
    for row in rows:
        key = entity_key(row.kind, row.key)
        if key not in live:
            key = by_row[key.kind, row.entity_id]
            if key in by_key:
                continue
            renamed.add(key)
        names[key] = entity_key(row.kind, row.key)
        bases[row.source][key] = BaseEntry(row.entity_id, from_json(row.leaves), row.places)
    conflicts = await list_conflicts(connection)
    in_conflict = {(row.kind, name) for row in conflicts for name in (row.key, row.entity_id)}
    sources = {row.source: row for row in await list_sources(connection)}
    rules = {row.source: tuple(map(OwnershipRule.from_json, row.ownership)) for row in sources.values()}
    drifted = {
        item.entity for source, base in bases.items() for item in find_drift(rules.get(source, ()), base, live, {})
    }
    declared = {key: (source, entry) for source, base in bases.items() for key, entry in base.items()}
    orphans = {(row.kind, row.entity_id): row.source for row in await list_orphans(connection)}
    holds = await load_holds(connection, datetime.now(UTC))
    marks: dict[EntityKey, Mark] = {}
    for key, live_entry in live.items():
        found = declared.get(key)
        source = orphans.get((key.kind, live_entry.entity_id)) if found is None else found[0]
        digest = sources[source].digest if source in sources else None
        state = state_of_entity(
            is_managed=found is not None,
            is_orphan=found is None and source is not None,
            is_live=True,
            is_held=holds_all_of(holds_on(holds, key, digest)),
            is_drifted=key in drifted | renamed,
            is_in_conflict=not in_conflict.isdisjoint((key, (key.kind, live_entry.entity_id))),
        )
        if found is None:
            marks[key] = Mark(state, source)
            continue
        locked = locked_fields(rules.get(found[0], ()), names[key], {*live_entry.leaves, *found[1].leaves})
        marks[key] = Mark(state, source, found[1].places.get(STANZA), locked)
    return marks


def locked_fields(rules: Sequence[OwnershipRule], declared: EntityKey, paths: Iterable[str]) -> tuple[str, ...]:
    """The fields that only the files may change, of `paths` and of all that such an entity may have. `declared` is the
    key that the files have it by."""
    if all(rule.mode != "yaml" for rule in rules):
        return ()
    asked = {*(known_path(declared, name) for name in FIELDS[declared.kind]), *paths}
    return tuple(sorted(shown_path(path) for path in asked if mode_of(rules, declared, path) == "yaml"))
