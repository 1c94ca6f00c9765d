"""Edits of the registry written into its files: the text is cut and pasted, so all else keeps every byte.

Edits of one entity build on each other, so they are made in rounds: each takes what does not touch what it took
already, and what is left is made on the text that comes of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from registry.documents import DEFAULT_UPSTREAM
from registry.entities import EntityKey, Value
from registry.files.grammar import CONNECTION
from registry.files.prompts import PROMPT_TEXT
from registry.files.sources import SourceFile
from registry.leaves import default_of
from registry.splicing.anchors import copied, leave, let_go, with_value, without_value
from registry.splicing.blocks import put, remove, remove_pairs
from registry.splicing.book import Book, is_brought
from registry.splicing.cuts import Change, SpliceError, indented
from registry.splicing.prompts import put_prompt, remove_prompt
from registry.splicing.render_yaml import render_flow, render_pair, written
from registry.splicing.sections import add_entity, add_removed, add_stanza, remove_entity
from registry.splicing.syntax import Sheet

__all__ = [
    "AddEntity",
    "AddRemoved",
    "Edit",
    "RemoveEntity",
    "RemoveUpstream",
    "SetLeaf",
    "SpliceError",
    "UnsetLeaf",
    "changes_of",
    "splice",
]

_NEVER_NULL = frozenset({"pricing", "headers"})
"""Tables whose fields cannot be null."""


@dataclass(frozen=True, slots=True)
class SetLeaf:
    """Give a leaf a value, in the entity's own block."""

    entity: EntityKey
    path: str
    value: Value


@dataclass(frozen=True, slots=True)
class UnsetLeaf:
    """Take a leaf's line out; with `as_null`, say that it is unset, so that nothing else gives it a value. With
    `pricing` as its path, that of all prices at once."""

    entity: EntityKey
    path: str
    as_null: bool = False


@dataclass(frozen=True, slots=True)
class RemoveEntity:
    """Take an entity out, with the comment directly above it, and what `moved` says of it."""

    entity: EntityKey


@dataclass(frozen=True, slots=True)
class RemoveUpstream:
    entity: EntityKey
    key: str


@dataclass(frozen=True, slots=True)
class AddEntity:
    """Put an entity at the end of its section, in the file that has most of its kind. `document` is as
    `leaves.document_of` makes it; a None in it becomes null."""

    entity: EntityKey
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AddRemoved:
    """Put the key of a model into `removed:`."""

    key: str
    destroy: bool

    @property
    def entity(self) -> EntityKey:
        return EntityKey("model", self.key)


Edit = SetLeaf | UnsetLeaf | RemoveEntity | RemoveUpstream | AddEntity | AddRemoved


def splice(files: Sequence[SourceFile], edits: Sequence[Edit]) -> list[SourceFile]:
    """The files with the edits made, in their order. Pure.

    Raises SpliceError if one cannot be said in the files as they are, or if a file is not YAML.
    """
    sheets = [Sheet(file.name, file.text) for file in files]
    waiting = list(edits)
    while waiting:
        taken, waiting = _round(Book(sheets), waiting)
        sheets = [_changed(sheet, [change for change in taken if change.sheet is sheet]) for sheet in sheets]
    return [SourceFile(sheet.name, sheet.mark + sheet.text) for sheet in sheets]


def _round(book: Book, edits: Sequence[Edit]) -> tuple[list[Change], list[Edit]]:
    """The changes that can be made at once, and the edits that are left."""
    taken: list[Change] = []
    left: list[Edit] = []
    busy: set[EntityKey] = set()
    for edit in edits:
        if edit.entity not in busy:
            changes, is_done = changes_of(book, edit)
            if not any(_touch(change, other) for change in changes for other in taken):
                taken += changes
                left += [] if is_done else [edit]
                busy.add(edit.entity)
                continue
        left.append(edit)
        busy.add(edit.entity)
    return taken, left


def _touch(one: Change, other: Change) -> bool:
    return one.sheet is other.sheet and one.start <= other.end and other.start <= one.end


def _changed(sheet: Sheet, changes: Sequence[Change]) -> Sheet:
    if not changes:
        return sheet
    text, end = "", 0
    for change in sorted(changes, key=lambda change: (change.start, change.end)):
        text += sheet.text[end : change.start] + change.text
        end = max(end, change.end)
    return Sheet(sheet.name, sheet.mark + text + sheet.text[end:])


def changes_of(book: Book, edit: Edit) -> tuple[list[Change], bool]:
    """What an edit changes, and whether that is all of it: else it is to be made once more, on the new text.

    Raises SpliceError, also if the base would change for the sake of one environment.
    """
    changes, is_done = _changes_of(book, edit)
    strays = [change.sheet.name for change in changes if not book.may_change(change.sheet)]
    if strays:
        raise SpliceError(f"{edit.entity}: {strays[0]} would change, which other environments read too.")
    return changes, is_done


