"""The laws have teeth: every wrong way to merge that others have shipped breaks those that it should."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from merge_model import Merge, draw_scenario, key_until_now, that_are_set
from test_merge_laws import LAWS

import registry.merging.merge_leaves
from registry.entities import BaseEntry, Desired, EntityKey, LiveEntry, Policy
from registry.merge import merge
from registry.outcome import EntityOutcome, Merged

SCENARIOS = 200
"""Each law is broken by one of the first scenarios; these are so many that a new generator will find one too."""

Sides = tuple[Desired, Mapping[EntityKey, BaseEntry], Mapping[EntityKey, LiveEntry]]
Change = Callable[[EntityOutcome, Sides], EntityOutcome]


def each(change: Change) -> Merge:
    """The merge with every outcome changed."""

    def mutant(desired: Desired, base: Any, live: Any, **given: Any) -> Merged:
        merged = merge(desired, base, live, **given)
        sides = desired, base, live
        return replace(merged, entities=tuple(change(outcome, sides) for outcome in merged.entities))

    return mutant


def overwrite(desired: Desired, base: Any, live: Any, *, policy: Policy, **given: Any) -> Merged:
    """Two-way: what the files say, always."""
    forced = replace(policy, on_conflict="take-yaml", adopt=True)
    merged = merge(desired, base, live, policy=forced, **given)

    def overwritten(outcome: EntityOutcome) -> EntityOutcome:
        stanza, entry = desired.stanzas.get(outcome.key), base.get(key_until_now(outcome))
        if stanza is None or outcome.conflicts:
            return outcome
        dropped = entry.leaves.keys() - stanza.leaves.keys() if entry else ()
        kept = {path: value for path, value in (outcome.before or {}).items() if path not in dropped}
        return replace(outcome, after=that_are_set({**kept, **stanza.leaves}))

    return replace(merged, entities=tuple(overwritten(outcome) for outcome in merged.entities))


def overwrite_changed(desired: Desired, base: Any, live: Any, **given: Any) -> Merged:
    """By a hash of the entity: once the file changed it, all of it is the file's."""
    merged = overwrite(desired, base, live, **given)

    def as_it_was(outcome: EntityOutcome) -> EntityOutcome:
        was, stanza = key_until_now(outcome), desired.stanzas.get(outcome.key)
        if stanza is None or was not in base or was not in live or base[was].leaves != stanza.leaves:
            return outcome
        return replace(outcome, after=outcome.before)

    return replace(merged, entities=tuple(as_it_was(outcome) for outcome in merged.entities))


def database_wins(desired: Desired, base: Any, live: Any, **given: Any) -> Merged:
    """The file is read for what the database does not have, and never again."""
    merged = merge(desired, base, live, **given)
    kept = [replace(each, after=each.before) if each.before is not None else each for each in merged.entities]
    return replace(merged, entities=tuple(kept), conflicts=(), is_blocked=False)


def prune_everything(desired: Desired, base: Any, live: Any, **given: Any) -> Merged:
    """What is not in the file goes, whoever made it."""
    merged = merge(desired, base, live, **given)
    moved = {key_until_now(outcome) for outcome in merged.entities}
    strangers = live.keys() - desired.stanzas.keys() - moved
    gone = [
        EntityOutcome(key, "E9", "tombstone", live[key].entity_id, before=live[key].leaves) for key in sorted(strangers)
    ]
    left = [
        replace(outcome, action="tombstone", after=None) if outcome.action == "orphan" else outcome
        for outcome in merged.entities
    ]
    return replace(merged, entities=(*left, *gone))


def reset_undeclared(outcome: EntityOutcome, sides: Sides) -> EntityOutcome:
    stanza = sides[0].stanzas.get(outcome.key)
    if stanza is None or outcome.after is None:
        return outcome
    return replace(outcome, after={path: value for path, value in outcome.after.items() if path in stanza.leaves})


def advance_deferred(outcome: EntityOutcome, sides: Sides) -> EntityOutcome:
    stanza = sides[0].stanzas.get(outcome.key)
    if stanza is None or outcome.action != "deferred":
        return outcome
    return replace(outcome, base_after=stanza.leaves)


def never_advance(outcome: EntityOutcome, sides: Sides) -> EntityOutcome:
    entry = sides[1].get(key_until_now(outcome))
    return replace(outcome, base_after=entry.leaves) if entry and outcome.base_after is not None else outcome


def leave_dropped(*given: Any, **more: Any) -> Merged:
    """What left the file is nobody's business any more."""

    def released(*sides: Any) -> tuple[str, Any]:
        case, result = merge_value(*sides)
        return ("F11", sides[3]) if case == "F10" else (case, result)

    merge_value = registry.merging.merge_leaves._merge_value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry.merging.merge_leaves, "_merge_value", released)
        return merge(*given, **more)


def resurrect(outcome: EntityOutcome, sides: Sides) -> EntityOutcome:
    if outcome.case != "E4" or outcome.action != "deleted":
        return outcome
    return replace(outcome, action="restore", after=that_are_set(sides[0].stanzas[outcome.key].leaves))


def without_groups(*given: Any, **more: Any) -> Merged:
    """Leaf by leaf, as if no two belonged together."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry.merging.merge_leaves, "group_of", lambda path: path)
        return merge(*given, **more)


def fail_late(*given: Any, **more: Any) -> Merged:
    """What is in conflict is refused, after the rest was applied."""
    return replace(merge(*given, **more), is_blocked=False)


MUTANTS: Sequence[tuple[str, Merge, tuple[str, ...]]] = (
    ("overwrite", overwrite, ("L3", "L5", "L6", "L15", "L22")),
    ("overwrite_changed", overwrite_changed, ("L5", "L6", "L15", "L22")),
    ("database_wins", database_wins, ("L2", "L6", "L8")),
    ("prune_everything", prune_everything, ("L1", "L3", "L10")),
    ("reset_undeclared", each(reset_undeclared), ("L1", "L3", "L7")),
    ("advance_deferred", each(advance_deferred), ("L1", "L20")),
    ("never_advance", each(never_advance), ("L2",)),
    ("leave_dropped", leave_dropped, ("L6", "L21")),
    ("resurrect", each(resurrect), ("L1", "L3")),
    ("without_groups", without_groups, ("L6", "L22")),
    ("fail_late", fail_late, ("L9",)),
)


def is_broken(law: str, mutant: Merge) -> bool:
    for seed in range(SCENARIOS):
        random = Random(seed)
        try:
            LAWS[law](draw_scenario(random), random, mutant)
        except AssertionError:
            return True
    return False


@pytest.mark.parametrize(
    ("mutant", "law"),
    [pytest.param(mutant, law, id=f"{name}-{law}") for name, mutant, laws in MUTANTS for law in laws],
)
def test_a_wrong_merge_breaks_the_law(mutant: Merge, law: str) -> None:
    assert is_broken(law, mutant)
