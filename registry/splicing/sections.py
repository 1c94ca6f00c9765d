"""Whole entries put into a file or taken out of it, with their comments: providers, models, `removed`, `moved`."""

from collections.abc import Mapping, Sequence
from typing import Any

from registry.entities import EntityKey
from registry.splicing.anchors import leave
from registry.splicing.blocks import insert_pair, remove_pairs
from registry.splicing.book import SECTIONS, STEP_DEFAULT, Book, Found
from registry.splicing.cuts import Change, SpliceError, below_line, flow_cuts, indented, line_of, whole_lines
from registry.splicing.render_yaml import entity_fields, render_entity, render_flow
from registry.splicing.sequences import appended_record
from registry.splicing.syntax import Item, Pair, Sheet

# --- entities -----------------------------------------------------------------------------------------


def add_entity(book: Book, entity: EntityKey, document: Mapping[str, Any]) -> list[Change]:
    """An entity that is new, and no more what `moved` and `removed` say of its key."""
    records = [] if entity.kind == "provider" else _without_records(book, entity.key, moved="from", removed="id")
    return [*records, *add_stanza(book, entity, document)]


def add_stanza(book: Book, entity: EntityKey, document: Mapping[str, Any]) -> list[Change]:
    """An entry at the end of its section, in the file that has most of its kind."""
    name = SECTIONS[entity.kind]
    sheet, section = _fullest(book, name)
    if section is None:
        lines = render_entity(entity, document, step=STEP_DEFAULT)
        return _new_section(sheet, name, lines)
    holder = section.value
    if holder.kind == "map" and holder.pairs:
        if holder.is_flow:
            return insert_pair(sheet, holder, entity.key, entity_fields(entity, document), step=0)
        last = Found(sheet, section, holder, holder.pairs[-1])
        return _appended(last, render_entity(entity, document, step=last.step))
    if not holder.is_null and holder.kind != "map":
        raise SpliceError(f"{sheet.name}: `{name}` is not a map that can be edited.")
    lines = render_entity(entity, document, step=STEP_DEFAULT)
    return _filled(sheet, section, lines)


def _fullest(book: Book, name: str) -> tuple[Sheet, Pair | None]:
    """The file whose section has most entries, the first of several; the first file where none has the section."""
    found = list(book.sections(name, book.own_sheets))
    return max(found, key=lambda place: len(place[1].value.pairs)) if found else (book.own_sheets[0], None)


def _appended(last: Found, lines: Sequence[str]) -> list[Change]:
    """Lines below the last entity of a section and its comments, with a blank one where the file has them."""
    sheet, pairs = last.sheet, last.holder.pairs
    line_of(sheet, last.pair)
    at = sheet.line_end(max(_end_of_comments(last) - 1, sheet.end_of_lines(last.pair.value)))
    is_spaced = len(pairs) > 1 and not _line_above(sheet, _start_of_comment(sheet, last.pair)).strip()
    column = sheet.column(pairs[0].key.start)
    return [Change(sheet, at, at, below_line(sheet, at, ["", *lines] if is_spaced else lines, column))]


def _filled(sheet: Sheet, section: Pair, lines: Sequence[str]) -> list[Change]:
    """Lines in a section that has none."""
    holder, column = section.value, sheet.column(section.key.start) + STEP_DEFAULT
    at = sheet.line_end(max(section.key.end, holder.end))
    start = holder.start
    while start < holder.end and sheet.text[start - 1] == " ":
        start -= 1
    return [Change(sheet, start, holder.end, ""), Change(sheet, at, at, below_line(sheet, at, lines, column))]


def remove_entity(book: Book, entity: EntityKey) -> list[Change]:
    """An entity goes, from the comment directly above it to the next one's, and with it what `moved` says of it."""
    found = book.get(entity)
    sheet, pair = found.sheet, found.pair
    changes = [] if entity.kind == "provider" else _without_records(book, entity.key, moved="to")
    if found.holder.is_flow:
        return [*changes, *remove_pairs(sheet, found.holder, [pair])]
    line_of(sheet, pair)
    changes += leave(sheet, pair.value)
    if len(found.holder.pairs) == 1:
        at = found.section.key.end + sheet.text[found.section.key.end :].index(":") + 1
        changes.append(Change(sheet, at, at, " {}"))
    return [*changes, Change(sheet, *_lines_of(found), "")]


