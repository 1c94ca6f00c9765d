"""What a plan says, in the words and signs that text and Markdown share."""

from collections.abc import Mapping

from registry.leaves import default_of
from registry.outcome import Action, ConflictKind, LeafKind
from registry.planning.plan_document import CHANGES, Plan, PlanConflict, PlanEntity, PlanField
from registry.planning.shown import plural, quoted, shown_leaf, text_diff

SIGNS: Mapping[Action, str] = {
    "create": "+",
    "restore": "+",
    "update": "~",
    "rename": ">",
    "noop": ".",
    "tombstone": "-",
    "release": ".",
    "orphan": ".",
    "forget": ".",
    "adopt": ".",
    "deleted": ".",
    "renamed": ".",
    "deferred": "x",
}
_REASONS: Mapping[ConflictKind, str] = {
    "claim": "declared for the first time, and live says otherwise",
    "both": "changed in the files and live",
    "group": "the files and a live edit changed parts of what only changes together",
    "deleted-in-ui": "deleted live, and changed in the files",
    "renamed-in-ui": "renamed live, and changed in the files",
    "prune-of-modified": "edited live, and gone from the files",
    "unadopted": "made live or detached, and declared in the files",
}
EXITS: Mapping[int, str] = {
    0: "nothing to change",
    1: "what it comes to cannot be",
    2: "changes pending",
    3: "conflicts",
    4: "refused by a guard",
}
NOTE_CHARACTERS_MAX = 30

_TITLES: Mapping[Action, str] = {
    "restore": "restored with its history",
    "tombstone": "removed",
    "release": "released; stays as it is, no longer from the files",
    "orphan": "left the files; goes on being served, no longer from the files",
    "forget": "gone on both sides",
    "adopt": "made live; from now on from the files",
    "deleted": "stays deleted",
    "renamed": "keeps the name that it has live",
    "noop": "stays as it is",
}
_RECORDED: Mapping[LeafKind, str] = {
    "adopt": "{live}, as it is live; from now on from the files",
    "converge": "{live}, the live edit is in the files now",
    "release": "left the files; live keeps {live}",
    "keep": "{live} stays, as chosen; the files say {ours}",
    "seeded": "{live} stays; the files' {ours} has no effect (owned by ui)",
}


def title_of(entity: PlanEntity) -> str:
    """What becomes of the entity where its sign does not tell; may be empty."""
    if entity.flaw is not None:
        return f"left as it is: {entity.flaw}"
    if entity.action == "deferred":
        cause = (
            f"the conflict of {entity.deferred_by.kind} {quoted(entity.deferred_by.key)}"
            if entity.deferred_by
            else "its conflict"
        )
        return f"left as it is until {cause} is resolved"
    return _TITLES.get(entity.action, "")


def sign_of(entity: PlanEntity, field: PlanField) -> str:
    if not field.changes_live:
        return "."
    if _is_made(entity) or (field.live is None and default_of(entity.entity, field.path) is None):
        return "+"
    return "-" if field.result is None and default_of(entity.entity, field.path) is None else "~"


def values_of(entity: PlanEntity, field: PlanField) -> tuple[str, ...]:
    """The old and the new value, or one text where there is no old one, or no change."""
    live, ours, result = (shown_leaf(entity.entity, field.path, v) for v in (field.live, field.ours, field.result))
    if not field.changes_live:
        return (_RECORDED.get(field.kind, "{live}, as it is live").format(ours=ours, live=live),)
    return (result,) if sign_of(entity, field) == "+" else (live, result)


def prompt_diff(field: PlanField) -> tuple[str, ...]:
    """What changes in a system prompt; empty for any other field, and where there was none or is none."""
    is_prompt = field.path == "system_prompt.text" and field.changes_live
    if is_prompt and isinstance(field.live, str) and isinstance(field.result, str):
        return text_diff(field.live, field.result)
    return ()


def is_short(note: str | None) -> bool:
    """Whether a note goes beside what it is about, such as `-9.1 %`."""
    return note is not None and len(note) <= NOTE_CHARACTERS_MAX


def _is_made(entity: PlanEntity) -> bool:
    return entity.action in ("create", "restore")


