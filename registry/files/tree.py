"""Text to a tree that keeps its places: PyYAML composes, we say what a scalar is and refuse bombs.

A scalar keeps its own text: `15.00` is never a float on its way to a `Decimal`. Scalars follow the YAML 1.2
core schema, so `on`, `no` and `1:30` are text.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import yaml

from registry.files.positions import SHOWN_WORD_MAX, Findings, Part, Place, is_reference, is_sensitive

try:
    from yaml import CBaseLoader as _Composer
except ImportError:  # a PyYAML built without libyaml: the same tree, some ten times slower
    from yaml import BaseLoader as _Composer  # type: ignore[assignment]

NODES_MAX = 1_000_000
"""How many nodes a file may have once every alias is written out: some thirty thousand models."""
DEPTH_MAX = 40

_STANDARD = "tag:yaml.org,2002:"
_KINDS = {_STANDARD + kind: kind for kind in ("map", "seq", "str", "int", "float", "bool", "null")}
_PLAIN_FIRST = frozenset("+-.0123456789~tTfFnN")
_CORE: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("null", re.compile(r"~|null|Null|NULL")),
    ("bool", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("int", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")),
    ("float", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")),
    ("float", re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)

NOWHERE: Place = (0, 0)
_NO_ENTRIES: dict[str, "Entry"] = {}
_NO_ITEMS: list["Node"] = []


@dataclass(slots=True, eq=False)
class Node:
    """A value: `kind` is map, seq, str, int, float, bool or null; `text` is a scalar's own text.

    `size` counts it and all below, each alias written out. Nodes are shared where the text uses an alias, and
    never changed once made.
    """

    kind: str
    text: str = ""
    # Numbers, not tuples, and containers shared by all scalars: half of the time of a large file went to the
    # garbage collector, which walks containers.
    line: int = 0
    column: int = 0
    start: int = 0
    end: int = 0
    size: int = 1
    entries: dict[str, "Entry"] = field(default_factory=lambda: _NO_ENTRIES)
    items: list["Node"] = field(default_factory=lambda: _NO_ITEMS)

    @property
    def place(self) -> Place:
        return self.line, self.column


@dataclass(slots=True, eq=False)
class Entry:
    """A key and its value."""

    key: Node
    value: Node

    @property
    def value_place(self) -> Place:
        """Where the value is used: the key, when an alias brings the value from further up."""
        key, value = self.key, self.value
        is_above = value.line < key.line or (value.line == key.line and value.column < key.column)
        return key.place if is_above else value.place


EMPTY = Node("map")


def compose(part: Part, findings: Findings) -> Node | None:
    """The tree of one file, an empty map for an empty text, or None when there is no tree.

    Never raises for bad input: what is wrong goes to `findings`.
    """
    try:
        root = _Loader(part).get_single_node()
    except yaml.MarkedYAMLError as error:
        said = ", ".join(words for words in (error.context, error.problem) if words)
        findings.add_syntax("E101", f"not valid YAML: {said}", _place(part, error.problem_mark or error.context_mark))
        return None
    except yaml.reader.ReaderError as error:
        index = part.text.find(chr(error.character)) if isinstance(error.character, int) else 0
        findings.add_syntax("E101", "not valid YAML: a character that is not allowed", part.place_at(index))
        return None
    except UnicodeEncodeError as error:
        findings.add_syntax("E101", "not valid text: half a surrogate pair", part.place_at(error.start))
        return None
    except _RefusedError as refused:
        findings.add_syntax("E105", str(refused), refused.place)
        return None
    if root is None:
        return EMPTY
    try:
        return _Converter(part, findings).convert(root)
    except _RefusedError as refused:
        # What of it was not converted is as unknown as in a file that is no YAML.
        findings.add_syntax("E105", str(refused), refused.place)
        return None


def from_json(value: object, depth: int = 0) -> Node:
    """The tree of a JSON value, without places. Raises TypeError for what JSON does not have."""
    if depth > DEPTH_MAX:
        raise ValueError(f"nested deeper than {DEPTH_MAX} levels")
    match value:
        case None:
            return Node("null", "null")
        case bool():
            return Node("bool", "true" if value else "false")
        case int():
            return Node("int", str(value))
        case float():
            return Node("float", repr(value))
        case Decimal():
            return Node("float", f"{value:f}" if value.is_finite() else str(value))
        case str():
            return Node("str", value)
        case Mapping():
            entries = {
                str(key): Entry(Node("str", str(key)), from_json(item, depth + 1)) for key, item in value.items()
            }
            return Node("map", entries=entries)
        case list() | tuple():
            return Node("seq", items=[from_json(item, depth + 1) for item in value])
    raise TypeError(f"not a JSON value: {type(value).__name__}")


def parse_int(text: str) -> int:
    """A core-schema integer: decimal, `0o` or `0x`; a leading zero does not make it octal."""
    return int(text, 0) if text[:2] in ("0o", "0x") else int(text)


def merged(lower: Node, upper: Node, *, unions: frozenset[str] = frozenset()) -> Node:
    """`upper` over `lower`: maps merge deeply, lists under a key in `unions` unite, all else is replaced."""
    if not lower.entries or upper.kind != "map":
        return upper
    entries = dict(lower.entries)
    for key, entry in upper.entries.items():
        below = entries.get(key)
        if below is None:
            entries[key] = entry
        elif key in unions and below.value.kind == entry.value.kind == "seq":
            entries[key] = Entry(entry.key, _united(below.value, entry.value))
        else:
            entries[key] = Entry(entry.key, merged(below.value, entry.value, unions=unions))
    return replace(upper, entries=entries)


def _united(lower: Node, upper: Node) -> Node:
    have = {item.text for item in upper.items}
    return replace(upper, items=[*(item for item in lower.items if item.text not in have), *upper.items])


class _Loader(_Composer):
    """PyYAML's composer with a resolver of our own: its YAML 1.1 rules never run."""

    def __init__(self, part: Part) -> None:
        super().__init__(part.text)
        self._part = part
        self._depth = 0

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _STANDARD + (_core_kind(value) if implicit[0] else "str")
        return _STANDARD + ("seq" if kind is yaml.SequenceNode else "map")

    def descend_resolver(self, current_node: yaml.Node | None, current_index: Any) -> None:
        # The composer recurses in C: a hundred thousand brackets would end the process, not raise.
        self._depth += 1
        if self._depth > DEPTH_MAX and current_node is not None:
            raise _RefusedError(f"nested deeper than {DEPTH_MAX} levels", _place(self._part, current_node.start_mark))

    def ascend_resolver(self) -> None:
        self._depth -= 1


