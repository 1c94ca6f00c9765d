"""Cuts in one file: a value replaced, a pair put into a map or taken out, an anchor handed to who uses it.

Every function gives the changes and leaves the text alone. What is shared by an alias is never changed: its
other users keep what they have.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from registry.render_yaml import Raw, literal_lines, render_flow, render_pair, render_scalar
from registry.sequences import edited_set
from registry.syntax import Item, Pair, Sheet

_WORD = re.compile(r"\S+")
_COLON = re.compile(r"\s*:")
_PROPERTIES = re.compile(r"([ \t]*[&!]\S*)+")
_COMMA = re.compile(r"[ \t]*,?[ \t]*")
_LITERAL = re.compile(r": \|[0-9]?$")
_REST = re.compile(r"(#[^\n]*)?\r?(\n|$)")


class SpliceError(Exception):
    """The edit cannot be written into the files; the message is a sentence for people."""


class Change(NamedTuple):
    """`text` in place of what is from `start` to `end`."""

    sheet: Sheet
    start: int
    end: int
    text: str


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
        return [*_let_go(sheet, slot), *put(sheet, slot, below, names[1:], value, step=step)]
    inherited = slot.find(names[0]) if len(names) > 1 else None
    new = with_value(copied(inherited), names[1:], value)
    return [*_let_go(sheet, slot), *insert_pair(sheet, slot, names[0], new, step=step)]


def _overlaid(slot: Item, names: Sequence[str], value: Any) -> Any:
    """What takes the place of an alias: a map that merges the same anchor, with the value on top. Of anything
    else: the map that has only the value."""
    below = slot.find(names[0]) if len(names) > 1 else None
    merge = {Raw("<<"): Raw(f"*{slot.text}")} if slot.kind == "alias" else {}
    return {**merge, names[0]: with_value(copied(below), names[1:], value)}


def with_value(holder: Any, names: Sequence[str], value: Any) -> Any:
    """A plain value with another one put in below `names`."""
    if not names:
        return value
    table = dict(holder) if isinstance(holder, Mapping) else {}
    return {**table, names[0]: with_value(table.get(names[0]), names[1:], value)}


def copied(item: Item | None) -> Any:
    """A value as it would be written elsewhere: aliases and `<<` written out, scalars as they stand."""
    if item is None:
        return None
    item = item.resolved
    if item.kind == "map":
        return {name: copied(below) for name, below in item.entries().items()}
    if item.kind == "seq":
        return [copied(below) for below in item.items]
    if item.style or item.tag:
        return Raw(render_scalar(item.text, style="" if item.is_block_scalar or item.tag else item.style))
    return Raw(item.text or "null") if _stays_plain(item.text) else item.text


def _stays_plain(text: str) -> bool:
    return not any(mark in text for mark in "{}[],\n")


def replace(sheet: Sheet, holder: Item, pair: Pair, value: Any, *, step: int) -> list[Change]:
    """Another value in the pair, in the style of the one that was there."""
    return [*leave(sheet, pair.value), *_replaced(sheet, holder, pair, value, step)]


def _replaced(sheet: Sheet, holder: Item, pair: Pair, value: Any, step: int) -> list[Change]:
    slot = pair.value
    if isinstance(value, list) and slot.kind == "seq":
        return [Change(sheet, *cut) for cut in edited_set(sheet, slot, value)]
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


def below_line(sheet: Sheet, at: int, lines: Sequence[str], column: int) -> str:
    """The lines as text that follows the line which ends at `at`."""
    # A block scalar without a last break would lose the one that it says.
    is_cut_short = at == len(sheet.text) and any(_LITERAL.search(line) for line in lines)
    return sheet.newline + indented(sheet, lines, column) + (sheet.newline if is_cut_short else "")


def remove(sheet: Sheet, holder: Item, names: Sequence[str]) -> list[Change]:
    """Take out what stands below `names` in a map, if it is written here; a table that this empties goes too."""
    pair = holder.own_pair(names[0])
    if pair is None:
        return []
    if _goes(pair, names[1:]):
        return [*_let_go(sheet, holder), *remove_pairs(sheet, holder, [pair])]
    return [*_let_go(sheet, holder), *remove(sheet, pair.value, names[1:])]


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


def flow_cuts(sheet: Sheet, spans: Sequence[tuple[int, int]], gone: Sequence[bool]) -> list[tuple[int, int]]:
    """What to cut so that these parts of a flow collection go, each with one comma. Cuts may overlap."""
    text, cuts = sheet.text, list[tuple[int, int]]()
    kept_end: int | None = None
    for number, ((start, end), goes) in enumerate(zip(spans, gone, strict=True)):
        if not goes:
            kept_end = end
            continue
        comma = _COMMA.match(text, end)
        behind = comma.end() if comma else end
        if not text[sheet.line_start(start) : start].strip() and _REST.match(text, behind):
            cuts.append((sheet.line_start(start), sheet.next_line(behind)))
        elif number + 1 < len(spans):
            cuts.append((start, behind))
        else:
            is_inline = kept_end is not None and "\n" not in text[kept_end:start]
            cuts.append((kept_end if is_inline and kept_end is not None else start, end))
    return cuts


def line_of(sheet: Sheet, pair: Pair) -> int:
    """Where the line of a pair begins. Raises SpliceError if it shares that line with something."""
    start = sheet.line_start(pair.key.start)
    if sheet.text[start : pair.key.start].strip():
        line = sheet.text.count("\n", 0, start) + 1
        raise SpliceError(f"{sheet.name}:{line}: this way of writing a map cannot be edited; put each key in a line.")
    return start


def whole_lines(sheet: Sheet, start: int, end: int) -> tuple[int, int]:
    """From the line that begins at `start` to the break of the one that `end` is in. What then is the last line
    ends as the text did."""
    after = sheet.next_line(end)
    if start and after == len(sheet.text) and not sheet.text.endswith("\n"):
        start = sheet.line_end(sheet.line_start(start - 1))
    return start, after


def indented(sheet: Sheet, lines: Iterable[str], column: int) -> str:
    return sheet.newline.join(f"{' ' * column}{line}" if line else "" for line in lines)


# --- anchors ------------------------------------------------------------------------------------------


def leave(sheet: Sheet, item: Item) -> list[Change]:
    """What is to be replaced or removed hands its anchors to those who use them."""
    return [change for below in item.walk() for change in _handed_over(sheet, below, item)]


def _let_go(sheet: Sheet, item: Item) -> list[Change]:
    """What is to be edited inside, and stays, is not shared any more."""
    changes = _handed_over(sheet, item, item)
    if changes:
        start = sheet.text.index(f"&{item.anchor}", item.start)
        end = start + len(f"&{item.anchor}")
        while item.is_flow and sheet.text[end] == " ":
            end += 1
        while not item.is_flow and sheet.text[start - 1] == " ":
            start -= 1
        changes.append(Change(sheet, start, end, ""))
    return changes


def _handed_over(sheet: Sheet, item: Item, around: Item) -> list[Change]:
    outside = [user for user in item.users if not around.start <= user.start < around.end]
    if not outside:
        return []
    return [Change(sheet, outside[0].start, outside[0].end, f"&{item.anchor} {render_flow(copied(item))}")]