def _lines_of(found: Found) -> tuple[int, int]:
    """All lines of an entity. Of the blank ones around it, as many stay as were on one side."""
    sheet = found.sheet
    start, end = _start_of_comment(sheet, found.pair), _end_of_comments(found)
    if not sheet.text[end:].strip():
        while start and not _line_above(sheet, start).strip():
            start = sheet.line_start(start - 1)
    elif found.holder.pairs[0] is found.pair or not _line_above(sheet, start).strip():
        while not sheet.text[end : sheet.line_end(end)].strip():
            end = sheet.next_line(end)
    return whole_lines(sheet, start, max(end - 1, start))


def _line_above(sheet: Sheet, start: int) -> str:
    return sheet.text[sheet.line_start(start - 1) : start] if start else ""


def _start_of_comment(sheet: Sheet, pair: Pair) -> int:
    """Where the comment directly above the key begins; the key's line, where there is none."""
    start = sheet.line_start(pair.key.start)
    while _line_above(sheet, start).lstrip().startswith("#"):
        start = sheet.line_start(start - 1)
    return start


def _end_of_comments(found: Found) -> int:
    """Behind the last line of an entity, and of the comments below that are further in than its key."""
    sheet = found.sheet
    column = sheet.column(found.pair.key.start)
    end = at = sheet.next_line(sheet.end_of_lines(found.pair.value))
    while at < len(sheet.text):
        line = sheet.text[at : sheet.line_end(at)]
        at = sheet.next_line(at)
        if line.lstrip().startswith("#") and len(line) - len(line.lstrip()) > column:
            end = at
        elif line.strip():
            break
    return end


# --- records ------------------------------------------------------------------------------------------


def add_removed(book: Book, key: str, *, destroy: bool) -> list[Change]:
    """An entry in `removed:`, which is made at the end of the file with most models where it is missing."""
    record = {"id": key, "destroy": destroy}
    for sheet, section in book.sections("removed"):
        if section.value.kind == "seq":
            return [appended_record(sheet, section.value, record)]
        if section.value.is_null:
            return _filled(sheet, section, [f"- {render_flow(record)}"])
    sheet, _ = _fullest(book, SECTIONS["model"])
    return _new_section(sheet, "removed", [f"- {render_flow(record)}"])


def _new_section(sheet: Sheet, name: str, lines: Sequence[str]) -> list[Change]:
    """A section at the end of a file."""
    text, newline = sheet.text, sheet.newline
    if sheet.root.is_flow:
        raise SpliceError(f"{sheet.name}: a file in one pair of braces cannot get `{name}`.")
    head = newline if text and not text.endswith("\n") else ""
    space = newline if text.strip() else ""
    body = indented(sheet, lines, STEP_DEFAULT)
    return [Change(sheet, len(text), len(text), f"{head}{space}{name}:{newline}{body}{newline}")]


def _without_records(book: Book, key: str, **fields: str) -> list[Change]:
    """Entries of `moved` and `removed` go whose field, which is named by section, is the key."""
    changes: list[Change] = []
    for name, field in fields.items():
        for sheet, section in book.sections(name):
            gone = [_says(item, field, key) for item in section.value.items]
            if all(gone) and gone:
                changes += remove_pairs(sheet, sheet.root, [section])
            elif any(gone):
                changes += _without_items(sheet, section.value, gone)
    return changes


def _says(item: Item, field: str, key: str) -> bool:
    value = item.find(field)
    return value is not None and value.text == key


def _without_items(sheet: Sheet, seq: Item, gone: Sequence[bool]) -> list[Change]:
    if seq.is_flow:
        cuts = flow_cuts(sheet, [(item.start, item.end) for item in seq.items], gone)
    else:
        cuts = [
            whole_lines(sheet, sheet.line_start(item.start), sheet.end_of_lines(item))
            for item, goes in zip(seq.items, gone, strict=True)
            if goes
        ]
    return [Change(sheet, start, end, "") for start, end in cuts]
