"""What the merge promises, whatever the two sides did. Each law is a function too: mutants are tried on it."""

# The laws have the numbers that the documents give them.
# ruff: noqa: N816

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from merge_model import (
    POLICIES,
    Merge,
    Scenario,
    World,
    draw_edit,
    draw_leaves,
    draw_scenario,
    key_until_now,
    that_are_set,
)

from registry.entities import BaseEntry, EntityKey, Hold, Leaves, OwnershipRule, Policy, Stanza, Value
from registry.leaves import SETS, group_of, upstream_of
from registry.merge import merge as real_merge
from registry.merging.ownership import mode_of
from registry.outcome import EntityOutcome, Merged

FAIL = Policy()
DEFER = Policy(on_conflict="defer")
KEEP_LIVE = Policy(on_conflict="keep-live")
TAKE_YAML = Policy(on_conflict="take-yaml")
ENFORCE = Policy(mode="enforce", on_conflict="take-yaml", adopt=True)
LAYING = (DEFER, KEEP_LIVE, TAKE_YAML, ENFORCE)
"""Policies that write something whatever the conflicts."""

Law = Callable[[Scenario, Random, Merge], None]


def holds_always(law: Law, examples: int = 100) -> Callable[[], None]:
    """The test that the law holds in every scenario that is drawn."""

    @settings(max_examples=examples, deadline=None)
    @given(st.randoms(use_true_random=False))
    def test(random: Random) -> None:
        law(draw_scenario(random), random, real_merge)

    test.__doc__ = law.__doc__
    return test


# --- reading a scenario -------------------------------------------------------------------------------


def both_sides(scenario: Scenario, merged: Merged) -> Iterator[tuple[EntityOutcome, Leaves, Leaves, Leaves]]:
    """The outcomes of what base, live and file all have, with those three sides."""
    world, ours = scenario.world, scenario.ours()
    for outcome in merged.entities:
        was = key_until_now(outcome)
        if outcome.key in ours and was in world.base and was in world.live and outcome.case in ("E3", "E11"):
            yield outcome, world.base[was].leaves, world.live[was].leaves, ours[outcome.key]


def elements(value: Value) -> set[str]:
    return set(value) if isinstance(value, tuple) else set()


def owner_in(scenario: Scenario, key: EntityKey, path: str) -> str:
    return mode_of(scenario.desired.ownership, key, path)


def left_upstreams(base: Leaves, ours: Leaves) -> set[str | None]:
    """Upstreams that left the file: they go or stay as a whole, with what live added to them."""
    return ({upstream_of(path) for path in base} - {upstream_of(path) for path in ours}) - {None}


def is_declared_alike(path: str, base: Leaves, ours: Leaves) -> bool:
    return (path in base) == (path in ours) and base.get(path) == ours.get(path)


def fast_forward(scenario: Scenario) -> Scenario:
    """The scenario without any edit by hand: live is what the base says."""
    base = {key: replace(entry, entity_id=number) for number, (key, entry) in enumerate(scenario.world.base.items(), 1)}
    world = World(next_id=len(base) + 1)
    for key, entry in base.items():
        world = world.with_live(key, that_are_set(entry.leaves))
    return replace(scenario, world=replace(world, base=base))


# --- the laws -----------------------------------------------------------------------------------------


def idempotence(scenario: Scenario, random: Random, merge: Merge) -> None:
    """A second apply of the same files changes nothing, and meets the conflicts that the first one left."""
    for policy in random.sample(POLICIES, 8):
        first = scenario.applied(policy, merge)
        again = first.merged(policy, merge)
        assert first.world.after(again) == first.world
        assert not any(outcome.is_changed for outcome in again.entities) or again.is_blocked
        assert again.conflicts == scenario.merged(policy, merge).conflicts


def fast_forwarding(scenario: Scenario, random: Random, merge: Merge) -> None:
    """Where nobody edited by hand there is no conflict, and live becomes what the files say."""
    untouched = fast_forward(scenario)
    merged = untouched.merged(FAIL, merge)
    assert merged.conflicts == ()
    after = untouched.world.after(merged)
    for key, ours in untouched.ours().items():
        for path, value in ours.items():
            if owner_in(untouched, key, path) != "ui":
                assert after.live[key].leaves.get(path) == value
        assert after.base[key].leaves == ours
    edited = {key: draw_edit(random, key, ours, is_file=True) for key, ours in untouched.ours().items()}
    second = replace(untouched.declaring(edited), world=after)
    assert second.merged(FAIL, merge).conflicts == ()