def _changes_of(book: Book, edit: Edit) -> tuple[list[Change], bool]:
    try:
        match edit:
            case SetLeaf():
                return _set_leaf(book, edit)
            case UnsetLeaf():
                return _unset_leaf(book, edit)
            case RemoveUpstream():
                return _remove_upstream(book, edit)
            case RemoveEntity(entity):
                return remove_entity(book, entity), True
            case AddEntity(entity, document):
                return add_entity(book, entity, document), True
            case AddRemoved(key, destroy):
                return add_removed(book, key, destroy=destroy), True
    except ValueError as error:
        raise SpliceError(f"A file cannot be edited: {error}.") from error


# --- leaves -------------------------------------------------------------------------------------------


def _set_leaf(book: Book, edit: SetLeaf) -> tuple[list[Change], bool]:
    names = book.names_of(edit.entity, edit.path)
    if names[0] == "upstreams" and book.is_short(edit.entity):
        return _to_long_form(book, edit.entity), False
    value = edit.value
    if names == PROMPT_TEXT and isinstance(value, str) and book.has_prompt_file(edit.entity):
        return put_prompt(book, edit.entity, value), True
    if edit.path == "tags" and isinstance(value, tuple):
        below = book.tags_below(edit.entity)
        if below - set(value):
            raise SpliceError(f"{edit.entity} tags: {', '.join(sorted(below - set(value)))} comes from elsewhere.")
        value = tuple(tag for tag in value if tag not in below)
        if not value:
            return _remove(book, edit.entity, names), True
    return _put(book, edit.entity, names, written(edit.path, value)), True


def _put(book: Book, entity: EntityKey, names: Sequence[str], value: Any) -> list[Change]:
    found = book.find(entity)
    if found is None:
        return add_stanza(book, entity, with_value({}, names, value))
    return put(found.sheet, found.holder, found.pair, names, value, step=found.step)


def _remove(book: Book, entity: EntityKey, names: Sequence[str]) -> list[Change]:
    found = book.find(entity)
    return [] if found is None else remove(found.sheet, found.pair.value, names)


def _unset_leaf(book: Book, edit: UnsetLeaf) -> tuple[list[Change], bool]:
    entity, path = edit.entity, edit.path
    names = book.names_of(entity, path)
    if names == PROMPT_TEXT and book.has_prompt_file(entity):
        return (put_prompt(book, entity, None) if edit.as_null else remove_prompt(book, entity)), True
    if not edit.as_null:
        return _remove(book, entity, names), True
    if names[0] == "upstreams" and book.is_short(entity):
        return _to_long_form(book, entity), False
    default = default_of(entity, path)
    if isinstance(default, (bool, int)):
        return _put(book, entity, names, default), True
    if names[0] not in _NEVER_NULL or path == "pricing":
        return _put(book, entity, names, None), True
    if book.comes_back(entity, path) == "layer":
        raise SpliceError(f"{entity} {path}: it comes from elsewhere in the files and cannot be null.")
    return _put_table_without(book, entity, names), True


def _put_table_without(book: Book, entity: EntityKey, names: Sequence[str]) -> list[Change]:
    """The table of a leaf written out in the entity without it: what comes by alias or `<<` cannot be taken out."""
    found = book.get(entity)
    holders = names[:1] if names[0] == "pricing" else names[:-1]
    table = without_value(dict(copied(found.pair.value.find(*holders))), names[len(holders) :])
    if table or is_brought(found.pair.value, holders):
        return _put(book, entity, holders, table or None)
    return _remove(book, entity, holders)


# --- upstreams ----------------------------------------------------------------------------------------


def _to_long_form(book: Book, entity: EntityKey) -> list[Change]:
    """The connection of a model in the short form, put into an upstream called `default`."""
    found = book.find(entity)
    own = (
        [pair for pair in found.pair.value.pairs if pair.key.text in CONNECTION and not pair.is_merge] if found else []
    )
    if found is None or not own or found.pair.value.own_pair("upstreams") or book.connection_below(entity):
        raise SpliceError(f"{entity}: its connection comes from elsewhere in the files, so no upstream can join it.")
    sheet, model = found.sheet, found.pair.value
    first, rest = own[0], own[1:]
    upstreams = {DEFAULT_UPSTREAM: {pair.key.text: copied(pair.value) for pair in own}}
    if model.is_flow:
        text = render_flow({"upstreams": upstreams})[1:-1]
    else:
        lines = render_pair("upstreams", upstreams, step=found.step)
        text = indented(sheet, lines, sheet.column(first.key.start)).lstrip()
    return [
        *let_go(sheet, model),
        *leave(sheet, first.value),
        Change(sheet, first.key.start, first.value.end, text),
        *remove_pairs(sheet, model, rest),
    ]


def _remove_upstream(book: Book, edit: RemoveUpstream) -> tuple[list[Change], bool]:
    entity, names = edit.entity, ("upstreams", edit.key)
    if book.is_short(entity):
        return _to_long_form(book, entity), False
    if any(layer.find(*names) for layer in book.layers(entity)):
        raise SpliceError(f"{entity} {'.'.join(names)}: it comes from elsewhere in the files and cannot be taken out.")
    if is_brought(book.get(entity).pair.value, names):
        return _put_table_without(book, entity, names), True
    return _remove(book, entity, names), True
