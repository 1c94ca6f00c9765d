"""Live edits committed to git: the files as they are, with what drifted as it is live. Pure.

Only drift goes along. What both sides changed waits until its conflict is resolved, what belongs to the page stays
out, and what the files own is taken back by the next sync.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.entities import KINDS, SOURCE_DEFAULT, BaseEntry, Desired, EntityKey, Leaves, LiveEntry, Policy, Value
from registry.files.grammar import VERSION
from registry.files.sources import SourceFile
from registry.leaves import SETS, document_of, folded, group_of, shown_path, upstream_of
from registry.merge import merge
from registry.outcome import EntityOutcome
from registry.splicing.book import SECTIONS, STEP_DEFAULT, Book
from registry.splicing.draft import Draft
from registry.splicing.render_yaml import render_entity, render_scalar
from registry.splicing.splice import Edit
from registry.splicing.syntax import Sheet

_HEADER = (
    "# yaml-language-server: $schema=./models.schema.json",
    "# $schema: ./models.schema.json",
    "#",
    "# The models that are served, and what they cost. Prices are US dollars per 1,000,000 tokens.",
)


@dataclass(frozen=True, slots=True)
class Export:
    """The files with the edits made, and sentences about what was left out. Without edits, the files as given."""

    files: tuple[SourceFile, ...]
    edits: tuple[Edit, ...] = ()
    skipped: tuple[str, ...] = ()


def export(
    files: Sequence[SourceFile],
    desired: Desired,
    base: Mapping[EntityKey, BaseEntry],
    live: Mapping[EntityKey, LiveEntry],
    *,
    adopt: Sequence[EntityKey] = (),
    only: Sequence[EntityKey] = (),
) -> Export:
    """Commit drift to `files`, which declare `desired`. `only`: that of these entities; none: of all.

    `adopt` are entities that go into the files as they are live; of one that the files have, what they do not
    declare of it. Raises SpliceError if the edited files would not be valid, or not declare just that.
    """
    draft = Draft(Book([Sheet(file.name, file.text) for file in files]), desired)
    merged = merge(desired, base, live, tombstones={}, policy=Policy(on_conflict="defer"))
    for outcome in merged.entities:
        if outcome.key in desired.stanzas and (not only or outcome.key in only):
            add_drift(draft, outcome)
    for entity in adopt:
        if entity not in live:
            draft.skipped.append(f"{entity} is not live.")
        elif entity in desired.stanzas:
            _add_undeclared(draft, entity, live[entity].leaves, base[entity].leaves if entity in base else {})
        else:
            draft.add_entity(entity, live[entity].leaves)
    edited = draft.finish(files)
    return Export(edited, tuple(draft.edits), tuple(draft.skipped))


def add_drift(draft: Draft, outcome: EntityOutcome) -> None:
    """To `draft`, what drifted in one entity; to its `skipped`, what did not go along."""
    entity = outcome.key
    for conflict in outcome.conflicts:
        about = "" if conflict.group == "entity" else f" {shown_path(conflict.group)}"
        draft.skipped.append(f"{entity}{about} was changed in the files as well as live: resolve the conflict first.")
    for leaf in outcome.fields:
        if leaf.kind == "revert":
            draft.skipped.append(f"{entity} {shown_path(leaf.path)} is owned by the files, which take it back.")
    if outcome.action == "renamed":
        draft.skipped.append(f"{entity} is called {outcome.live_key} live: rename it in the files, with `moved`.")
        return
    if outcome.action == "deleted":
        draft.remove_entity(entity)
        return
    drifted: dict[str, dict[str, Value]] = {}
    for leaf in outcome.fields:
        if leaf.kind == "drift":
            drifted.setdefault(leaf.group, {})[leaf.path] = leaf.live
    # What the files dropped is theirs to take away, or live's to keep.
    known = draft.desired.stanzas[entity].leaves.keys() | {leaf.path for leaf in outcome.fields}
    undeclared = {path: value for path, value in (outcome.before or {}).items() if path not in known}
    _set_drifted(draft, entity, drifted, undeclared)


def _set_drifted(draft: Draft, entity: EntityKey, drifted: Mapping[str, Leaves], undeclared: Leaves) -> None:
    """`drifted` are the leaves by group; an upstream that was deleted live is one group."""
    gone = [group.removeprefix("upstreams.") for group, leaves in drifted.items() if _is_upstream(group, leaves)]
    if gone:  # what was added live may have taken its place
        known = {upstream_of(path) for path in draft.desired.stanzas[entity].leaves}
        new = {path: value for path, value in undeclared.items() if upstream_of(path) not in known}
        draft.set_leaves(entity, new)
    for group, leaves in drifted.items():
        if not _is_upstream(group, leaves):
            # A price, or a connection, is never committed by halves.
            along = {path: value for path, value in undeclared.items() if group_of(path) == group}
            draft.set_leaves(entity, {**along, **leaves})
    for upstream in gone:
        draft.remove_upstream(entity, upstream)


def _is_upstream(group: str, leaves: Leaves) -> bool:
    return any(group == f"upstreams.{upstream_of(path)}" for path in leaves)


def _add_undeclared(draft: Draft, entity: EntityKey, live: Leaves, base: Leaves) -> None:
    """All that live has and neither the files nor the base have."""
    declared = draft.target.get(entity, {})
    wanted: dict[str, Value] = {}
    for path, value in live.items():
        if path not in declared and path not in base:
            wanted[path] = value
        elif path in declared and path in SETS:
            said, added = folded(path, declared[path]), folded(path, value)
            new = added.keys() - folded(path, base.get(path)).keys() - said.keys()
            if new:
                wanted[path] = tuple(sorted([*said.values(), *(added[element] for element in new)]))
    draft.set_leaves(entity, wanted)


def render_registry(live: Mapping[EntityKey, LiveEntry], *, source: str = SOURCE_DEFAULT) -> str:
    """A first file that declares everything that is live, and nothing else."""
    lines = [*_HEADER, f"version: {VERSION}"]
    if source != SOURCE_DEFAULT:
        lines.append(f"source: {render_scalar(source)}")
    for kind in KINDS:
        entities = sorted(entity for entity in live if entity.kind == kind)
        lines += ["", f"{SECTIONS[kind]}:" if entities else f"{SECTIONS[kind]}: {{}}"]
        for entity in entities:
            below = render_entity(entity, document_of(live[entity].leaves), step=STEP_DEFAULT)
            lines += [f"{' ' * STEP_DEFAULT}{line}" if line else "" for line in below]
    return "\n".join(lines) + "\n"