def summary_of(plan: Plan) -> str:
    """`1 to create, 2 to update. 1 live edit kept. 1 conflict.`"""
    counts = plan.counts
    changes = [f"{counts[change]} to {change}" for change in CHANGES if counts[change]]
    sentences = [", ".join(changes) or "nothing to change"]
    if counts["drift"]:
        sentences.append(f"{plural(counts['drift'], 'live edit')} kept")
    if counts["held"]:
        sentences.append(f"{counts['held']} held")
    if counts["conflict"]:
        sentences.append(plural(counts["conflict"], "conflict"))
    if counts["defer"]:
        sentences.append(f"{counts['defer']} deferred")
    if counts["flaw"]:
        sentences.append(plural(counts["flaw"], "fault"))
    return ". ".join(sentences) + "."


def verdict_of(plan: Plan) -> str | None:
    """Why an apply would not do all of it; None where it would."""
    if plan.flaws:
        return f"{plural(len(plan.flaws), 'fault')} in what it comes to: apply would change nothing."
    if plan.guards:
        codes = ", ".join(guard.code for guard in plan.guards)
        return f"Refused by {plural(len(plan.guards), 'guard')} ({codes}): apply would change nothing."
    if plan.is_refused:
        return f"Blocked by {plural(len(plan.conflicts), 'conflict')}: apply would change nothing."
    if plan.conflicts:
        return f"{plural(len(plan.conflicts), 'conflict')} left for later: apply would change the rest."
    return None


def policy_words(plan: Plan) -> str:
    """`three-way, on-conflict=fail, prune=off`, and whatever else was asked for."""
    policy = plan.policy
    guards = ("allow_mass_prune", "allow_empty", "allow_price_jump", "allow_new_host", "allow_stale")
    flags = ("adopt", "ignore_hold", *guards)
    given = [flag.replace("_", "-") for flag in flags if getattr(policy, flag)]
    prune = f"prune={'on' if policy.prune else 'off'}"
    return ", ".join([policy.mode, f"on-conflict={policy.on_conflict}", prune, *given])


# --- conflicts ----------------------------------------------------------------------------------------


def reason_of(conflict: PlanConflict) -> str:
    return "moved in the files, and both keys are in use live" if _is_rivalry(conflict) else _REASONS[conflict.kind]


def conflict_rows(conflict: PlanConflict) -> list[tuple[str, str, str, str]]:
    """Path, base, yaml and live of each leaf that two sides differ in; for an entity that is gone on one side,
    of what the other one changed."""
    base, ours, live = conflict.base, conflict.ours, conflict.live
    compared = {
        "deleted-in-ui": (base, ours),
        "renamed-in-ui": (base, ours),
        "prune-of-modified": (base, live),
        "unadopted": (ours, {path: live.get(path) for path in ours}),
    }.get(conflict.kind, (base, ours, live))
    paths = sorted({path for side in compared for path in side})
    differing = [path for path in paths if len({side.get(path) for side in compared}) > 1]
    return [(path, *_sides(conflict, path)) for path in differing]


def _sides(conflict: PlanConflict, path: str) -> tuple[str, str, str]:
    base, ours, live = (side.get(path) for side in (conflict.base, conflict.ours, conflict.live))
    entity = conflict.entity
    return shown_leaf(entity, path, base), shown_leaf(entity, path, ours), shown_leaf(entity, path, live)


def choices_of(conflict: PlanConflict) -> tuple[tuple[str, str], ...]:
    """What settles it, and what that leads to."""
    if _is_rivalry(conflict):
        return (("deleting one of the two live", "no flag can tell which one is meant"),)
    if conflict.kind == "deleted-in-ui":
        outcomes = "made again", "stays deleted"
    elif conflict.kind == "renamed-in-ui":
        outcomes = "renamed back", "keeps its live name"
    elif conflict.kind == "prune-of-modified":
        outcomes = "removed", "stays, no longer from the files"
    else:
        rows = conflict_rows(conflict)
        is_one = len(rows) == 1
        outcomes = rows[0][2:] if is_one else ("as in the files", "as it is live")
    yaml, live = outcomes
    resolutions = (f"--resolve {conflict.address}=yaml", yaml), (f"--resolve {conflict.address}=live", live)
    return (("--adopt", "merged field by field"), *resolutions) if conflict.kind == "unadopted" else resolutions


def yaml_author_words(plan: Plan, conflict: PlanConflict) -> str:
    """Who wrote the files, as far as the source says: `bob@corp @ 3f2c9ab`."""
    rev = f"@ {plan.origin.rev}" if plan.origin.rev else ""
    return " ".join(part for part in (conflict.yaml_author, rev) if part) or "unknown"


def _is_rivalry(conflict: PlanConflict) -> bool:
    """Two live entities that one stanza claims, by its key and by `moved`."""
    return conflict.kind == "claim" and conflict.is_whole
