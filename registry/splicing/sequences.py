"""Cuts in the lists of a file: sets that gain and lose elements, and the records of `moved` and `removed`."""

from collections.abc import Sequence

from registry.splicing.cuts import Change
from registry.splicing.render_yaml import render_flow, render_scalar
from registry.splicing.syntax import Item, Sheet


def edited_set(sheet: Sheet, seq: Item, wanted: Sequence[str]) -> list[Change]:
    """Make the elements of a list what is wanted: those that stay keep their places, and their lines."""
    kept = [item for item in seq.items if item.resolved.text in wanted]
    have = {item.resolved.text for item in kept}
    new = [render_scalar(text, in_flow=seq.is_flow) for text in wanted if text not in have]
    if seq.is_flow:
        return _edited_flow(sheet, seq, kept, new)
    if not kept:
        return [Change(sheet, seq.body, seq.end, _dashed(sheet, seq, new).lstrip())]
    at, last = sheet.end_of_lines(kept[-1]), sheet.end_of_lines(seq.items[-1])
    cuts = [
        Change(sheet, sheet.line_start(item.start), sheet.next_line(sheet.end_of_lines(item)), "")
        for item in seq.items
        if item not in kept and item.start < kept[-1].start
    ]
    return [*cuts, *([Change(sheet, at, last, _dashed(sheet, seq, new))] if new or at < last else [])]


def _edited_flow(sheet: Sheet, seq: Item, kept: Sequence[Item], new: Sequence[str]) -> list[Change]:
    if kept and len(kept) == len(seq.items):
        at = kept[-1].end
        return [Change(sheet, at, at, "".join(f", {text}" for text in new))] if new else []
    texts = [*(sheet.text[item.start : item.end] for item in kept), *new]
    return [Change(sheet, seq.body, seq.end, f"[{', '.join(texts)}]")]


def _dashed(sheet: Sheet, seq: Item, texts: Sequence[str]) -> str:
    column = sheet.column(seq.body)
    return "".join(f"{sheet.newline}{' ' * column}- {text}" for text in texts)


def appended_record(sheet: Sheet, seq: Item, record: dict[str, object]) -> Change:
    """One more record at the end of a list that is written here."""
    text = render_flow(record)
    if not seq.is_flow:
        at = sheet.end_of_lines(seq)
        return Change(sheet, at, at, _dashed(sheet, seq, [text]))
    at = seq.items[-1].end if seq.items else seq.body + 1
    return Change(sheet, at, at, f", {text}" if seq.items else text)
