"""Readers: each turns one node into one value, or records what is wrong with it. A `Field` names one.

A table of fields is the only description of a document's shape: parsing walks it, and so can whatever writes
a JSON Schema, from each reader's `schema` and each field's `doc`.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from registry.files.positions import Findings, Place
from registry.files.tree import Entry, Node, hide_words, parse_int

NAME_CHARACTERS_MAX = 200

NOT_A_SLUG = "must be a slug: a-z, 0-9, dot, dash, underscore; first a letter or digit"
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]*")
_KINDS_IN_WORDS = {
    "map": "a map",
    "seq": "a list",
    "str": "text",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
}


class Invalid:
    """What a reader returns when it has recorded a fault."""


INVALID = Invalid()


@dataclass(frozen=True, slots=True)
class Cursor:
    """A node being read: where it is in the document, where it is in the text, and where its key is."""

    node: Node
    path: str
    findings: Findings
    place: Place
    key_place: Place

    def fail(self, code: str, message: str) -> Invalid:
        self.findings.add(code, self.path, message, self.place)
        return INVALID

    def fail_at_key(self, code: str, message: str, *, beside: Iterable["Cursor"] = ()) -> Invalid:
        """`beside` are others that it takes for the fault: it stands at the one that an overlay says."""
        places = [self.key_place, *(other.key_place for other in beside)]
        place = next((place for place in places if self.findings.is_in_overlay(place)), self.key_place)
        self.findings.add(code, self.path, message, place)
        return INVALID

    def child(self, entry: Entry) -> "Cursor":
        # As the text spells the key: what `file` of a prompt says is kept under `text`.
        spelled = entry.key.text
        path = f"{self.path}.{spelled}" if self.path else spelled
        return Cursor(entry.value, path, self.findings, entry.value_place, entry.key.place)

    def field(self, name: str) -> "Cursor":
        """The child under a key that is there."""
        return self.child(self.node.entries[name])

    def over(self, node: Node) -> "Cursor":
        """The same place, with another node."""
        return Cursor(node, self.path, self.findings, self.place, self.key_place)

    def item(self, number: int, node: Node) -> "Cursor":
        place = max(self.place, node.place)
        return Cursor(node, f"{self.path}[{number}]", self.findings, place, place)

    def children(self) -> Iterable[tuple[str, "Cursor"]]:
        for key, entry in self.node.entries.items():
            yield key, self.child(entry)


@dataclass(frozen=True, slots=True)
class Reader:
    """`read` gives a value or INVALID; `schema` says in JSON Schema's words what it accepts.

    It may accept more than `read` does, never less. `{"fields": table}` stands for a nested document.
    """

    read: Callable[[Cursor], Any]
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a document. `null` unsets it, unless `nullable` is false."""

    name: str
    reader: Reader
    doc: str
    required: bool = False
    nullable: bool = True


Fields = Mapping[str, Field]


def fields(*entries: Field) -> Fields:
    return {entry.name: entry for entry in entries}


def read_fields(table: Fields, cursor: Cursor) -> dict[str, Any]:
    """The valid fields of a map, by name; null is an empty map. Unknown and missing keys are faults.

    Keys that begin with `x-` are for anchors and are passed over.
    """
    values: dict[str, Any] = {}
    if cursor.node.kind not in ("map", "null"):
        expected(cursor, "a map")
        return values
    for key, child in cursor.children():
        field = table.get(key)
        if field is None:
            if not key.startswith("x-"):
                _unknown(key, child, table)
            continue
        if child.node.kind == "null" and field.nullable:
            continue
        value = field.reader.read(child)
        if value is not INVALID:
            values[key] = value
    for field in table.values():
        if field.required and field.name not in cursor.node.entries:
            cursor.fail_at_key("E202", f'missing required "{field.name}"')
    return values


def read_map(cursor: Cursor, *, slugs: bool = True) -> Iterable[tuple[str, Cursor]]:
    """The entries of a map whose keys are the user's; none if it is empty, null or no map."""
    if cursor.node.kind not in ("map", "null"):
        expected(cursor, "a map")
        return
    for key, child in cursor.children():
        if slugs and not is_slug(key):
            child.fail_at_key("E205", f'the key "{key[:80]}" {NOT_A_SLUG}')
        yield key, child


def is_slug(text: str) -> bool:
    return _SLUG.fullmatch(text) is not None and len(text) <= NAME_CHARACTERS_MAX


def expected(cursor: Cursor, what: str) -> Invalid:
    """Record that something else was expected; a number, or a YAML 1.1 word, gets a hint."""
    node = cursor.node
    if what == "a map" or node.kind in ("map", "seq"):
        hide_words(node, cursor.findings)
    hint = ""
    if what == "text" and node.kind in ("int", "float", "bool", "null"):
        hint = f'; quote it: "{node.text[:80]}"'
    elif what == "true or false" and node.text.lower() in ("yes", "no", "on", "off", "y", "n"):
        hint = f"; {node.text} is text in YAML 1.2"
    return cursor.fail("E203", f"must be {what}, not {in_words(node)}{hint}")


def in_words(node: Node) -> str:
    return _KINDS_IN_WORDS[node.kind]