def inertia(scenario: Scenario, random: Random, merge: Merge) -> None:
    """Files that did not change never change live, whatever was done by hand."""
    stanzas = {key: entry.leaves for key, entry in scenario.world.base.items()}
    rules = [rule for rule in scenario.desired.ownership if rule.mode != "yaml"]
    same = scenario.declaring(stanzas, moved={}, removed={}, ownership=tuple(rules))
    for policy in (FAIL, DEFER, KEEP_LIVE, TAKE_YAML, replace(TAKE_YAML, prune=True, adopt=True)):
        merged = same.merged(policy, merge)
        assert merged.conflicts == ()
        assert same.world.after(merged).served() == scenario.world.served()


def convergence(scenario: Scenario, random: Random, merge: Merge) -> None:
    """What both sides came to say alike is no conflict and no write, and the base has it then."""
    world = scenario.world
    for key, ours in scenario.ours().items():
        world = world.with_live(key, that_are_set(ours))
    agreed = replace(scenario.declaring(scenario.ours(), moved={}), world=world)
    for policy in (FAIL, ENFORCE):
        for outcome in agreed.merged(policy, merge).entities:
            if outcome.key in agreed.desired.stanzas:
                assert outcome.conflicts == () and not outcome.is_changed
                assert outcome.base_after == agreed.ours()[outcome.key]


def no_lost_update(scenario: Scenario, random: Random, merge: Merge) -> None:
    """What only a hand changed survives; what only the files changed is applied where nothing is in conflict."""
    for policy in (DEFER, KEEP_LIVE):
        merged = scenario.merged(policy, merge)
        for outcome, base, live, ours in both_sides(scenario, merged):
            after, left = outcome.after or {}, left_upstreams(base, ours)
            for path in base.keys() | live.keys() | ours.keys():
                owner = owner_in(scenario, outcome.key, path)
                is_edited = live.get(path) != base.get(path)
                if is_edited and is_declared_alike(path, base, ours) and owner == "merge":
                    assert after.get(path) == live.get(path) or upstream_of(path) in left
                is_ours = not is_edited and base.get(path) != ours.get(path) and path not in SETS and owner != "ui"
                if is_ours and outcome.action != "deferred" and policy is DEFER:
                    assert after.get(path) == ours.get(path)


def conflicts_expected(base: Leaves, live: Leaves, ours: Leaves) -> set[str]:
    """The groups that both sides changed, to different results: said without the table."""
    groups: dict[str, list[str]] = {}
    one_sided = {upstream_of(path) for path in live} ^ {upstream_of(path) for path in ours}
    for path in (base.keys() | live.keys() | ours.keys()) - SETS:
        upstream = upstream_of(path)
        group = group_of(path) if upstream is None or upstream not in one_sided else f"upstreams.{upstream}"
        groups.setdefault(group, []).append(path)
    found = set()
    for group, paths in groups.items():
        upstream = upstream_of(paths[0])
        if upstream is not None and upstream in one_sided:
            is_live = any(live.get(path) is not None for path in paths)
            present = live if is_live else ours
            is_known = any(path in base for path in paths)
            if is_known and any(base.get(path) != present.get(path) for path in paths):
                found.add(group)
            continue
        by_file = {
            path
            for path in paths
            if not is_declared_alike(path, base, ours)
            and live.get(path) != ours.get(path)
            and (path in ours or live.get(path) == base.get(path))
        }
        by_hand = {path for path in paths if live.get(path) not in (base.get(path), ours.get(path))}
        if by_file and by_hand:
            found.add(group)
    return found


def exact_conflicts(scenario: Scenario, random: Random, merge: Merge) -> None:
    """A group is in conflict if and only if both sides changed it to different results."""
    shared = scenario.ruled_by()
    merged = shared.merged(FAIL, merge)
    sides = {
        outcome.key: (shared.world.base[outcome.key].leaves, shared.world.live[outcome.key].leaves, ours)
        for outcome, _, _, ours in both_sides(shared, merged)
        if key_until_now(outcome) == outcome.key and outcome.key.key not in shared.desired.moved.values()
    }
    expected = {(key, group) for key, three in sides.items() for group in conflicts_expected(*three)}
    found = {(conflict.entity, conflict.group) for conflict in merged.conflicts if conflict.entity in sides}
    assert found == expected


def undeclared_is_untouchable(scenario: Scenario, random: Random, merge: Merge) -> None:
    """A leaf that no file names is never written, nor is an entity, in any mode.

    Only where the files win in a group that changes with it does a leaf go, and with an upstream that left.
    """
    for policy in random.sample(POLICIES, 8):
        merged = scenario.merged(policy, merge)
        for outcome, base, live, ours in both_sides(scenario, merged):
            after, left = outcome.after or {}, left_upstreams(base, ours)
            changed = {group_of(path) for path in ours.keys() | base.keys() if after.get(path) != live.get(path)}
            rules = scenario.desired.ownership
            may_win = policy.on_conflict == "take-yaml" or policy.mode == "enforce" or rules
            for path in live.keys() - base.keys() - ours.keys():
                is_overruled = may_win and group_of(path) in changed and group_of(path) != path
                assert after.get(path) == live[path] or is_overruled or upstream_of(path) in left
        world = scenario.world.after(merged)
        for key in scenario.world.live.keys() - scenario.world.base.keys() - scenario.desired.stanzas.keys():
            assert world.served().get(key) == scenario.world.served()[key]


