"""Cuts for a prompt that stands in a file of its own: that file is written anew, or left to the others that have it."""

from registry.entities import EntityKey
from registry.files.prompts import PROMPT_FILE, PROMPT_TEXT, prompt_of, text_of
from registry.splicing.anchors import copied, let_go
from registry.splicing.blocks import put, remove, replace
from registry.splicing.book import Book, Found, is_brought
from registry.splicing.cuts import Change
from registry.splicing.render_yaml import render_scalar

_TABLE, _FILE = PROMPT_FILE
_TEXT = PROMPT_TEXT[1]


def put_prompt(book: Book, entity: EntityKey, prompt: str | None) -> list[Change]:
    """Another prompt for an entity that names a file; None: none, said as null. The file is changed if it is the
    entity's alone and can say it; else the text takes the place of its name."""
    text = book.find_own_text(entity)
    if prompt is not None and text is not None:
        before = text.mark + text.text
        new = text_of(prompt, before)
        if prompt_of(before) == prompt:
            return []
        if new is not None:
            return [Change(text, 0, len(text.text), new.removeprefix(text.mark))]
    return _in_yaml(book.get(entity), prompt)


def remove_prompt(book: Book, entity: EntityKey) -> list[Change]:
    """The line that names the file goes. The file stays: whether it is still wanted, its owner knows."""
    found = book.get(entity)
    return remove(found.sheet, found.pair.value, PROMPT_FILE)


def _in_yaml(found: Found, prompt: str | None) -> list[Change]:
    sheet, entity = found.sheet, found.pair.value
    own = entity.own_pair(_TABLE)
    file = own.value.own_pair(_FILE) if own else None
    if own is None or file is None or own.value.own_pair(_TEXT) or is_brought(entity, PROMPT_FILE):
        return _written_out(found, prompt)
    key = render_scalar(_TEXT, style=file.key.style)
    return [
        *let_go(sheet, entity),
        *let_go(sheet, own.value),
        Change(sheet, file.key.body, file.key.end, key),
        *replace(sheet, own.value, file, prompt, step=found.step),
    ]


def _written_out(found: Found, prompt: str | None) -> list[Change]:
    """The whole table, with the text and without the file, where an alias brings that."""
    table = copied(found.pair.value.find(_TABLE))
    table = {name: value for name, value in table.items() if name not in (_FILE, _TEXT)}
    return put(found.sheet, found.holder, found.pair, [_TABLE], {**table, _TEXT: prompt}, step=found.step)
