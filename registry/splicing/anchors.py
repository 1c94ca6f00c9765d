"""What aliases share: never edited where it is shared. It is written out elsewhere, or handed to who uses it."""

from collections.abc import Mapping, Sequence
from typing import Any

from registry.splicing.cuts import Change
from registry.splicing.render_yaml import Raw, render_flow, render_scalar
from registry.splicing.syntax import Item, Sheet


def with_value(holder: Any, names: Sequence[str], value: Any) -> Any:
    """A plain value with another one put in below `names`."""
    if not names:
        return value
    table = dict(holder) if isinstance(holder, Mapping) else {}
    return {**table, names[0]: with_value(table.get(names[0]), names[1:], value)}


def without_value(table: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """A plain map without what is below `names`, and without the tables that this empties."""
    name, *rest = names
    below = without_value(table[name], rest) if rest and name in table else None
    return {key: below if key == name else value for key, value in table.items() if key != name or below}


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
    # A plain scalar of a block may hold what ends one in braces.
    return item.text if any(mark in item.text for mark in "{}[],\n") else Raw(item.text or "null")


def leave(sheet: Sheet, item: Item) -> list[Change]:
    """What is to be replaced or removed hands its anchors to those who use them."""
    return [change for below in item.walk() for change in _handed_over(sheet, below, item)]


def let_go(sheet: Sheet, item: Item) -> list[Change]:
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
