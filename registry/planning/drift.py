"""Drift: what was declared at the last apply and is otherwise now. Found in the database alone; no file is read.

Fields that belong to `ui` never drift. An entity or an upstream that is gone is one item, not one for each leaf; so
is an entity that is live under another key, as its `key`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

from registry.entities import KINDS, BaseEntry, EntityKey, Leaves, LiveEntry, OwnershipRule, Value
from registry.files.positions import printable
from registry.leaves import (
    SETS,
    folded,
    group_of,
    parse_entity,
    shown_path,
    upstream_of,
    value_as_json,
    value_from_json,
)
from registry.merging.ownership import mode_of
from registry.outcome import WHOLE
from registry.planning.facts import Author, Authors, find_author
from registry.planning.shown import placed, plural, quoted, shown_author, shown_leaf

Difference = tuple[str, Value, Value]
"""A path, what the files say, what is live."""

Disputed = tuple[EntityKey, str]
"""What a conflict is about: an entity, and a group of its leaves."""


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One difference, where the leaf is declared, and who changed it live; None where that is not known.

    `is_deleted`: what is at `path` was deleted live: an upstream, or the whole entity where `path` is empty.
    """

    entity: EntityKey
    path: str
    yaml: Value
    live: Value
    is_deleted: bool = False
    location: str | None = None
    author: Author | None = None

    @property
    def address(self) -> str:
        """`model/gpt-main.pricing.input`, or `model/gpt-main` for all of it."""
        return f"{self.entity}.{shown_path(self.path)}" if self.path else str(self.entity)

    def as_json(self) -> dict[str, Any]:
        author = self.author.as_json() if self.author else dict.fromkeys(("actor", "at", "message", "revision"))
        return {
            "entity": str(self.entity),
            "path": self.path,
            "yaml": value_as_json(self.yaml),
            "live": value_as_json(self.live),
            "is_deleted": self.is_deleted,
            "location": self.location,
            **author,
        }

    @classmethod
    def from_json(cls, item: Mapping[str, Any]) -> "DriftItem":
        return cls(
            entity=parse_entity(item["entity"]),
            path=item["path"],
            yaml=value_from_json(item["yaml"]),
            live=value_from_json(item["live"]),
            is_deleted=item["is_deleted"],
            location=item["location"],
            author=Author.from_json(item) if item["actor"] is not None else None,
        )


# --- as JSON -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the leaves of one entity are declared, and who changed them live.

    `known_as` is the entity in `authors`: the name before a rename.
    """

    entity: EntityKey
    known_as: EntityKey
    places: Mapping[str, str]
    authors: Authors

    def changed(self, path: str, yaml: Value, live: Value) -> DriftItem:
        return self._sign(DriftItem(self.entity, path, yaml, live), [path])

    def deleted(self, path: str, leaves: Iterable[str]) -> DriftItem:
        return self._sign(DriftItem(self.entity, path, None, None, is_deleted=True), list(leaves))

    def renamed(self, now: str) -> DriftItem:
        return self.changed("key", self.entity.key, now)

    def _sign(self, item: DriftItem, leaves: Sequence[str]) -> DriftItem:
        location = next((self.places[path] for path in leaves if path in self.places), None)
        return replace(item, location=location, author=find_author(self.authors, self.known_as, leaves))


# --- finding -----------------------------------------------------------------------------------------


def find_drift(
    ownership: Sequence[OwnershipRule],
    base: Mapping[EntityKey, BaseEntry],
    live: Mapping[EntityKey, LiveEntry],
    authors: Authors,
) -> tuple[DriftItem, ...]:
    """Every declared leaf that differs live, by kind and key; undeclared leaves are nobody's drift."""
    found: list[DriftItem] = []
    rows = {(key.kind, entry.entity_id): key for key, entry in live.items()}
    for entity, entry in sorted(base.items(), key=lambda item: (KINDS.index(item[0].kind), item[0].key)):
        evidence = Evidence(entity, entity, entry.places, authors)
        if entity not in live:
            now = rows.get((entity.kind, entry.entity_id))
            if now is None or now in base:
                found.append(evidence.deleted("", entry.leaves))
            else:
                found.append(evidence.renamed(now.key))
            continue
        here = live[entity].leaves
        differences = [
            (path, value, here.get(path))
            for path, value in entry.leaves.items()
            if mode_of(ownership, entity, path) != "ui" and _differs(path, value, here.get(path))
        ]
        found += list_drift(evidence, differences, here)
    return tuple(found)


