"""The merge of one entity, leaf by leaf, group by group. Pure.

Every leaf first gets its case from the table, as if it were alone. Then each group decides as a whole, so that no
price and no connection comes from two hands: what both sides changed is a conflict, what the file wins is the
file's throughout, and a hold on a part holds it all. An upstream that is missing from the file or from live is
such a group with all its leaves: it comes, goes or stays as one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from registry.entities import EntityKey, Leaves, Ownership, Value
from registry.leaves import SETS, folded, group_of, upstream_of
from registry.merging.ownership import Terms
from registry.outcome import Conflict, ConflictKind, LeafKind, LeafOutcome

_KINDS: Mapping[str, LeafKind] = {
    "F1": "noop",
    "F2": "set",
    "F3": "adopt",
    "F4": "claim-conflict",
    "F5": "noop",
    "F6": "drift",
    "F7": "update",
    "F8": "converge",
    "F9": "both-conflict",
    "F10": "unset",
    "F11": "release",
    "F12": "noop",
}
_WANTED = frozenset({"F2", "F4", "F7", "F9", "F10"})
"""The file wants to change the leaf."""
_EDITED = frozenset({"F1", "F4", "F6", "F9", "F11"})
"""Live says something that neither the base nor the file does. F1 too: a rate that the file never named still
makes another price of the rates that it does."""
_OVERRULED = frozenset({"F4", "F6", "F9"})
"""A declared leaf where live says something else."""
_LEFT = frozenset({"F10", "F11"})
"""Declared no more."""
_NEW = frozenset({"F1", "F2", "F3", "F4"})
"""Not in the base."""


@dataclass(frozen=True, slots=True)
class MergedLeaves:
    """`fields` without those that are `noop`, which `unchanged` counts. `conflicts` are those nobody resolved."""

    fields: tuple[LeafOutcome, ...]
    unchanged: int
    after: Leaves
    base_after: Leaves
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    """Leaves that are decided together. `is_upstream`: all those of an upstream that the file or live is without."""

    name: str
    is_upstream: bool


@dataclass(frozen=True, slots=True)
class _Settled:
    """What becomes of one group. `conflict` None: there is none, or it was resolved."""

    leaves: list[LeafOutcome]
    conflict: ConflictKind | None = None


def merge_leaves(terms: Terms, base: Leaves, live: Leaves, ours: Leaves) -> MergedLeaves:
    """Merge the three sides of one entity. One that is new has an empty base, and an empty live.

    Of a leaf that is held, or whose group is, `base_after` keeps what the base says.
    """
    if ours == base and live == {path: value for path, value in base.items() if value is not None}:
        return MergedLeaves((), len(ours), live, ours)
    outcomes: list[LeafOutcome] = []
    conflicts: list[Conflict] = []
    after, base_after = dict(live), dict(ours)
    for group, drafts in _drafts_by_group(terms, base, live, ours).items():
        settled = _settle_upstream(terms, drafts) if group.is_upstream else _settle_group(terms, drafts)
        is_held = _is_kept_by_hold(terms, settled)
        if is_held:
            settled = _hold(drafts, settled)
        elif settled.conflict:
            conflicts.append(_conflict(terms.entity, group.name, settled.conflict, drafts))
        for leaf in settled.leaves:
            if leaf.changes_live:
                _put(after, leaf.path, leaf.result)
            if is_held or terms.is_held(leaf.path):
                _keep(base_after, base, leaf.path)
        outcomes += settled.leaves
    fields = sorted((leaf for leaf in outcomes if leaf.kind != "noop"), key=lambda leaf: leaf.path)
    return MergedLeaves(tuple(fields), len(outcomes) - len(fields), after, base_after, tuple(conflicts))


def _put(leaves: dict[str, Value], path: str, value: Value) -> None:
    if value is None:
        leaves.pop(path, None)
    else:
        leaves[path] = value


def _keep(leaves: dict[str, Value], others: Leaves, path: str) -> None:
    """Make the leaf what it is in `others`, declared or not."""
    if path in others:
        leaves[path] = others[path]
    else:
        leaves.pop(path, None)


# --- one leaf -----------------------------------------------------------------------------------------


def _drafts_by_group(terms: Terms, base: Leaves, live: Leaves, ours: Leaves) -> dict[_Group, list[LeafOutcome]]:
    """The leaves by group, each as if it were alone."""
    one_sided = _upstreams_of(live) ^ _upstreams_of(ours)
    groups: dict[_Group, list[LeafOutcome]] = {}
    for path in sorted(base.keys() | live.keys() | ours.keys()):
        upstream = upstream_of(path)
        is_one_sided = upstream is not None and upstream in one_sided
        group = _Group(f"upstreams.{upstream}" if is_one_sided else group_of(path), is_one_sided)
        groups.setdefault(group, []).append(_draft(terms, group.name, path, base, live, ours))
    return groups


def _upstreams_of(leaves: Leaves) -> set[str]:
    return {upstream for upstream in map(upstream_of, leaves) if upstream is not None}


def _draft(terms: Terms, group: str, path: str, base: Leaves, live: Leaves, ours: Leaves) -> LeafOutcome:
    """The leaf by the table, and by who may change it."""
    sides = base.get(path), live.get(path), ours.get(path)
    was, now, says = sides
    declared = path in base, path in ours
    case, result = _merge_set(path, *declared, *sides) if path in SETS else _merge_value(*declared, *sides)
    kind = _KINDS[case]
    if case == "F3" and says is None:
        kind = "noop"
    elif case in _WANTED | _EDITED and case != "F1":
        owner = terms.owner_of(path)
        if owner == "ui" and (path in base or now is not None):
            kind, result = "seeded", now
        elif owner == "yaml" and path in ours:
            kind = "revert" if case in _OVERRULED else kind
            result = _as_set(folded(path, result) | folded(path, says)) if path in SETS else says
    return LeafOutcome(path, case, kind, was, now, says, result, group)


def _merge_value(was_declared: bool, is_declared: bool, base: Value, live: Value, ours: Value) -> tuple[str, Value]:
    """The row of the table, F1 to F12, and the value that is left. F13 is all of them with None for `ours`."""
    if is_declared and not was_declared:
        case = "F3" if live == ours else "F2" if live is None else "F4"
    elif is_declared and ours == base:
        case = "F5" if live == base else "F6"
    elif is_declared:
        case = "F7" if live == base else "F8" if live == ours else "F9"
    elif was_declared:
        case = "F12" if live is None else "F10" if live == base else "F11"
    else:
        case = "F1"
    return case, ours if case in ("F2", "F7", "F10") else live


def _merge_set(
    path: str, was_declared: bool, is_declared: bool, base: Value, live: Value, ours: Value
) -> tuple[str, Value]:
    """The same for a set: what either side added or took out stays added or out, so no two sides conflict."""
    was, now, says = folded(path, base), folded(path, live), folded(path, ours)
    kept = {element: written for element, written in now.items() if element in says or element not in was}
    added = {element: written for element, written in says.items() if element not in was}
    rewritten = {element: written for element, written in says.items() if was.get(element, written) != written}
    result = added | kept | {element: written for element, written in rewritten.items() if element in now}
    if not is_declared:
        case = "F1" if not was_declared else "F12" if result == now else "F10"
    elif result != now:
        case = "F7" if was_declared else "F2"
    elif says.keys() - now.keys():
        case = "F6"
    elif not was_declared:
        case = "F3"
    else:
        case = "F5" if says == was else "F8"
    return case, _as_set(result)


def _as_set(elements: Mapping[str, str]) -> Value:
    return tuple(sorted(elements.values())) or None


# --- one group ----------------------------------------------------------------------------------------


def _settle_group(terms: Terms, drafts: list[LeafOutcome]) -> _Settled:
    """Each leaf as drafted, unless both sides changed the group, or the file wins in it."""
    if len(drafts) == 1 and drafts[0].case not in ("F4", "F9"):
        return _Settled(drafts)
    contested = [leaf for leaf in drafts if leaf.case in _WANTED | _EDITED]
    owners = {leaf.path: terms.owner_of(leaf.path) for leaf in contested}
    cases = {leaf.case for leaf in contested if owners[leaf.path] == "merge"}
    ruled = {leaf.path for leaf in contested if owners[leaf.path] == "yaml"}
    if any(leaf.changes_live for leaf in contested if leaf.path in ruled):
        drafts = [_as_file(leaf) if leaf.path in ruled else leaf for leaf in drafts]
    if not (cases & _WANTED and cases & _EDITED):
        return _Settled(drafts)
    decide = {"yaml": _as_file, "live": _as_live, None: _as_conflict}[terms.choice_for(drafts[0].group)]
    leaves = [decide(leaf) if owners.get(leaf.path) == "merge" else leaf for leaf in drafts]
    if decide is not _as_conflict:
        return _Settled(leaves)
    return _Settled(leaves, "both" if "F9" in cases else "claim" if "F4" in cases else "group")


def _as_file(leaf: LeafOutcome) -> LeafOutcome:
    """The leaf where the file wins in its group: what live adds to the group is no part of what the file says."""
    return replace(leaf, kind="revert" if leaf.case in _EDITED else leaf.kind, result=leaf.ours)


def _as_live(leaf: LeafOutcome) -> LeafOutcome:
    """The leaf where live wins by resolution. What the file declares no more is live's from now on."""
    kind = leaf.kind
    if leaf.case in _WANTED:
        kind = "release" if leaf.case in _LEFT else "keep"
    return replace(leaf, kind=kind, result=leaf.live)


