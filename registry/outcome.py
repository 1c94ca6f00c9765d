"""What a merge comes to: for each entity what would be done, leaf by leaf, and where two hands disagree.

Cases are named as in docs/registry.md: F1 to F13 for a leaf, E1 to E11 for an entity.
"""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Literal

from registry.entities import EntityKey, Leaves, Value
from registry.leaves import as_json

LeafKind = Literal[
    "noop",  # nothing differs, or it is not the file's
    "set",  # F2, or a leaf of an entity that is created
    "adopt",  # F3: declared for the first time, and live says the same already
    "claim-conflict",  # F4: declared for the first time, and live says something else
    "drift",  # F6: edited live; kept
    "update",  # F7
    "converge",  # F8: what was edited live is now in the file
    "both-conflict",  # F9
    "unset",  # F10: left the file
    "release",  # F11: left the file after it was edited live; live keeps it
    "revert",  # the file wins over a live edit: `enforce`, a `yaml` field, or a resolution
    "keep",  # live wins by resolution, and the base moves on
    "seeded",  # a `ui` field: the file's value is only the first one
    "held",  # a hold keeps the file's value out
]
Action = Literal[
    "create",  # E1
    "restore",  # E10: a tombstone lives again
    "update",
    "rename",  # E11, with or without changed fields
    "noop",
    "tombstone",  # E6 with prune, or `removed: {destroy: true}`
    "release",  # `removed: {destroy: false}`
    "orphan",  # E6, E7: left the file; goes on being served
    "forget",  # E8: gone on both sides
    "adopt",  # E2: was made live, and the file declares it now
    "deleted",  # E4: deleted live, unchanged in the file; stays deleted
    "renamed",  # E4: renamed live, by a rollback, unchanged in the file; keeps that name
    "deferred",  # in conflict, refers to what is, or cannot be; nothing is touched
]
WHOLE = "entity"
"""The group of a conflict about an entity as such."""
ConflictKind = Literal["claim", "both", "group", "deleted-in-ui", "renamed-in-ui", "prune-of-modified", "unadopted"]
"""`group`: each side changed another leaf of one group. `unadopted`: E2 without `--adopt`."""


@dataclass(frozen=True, slots=True)
class LeafOutcome:
    """One leaf that is declared, was declared, or is changed. None for base and ours: absent or unset; which of
    the two, `case` tells. `result` is what live will be."""

    path: str
    case: str
    kind: LeafKind
    base: Value
    live: Value
    ours: Value
    result: Value
    group: str

    @property
    def changes_live(self) -> bool:
        return self.result != self.live


@dataclass(frozen=True, slots=True)
class Conflict:
    """One group that both sides changed. The three sides hold the leaves of the group that are set there."""

    entity: EntityKey
    group: str
    kind: ConflictKind
    base: Leaves
    live: Leaves
    ours: Leaves

    @property
    def address(self) -> str:
        """What `--resolve` takes: `model.claude-sonnet/pricing`. A conflict about the whole entity has the
        group `WHOLE`."""
        return f"{self.entity.kind}.{self.entity.key}/{self.group}"

    @property
    def triple_digest(self) -> str:
        """Of the three sides: a resolution is good for exactly these."""
        sides = [as_json(side) for side in (self.base, self.live, self.ours)]
        return hashlib.sha256(json.dumps([self.kind, *sides], sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Flaw:
    """What cannot be of one entity, by the grammar or beside the others. `path` as a refused request names it:
    `pricing.input` of the document, `models.gpt-main.aliases` of the whole, empty for the entity as such."""

    entity: EntityKey
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class EntityOutcome:
    """What becomes of one entity. `key` is its name afterwards; `moved_from` the one before, if it is renamed.

    `before` and `after` are live, None where there is no row. `base_after` None: the files manage it no more.
    `is_changed`: there is something to write for it (live, or a rename). Fields that are `noop` are left out of
    `fields`; `unchanged` counts them.
    """

    key: EntityKey
    case: str
    action: Action
    entity_id: int | None = None
    moved_from: str | None = None
    fields: tuple[LeafOutcome, ...] = ()
    unchanged: int = 0
    before: Leaves | None = None
    after: Leaves | None = None
    base_after: Leaves | None = None
    conflicts: tuple[Conflict, ...] = ()
    deferred_by: EntityKey | None = None
    """The provider whose deferral defers this one too."""
    live_key: str | None = None
    """The key that it keeps live, where that is another: `renamed`."""
    flaw: Flaw | None = None
    """Why what would have become of it cannot be, where that defers it."""

    @property
    def is_changed(self) -> bool:
        return self.moved_from is not None or self.before != self.after

    @property
    def drift(self) -> tuple[LeafOutcome, ...]:
        return tuple(leaf for leaf in self.fields if leaf.kind in ("drift", "keep"))


@dataclass(frozen=True, slots=True)
class Merged:
    """All entities of the files, of the base, and of neither that changed, by kind (providers first) and key.

    `conflicts` are those nobody resolved. With `on_conflict` "fail" and any conflict, `is_blocked`: nothing may
    be written. `hints` are sentences, such as one about a rename that looks like a removal and a creation.
    """

    entities: tuple[EntityOutcome, ...]
    conflicts: tuple[Conflict, ...] = ()
    is_blocked: bool = False
    held: tuple[tuple[EntityKey, str], ...] = ()
    """Leaves that a hold kept from changing."""
    hints: tuple[str, ...] = field(default_factory=tuple)
    flaws: tuple[Flaw, ...] = ()
    """What cannot be of all this; nothing may be written then. What can wait does, and is none."""
