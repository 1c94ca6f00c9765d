"""A plan as Markdown, for a comment on a pull request.

Whatever comes from a file or the database stands in code, which nothing in it can leave: no markup, no HTML, no
mention of anyone. A comment has a largest size, so a long plan is cut between lines, and says so.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from registry.entities import EntityKey
from registry.files.positions import printable
from registry.leaves import shown_path
from registry.planning.drift import DriftItem
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
from registry.planning.shown import plural, shown_author, shown_leaf

CHARACTERS_MAX = 60_000
CUT = "Cut here: the whole plan is longer than a comment may be. `registry plan` prints all of it."

_ENTITY_TABLE = ("", "| | field | live | becomes | where |", "|---|---|---|---|---|")
_LEAF_TABLE = ("", "| | field | files | live | where |", "|---|---|---|---|---|")


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that may be cut, between those that open and close them."""

    head: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()


def render_markdown(plan: Plan) -> str:
    """At most 60,000 characters, the summary first."""
    return _fit(_blocks(plan), CHARACTERS_MAX)


def code(text: str) -> str:
    """The text in code, and nowhere else, in a table too.

    Neither a backtick nor a pipe can be escaped there in a way that all readers agree on: a text with one is
    written with character references, which are never markup.
    """
    text = printable(text)
    if "`" not in text and "|" not in text and text.strip():
        return f"`{text}`"
    return f"<code>{re.sub(r'[^A-Za-z0-9 ]', lambda match: f'&#{ord(match[0])};', text)}</code>"


def _blocks(plan: Plan) -> Iterator[_Block]:
    yield _Block(tuple(_summary(plan)))
    yield _Block(rows=tuple(f"- **Fault** {code(flaw.path)}: {code(flaw.message)}" for flaw in plan.flaws))
    yield _Block(rows=tuple(f"- **Refused** ({guard.code}): {code(guard.message)}" for guard in plan.guards))
    for entity in plan.entities:
        yield _entity(entity)
    yield from _conflicts(plan)
    yield from _details("Drift: edited live, and kept", [_drift(item) for item in plan.drift], _LEAF_TABLE)
    yield from _details("Held: kept from changing for now", [_held(leaf) for leaf in plan.held], _LEAF_TABLE)
    yield _Block(rows=tuple(f"- Hint: {code(hint)}" for hint in plan.hints))


def _fit(blocks: Iterable[_Block], characters_max: int) -> str:
    """The blocks, as many of their rows as there is room for, each closed that was opened."""
    lines: list[str] = []
    room = characters_max - len(CUT) - 2
    for block in blocks:
        if not block.head and not block.rows:
            continue
        room -= _size(block.head) + _size(block.tail) + 1
        fitting = _count_fitting(block.rows, room)
        if room < 0 or fitting < len(block.rows):
            kept = (*block.head, *block.rows[:fitting], *block.tail) if fitting > 0 else ()
            return "\n".join([*lines, *kept, "", CUT]) + "\n"
        room -= _size(block.rows)
        lines += [*block.head, *block.rows, *block.tail, ""]
    return "\n".join(lines).strip() + "\n"


