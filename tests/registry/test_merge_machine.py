"""Files, hands and syncs in any order: what nobody put into the files never enters the base, and is never touched."""

from random import Random
from typing import Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from merge_model import MODELS, PROVIDERS, RULES, Scenario, World, draw_edit, draw_leaves, read_back, that_are_set

from registry.entities import Desired, EntityKey, Leaves, Policy, Stanza, Value
from registry.export import add_drift
from registry.leaves import canonical
from registry.outcome import EntityOutcome
from registry.splicing.book import Book
from registry.splicing.draft import Draft
from registry.splicing.splice import Edit, SetLeaf

RANDOMS = st.randoms(use_true_random=False)
KEYS = st.sampled_from((*PROVIDERS, *MODELS))
STRANGER = EntityKey("model", "of-the-page")
POLICIES = st.builds(
    Policy,
    mode=st.sampled_from(("three-way", "enforce")),
    on_conflict=st.sampled_from(("fail", "defer", "keep-live", "take-yaml")),
    prune=st.booleans(),
    adopt=st.booleans(),
)


def names_of(outcome: EntityOutcome) -> set[str]:
    """Its key, and the one that the files would give it."""
    flawed = outcome.flaw.entity.key if outcome.flaw else outcome.key.key
    return {outcome.key.key, flawed}


class Commit(Draft):
    """What an export would have the files declare, where every edit can be made: the leaves without the text."""

    def _add(self, *edits: Edit) -> bool:
        return True

    def _leaf_edits(self, entity: EntityKey, leaves: Leaves) -> list[Edit]:
        return [SetLeaf(entity, path, value) for path, value in leaves.items()]


