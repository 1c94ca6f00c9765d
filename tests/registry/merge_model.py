"""A small world to merge in, and scenarios for it: both sides edited from one shared base.

Everything is drawn from a `random.Random`: Hypothesis lends one that it can shrink, a test of mutants seeds its own.
Keys, paths and values are few, so that the two sides meet.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from registry.entities import (
    BaseEntry,
    Desired,
    EntityKey,
    Hold,
    Leaves,
    LiveEntry,
    OwnershipRule,
    Policy,
    Stanza,
    Value,
)
from registry.leaves import SETS, canonical, upstream_of
from registry.merge import merge
from registry.outcome import EntityOutcome, Merged

Merge = Callable[..., Merged]

ELEMENTS = ("a", "b", "c")
MODEL_VALUES: Mapping[str, tuple[Value, ...]] = {
    "display_name": ("GPT", "Claude", "m1"),
    "description": ("x", "y", "z"),
    "enabled": (False,),
    "limits.timeout": ("60s", "90s", "120s"),
    "pricing.input": ("1", "2", "3"),
    "pricing.cached_input": ("1", "2"),
    "pricing.output": ("4", "5", "6"),
    "pricing.tiers.9.input": ("7", "8"),
    "system_prompt.mode": ("prepend", "replace"),
    "system_prompt.text": ("be kind", "be brief"),
    "upstreams.default.actual_model": ("gpt-5", "gpt-6"),
    "upstreams.default.provider": ("p", "q"),
    "upstreams.spare.weight": (10, 20),
    "upstreams.spare.provider": ("p", "q"),
}
PROVIDER_VALUES: Mapping[str, tuple[Value, ...]] = {
    "api_format": ("openai", "anthropic"),
    "api_key": ("${env:A_API_KEY}", "${env:B_API_KEY}"),
    "api_url": ("https://a.example/v1", "https://b.example/v1"),
    "headers.x-team": ("one", "two"),
}
MODELS = tuple(EntityKey("model", key) for key in ("m1", "m2", "m3", "m4"))
PROVIDERS = tuple(EntityKey("provider", key) for key in ("p", "q"))
RULES: tuple[tuple[OwnershipRule, ...], ...] = (
    (),
    (),
    (OwnershipRule(("enabled", "upstreams.*.enabled", "upstreams.*.weight"), "ui"),),
    (OwnershipRule(("pricing.*",), "yaml"),),
    (OwnershipRule(("description", "tags"), "ui", models=("m1", "m2")), OwnershipRule(("*",), "yaml", models=("m1",))),
    (OwnershipRule(("*",), "yaml", providers=("*",)), OwnershipRule(("limits.*", "aliases"), "ui")),
)
POLICIES = tuple(
    Policy(mode=mode, on_conflict=on_conflict, prune=prune, adopt=adopt)
    for mode in ("seed-missing", "three-way", "enforce")
    for on_conflict in ("fail", "defer", "keep-live", "take-yaml")
    for prune in (False, True)
    for adopt in (False, True)
)


@dataclass(frozen=True)
class World:
    """What the database has: the base, what is served, and what was deleted."""

    base: Mapping[EntityKey, BaseEntry] = field(default_factory=dict)
    live: Mapping[EntityKey, LiveEntry] = field(default_factory=dict)
    tombstones: Mapping[EntityKey, int] = field(default_factory=dict)
    next_id: int = 1

    def after(self, merged: Merged) -> "World":
        """The world once all of `merged` is written; this one if it is blocked."""
        if merged.is_blocked:
            return self
        base, live, tombstones, next_id = dict(self.base), dict(self.live), dict(self.tombstones), self.next_id
        for outcome in merged.entities:
            for leaving in {outcome.key, key_until_now(outcome)}:
                base.pop(leaving, None)
                if outcome.is_changed:
                    live.pop(leaving, None)
        for outcome in merged.entities:
            entity_id = outcome.entity_id
            if outcome.is_changed and outcome.after is not None:
                entity_id = entity_id or next_id
                next_id = max(next_id, entity_id + 1)
                live[outcome.key] = LiveEntry(entity_id, read_back(outcome.key, outcome.after))
                tombstones = {key: gone for key, gone in tombstones.items() if gone != entity_id}
            elif outcome.is_changed and entity_id is not None:
                tombstones = {key: gone for key, gone in tombstones.items() if gone != entity_id}
                tombstones[outcome.key] = entity_id
            if outcome.base_after is not None:
                known = self.base.get(key_until_now(outcome))
                base[outcome.key] = BaseEntry(entity_id or (known.entity_id if known else 0), outcome.base_after)
        return World(base, live, tombstones, next_id)

    def with_live(self, key: EntityKey, leaves: Leaves) -> "World":
        """An edit by hand; a row that is not there is made."""
        entry = self.live.get(key)
        entity_id = entry.entity_id if entry else self.tombstones.get(key, self.next_id)
        tombstones = {each: gone for each, gone in self.tombstones.items() if each != key}
        live = {**self.live, key: LiveEntry(entity_id, read_back(key, leaves))}
        return replace(self, live=live, tombstones=tombstones, next_id=max(self.next_id, entity_id + 1))

    def without_live(self, key: EntityKey) -> "World":
        """A deletion by hand."""
        live = dict(self.live)
        gone = live.pop(key)
        return replace(self, live=live, tombstones={**self.tombstones, key: gone.entity_id})

    def with_base(self, key: EntityKey, leaves: Leaves) -> "World":
        """What the files declared when they were last applied."""
        entity_id = self.live[key].entity_id if key in self.live else self.tombstones[key]
        return replace(self, base={**self.base, key: BaseEntry(entity_id, leaves)})

    def served(self) -> dict[EntityKey, tuple[int, Leaves]]:
        return {key: (entry.entity_id, entry.leaves) for key, entry in self.live.items()}


@dataclass(frozen=True)
class Scenario:
    desired: Desired
    world: World

    def declaring(self, stanzas: Mapping[EntityKey, Leaves], **changes: Any) -> "Scenario":
        found = {key: Stanza(leaves) for key, leaves in stanzas.items()}
        return replace(self, desired=replace(self.desired, stanzas=found, **changes))

    def ruled_by(self, *rules: OwnershipRule) -> "Scenario":
        return replace(self, desired=replace(self.desired, ownership=rules))

    def ours(self) -> dict[EntityKey, Leaves]:
        return {key: stanza.leaves for key, stanza in self.desired.stanzas.items()}

    def merged(self, policy: Policy, merge: Merge = merge, holds: Iterable[Hold] = ()) -> Merged:
        world = self.world
        return merge(
            self.desired, world.base, world.live, tombstones=world.tombstones, policy=policy, holds=tuple(holds)
        )

    def applied(self, policy: Policy, merge: Merge = merge, holds: Iterable[Hold] = ()) -> "Scenario":
        return replace(self, world=self.world.after(self.merged(policy, merge, holds)))


def key_until_now(outcome: EntityOutcome) -> EntityKey:
    return EntityKey(outcome.key.kind, outcome.moved_from or outcome.key.key)


def read_back(key: EntityKey, leaves: Leaves) -> dict[str, Value]:
    """Leaves as the database gives them: only what is set, and no default."""
    return that_are_set({path: canonical(key, path, value) for path, value in leaves.items()})


def that_are_set(leaves: Leaves) -> dict[str, Value]:
    return {path: value for path, value in leaves.items() if value is not None}


# --- scenarios ----------------------------------------------------------------------------------------


def values_of(key: EntityKey) -> Mapping[str, tuple[Value, ...]]:
    return MODEL_VALUES if key.kind == "model" else PROVIDER_VALUES


def draw_leaves(random: Random, key: EntityKey) -> dict[str, Value]:
    """What a document of this kind may set."""
    paths = [path for path in values_of(key) if random.random() < 0.6]
    leaves = {path: random.choice(values_of(key)[path]) for path in paths}
    if key.kind == "model":
        leaves["upstreams.default.provider"] = random.choice(("p", "q"))
        for path in sorted(SETS - {"groups", "routing.retry_on"}):
            leaves[path] = draw_set(random)
    return complete(read_back(key, leaves))


def draw_set(random: Random) -> Value:
    return tuple(element for element in ELEMENTS if random.random() < 0.5) or None


def complete(leaves: dict[str, Value]) -> dict[str, Value]:
    """Without leaves of an upstream that has no provider: it could not be."""
    upstreams = {upstream_of(path) for path in leaves} - {None}
    gone = {upstream for upstream in upstreams if leaves.get(f"upstreams.{upstream}.provider") is None}
    return {path: value for path, value in leaves.items() if upstream_of(path) not in gone}


def draw_edit(random: Random, key: EntityKey, leaves: Leaves, *, is_file: bool) -> dict[str, Value]:
    """The leaves with a few changes. A file may also declare that a leaf is unset."""
    edited = dict(leaves)
    for _ in range(random.randint(1, 3)):
        if key.kind == "model" and random.random() < 0.15:
            path = random.choice(("aliases", "tags"))
            edited[path] = draw_set(random)
        elif key.kind == "model" and random.random() < 0.15:
            gone = random.choice(("default", "spare"))
            edited = {path: value for path, value in edited.items() if upstream_of(path) != gone}
        else:
            path = random.choice(list(values_of(key)))
            edited[path] = random.choice((None, *values_of(key)[path]))
        if edited.get(path := random.choice(list(values_of(key)))) is not None and random.random() < 0.3:
            del edited[path]
    found = {path: canonical(key, path, value) for path, value in complete(edited).items()}
    return found if is_file else that_are_set(found)


def draw_scenario(random: Random) -> Scenario:
    """A base, and two sides that each left some of it alone, edited some, and dropped or added some."""
    world, stanzas = World(), {}
    moved: dict[str, str] = {}
    removed: dict[str, bool] = {}
    for key in (*PROVIDERS, *MODELS):
        shared = draw_leaves(random, key)
        is_managed = random.random() < 0.8
        world = _draw_live(random, world, key, shared, is_managed)
        if is_managed:
            declared = shared if random.random() < 0.7 else draw_edit(random, key, shared, is_file=True)
            world = world.with_base(key, declared)
            shared = declared
        if random.random() < (0.85 if is_managed else 0.4):
            ours = dict(shared) if random.random() < 0.35 else draw_edit(random, key, shared, is_file=True)
            name = _draw_name(random, key, moved) if is_managed else key
            if name != key and random.random() < 0.2:
                world = world.with_live(name, that_are_set(draw_edit(random, name, shared, is_file=False)))
            stanzas[name] = Stanza({path: canonical(name, path, value) for path, value in ours.items()})
        elif key.kind == "model" and random.random() < 0.3:
            removed[key.key] = random.random() < 0.5
    return Scenario(Desired("main", stanzas, random.choice(RULES), moved, removed), world)


def _draw_live(random: Random, world: World, key: EntityKey, shared: Leaves, is_managed: bool) -> World:
    """With a row that is as the base, or edited, or deleted, or was never there."""
    chance = random.random()
    if not is_managed and chance < 0.4:
        return world
    leaves = shared if random.random() < 0.4 else draw_edit(random, key, shared, is_file=False)
    world = world.with_live(key, that_are_set(leaves))
    return world if chance < 0.85 else world.without_live(key)


def _draw_name(random: Random, key: EntityKey, moved: dict[str, str]) -> EntityKey:
    if key.kind == "provider" or random.random() < 0.85:
        return key
    name = f"{key.key}-new"
    if random.random() < 0.3:
        moved[key.key], moved[f"{key.key}-mid"] = f"{key.key}-mid", name
    else:
        moved[key.key] = name
    return EntityKey("model", name)
