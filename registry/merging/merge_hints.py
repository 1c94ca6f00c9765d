"""Sentences about renames: one that looks like a removal and a creation, and one that clients will notice. Pure."""

from collections.abc import Iterable, Mapping

from registry.entities import BaseEntry, Desired, EntityKey, Leaves
from registry.outcome import EntityOutcome

LIKENESS_MIN = 0.8
"""The share of leaves from which two models look like one."""
PAIRS_MAX = 10_000
"""Where more pairs than this could be a rename, the files are other files, and hints would only bury the plan."""


def hints_of(
    desired: Desired, base: Mapping[EntityKey, BaseEntry], outcomes: Iterable[EntityOutcome]
) -> tuple[str, ...]:
    outcomes = list(outcomes)
    return (*_unnamed_renames(outcomes), *_unsaid_renames(desired, base, outcomes))


def _unnamed_renames(outcomes: Iterable[EntityOutcome]) -> Iterable[str]:
    """A model without a `display_name` is asked for by its key, so a new key is a new name for clients."""
    for outcome in outcomes:
        if outcome.action != "rename" or outcome.moved_from is None:
            continue
        old, new, after = outcome.moved_from, outcome.key.key, outcome.after or {}
        aliases = after.get("aliases")
        is_alias = isinstance(aliases, tuple) and old in aliases
        if "display_name" not in {**(outcome.before or {}), **after} and not is_alias:
            yield f'clients that ask for "{old}" will have to ask for "{new}": the model has no display_name'


def _unsaid_renames(
    desired: Desired, base: Mapping[EntityKey, BaseEntry], outcomes: Iterable[EntityOutcome]
) -> Iterable[str]:
    """Each model that left with the new one that is most like it, if one is."""
    created: dict[str, Leaves] = {}
    gone: dict[str, Leaves] = {}
    for outcome in outcomes:
        key = outcome.key
        if key.kind != "model":
            continue
        if outcome.action == "create":
            created[key.key] = desired.stanzas[key].leaves
        elif outcome.action in ("orphan", "tombstone") and key.key not in desired.removed:
            gone[key.key] = base[key].leaves
    if len(created) * len(gone) > PAIRS_MAX:
        return
    for old, leaves in gone.items():
        likeness, new = max(((_likeness(leaves, other), new) for new, other in created.items()), default=(0.0, ""))
        if likeness >= LIKENESS_MIN:
            del created[new]
            yield f"looks like a rename; add moved: - {{from: {old}, to: {new}}}"


def _likeness(one: Leaves, other: Leaves) -> float:
    """The share of leaves that both declare alike, 0 to 1."""
    return len(one.items() & other.items()) / max(len(one), len(other), 1)