def _as_conflict(leaf: LeafOutcome) -> LeafOutcome:
    return replace(leaf, kind="claim-conflict" if leaf.case == "F4" else "both-conflict", result=leaf.live)


def _conflict(entity: EntityKey, group: str, kind: ConflictKind, leaves: list[LeafOutcome]) -> Conflict:
    return Conflict(entity, group, kind, *_sides(leaves))


def _sides(leaves: list[LeafOutcome]) -> tuple[Leaves, Leaves, Leaves]:
    """What base, live and the file set."""
    return (
        {leaf.path: leaf.base for leaf in leaves if leaf.base is not None},
        {leaf.path: leaf.live for leaf in leaves if leaf.live is not None},
        {leaf.path: leaf.ours for leaf in leaves if leaf.ours is not None},
    )


# --- an upstream that comes or goes -------------------------------------------------------------------


def _settle_upstream(terms: Terms, drafts: list[LeafOutcome]) -> _Settled:
    """An upstream that the file or live is without. New in either, it is as drafted."""
    if all(leaf.case in _NEW for leaf in drafts):
        return _Settled(drafts)
    base, live, ours = _sides(drafts)
    is_gone = not live
    as_file = [_as_whole_file(leaf) for leaf in drafts]
    as_live = [_as_whole_live(leaf, terms.owner_of(leaf.path)) for leaf in drafts]
    if (is_gone and terms.is_enforced) or (not is_gone and terms.are_alike(base, live)):
        return _Settled(as_file)
    if is_gone and terms.are_alike(base, ours):
        return _Settled(as_live)
    choice = terms.choice_for(drafts[0].group)
    if choice is not None:
        return _Settled(as_file if choice == "yaml" else as_live)
    leaves = [leaf if leaf.ours == leaf.live else _as_conflict(leaf) for leaf in drafts]
    return _Settled(leaves, "deleted-in-ui" if is_gone else "prune-of-modified")