def list_drift(evidence: Evidence, differences: Iterable[Difference], live: Leaves) -> list[DriftItem]:
    """One item for each difference, but one for all of an upstream that is not in `live`. By path."""
    upstreams = {upstream_of(path) for path in live}
    items: list[DriftItem] = []
    gone: dict[str, list[str]] = {}
    for path, yaml, value in differences:
        upstream = upstream_of(path)
        if upstream is None or upstream in upstreams:
            items.append(evidence.changed(path, yaml, value))
        else:
            gone.setdefault(upstream, []).append(path)
    items += [evidence.deleted(f"upstreams.{upstream}", paths) for upstream, paths in gone.items()]
    return sorted(items, key=lambda item: item.path)


def without_ignored(items: Iterable[DriftItem], globs: Sequence[str]) -> tuple[DriftItem, ...]:
    """Those that no glob matches. `model/gpt-*` ignores whole models, `*.limits.*` fields."""
    return tuple(item for item in items if not any(_is_matched(item, glob) for glob in globs))


def is_disputed(item: DriftItem, conflicts: Iterable[Disputed]) -> bool:
    """Whether a conflict is about that leaf: it waits for a decision, and is counted there."""
    path = item.path
    groups = [group for entity, group in conflicts if entity == item.entity]
    return any(not path or group in (WHOLE, group_of(path)) or f"{path}.".startswith(f"{group}.") for group in groups)


def drift_exit_code(items: Sequence[DriftItem]) -> int:
    return 2 if items else 0


def render_drift(items: Sequence[DriftItem]) -> str:
    """For people; the last line says the exit code."""
    lines = [line for item in items for line in drift_lines(item)]
    total = [*([""] if items else []), f"{plural(len(items), 'live edit')} not in the files." if items else "No drift."]
    verdict = "drift" if items else "no drift"
    return "\n".join([*lines, *total, f"Exit code {drift_exit_code(items)}: {verdict}."])


def drift_as_json(items: Sequence[DriftItem], conflicts: Sequence[Disputed] = ()) -> dict[str, Any]:
    """Each with whether one of the conflicts is about it."""
    marked = [{**item.as_json(), "is_disputed": is_disputed(item, conflicts)} for item in items]
    return {"drift": marked, "exit": drift_exit_code(items)}


def drift_lines(item: DriftItem) -> tuple[str, ...]:
    """What differs, and below it who did it, if that is known."""
    yaml, live = (shown_leaf(item.entity, item.path, value) for value in (item.yaml, item.live))
    what = "deleted live" if item.is_deleted else f"yaml {yaml} | live {live}"
    path = f"{printable(shown_path(item.path))}   " if item.path else ""
    first = placed(f"  ! {item.entity.kind} {quoted(item.entity.key)}   {path}{what}", item.location)
    return (first, f"      {shown_author(item.author)}") if item.author else (first,)


def _differs(path: str, declared: Value, live: Value) -> bool:
    """A set differs where something that was declared is missing from it; what was added is not declared."""
    if path in SETS and isinstance(declared, tuple):
        return not folded(path, declared).keys() <= folded(path, live).keys()
    return declared != live


def _is_matched(item: DriftItem, glob: str) -> bool:
    names = {str(item.entity), item.address, f"{item.entity}.{item.path}"}
    return any(fnmatchcase(name, glob) for name in names)