def suggest(word: str, known: Iterable[str]) -> str:
    """`; did you mean "x"?`, or nothing."""
    nearest = difflib.get_close_matches(word, list(known), 1)
    return f'; did you mean "{nearest[0]}"?' if nearest else ""


def _unknown(key: str, child: Cursor, table: Fields) -> None:
    hide_words(child.node, child.findings)
    child.fail_at_key("E201", f'unknown key "{key[:80]}"{suggest(key, table)}')


def _is_clean(text: str) -> bool:
    return text.isprintable() and text == text.strip()


def text(*, characters_max: int, lines: bool = False, empty: bool = False) -> Reader:
    """Text without control characters; with `lines`, line breaks and tabs too."""

    def read(cursor: Cursor) -> str | Invalid:
        value = cursor.node.text
        if cursor.node.kind != "str":
            return expected(cursor, "text")
        if not value and not empty:
            return cursor.fail("E204", "must not be empty")
        if len(value) > characters_max:
            return cursor.fail("E204", f"must have at most {characters_max:,} characters, has {len(value):,}")
        if lines:
            return value if "\0" not in value else cursor.fail("E204", "must not contain a NUL character")
        return value if _is_clean(value) else cursor.fail("E204", "must not have control or surrounding characters")

    schema: dict[str, Any] = {"type": "string", "maxLength": characters_max}
    if not empty:
        schema["minLength"] = 1
    if not lines:
        schema["pattern"] = r"^\S(.*\S)?$"
    return Reader(read, schema)


NAME = text(characters_max=NAME_CHARACTERS_MAX)


def one_of(*choices: str) -> Reader:
    def read(cursor: Cursor) -> str | Invalid:
        if cursor.node.kind != "str":
            return expected(cursor, "text")
        if cursor.node.text in choices:
            return cursor.node.text
        hint = suggest(cursor.node.text, choices)
        return cursor.fail("E203", f'"{cursor.node.text[:80]}" is not one of {", ".join(choices)}{hint}')

    return Reader(read, {"enum": list(choices)})


def _read_bool(cursor: Cursor) -> bool | Invalid:
    return cursor.node.text.lower() == "true" if cursor.node.kind == "bool" else expected(cursor, "true or false")


BOOL = Reader(_read_bool, {"type": "boolean"})


def whole(minimum: int, maximum: int) -> Reader:
    def read(cursor: Cursor) -> int | Invalid:
        if cursor.node.kind != "int":
            return expected(cursor, "a whole number")
        # int() refuses thousands of digits with an error of its own.
        value = parse_int(cursor.node.text) if len(cursor.node.text) < 30 else maximum + 1
        if minimum <= value <= maximum:
            return value
        return cursor.fail("E204", f"must be from {minimum:,} to {maximum:,}")

    return Reader(read, {"type": "integer", "minimum": minimum, "maximum": maximum})


def _read_slug(cursor: Cursor) -> str | Invalid:
    if cursor.node.kind != "str":
        return expected(cursor, "text")
    if not is_slug(cursor.node.text):
        return cursor.fail("E205", NOT_A_SLUG)
    return cursor.node.text


SLUG = Reader(_read_slug, {"type": "string", "maxLength": NAME_CHARACTERS_MAX, "pattern": f"^{_SLUG.pattern}$"})


def list_of(reader: Reader, *, or_one: bool = False) -> Reader:
    """A list without repetitions; with `or_one`, a single value stands for a list of one."""

    def read(cursor: Cursor) -> tuple[Any, ...] | Invalid:
        if or_one and cursor.node.kind == "str":
            value = reader.read(cursor)
            return value if value is INVALID else (value,)
        if cursor.node.kind != "seq":
            return expected(cursor, "a list")
        values: list[Any] = []
        for number, node in enumerate(cursor.node.items):
            item = cursor.item(number, node)
            value = reader.read(item)
            if value is not INVALID and value in values:
                value = item.fail("E204", "is in the list twice")
            if value is not INVALID:
                values.append(value)
        return tuple(values)

    schema: dict[str, Any] = {"type": "array", "items": reader.schema, "uniqueItems": True}
    return Reader(read, {"anyOf": [reader.schema, schema]} if or_one else schema)


def table_of(table: Fields) -> Reader:
    """A nested document: a dict of its valid fields."""

    def read(cursor: Cursor) -> dict[str, Any] | Invalid:
        return read_fields(table, cursor) if cursor.node.kind == "map" else expected(cursor, "a map")

    return Reader(read, {"fields": table})


def records_of(table: Fields) -> Reader:
    """A list of nested documents, each with its cursor, so that checks across the file can point at it."""

    def read(cursor: Cursor) -> tuple[tuple[Cursor, dict[str, Any]], ...] | Invalid:
        if cursor.node.kind != "seq":
            return expected(cursor, "a list")
        items = [cursor.item(number, node) for number, node in enumerate(cursor.node.items)]
        return tuple((item, read_fields(table, item)) for item in items)

    return Reader(read, {"type": "array", "items": {"fields": table}})


def map_of(table: Fields) -> Reader:
    """A map of nested documents by key: the cursor, for a caller that needs the keys."""
    entry = {"anyOf": [{"fields": table}, {"type": "null"}]}
    schema = {"type": "object", "propertyNames": SLUG.schema, "additionalProperties": entry}
    return Reader(lambda cursor: cursor, schema)