class RegistryMachine(RuleBasedStateMachine):
    """A repository with one set of files, a database, and people at both."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[EntityKey, Leaves] = {}
        self.moved: dict[str, str] = {}
        self.removed: dict[str, bool] = {}
        self.ownership = RULES[0]
        self.world = World()
        self.past: list[World] = []
        self.ever_declared: dict[EntityKey, list[Leaves]] = {}
        self.stranger: Leaves = {}

    @initialize(random=RANDOMS)
    def begin(self, random: Random) -> None:
        for key in (*PROVIDERS, *MODELS[:2]):
            self.declare(key, draw_leaves(random, key))
        self.stranger = draw_leaves(random, STRANGER)
        self.world = self.world.with_live(STRANGER, self.stranger)

    # --- in git

    def declare(self, key: EntityKey, leaves: Leaves) -> None:
        self.files[key] = {path: canonical(key, path, value) for path, value in leaves.items()}
        self.ever_declared.setdefault(key, []).append(self.files[key])
        self.removed.pop(key.key, None)
        self.moved.pop(key.key, None)

    @rule(key=KEYS, random=RANDOMS)
    def edit_files(self, key: EntityKey, random: Random) -> None:
        before = self.files.get(key)
        self.declare(key, draw_edit(random, key, before, is_file=True) if before else draw_leaves(random, key))

    @rule(key=KEYS, entry=st.sampled_from((None, True, False)))
    def delete_from_files(self, key: EntityKey, entry: bool | None) -> None:
        if self.files.pop(key, None) is not None and key.kind == "model" and entry is not None:
            self.removed[key.key] = entry

    @rule(key=st.sampled_from(MODELS), to=st.sampled_from(MODELS))
    def move_in_files(self, key: EntityKey, to: EntityKey) -> None:
        if key in self.files and to not in self.files:
            self.declare(to, self.files.pop(key))
            self.moved[key.key] = to.key

    @rule(rules=st.sampled_from(RULES))
    def change_ownership(self, rules: tuple[()]) -> None:
        self.ownership = rules

    # --- by hand

    @rule(key=KEYS, random=RANDOMS)
    def edit_live(self, key: EntityKey, random: Random) -> None:
        entry = self.world.live.get(key)
        leaves = draw_edit(random, key, entry.leaves, is_file=False) if entry else draw_leaves(random, key)
        self.world = self.world.with_live(key, leaves)

    @rule(key=KEYS)
    def delete_live(self, key: EntityKey) -> None:
        if key in self.world.live:
            self.world = self.world.without_live(key)

    @rule(random=RANDOMS)
    def edit_stranger(self, random: Random) -> None:
        self.stranger = read_back(STRANGER, draw_edit(random, STRANGER, self.stranger, is_file=False))
        self.world = self.world.with_live(STRANGER, self.stranger)

    @precondition(lambda self: self.past)
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        """Live as it was at an earlier sync, by edits: the base stays."""
        then = data.draw(st.sampled_from(self.past))
        for key in sorted(self.world.live.keys() - then.live.keys() - {STRANGER}):
            self.world = self.world.without_live(key)
        for key in sorted(then.live.keys() - {STRANGER}):
            self.world = self.world.with_live(key, then.live[key].leaves)

    # --- syncs

    def scenario(self) -> Scenario:
        stanzas = {key: Stanza(leaves) for key, leaves in self.files.items()}
        return Scenario(Desired("main", stanzas, self.ownership, self.moved, self.removed), self.world)

    @rule(policy=POLICIES)
    def sync(self, policy: Policy) -> None:
        before, managed = self.world, self.world.base.keys() | self.files.keys()
        merged = self.scenario().merged(policy)
        self.world = before.after(merged)
        self.past.append(self.world)
        assert merged.is_blocked == (bool(merged.conflicts) and policy.on_conflict == "fail")
        assert {outcome.key for outcome in merged.entities} <= managed
        for key in before.live.keys() - managed:
            assert self.world.live[key] == before.live[key]
        again = self.scenario().merged(policy)
        assert self.world.after(again) == self.world
        assert again.conflicts == merged.conflicts

    @rule()
    def sync_unchanged_files(self) -> None:
        """Once the files are applied, edits by hand survive whatever syncs follow."""
        ownership, self.ownership = self.ownership, ()
        self.world = self.scenario().applied(Policy(on_conflict="keep-live", adopt=True)).world
        applied = self.world.live
        self.world = self.scenario().applied(Policy(on_conflict="take-yaml", adopt=True)).world
        claimed = {conflict.entity for conflict in self.scenario().merged(Policy()).conflicts}
        assert self.world.live.keys() == applied.keys()
        assert claimed or self.world.live == applied
        self.ownership = ownership

    @rule(mode=st.sampled_from(("three-way", "enforce")))
    def export_commit_sync(self, mode: Literal["three-way", "enforce"]) -> None:
        """What drifted is committed as it is live: the sync after it changes nothing live, and nothing drifts on."""
        self.world = self.scenario().applied(Policy(on_conflict="defer")).world
        exported = self.scenario()
        draft = Commit(Book([]), exported.desired)
        left = exported.merged(Policy(on_conflict="defer"))
        if left.conflicts:  # `enforce` would decide them, and free what waits for them
            mode = "three-way"
        for outcome in left.entities:
            if outcome.key in self.files:
                add_drift(draft, outcome)
        committed = {key: that_are_set(leaves) for key, leaves in draft.target.items()}
        for key in sorted(self.files.keys() - committed.keys()):
            self.delete_from_files(key, True)
        for key, leaves in committed.items():
            if leaves != that_are_set(self.files[key]):
                self.declare(key, leaves)
        served = self.world.served()
        merged = self.scenario().merged(Policy(mode=mode, on_conflict="defer"))
        skipped = " ".join(draft.skipped)
        self.world = self.world.after(merged)
        after = self.world.served()
        # What waited because it could not be, with two models of one name for one, may no longer have to.
        waited = {EntityKey(each.key.kind, key) for each in left.entities if each.flaw for key in names_of(each)}
        for key in (served.keys() | after.keys()) - waited:
            assert after.get(key) == served.get(key) or f"{key} " in skipped
        for outcome in self.scenario().merged(Policy(on_conflict="defer")).entities:
            drifting = [leaf.path for leaf in outcome.fields if leaf.kind == "drift"]
            assert not drifting or outcome.action == "deferred" or f"{outcome.key} " in skipped

    # --- what always holds

    @invariant()
    def what_the_page_made_is_its_own(self) -> None:
        assert STRANGER not in self.world.base
        if self.stranger:
            assert self.world.live[STRANGER].leaves == self.stranger

    @invariant()
    def the_base_has_only_what_the_files_declared(self) -> None:
        declared: dict[EntityKey, set[tuple[str, Value]]] = {
            key: {item for leaves in versions for item in leaves.items()}
            for key, versions in self.ever_declared.items()
        }
        for key, entry in self.world.base.items():
            assert set(entry.leaves.items()) <= declared[key]

    @invariant()
    def no_row_is_both_served_and_deleted(self) -> None:
        ids = [entry.entity_id for entry in self.world.live.values()]
        assert len(ids) == len(set(ids))
        assert not set(ids) & set(self.world.tombstones.values())
        assert all(entry.leaves == that_are_set(entry.leaves) for entry in self.world.live.values())


TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(max_examples=250, stateful_step_count=40, deadline=None)