def _as_whole_file(leaf: LeafOutcome) -> LeafOutcome:
    if leaf.ours == leaf.live:
        return leaf
    return replace(leaf, kind="unset" if leaf.case == "F10" else "revert", result=leaf.ours)


def _as_whole_live(leaf: LeafOutcome, owner: Ownership) -> LeafOutcome:
    if leaf.ours is not None:
        kind: LeafKind = "seeded" if owner == "ui" else "drift" if leaf.case == "F6" else "keep"
        return replace(leaf, kind=kind, result=None)
    return replace(leaf, kind="release", result=leaf.live) if leaf.case in _LEFT else leaf


# --- a group that is held -----------------------------------------------------------------------------


def _is_kept_by_hold(terms: Terms, settled: _Settled) -> bool:
    """Whether a leaf that is held would change, or is in conflict with its group."""
    return bool(terms.held) and any(
        terms.is_held(leaf.path) and (settled.conflict is not None or leaf.changes_live) for leaf in settled.leaves
    )


def _hold(drafts: list[LeafOutcome], settled: _Settled) -> _Settled:
    """The group as it is. `held` are the leaves that would have changed, or that the file wants to."""
    return _Settled(
        [
            replace(draft, kind="held", result=draft.live) if _is_wanted(draft) or leaf.changes_live else draft
            for draft, leaf in zip(drafts, settled.leaves, strict=True)
        ]
    )


def _is_wanted(draft: LeafOutcome) -> bool:
    return draft.changes_live or draft.kind in ("claim-conflict", "both-conflict")