def _core_kind(text: str) -> str:
    if not text:
        return "null"
    if text[0] in _PLAIN_FIRST:
        for kind, pattern in _CORE:
            if pattern.fullmatch(text):
                return kind
    return "str"


class _Converter:
    """PyYAML's nodes to ours. Each node is converted once, however many aliases name it."""

    def __init__(self, part: Part, findings: Findings) -> None:
        self._part = part
        self._findings = findings
        self._done: dict[int, Node] = {}
        self._open: set[int] = set()

    def convert(self, source: yaml.Node) -> Node:
        """Raises _RefusedError if the tree would have no end, or would be too large."""
        done = self._done.get(id(source))
        if done is not None:
            return done
        mark, before = source.start_mark, self._part.characters_before
        line, column = mark.line + 1 + self._part.lines_before, mark.column + 1
        node = Node(self._kind(source), "", line, column, mark.index + before, source.end_mark.index + before)
        if isinstance(source, yaml.ScalarNode):
            node.text = source.value
        else:
            if id(source) in self._open:
                raise _RefusedError("an anchor contains itself", node.place)
            self._open.add(id(source))
            self._fill(node, source)
            self._open.discard(id(source))
        self._done[id(source)] = node
        return node

    def _fill(self, node: Node, source: yaml.Node) -> None:
        if isinstance(source, yaml.MappingNode):
            self._fill_map(node, source)
            return
        node.items = []
        for item in source.value:
            node.items.append(self._child_of(node, item))

    def _child_of(self, node: Node, source: yaml.Node) -> Node:
        child = self.convert(source)
        node.size += child.size
        if node.size > NODES_MAX:
            raise _RefusedError(f"aliases make more than {NODES_MAX:,} nodes of this", node.place)
        return child

    def _kind(self, source: yaml.Node) -> str:
        kind = _KINDS.get(source.tag)
        shape = "scalar"
        if not isinstance(source, yaml.ScalarNode):
            shape = "map" if isinstance(source, yaml.MappingNode) else "seq"
        if kind is None or (kind if kind in ("map", "seq") else "scalar") != shape:
            self._findings.add(
                "E104", "", f'the tag "{source.tag}" is not supported', _place(self._part, source.start_mark)
            )
            return "str" if shape == "scalar" else shape
        return kind

    def _fill_map(self, node: Node, source: yaml.MappingNode) -> None:
        node.entries = {}
        below: list[Node] = []
        for key_source, value_source in source.value:
            key = self._child_of(node, key_source)
            value = self._child_of(node, value_source)
            if key.kind in ("map", "seq"):
                self._findings.add("E103", "", "a key must be plain text", key.place)
                self._hide_unread(key, value)
                continue
            if key.text == "<<" and not key_source.style:
                below += self._merge_sources(value, key.place)
                continue
            self._hide_secrets(key.text, value)
            first = node.entries.setdefault(key.text, Entry(key, value)).key
            if first is not key:
                self._findings.add_duplicate("", key.text, key.place, first.place)
                self._hide_unread(value)
        for lower in below:
            for name, entry in lower.entries.items():
                node.entries.setdefault(name, entry)

    def _merge_sources(self, value: Node, place: Place) -> list[Node]:
        sources = value.items if value.kind == "seq" else [value]
        if any(source.kind != "map" for source in sources):
            self._findings.add("E104", "", "<< takes a map, or a list of maps", place)
            self._hide_unread(value)
            return []
        return sources

    def _hide_secrets(self, key: str, value: Node) -> None:
        if is_sensitive(key):
            for scalar in scalars(value):
                if not is_reference(scalar.text) and (scalar.kind == "str" or len(scalar.text) > SHOWN_WORD_MAX):
                    self._findings.hide(scalar.start, scalar.end)

    def _hide_unread(self, *nodes: Node) -> None:
        for node in nodes:
            hide_words(node, self._findings)


def hide_words(node: Node, findings: Findings) -> None:
    """Hide all that may be a secret in what no reader will look at, or none as it was meant: keys and values."""
    for scalar in scalars(node, keys=True):
        if len(scalar.text) > SHOWN_WORD_MAX and not is_reference(scalar.text):
            findings.hide(scalar.start, scalar.end)


def scalars(node: Node, *, keys: bool = False) -> Iterator[Node]:
    """Every scalar below, each node once; with `keys`, those of maps too."""
    seen: set[int] = set()
    waiting = [node]
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if current.kind == "map":
            waiting += [entry.value for entry in current.entries.values()]
            if keys:
                waiting += [entry.key for entry in current.entries.values()]
        elif current.kind == "seq":
            waiting += current.items
        else:
            yield current


class _RefusedError(Exception):
    """The tree cannot be built within bounds."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.place = place


def _place(part: Part, mark: yaml.Mark | None) -> Place:
    return part.place(mark.line, mark.column) if mark else part.place()
