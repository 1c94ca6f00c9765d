"""What an edit cuts out of a file and puts in: lines, and parts of a line, with the commas and breaks around them."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from registry.splicing.syntax import Pair, Sheet

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


def below_line(sheet: Sheet, at: int, lines: Sequence[str], column: int) -> str:
    """The lines as text that follows the line which ends at `at`."""
    # A block scalar without a last break would lose the one that it says.
    is_cut_short = at == len(sheet.text) and any(_LITERAL.search(line) for line in lines)
    return sheet.newline + indented(sheet, lines, column) + (sheet.newline if is_cut_short else "")


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
