"""A plan as text: what would change, what is kept, what is in dispute, and on the last line the exit code.

Signs: `+` made, `~` changed, `-` removed, `>` moved, `.` only recorded, `!` drift, `=` held, `x` conflict.
"""

from collections.abc import Iterator

from registry.files.positions import printable
from registry.leaves import shown_path
from registry.planning.drift import drift_lines
from registry.planning.plan_document import HeldLeaf, Plan, PlanConflict, PlanEntity, PlanField
from registry.planning.plan_words import (
    EXITS,
    SIGNS,
    choices_of,
    conflict_rows,
    is_short,
    policy_words,
    prompt_diff,
    reason_of,
    sign_of,
    summary_of,
    title_of,
    values_of,
    verdict_of,
    yaml_author_words,
)
from registry.planning.shown import placed, plural, quoted, shown_age, shown_author, shown_leaf

CHANGE_CHARACTERS_MAX = 46
"""Old and new value stand on two lines where one would be longer."""
PATH_CHARACTERS = 18
ROWS_MAX = 12
"""How many leaves of one conflict are shown."""


def render_text(plan: Plan) -> str:
    """For a terminal of any width; no colours, and nothing in a value can act on it."""
    sections = (
        _header(plan),
        [line for entity in plan.entities for line in _entity(entity)],
        _section("Drift: edited live, and kept", [line for item in plan.drift for line in drift_lines(item)]),
        _section("Held: kept from changing for now", [_held(leaf) for leaf in plan.held]),
        _section("Conflicts: two hands, one field", [line for one in plan.conflicts for line in _conflict(plan, one)]),
        [f"Hint: {printable(hint)}" for hint in plan.hints],
        [placed(f"Fault: {printable(flaw.path)}: {printable(flaw.message)}", flaw.location) for flaw in plan.flaws],
        [f"Refused ({guard.code}): {printable(guard.message)}" for guard in plan.guards],
        _footer(plan),
    )
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _section(title: str, lines: list[str]) -> list[str]:
    return [title, *lines] if lines else []


def _header(plan: Plan) -> list[str]:
    state = _state(plan.origin.rev, plan.origin.seq, plan.origin.digest)
    author = f" by {plan.origin.author}" if plan.origin.author else ""
    overlay = f" with overlay {plan.overlay}" if plan.overlay else ""
    edits = f"{plural(plan.edits_since, 'edit') if plan.edits_since else 'no edits'} since the last apply"
    last = "never applied"
    if plan.last:
        applied = _state(plan.last.rev, plan.last.seq, plan.last.digest)
        last = f"{applied}, revision {plan.last.revision}, {shown_age(plan.last.at, plan.at)}"
    return [
        printable(f"Source  {plan.source}{overlay}: {state}{author}"),
        printable(f"Last    {last}"),
        f"Live    revision {plan.revision}" + (f", {edits}" if plan.last else ""),
        f"Mode    {policy_words(plan)}",
    ]


def _state(rev: str | None, seq: int | None, digest: str) -> str:
    """Which files: a commit where there is one, else the beginning of their digest."""
    name = rev or digest.removeprefix("sha256:")[:12]
    return f"{name} (seq {seq})" if seq is not None else name


# --- entities -----------------------------------------------------------------------------------------


def _entity(entity: PlanEntity) -> Iterator[str]:
    kind, key = entity.entity
    if entity.moved_from is not None:
        moved = f"  > {kind} {quoted(entity.moved_from)} -> {quoted(key)}   moved; its id, keys and usage stay"
        yield placed(moved, entity.moved_location)
    if entity.moved_from is None or entity.fields or entity.notes:
        sign = "~" if entity.action == "rename" else SIGNS.get(entity.action, ".")
        title = title_of(entity)
        yield placed(f"  {sign} {kind} {quoted(key)}{'   ' if title else ''}{title}", entity.location)
    for field in entity.fields:
        yield from _field(entity, field)
    yield from (f"        {printable(note)}" for note in entity.notes)
    if entity.fields and entity.unchanged:
        yield f"        {plural(entity.unchanged, 'field')} unchanged"


def _field(entity: PlanEntity, field: PlanField) -> Iterator[str]:
    start = f"      {sign_of(entity, field)} {printable(shown_path(field.path)):<{PATH_CHARACTERS}} "
    *above, last = _values(entity, field)
    yield from (start + line for line in above)
    via = f"   via {printable(field.via)}" if field.via else ""
    note = f"   ({field.note})" if is_short(field.note) else ""
    yield placed((" " * (len(start) - 3) + "-> " if above else start) + last + note + via, field.location)
    yield from (f"          {line}" for line in prompt_diff(field))
    if field.note is not None and not is_short(field.note):
        yield f"        {printable(field.note)}"


def _values(entity: PlanEntity, field: PlanField) -> list[str]:
    """What the field becomes: on one line, or old and new on two."""
    if prompt_diff(field):
        return ["changed"]
    values = values_of(entity, field)
    one = " -> ".join(values)
    return [one] if len(one) <= CHANGE_CHARACTERS_MAX else list(values)


# --- what is not changed ------------------------------------------------------------------------------


def _held(leaf: HeldLeaf) -> str:
    yaml, live = (shown_leaf(leaf.entity, leaf.path, value) for value in (leaf.yaml, leaf.live))
    what = f"{printable(shown_path(leaf.path))}   yaml {yaml} | live {live}" if leaf.path else "all of it"
    return f"  = {leaf.entity.kind} {quoted(leaf.entity.key)}   {what}"


def _conflict(plan: Plan, conflict: PlanConflict) -> Iterator[str]:
    group = "" if conflict.is_whole else f"   {printable(shown_path(conflict.group))}"
    yield placed(f"  x {conflict.entity.kind} {quoted(conflict.entity.key)}{group}", conflict.location)
    yield f"      {reason_of(conflict)}"
    rows = conflict_rows(conflict)
    for path, base, ours, live in rows[:ROWS_MAX]:
        name = f"{printable(shown_path(path)):<{PATH_CHARACTERS}} " if path != conflict.group else ""
        yield f"      {name}base {base} | yaml {ours} | live {live}"
    if len(rows) > ROWS_MAX:
        yield f"      and {plural(len(rows) - ROWS_MAX, 'more field')}"
    author = shown_author(conflict.live_author) if conflict.live_author else "unknown"
    yield f"      yaml by {printable(yaml_author_words(plan, conflict))}; live by {author}"
    for index, (flag, outcome) in enumerate(choices_of(conflict)):
        yield f"      {'or' if index else 'resolve with':<13} {printable(flag)}   ({outcome})"


def _footer(plan: Plan) -> list[str]:
    verdict = verdict_of(plan)
    exit_line = f"Exit code {plan.exit_code}: {EXITS[plan.exit_code]}."
    return [f"Plan: {summary_of(plan)}", *([verdict] if verdict else []), exit_line]
