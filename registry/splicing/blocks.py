"""Cuts in one file: a value replaced, a pair put into a map or taken out.

Every function gives the changes and leaves the text alone. What is shared by an alias is never changed: its other
users keep what they have.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from registry.splicing.anchors import copied, leave, let_go, with_value
from registry.splicing.cuts import Change, below_line, flow_cuts, indented, line_of, whole_lines
from registry.splicing.render_yaml import Raw, literal_lines, render_flow, render_pair, render_scalar
from registry.splicing.sequences import edited_set
from registry.splicing.syntax import Item, Pair, Sheet

_WORD = re.compile(r"\S+")
_COLON = re.compile(r"\s*:")
_PROPERTIES = re.compile(r"([ \t]*[&!]\S*)+")


# --- values -------------------------------------------------------------------------------------------


def put(sheet: Sheet, holder: Item, pair: Pair, names: Sequence[str], value: Any, *, step: int) -> list[Change]:
    """Make `value` what stands below `names` in the pair's value; the pair's own value where there are none."""
    slot = pair.value
    if not names:
        return replace(sheet, holder, pair, value, step=step)
    if slot.kind != "map":
        return replace(sheet, holder, pair, _overlaid(slot, names, value), step=step)
    below = slot.own_pair(names[0])
    if below is not None:
        return [*let_go(sheet, slot), *put(sheet, slot, below, names[1:], value, step=step)]
    inherited = slot.find(names[0]) if len(names) > 1 else None
    new = with_value(copied(inherited), names[1:], value)
    return [*let_go(sheet, slot), *insert_pair(sheet, slot, names[0], new, step=step)]


def _overlaid(slot: Item, names: Sequence[str], value: Any) -> Any:
    """What takes the place of an alias: a map that merges the same anchor, with the value on top. Of anything
    else: the map that has only the value."""
    below = slot.find(names[0]) if len(names) > 1 else None
    merge = {Raw("<<"): Raw(f"*{slot.text}")} if slot.kind == "alias" else {}
    return {**merge, names[0]: with_value(copied(below), names[1:], value)}


def replace(sheet: Sheet, holder: Item, pair: Pair, value: Any, *, step: int) -> list[Change]:
    """Another value in the pair, in the style of the one that was there."""
    return [*leave(sheet, pair.value), *_replaced(sheet, holder, pair, value, step)]


def _replaced(sheet: Sheet, holder: Item, pair: Pair, value: Any, step: int) -> list[Change]:
    slot = pair.value
    if isinstance(value, list) and slot.kind == "seq":
        return edited_set(sheet, slot, value)
    is_block = slot.kind in ("map", "seq") and not slot.is_flow
    if isinstance(value, Mapping) and slot.kind == "map" and is_block:
        return [Change(sheet, slot.body, slot.end, _block(sheet, slot, value, step))]
    head = f"&{slot.anchor} " if slot.anchor and not slot.users else ""
    if isinstance(value, str) and not isinstance(value, Raw) and not holder.is_flow and not is_block:
        changes = _literal(sheet, pair, value, head, step)
        if changes is not None:
            return changes
    if isinstance(value, (Mapping, list)):
        text = head + render_flow(value)
    else:
        text = head + render_scalar(value, style=slot.style, in_flow=holder.is_flow)
    if is_block:
        return _in_line(sheet, pair, text)
    if slot.is_block_scalar:
        at = _header_end(sheet, slot)
        below = Change(sheet, sheet.line_end(at), sheet.end_of_lines(slot), "")
        return [Change(sheet, slot.start, at, text), below]
    if slot.start == slot.end:
        text = (" " if sheet.text[slot.start - 1] == ":" else ": ") + text
    return [Change(sheet, slot.start, slot.end, text)]


def _in_line(sheet: Sheet, pair: Pair, text: str) -> list[Change]:
    """A value in the line of its key, in place of a block below. A comment in that line stays."""
    colon = _COLON.match(sheet.text, pair.key.end)
    start = colon.end() if colon else pair.key.end
    properties = _PROPERTIES.match(sheet.text, start)
    end = properties.end() if properties else start
    below = Change(sheet, sheet.line_end(end), sheet.end_of_lines(pair.value), "")
    return [Change(sheet, start, end, f" {text}"), below]


def _block(sheet: Sheet, slot: Item, value: Mapping[str, Any], step: int) -> str:
    lines = [line for name, below in value.items() for line in render_pair(name, below, step=step)]
    return indented(sheet, lines, sheet.column(slot.body)).lstrip()


def _literal(sheet: Sheet, pair: Pair, value: str, head: str, step: int) -> list[Change] | None:
    """A text of several lines as a block scalar, or None where it is better quoted. What follows the header in
    its line, a comment, stays."""
    slot = pair.value
    if not slot.is_block_scalar and "\n" not in value:
        return None
    column = sheet.column(pair.key.start)
    lines = literal_lines(value, _literal_indent(sheet, slot, column) or step)
    if lines is None or sheet.text[sheet.line_start(pair.key.start) : pair.key.start].strip():
        return None
    body = indented(sheet, lines[1:], column)
    if not slot.is_block_scalar:
        space = " " if slot.start == slot.end else ""
        at = sheet.line_end(slot.end)
        is_last = not sheet.text[at:] and value.endswith("\n")
        return [
            Change(sheet, slot.start, slot.end, space + head + lines[0]),
            Change(sheet, at, at, sheet.newline + body + (sheet.newline if is_last else "")),
        ]
    header_end = _header_end(sheet, slot)
    at, end = sheet.line_end(header_end), sheet.end_of_lines(slot)
    if not sheet.text[end:] and value.endswith("\n"):
        return None
    return [
        Change(sheet, slot.start, header_end, head + lines[0]),
        Change(sheet, at, max(at, end), sheet.newline + body),
    ]


def _header_end(sheet: Sheet, slot: Item) -> int:
    match = _WORD.match(sheet.text, slot.body)
    return match.end() if match else slot.body


def _literal_indent(sheet: Sheet, slot: Item, column: int) -> int:
    """How far the lines of a block scalar are indented below its key; 0 where there are none."""
    if not slot.is_block_scalar:
        return 0
    lines = sheet.text[sheet.next_line(slot.body) : slot.end].split("\n")
    return max(0, min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0) - column)


# --- pairs --------------------------------------------------------------------------------------------


def insert_pair(sheet: Sheet, holder: Item, name: str, value: Any, *, step: int) -> list[Change]:
    """A new pair at the end of a map that is written here."""
    if holder.is_flow:
        text = f"{render_scalar(name)}: {render_flow(value)}"
        if not holder.pairs:
            return [Change(sheet, holder.body + 1, holder.body + 1, text)]
        last = holder.pairs[-1].value
        comma = ", " if last.start < last.end else " , "
        return [Change(sheet, last.end, last.end, comma + text)]
    return insert_lines(sheet, holder, render_pair(name, value, step=step))


def insert_lines(sheet: Sheet, holder: Item, lines: Sequence[str]) -> list[Change]:
    """Lines below the last pair of a block map, indented like it."""
    last = holder.pairs[-1]
    line_of(sheet, last)
    at = sheet.end_of_lines(last.value)
    column = sheet.column(holder.pairs[0].key.start)
    return [Change(sheet, at, at, below_line(sheet, at, lines, column))]


def remove(sheet: Sheet, holder: Item, names: Sequence[str]) -> list[Change]:
    """Take out what stands below `names` in a map, if it is written here; a table that this empties goes too."""
    pair = holder.own_pair(names[0])
    if pair is None:
        return []
    if _goes(pair, names[1:]):
        return [*let_go(sheet, holder), *remove_pairs(sheet, holder, [pair])]
    return [*let_go(sheet, holder), *remove(sheet, pair.value, names[1:])]


def _goes(pair: Pair, names: Sequence[str]) -> bool:
    """Whether taking out what is below `names` leaves nothing in the pair."""
    if not names:
        return True
    below = pair.value.own_pair(names[0])
    return below is not None and len(pair.value.pairs) == 1 and _goes(below, names[1:])


def remove_pairs(sheet: Sheet, holder: Item, gone: Sequence[Pair]) -> list[Change]:
    """Take pairs out of a map that is written here: their lines, or their part of a line."""
    left = [change for pair in gone for change in leave(sheet, pair.value)]
    if holder.is_flow:
        spans = [(pair.key.start, pair.value.end) for pair in holder.pairs]
        cuts = flow_cuts(sheet, spans, [pair in gone for pair in holder.pairs])
    else:
        cuts = [whole_lines(sheet, line_of(sheet, pair), sheet.end_of_lines(pair.value)) for pair in gone]
    return left + [Change(sheet, start, end, "") for start, end in cuts]