def _size(lines: Iterable[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _count_fitting(rows: tuple[str, ...], room: int) -> int:
    for count, row in enumerate(rows):
        room -= len(row) + 1
        if room < 0:
            return count
    return len(rows)


# --- head and entities --------------------------------------------------------------------------------


def _summary(plan: Plan) -> Iterator[str]:
    verdict = verdict_of(plan)
    yield f"### Registry plan: {summary_of(plan)}"
    yield ""
    yield f"{f'**{verdict}** ' if verdict else ''}Exit code {plan.exit_code}: {EXITS[plan.exit_code]}."
    yield ""
    seq = f" (seq {plan.origin.seq})" if plan.origin.seq is not None else ""
    author = f" by {code(plan.origin.author)}" if plan.origin.author else ""
    overlay = f" with overlay {code(plan.overlay)}" if plan.overlay else ""
    files = f"{code(plan.source)}{overlay} at {code(plan.origin.rev or plan.origin.digest)}{seq}{author}"
    yield f"Source {files}, against revision {plan.revision}. {code(policy_words(plan))}."


def _entity(entity: PlanEntity) -> _Block:
    title = title_of(entity)
    moved = f"{code(entity.moved_from)} → " if entity.moved_from is not None else ""
    name = f"**{code(SIGNS.get(entity.action, '.'))} {entity.entity.kind}** {moved}{code(entity.entity.key)}"
    head = f"{name}{f' {code(title)}' if title else ''}{_where(entity.location, ' · ')}"
    notes = [
        *entity.notes,
        *(f"{shown_path(f.path)}: {f.note}" for f in entity.fields if f.note and not is_short(f.note)),
    ]
    tail = [f"- {code(note)}" for note in notes]
    tail += [f"- {plural(entity.unchanged, 'field')} unchanged"] if entity.fields and entity.unchanged else []
    for field in entity.fields:
        tail += _fenced(prompt_diff(field))
    return _Block(
        head=(head, *(_ENTITY_TABLE if entity.fields else ())),
        rows=tuple(_field(entity, field) for field in entity.fields),
        tail=("", *tail) if tail else (),
    )


def _field(entity: PlanEntity, field: PlanField) -> str:
    *old, new = values_of(entity, field)
    note = f" {code(field.note)}" if field.note and is_short(field.note) else ""
    where = [code(part) for part in (field.location, field.via and f"via {field.via}") if part]
    cells = sign_of(entity, field), shown_path(field.path), *(old or [""]), new
    return f"| {' | '.join(code(cell) if cell else '' for cell in cells)}{note} | {' '.join(where)} |"


def _fenced(lines: tuple[str, ...]) -> list[str]:
    """A code block whose fence is longer than any that stands in it."""
    if not lines:
        return []
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return ["", f"{fence}diff", *lines, fence]


# --- details ------------------------------------------------------------------------------------------


def _details(title: str, rows: list[str], table: tuple[str, ...] = ()) -> Iterator[_Block]:
    if rows:
        head = ("<details>", f"<summary>{title} ({len(rows)})</summary>", *table)
        yield _Block(head, tuple(rows), ("", "</details>"))


def _drift(item: DriftItem) -> str:
    author = f" {code(shown_author(item.author))}" if item.author else ""
    path = code(shown_path(item.path)) if item.path else ""
    yaml, live = (code(shown_leaf(item.entity, item.path, value)) for value in (item.yaml, item.live))
    sides = " | deleted live" if item.is_deleted else f"{yaml} | {live}"
    return f"| {_name(item.entity)} | {path} | {sides}{author} | {_where(item.location)} |"


def _held(leaf: HeldLeaf) -> str:
    yaml, live = (code(shown_leaf(leaf.entity, leaf.path, value)) for value in (leaf.yaml, leaf.live))
    what = f"{code(shown_path(leaf.path))} | {yaml} | {live}" if leaf.path else "all of it | |"
    return f"| {_name(leaf.entity)} | {what} | |"


def _conflicts(plan: Plan) -> Iterator[_Block]:
    """Each with its rows; all of a conflict is one row of the block, so that none is cut in two."""
    rows = ["\n".join(_conflict(plan, conflict)) for conflict in plan.conflicts]
    yield from _details("Conflicts: two hands, one field", rows)


def _conflict(plan: Plan, conflict: PlanConflict) -> Iterator[str]:
    group = "" if conflict.is_whole else f" {code(shown_path(conflict.group))}"
    yield ""
    yield f"**x** {_name(conflict.entity)}{group}{_where(conflict.location, ' · ')}: {reason_of(conflict)}"
    yield ""
    yield "| field | base | files | live |"
    yield "|---|---|---|---|"
    for path, *sides in conflict_rows(conflict):
        yield f"| {' | '.join([code(shown_path(path)), *(code(side) for side in sides)])} |"
    yield ""
    author = shown_author(conflict.live_author) if conflict.live_author else "unknown"
    yield f"- files by {code(yaml_author_words(plan, conflict))}; live by {code(author)}"
    yield from (f"- {code(flag)} ({code(outcome)})" for flag, outcome in choices_of(conflict))


def _name(entity: EntityKey) -> str:
    return f"{entity.kind} {code(entity.key)}"


def _where(location: str | None, before: str = "") -> str:
    return f"{before}{code(location)}" if location else ""
