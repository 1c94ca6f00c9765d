"""What becomes of one entity, by the table E1 to E11. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from registry.entities import (
    BaseEntry,
    Choice,
    Desired,
    EntityKey,
    Hold,
    Kind,
    Leaves,
    LiveEntry,
    OnConflict,
    Policy,
    Value,
)
from registry.leaves import canonical
from registry.merging.merge_leaves import merge_leaves
from registry.merging.ownership import ALL_FIELDS, Terms
from registry.outcome import WHOLE, Action, Conflict, ConflictKind, EntityOutcome

_CHOICE_BY_POLICY: Mapping[OnConflict, Choice] = {"keep-live": "live", "take-yaml": "yaml"}


@dataclass(frozen=True, slots=True)
class Sides:
    """All that goes into a merge. `choices` are the resolutions, by entity and group; `rows` has the key that each row
    is live under."""

    desired: Desired
    base: Mapping[EntityKey, BaseEntry]
    live: Mapping[EntityKey, LiveEntry]
    tombstones: Mapping[EntityKey, int]
    detached: Collection[EntityKey]
    policy: Policy
    holds: Sequence[Hold]
    choices: Mapping[EntityKey, Mapping[str, Choice]]
    rows: Mapping[tuple[Kind, int], EntityKey]

    def terms_for(self, key: EntityKey, was: EntityKey | None = None) -> Terms:
        """`was`: the key until now, where that is another; a hold may be on either."""
        keys = {key, was or key}
        return Terms(
            key,
            self.desired.ownership,
            is_enforced=self.policy.mode == "enforce",
            held=tuple(hold.fields or ALL_FIELDS for hold in self.holds if any(_is_on(hold, each) for each in keys)),
            choices=self.choices.get(key, {}),
            otherwise=_CHOICE_BY_POLICY.get(self.policy.on_conflict),
        )

    def base_of(self, key: EntityKey) -> Leaves | None:
        entry = self.base.get(key)
        return None if entry is None else entry.leaves

    def renamed_live(self, key: EntityKey) -> EntityKey | None:
        """Under which key the row of a managed entity is live, if nobody else claims that; a rollback may have given
        it an older one."""
        entry = self.base.get(key)
        now = self.rows.get((key.kind, entry.entity_id)) if entry else None
        return None if now in self.base or now in self.desired.stanzas else now


# --- an entity that is declared -----------------------------------------------------------------------


def merge_declared(sides: Sides, key: EntityKey, was: EntityKey | None) -> EntityOutcome:
    """`was`: the key under which base and live have the entity, where that is another."""
    base, row, terms = sides.base_of(was or key), sides.live.get(was or key), sides.terms_for(key, was)
    if row is None and base is not None:
        now = None if was else sides.renamed_live(key)
        return _renamed_live(sides, terms, base, now) if now else _deleted(sides, terms, base, was)
    if row is None:
        is_new = key not in sides.detached
        return merge_new(sides, terms) if is_new else _deleted(sides, terms, {}, was)
    return _adopted(sides, terms, row) if base is None else _merged(sides, terms, base, row, was)


def merge_new(sides: Sides, terms: Terms, case: str | None = None, was: EntityKey | None = None) -> EntityOutcome:
    """E1, or E10 where a tombstone lives again, with nothing of what it had. Holds on fields do not matter here."""
    entity_id = sides.tombstones.get(was or terms.entity)
    leaves = merge_leaves(replace(terms, held=()), {}, {}, sides.desired.stanzas[terms.entity].leaves)
    return EntityOutcome(
        terms.entity,
        case or ("E1" if entity_id is None else "E10"),
        "create" if entity_id is None else "restore",
        entity_id,
        _text(was),
        leaves.fields,
        leaves.unchanged,
        after=leaves.after,
        base_after=leaves.base_after,
    )


def _deleted(sides: Sides, terms: Terms, base: Leaves, was: EntityKey | None) -> EntityOutcome:
    """E4 and E5: somebody deleted it. It comes back under `enforce`, or when that is how a conflict is resolved."""
    key, ours = terms.entity, sides.desired.stanzas[terms.entity].leaves
    if was:
        base = _renamed(key, base)
    case = "E4" if terms.are_alike(base, ours) else "E5"
    choice = "live" if case == "E4" else terms.choice_for(WHOLE)
    if choice == "yaml" or _is_undone(terms, ours):
        return merge_new(sides, terms, case, was)
    conflicts = () if choice else (whole_conflict(key, "deleted-in-ui", base, {}, ours),)
    entity_id = sides.tombstones.get(was or key)
    return EntityOutcome(key, case, "deleted", entity_id, _text(was), base_after=ours, conflicts=conflicts)


def _renamed_live(sides: Sides, terms: Terms, base: Leaves, now: EntityKey) -> EntityOutcome:
    """E4 and E5 for a key: the row is live under another one. It gets its key back where it would be made again."""
    key, ours, row = terms.entity, sides.desired.stanzas[terms.entity].leaves, sides.live[now]
    case = "E4" if terms.are_alike(base, ours) else "E5"
    choice = "live" if case == "E4" else terms.choice_for(WHOLE)
    if choice == "yaml" or _is_undone(terms, ours):
        outcome = _merged(sides, replace(terms, otherwise=choice or terms.otherwise), base, row, now)
        return replace(outcome, case=case)
    conflicts = () if choice else (whole_conflict(key, "renamed-in-ui", base, row.leaves, ours),)
    return EntityOutcome(key, case, "renamed", row.entity_id, base_after=ours, conflicts=conflicts, live_key=now.key)


def _is_undone(terms: Terms, ours: Leaves) -> bool:
    """Whether the files take back that it is gone: under `enforce`, and where they own all that they declare of it."""
    return terms.is_enforced or (bool(ours) and all(terms.owner_of(path) == "yaml" for path in ours))


def _adopted(sides: Sides, terms: Terms, row: LiveEntry) -> EntityOutcome:
    """E2: it was made live, or detached. Unless it was made live as the files say it, somebody has to agree."""
    ours = sides.desired.stanzas[terms.entity].leaves
    leaves = merge_leaves(terms, {}, row.leaves, ours)
    conflicts = leaves.conflicts
    is_asked = conflicts or leaves.after != row.leaves or terms.entity in sides.detached
    if is_asked and not sides.policy.adopt:
        choice = terms.choice_for(WHOLE)
        leaves = merge_leaves(replace(terms, otherwise=choice), {}, row.leaves, ours)
        conflicts = leaves.conflicts if choice else (whole_conflict(terms.entity, "unadopted", {}, row.leaves, ours),)
    return EntityOutcome(
        terms.entity,
        "E2",
        "adopt",
        row.entity_id,
        None,
        leaves.fields,
        leaves.unchanged,
        before=row.leaves,
        after=leaves.after,
        base_after=leaves.base_after,
        conflicts=conflicts,
    )


def _merged(sides: Sides, terms: Terms, base: Leaves, row: LiveEntry, was: EntityKey | None) -> EntityOutcome:
    """E3, and E11 under a new key."""
    live = row.leaves
    if was:
        base, live = _renamed(terms.entity, base), that_are_set(_renamed(terms.entity, live))
    leaves = merge_leaves(terms, base, live, sides.desired.stanzas[terms.entity].leaves)
    return EntityOutcome(
        terms.entity,
        "E11" if was else "E3",
        "rename" if was else "noop" if leaves.after == live else "update",
        row.entity_id,
        _text(was),
        leaves.fields,
        leaves.unchanged,
        before=row.leaves,
        after=leaves.after,
        base_after=leaves.base_after,
        conflicts=leaves.conflicts,
    )


def _renamed(key: EntityKey, leaves: Leaves) -> dict[str, Value]:
    """The leaves under a new key: one that equals its default there is unset."""
    return {path: canonical(key, path, value) for path, value in leaves.items()}


# --- an entity that left the files --------------------------------------------------------------------


def merge_left(sides: Sides, key: EntityKey) -> EntityOutcome:
    """E6, E7 and E8. It goes on being served unless its removal was asked for and nobody edited it."""
    base, row, terms = sides.base[key].leaves, sides.live.get(key), sides.terms_for(key)
    if row is None:
        return EntityOutcome(key, "E8", "forget", sides.tombstones.get(key))
    is_destroyed = sides.desired.removed.get(key.key) if key.kind == "model" else None
    case = "E6" if terms.are_alike(base, row.leaves) else "E7"
    action: Action = "orphan" if is_destroyed is None else "release"
    conflicts: tuple[Conflict, ...] = ()
    if is_destroyed or (is_destroyed is None and sides.policy.prune):
        choice = "yaml" if case == "E6" else terms.choice_for(WHOLE)
        action = "orphan" if choice == "live" else "tombstone"
        if choice is None:
            conflicts = (whole_conflict(key, "prune-of-modified", base, row.leaves, {}),)
    after = None if action == "tombstone" else row.leaves
    return EntityOutcome(key, case, action, row.entity_id, before=row.leaves, after=after, conflicts=conflicts)


# --- parts --------------------------------------------------------------------------------------------


def leave(sides: Sides, key: EntityKey, case: str, action: Action, *conflicts: Conflict) -> EntityOutcome:
    """The entity as it is, under the key that it has, with the base that it has."""
    row = sides.live.get(key)
    leaves = None if row is None else row.leaves
    return EntityOutcome(
        key,
        case,
        action,
        sides.tombstones.get(key) if row is None else row.entity_id,
        before=leaves,
        after=leaves,
        base_after=sides.base_of(key),
        conflicts=conflicts,
    )


def whole_conflict(key: EntityKey, kind: ConflictKind, base: Leaves, live: Leaves, ours: Leaves) -> Conflict:
    """A conflict about the entity as such, whatever its leaves say."""
    return Conflict(key, WHOLE, kind, that_are_set(base), that_are_set(live), that_are_set(ours))


def _text(key: EntityKey | None) -> str | None:
    return None if key is None else key.key


def that_are_set(leaves: Leaves) -> dict[str, Value]:
    return {path: value for path, value in leaves.items() if value is not None}


def _is_on(hold: Hold, key: EntityKey) -> bool:
    return hold.kind in (None, key.kind) and hold.key in (None, key.key)
