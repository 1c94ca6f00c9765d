"""The three-way merge of a registry: what becomes of every entity. Pure.

A draft of each entity comes first. Then holds take back what they forbid, conflicts that nobody resolved take their
entity out, and under `defer` what refers to such a provider goes with it. What is left has to hold together: where
nobody is there to mend it, what cannot be waits, and the rest is applied.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from registry.entities import KINDS, BaseEntry, Choice, Desired, EntityKey, Hold, Leaves, LiveEntry, Policy
from registry.invariants import find_flaws, find_stranded, read_leaves
from registry.leaves import known_path, upstream_of, upstream_path
from registry.merging.merge_entities import (
    Sides,
    leave,
    merge_declared,
    merge_left,
    merge_new,
    that_are_set,
    whole_conflict,
)
from registry.merging.merge_hints import hints_of
from registry.outcome import EntityOutcome, Flaw, Merged


def merge(
    desired: Desired,
    base: Mapping[EntityKey, BaseEntry],
    live: Mapping[EntityKey, LiveEntry],
    *,
    tombstones: Mapping[EntityKey, int],
    detached: Collection[EntityKey] = (),
    policy: Policy,
    holds: Sequence[Hold] = (),
    is_attended: bool = True,
) -> Merged:
    """What an apply of `desired` would do. `tombstones` are the rows that were deleted, by key; `detached` is what
    the files declare and do not manage. `is_attended`: someone asked for it, and wants all of it or nothing.

    An entity without an outcome is not to be touched: with mode `off` that is all of them.
    """
    if policy.mode == "off":
        return Merged(())
    holds = () if policy.ignore_hold else holds
    rows = {(key.kind, entry.entity_id): key for key, entry in live.items()}
    sides = Sides(desired, base, live, tombstones, detached, policy, holds, _choices(policy.resolutions), rows)
    drafts = _missing(sides) if policy.mode == "seed-missing" else _drafts(sides)
    drafts.sort(key=lambda draft: (KINDS.index(draft.key.kind), draft.key.key))
    outcomes, held = _without_held(sides, drafts)
    outcomes = [_deferred(sides, outcome) if outcome.conflicts else outcome for outcome in outcomes]
    if policy.on_conflict == "defer":
        outcomes = _defer_dependents(sides, outcomes)
    conflicts = tuple(conflict for outcome in outcomes for conflict in outcome.conflicts)
    is_blocked = bool(conflicts) and policy.on_conflict == "fail"
    flaws: list[Flaw] = []
    if not is_blocked:
        may_wait = not is_attended or policy.on_conflict == "defer"
        outcomes, flaws = _without_flawed(sides, outcomes, may_wait=may_wait)
    return Merged(
        tuple(outcomes),
        conflicts,
        is_blocked=is_blocked,
        held=tuple(held),
        hints=hints_of(desired, base, outcomes),
        flaws=tuple(flaws),
    )


def _choices(resolutions: Mapping[str, Choice]) -> dict[EntityKey, dict[str, Choice]]:
    """Resolutions by entity and group. An address may be written in the short form."""
    choices: dict[EntityKey, dict[str, Choice]] = {}
    for address, choice in resolutions.items():
        name, _, group = address.partition("/")
        for kind in KINDS:
            if name.startswith(f"{kind}."):
                entity = EntityKey(kind, name.removeprefix(f"{kind}."))
                choices.setdefault(entity, {})[known_path(entity, group)] = choice
    return choices


# --- drafts -------------------------------------------------------------------------------------------


def _missing(sides: Sides) -> list[EntityOutcome]:
    """What was never here, under this key or the one that it had."""
    moved = _origins(sides)
    known = sides.base.keys() | sides.live.keys() | sides.tombstones.keys() | moved.keys()
    return [merge_new(sides, sides.terms_for(key)) for key in sides.desired.stanzas if key not in known]


def _drafts(sides: Sides) -> list[EntityOutcome]:
    origins = _origins(sides)
    drafts: list[EntityOutcome] = []
    seen = set(sides.desired.stanzas)
    for key in sides.desired.stanzas:
        olds = origins.get(key, [])
        if olds and sum(name in sides.live for name in (key, *olds)) > 1:
            drafts += _claimed(sides, key, olds)
            seen.update(olds)
        else:
            was = _key_before(sides, key, olds)
            drafts.append(merge_declared(sides, key, was))
            seen.add(was or key)
    return drafts + [merge_left(sides, key) for key in sides.base if key not in seen]


def _origins(sides: Sides) -> dict[EntityKey, list[EntityKey]]:
    """For each declared model the keys that it had, by `moved`, of those that the files still manage."""
    origins: dict[EntityKey, list[EntityKey]] = {}
    stanzas, moved = sides.desired.stanzas, sides.desired.moved
    for old in sorted(moved):
        new, passed = moved[old], {old}
        while EntityKey("model", new) not in stanzas and new in moved and new not in passed:
            passed.add(new)
            new = moved[new]
        was, key = EntityKey("model", old), EntityKey("model", new)
        if was in sides.base and was not in stanzas and key in stanzas:
            origins.setdefault(key, []).append(was)
    return origins


def _key_before(sides: Sides, key: EntityKey, olds: Sequence[EntityKey]) -> EntityKey | None:
    """The key under which the entity still is; None: it has its own already, or is new."""
    if key in sides.live:
        return None
    alive = [old for old in olds if old in sides.live]
    if alive:
        return alive[0]
    return None if key in sides.base or not olds else olds[0]


def _claimed(sides: Sides, key: EntityKey, olds: Sequence[EntityKey]) -> list[EntityOutcome]:
    """E11, and two rows for one name: nobody but a person can say which of them it is. No policy resolves this."""
    ours, row = sides.desired.stanzas[key].leaves, sides.live.get(key)
    rival = next(old for old in olds if old in sides.live)
    conflict = whole_conflict(key, "claim", sides.live[rival].leaves, row.leaves if row else {}, ours)
    return [
        leave(sides, key, "E11", "deferred", conflict),
        *(leave(sides, old, "E11", "deferred") for old in olds),
    ]


# --- what holds and conflicts take back ---------------------------------------------------------------


def _without_held(
    sides: Sides, drafts: Iterable[EntityOutcome]
) -> tuple[list[EntityOutcome], list[tuple[EntityKey, str]]]:
    """The outcomes without what a hold on the whole entity forbids, and all that holds kept from changing.

    Where both sides have the entity, its leaves were held one by one already.
    """
    outcomes: list[EntityOutcome] = []
    held: list[tuple[EntityKey, str]] = []
    for draft in drafts:
        key = _key_until_now(draft)
        is_written = draft.conflicts or draft.is_changed or draft.base_after != sides.base_of(key)
        terms = sides.terms_for(draft.key, key)
        # Who holds a field means to keep what it is a field of.
        is_kept = terms.is_held_whole or (draft.action == "tombstone" and terms.held)
        if draft.case != "E3" and is_written and is_kept:
            held.append((draft.key, ""))
            outcomes.append(leave(sides, key, draft.case, "noop"))
        else:
            held += [(draft.key, leaf.path) for leaf in draft.fields if leaf.kind == "held"]
            outcomes.append(draft)
    return outcomes, held


def _deferred(
    sides: Sides, outcome: EntityOutcome, by: EntityKey | None = None, flaw: Flaw | None = None
) -> EntityOutcome:
    """The outcome with nothing done: live and base stay, and so does the key."""
    key = _key_until_now(outcome)
    return replace(
        outcome,
        key=key,
        action="deferred",
        moved_from=None,
        fields=tuple(replace(leaf, result=leaf.live) for leaf in outcome.fields),
        after=outcome.before,
        base_after=sides.base_of(key),
        deferred_by=by,
        flaw=flaw,
    )


def _defer_dependents(sides: Sides, outcomes: list[EntityOutcome]) -> list[EntityOutcome]:
    """Defer with a provider what would change and refers to it, before or after."""
    deferred = {each.key.key for each in outcomes if each.action == "deferred" and each.key.kind == "provider"}
    if not deferred:
        return outcomes
    return [
        _deferred(sides, outcome, EntityKey("provider", min(named)))
        if outcome.is_changed and (named := _providers_of(outcome) & deferred)
        else outcome
        for outcome in outcomes
    ]


# --- what has to hold together ------------------------------------------------------------------------


def _without_flawed(
    sides: Sides, outcomes: list[EntityOutcome], *, may_wait: bool
) -> tuple[list[EntityOutcome], list[Flaw]]:
    """The outcomes without those that cannot be, and the flaws that nothing is left alone for. What one gives up may
    be what another takes, so it is looked at again until all that is left holds together.

    A provider that models are served by is never removed: it stays, and stays the files', until none is.
    """
    while flaws := _flaws_of(sides, outcomes):
        waiting = {flaw.entity: flaw for flaw in reversed(flaws) if may_wait or not flaw.path}
        if not waiting:
            return outcomes, flaws
        outcomes = [
            _deferred(sides, outcome, flaw=waiting[outcome.key])
            if outcome.is_changed and outcome.key in waiting
            else outcome
            for outcome in outcomes
        ]
    return outcomes, []


def _flaws_of(sides: Sides, outcomes: Iterable[EntityOutcome]) -> list[Flaw]:
    """What is wrong with the registry as it would be."""
    changed = [outcome for outcome in outcomes if outcome.is_changed]
    after = {key: entry.leaves for key, entry in sides.live.items()}
    for outcome in changed:
        after.pop(_key_until_now(outcome), None)
    made = {outcome.key: outcome.after for outcome in changed if outcome.after is not None}
    after |= made
    gone = [outcome.key for outcome in changed if outcome.after is None]
    return [
        *(flaw for key in made if _is_mixed(sides, key, made[key]) for flaw in read_leaves(key, made[key])[1]),
        *find_flaws(after, made.keys()),
        *find_stranded(after, gone),
    ]


def _is_mixed(sides: Sides, key: EntityKey, leaves: Leaves) -> bool:
    """Whether it is not just what the files say, which was read without a fault."""
    return key not in sides.desired.stanzas or leaves != that_are_set(sides.desired.stanzas[key].leaves)


def _key_until_now(outcome: EntityOutcome) -> EntityKey:
    return EntityKey(outcome.key.kind, outcome.moved_from or outcome.key.key)


def _providers_of(outcome: EntityOutcome) -> set[str]:
    return {
        str(value)
        for leaves in (outcome.before, outcome.after)
        for path, value in (leaves or {}).items()
        if (upstream := upstream_of(path)) is not None and path == upstream_path(upstream, "provider")
    }
