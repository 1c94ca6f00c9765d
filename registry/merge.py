"""The three-way merge of a registry: what becomes of every entity. Pure.

A draft of each entity comes first. Then holds take back what they forbid, conflicts that
nobody resolved take their entity out, and under `defer` what refers to such a provider goes with it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from registry.entities import KINDS, BaseEntry, Choice, Desired, EntityKey, Hold, LiveEntry, Policy
from registry.leaves import known_path, upstream_of, upstream_path
from registry.merging.merge_entities import Sides, leave, merge_declared, merge_left, merge_new, whole_conflict
from registry.merging.merge_hints import hints_of
from registry.outcome import EntityOutcome, Merged


def merge(
    desired: Desired,
    base: Mapping[EntityKey, BaseEntry],
    live: Mapping[EntityKey, LiveEntry],
    *,
    tombstones: Mapping[EntityKey, int],
    detached: Collection[EntityKey] = (),
    policy: Policy,
    holds: Sequence[Hold] = (),
) -> Merged:
    """What an apply of `desired` would do. `tombstones` are the rows that were deleted, by key; `detached` is what
    the files declare and do not manage.

    An entity without an outcome is not to be touched: with mode `off` that is all of them.
    """
    if policy.mode == "off":
        return Merged(())
    holds = () if policy.ignore_hold else holds
    sides = Sides(desired, base, live, tombstones, detached, policy, holds, _choices(policy.resolutions))
    drafts = _missing(sides) if policy.mode == "seed-missing" else _drafts(sides)
    drafts.sort(key=lambda draft: (KINDS.index(draft.key.kind), draft.key.key))
    outcomes, held = _without_held(sides, drafts)
    outcomes = [_deferred(sides, outcome) if outcome.conflicts else outcome for outcome in outcomes]
    if policy.on_conflict == "defer":
        outcomes = _defer_dependents(sides, outcomes)
    conflicts = tuple(conflict for outcome in outcomes for conflict in outcome.conflicts)
    return Merged(
        tuple(outcomes),
        conflicts,
        is_blocked=bool(conflicts) and policy.on_conflict == "fail",
        held=tuple(held),
        hints=hints_of(desired, base, outcomes),
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
        if draft.case != "E3" and is_written and sides.terms_for(draft.key, key).is_held_whole:
            held.append((draft.key, ""))
            outcomes.append(leave(sides, key, draft.case, "noop"))
        else:
            held += [(draft.key, leaf.path) for leaf in draft.fields if leaf.kind == "held"]
            outcomes.append(draft)
    return outcomes, held


def _deferred(sides: Sides, outcome: EntityOutcome, by: EntityKey | None = None) -> EntityOutcome:
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
    )


def _defer_dependents(sides: Sides, outcomes: Iterable[EntityOutcome]) -> list[EntityOutcome]:
    """Defer with a provider what would change and refers to it, before or after."""
    outcomes = list(outcomes)
    deferred = {each.key.key for each in outcomes if each.action == "deferred" and each.key.kind == "provider"}
    if not deferred:
        return outcomes
    return [
        _deferred(sides, outcome, EntityKey("provider", min(named)))
        if outcome.is_changed and (named := _providers_of(outcome) & deferred)
        else outcome
        for outcome in outcomes
    ]


def _key_until_now(outcome: EntityOutcome) -> EntityKey:
    return EntityKey(outcome.key.kind, outcome.moved_from or outcome.key.key)


def _providers_of(outcome: EntityOutcome) -> set[str]:
    return {
        str(value)
        for leaves in (outcome.before, outcome.after)
        for path, value in (leaves or {}).items()
        if (upstream := upstream_of(path)) is not None and path == upstream_path(upstream, "provider")
    }