def enforcement(scenario: Scenario, random: Random, merge: Merge) -> None:
    """Under `enforce` everything that is declared is as the files say, but for what belongs to the page."""
    merged = scenario.merged(ENFORCE, merge)
    claimed = {conflict.entity for conflict in merged.conflicts if conflict.kind == "claim"}
    after = scenario.world.after(merged)
    for key in scenario.desired.stanzas.keys() - claimed:
        live = after.live[key].leaves
        for path, value in scenario.desired.stanzas[key].leaves.items():
            if owner_in(scenario, key, path) == "ui":
                continue
            if path in SETS:
                assert elements(value) <= elements(live.get(path))
            else:
                assert live.get(path) == value


def fail_is_atomic(scenario: Scenario, random: Random, merge: Merge) -> None:
    """With `fail` and a conflict nothing changes."""
    for mode in ("three-way", "enforce"):
        merged = scenario.merged(Policy(mode=mode), merge)  # type: ignore[arg-type]
        assert merged.is_blocked == bool(merged.conflicts)
        if merged.conflicts:
            assert scenario.world.after(merged) == scenario.world


def prune_subset(scenario: Scenario, random: Random, merge: Merge) -> None:
    """Only what the files managed and name no more is removed, and without being asked for nothing is."""
    for policy in random.sample(POLICIES, 8):
        merged = scenario.merged(policy, merge)
        moved = {key_until_now(outcome) for outcome in merged.entities if outcome.moved_from}
        removed = scenario.world.live.keys() - scenario.world.after(merged).live.keys() - moved
        allowed = scenario.world.base.keys() - scenario.desired.stanzas.keys()
        if not policy.prune:
            destroyed = {key for key, destroy in scenario.desired.removed.items() if destroy}
            allowed = {key for key in allowed if key.kind == "model" and key.key in destroyed}
        assert removed <= allowed


def order_is_nothing(scenario: Scenario, random: Random, merge: Merge) -> None:
    """The order in which keys and leaves stand changes nothing."""

    def shuffled(mapping: Any) -> Any:
        items = [
            (key, replace(value, leaves=shuffled(value.leaves)) if isinstance(value, Stanza | BaseEntry) else value)
            for key, value in mapping.items()
        ]
        random.shuffle(items)
        return dict(items)

    world, desired = scenario.world, scenario.desired
    mixed = Scenario(
        replace(desired, stanzas=shuffled(desired.stanzas), moved=shuffled(desired.moved)),
        replace(world, base=shuffled(world.base), live=shuffled(world.live)),
    )
    for policy in (FAIL, DEFER, TAKE_YAML, ENFORCE):
        assert mixed.merged(policy, merge) == scenario.merged(policy, merge)


def commutation(scenario: Scenario, random: Random, merge: Merge) -> None:
    """An edit by hand and one in the files, in different groups, come to the same in either order."""
    key = EntityKey("model", "m1")
    base = draw_leaves(random, key)
    start = World().with_live(key, base).with_base(key, base)
    ours, theirs = (draw_edit(random, key, base, is_file=is_file) for is_file in (True, False))

    def region(path: str) -> str:
        return upstream_of(path) or group_of(path)

    by_file = {region(path) for path in base.keys() | ours.keys() if not is_declared_alike(path, base, ours)}

    def edited(leaves: Leaves) -> Leaves:
        """The leaves with the edit by hand where the files say nothing new."""
        of_file = {path: value for path, value in leaves.items() if region(path) in by_file}
        return of_file | {path: value for path, value in theirs.items() if region(path) not in by_file}

    files = scenario.declaring({key: ours}, moved={}, removed={}, ownership=())
    edit_first = replace(files, world=start.with_live(key, edited(base))).applied(FAIL, merge)
    synced = replace(files, world=start).applied(FAIL, merge)
    sync_first = synced.world.with_live(key, edited(synced.world.live[key].leaves))
    assert edit_first.world.served() == sync_first.served()
    assert edit_first.world.base == sync_first.base


def moves_keep_the_row(scenario: Scenario, random: Random, merge: Merge) -> None:
    """A rename keeps the id, and is done once."""
    merged = scenario.merged(DEFER, merge)
    after = replace(scenario, world=scenario.world.after(merged))
    for outcome in merged.entities:
        if outcome.action == "rename":
            assert after.world.live[outcome.key].entity_id == scenario.world.live[key_until_now(outcome)].entity_id
            assert key_until_now(outcome) not in after.world.live
    renamed = {outcome.key for outcome in merged.entities if outcome.action == "rename"}
    again = after.merged(DEFER, merge)
    assert not any(outcome.moved_from for outcome in again.entities)
    assert not any(outcome.is_changed for outcome in again.entities if outcome.key in renamed)


def deferral(scenario: Scenario, random: Random, merge: Merge) -> None:
    """What was deferred is untouched, and its conflicts are found the same the next time."""
    merged = scenario.merged(DEFER, merge)
    after = scenario.applied(DEFER, merge)
    for outcome in merged.entities:
        if outcome.action == "deferred":
            was = scenario.world.live.get(outcome.key), scenario.world.base.get(outcome.key)
            assert (after.world.live.get(outcome.key), after.world.base.get(outcome.key)) == was
    assert after.merged(DEFER, merge).conflicts == merged.conflicts
    assert not merged.is_blocked


def dropped_is_unset(scenario: Scenario, random: Random, merge: Merge) -> None:
    """A leaf that left the files, and that nobody edited, is unset."""
    untouched = fast_forward(scenario)
    merged = untouched.merged(FAIL, merge)
    for outcome, base, _, ours in both_sides(untouched, merged):
        for path in base.keys() - ours.keys():
            if owner_in(untouched, outcome.key, path) != "ui":
                assert path not in (outcome.after or {})


def groups_never_mix(scenario: Scenario, random: Random, merge: Merge) -> None:
    """No group comes out with a change of the files beside an edit by hand, in any mode."""
    for rules in ((), (OwnershipRule(("pricing.*",), "yaml"),)):
        for policy in LAYING:
            ruled = scenario.ruled_by(*rules)
            for outcome, base, live, ours in both_sides(ruled, ruled.merged(policy, merge)):
                if outcome.moved_from:
                    continue
                after = outcome.after or {}
                paths = (base.keys() | live.keys() | ours.keys()) - SETS
                written = {group_of(path) for path in paths if after.get(path) != live.get(path)}
                by_hand = {
                    group_of(path)
                    for path in paths
                    if after.get(path) == live.get(path) and live.get(path) not in (base.get(path), ours.get(path))
                }
                assert not written & by_hand


def holds_hold(scenario: Scenario, random: Random, merge: Merge) -> None:
    """What is held whole is untouched, and the rest is merged as ever, but for a provider that one of them needs."""
    policy = replace(random.choice((TAKE_YAML, ENFORCE)), prune=True)
    keys = sorted({*scenario.world.live, *scenario.desired.stanzas})
    if not keys:
        return
    key = random.choice(keys)
    free = scenario.merged(policy, merge)
    held = scenario.merged(policy, merge, [Hold(1, "incident", "ann", kind=key.kind, key=key.key)])
    assert scenario.world.after(held).served().get(key) == scenario.world.served().get(key)
    needed = {outcome.key for merged in (free, held) for outcome in merged.entities if outcome.flaw is not None}
    others = [
        outcome
        for outcome in free.entities
        if key not in (outcome.key, key_until_now(outcome)) and outcome.key not in needed
    ]
    assert [outcome for outcome in held.entities if outcome in others] == others
    assert {name for name, _ in held.held} <= {outcome.key for outcome in free.entities}


# --- the tests ----------------------------------------------------------------------------------------

LAWS: dict[str, Law] = {
    "L1": idempotence,
    "L2": fast_forwarding,
    "L3": inertia,
    "L4": convergence,
    "L5": no_lost_update,
    "L6": exact_conflicts,
    "L7": undeclared_is_untouchable,
    "L8": enforcement,
    "L9": fail_is_atomic,
    "L10": prune_subset,
    "L14": order_is_nothing,
    "L15": commutation,
    "L17": moves_keep_the_row,
    "L20": deferral,
    "L21": dropped_is_unset,
    "L22": groups_never_mix,
}

test_L1_idempotence = holds_always(idempotence)
test_L2_fast_forward = holds_always(fast_forwarding)
test_L3_unchanged_files_are_inert = holds_always(inertia)
test_L4_convergence = holds_always(convergence)
test_L5_no_lost_update = holds_always(no_lost_update)
test_L6_exact_conflicts = holds_always(exact_conflicts)
test_L7_undeclared_is_untouchable = holds_always(undeclared_is_untouchable)
test_L8_enforce = holds_always(enforcement)
test_L9_fail_is_atomic = holds_always(fail_is_atomic)
test_L10_prune_subset = holds_always(prune_subset)
test_L14_order = holds_always(order_is_nothing)
test_L15_commutation = holds_always(commutation)
test_L17_moved = holds_always(moves_keep_the_row)
test_L20_deferral = holds_always(deferral)
test_L21_dropped_is_unset = holds_always(dropped_is_unset)
test_L22_groups_never_mix = holds_always(groups_never_mix)
test_what_is_held_is_untouched = holds_always(holds_hold)
