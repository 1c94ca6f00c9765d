"""A YAML text as it is laid out: where each key, value, anchor and alias stands, and in which style.

`tree` says what a text means; this says where it can be cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple

import yaml

try:
    from yaml import CBaseLoader as _Parser
except ImportError:  # a PyYAML built without libyaml: the same events, some ten times slower
    from yaml import BaseLoader as _Parser  # type: ignore[assignment]

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOM = "\ufeff"


@dataclass(slots=True, eq=False)
class Item:
    """A value as it is written. Offsets are in characters; `start` is at its anchor or tag, `body` behind them.

    `style` is `{` or `[` of a flow collection, a scalar's quote, `|` or `>`, and else empty. `text` is what a
    scalar says, or which anchor an alias names; `target` is what that alias stands for, and `users` are the
    aliases of this item, in the order of the text.
    """

    kind: Literal["map", "seq", "scalar", "alias"]
    start: int
    body: int
    end: int
    style: str = ""
    text: str = ""
    anchor: str | None = None
    tag: str | None = None
    pairs: list["Pair"] = field(default_factory=list)
    items: list["Item"] = field(default_factory=list)
    target: "Item | None" = None
    users: list["Item"] = field(default_factory=list)

    @property
    def is_flow(self) -> bool:
        return self.style in ("{", "[")

    @property
    def is_block_scalar(self) -> bool:
        return self.style in ("|", ">")

    @property
    def is_null(self) -> bool:
        return self.kind == "scalar" and not self.style and self.tag is None and self.text in _NULLS

    @property
    def resolved(self) -> "Item":
        return self if self.target is None else self.target

    def own_pair(self, name: str) -> "Pair | None":
        """The pair with this key that is written here, not the one that `<<` brings."""
        return next((pair for pair in self.pairs if pair.key.text == name and not pair.is_merge), None)

    def brought(self) -> dict[str, "Item"]:
        """What `<<` brings: values by key."""
        found: dict[str, Item] = {}
        for pair in self.pairs:
            if pair.is_merge:
                source = pair.value.resolved
                for one in source.items if source.kind == "seq" else [source]:
                    for name, value in one.resolved.entries().items():
                        found.setdefault(name, value)
        return found

    def entries(self) -> dict[str, "Item"]:
        """The values of a map by key, its own before those that `<<` brings; none if it is no map."""
        own = {pair.key.text: pair.value for pair in self.pairs if not pair.is_merge}
        return own | {name: value for name, value in self.brought().items() if name not in own}

    def find(self, *names: str) -> "Item | None":
        """The value below these keys, through aliases and `<<`; a null on the way is the answer."""
        current = self.resolved
        for name in names:
            value = None if current.is_null else current.entries().get(name)
            if value is None:
                return current if current.is_null else None
            current = value.resolved
        return current

    def walk(self) -> Iterator["Item"]:
        """This item and all that are written below it."""
        yield self
        for below in (*self.items, *(pair.value for pair in self.pairs)):
            yield from below.walk()


class Pair(NamedTuple):
    """A key and its value."""

    key: Item
    value: Item

    @property
    def is_merge(self) -> bool:
        return self.key.text == "<<" and not self.key.style


class Sheet:
    """One file: its text and how that is laid out. Raises ValueError if it is not YAML."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.mark = _BOM if text.startswith(_BOM) else ""
        self.text = text.removeprefix(_BOM)
        first = self.text.find("\n")
        self.newline = "\r\n" if first > 0 and self.text[first - 1] == "\r" else "\n"

    @cached_property
    def root(self) -> Item:
        """The outermost map; an empty one for a text without content."""
        return _read(self.text)

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Where the line's break begins, or the text's end."""
        end = self.text.find("\n", at)
        if end < 0:
            return len(self.text)
        return end - 1 if self.text[end - 1 : end] == "\r" else end

    def next_line(self, at: int) -> int:
        """Where the next line begins, or the text's end."""
        return self.text.find("\n", at) + 1 or len(self.text)

    def column(self, at: int) -> int:
        """How many characters are before it in its line."""
        return at - self.line_start(at)

    def end_of_lines(self, item: Item) -> int:
        """Where the break of the item's last line begins, behind a comment that ends it."""
        last = item.end - 1 if item.end and self.text[item.end - 1] == "\n" else item.end
        return self.line_end(max(last - 1, item.start) if last > item.start else item.end)


def _read(text: str) -> Item:
    try:
        events = list(yaml.parse(text, Loader=_Parser))
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise ValueError("not valid YAML") from error
    root = Item("seq", 0, 0, len(text))
    open_items, keys, anchors = [root], list[Item | None]([None]), dict[str, Item]()
    for event in events:
        if isinstance(event, yaml.CollectionEndEvent):
            _close(open_items.pop(), event, text)
            keys.pop()
        elif isinstance(event, yaml.NodeEvent):
            item = _item(event, text, anchors)
            keys[-1] = _attach(open_items[-1], keys[-1], item)
            if isinstance(event, yaml.CollectionStartEvent):
                open_items.append(item)
                keys.append(None)
    documents = [item for item in root.items if not item.is_null]
    return documents[0] if documents else Item("map", len(text), len(text), len(text))


def _attach(parent: Item, key: Item | None, item: Item) -> Item | None:
    """Put the item into its parent. The answer is the key that waits for its value."""
    if parent.kind == "seq":
        parent.items.append(item)
    elif key is None:
        return item
    else:
        parent.pairs.append(Pair(key, item))
    return None


def _item(event: Any, text: str, anchors: dict[str, Item]) -> Item:
    start, end = event.start_mark.index, event.end_mark.index
    if isinstance(event, yaml.AliasEvent):
        name = str(event.anchor)
        target = anchors.get(name)
        if target is None:
            raise ValueError(f"no anchor is named {name}")
        alias = Item("alias", start, start, end, text=name, target=target)
        target.users.append(alias)
        return alias
    item = Item("scalar", start, start, end, anchor=event.anchor, tag=event.tag)
    if isinstance(event, yaml.ScalarEvent):
        item.style, item.text = event.style or "", event.value
        item.body = _behind_properties(text, item) if item.anchor or item.tag else start
        item.end = _end_of_block_scalar(text, item) if item.is_block_scalar else end
    else:
        is_map = isinstance(event, yaml.MappingStartEvent)
        item.kind = "map" if is_map else "seq"
        if event.flow_style:
            item.style, item.body = "{" if is_map else "[", end - 1
    if item.anchor:
        anchors[item.anchor] = item
    return item


def _close(item: Item, event: Any, text: str) -> None:
    """A block collection ends where its last value does: the parser's mark is behind the comments."""
    if item.is_flow:
        item.end = event.end_mark.index
    elif item.pairs:
        item.body, item.end = item.pairs[0].key.start, item.pairs[-1].value.end
    elif item.items:
        item.body = text.rfind("-", 0, max(item.items[0].start, 1))
        item.end = item.items[-1].end


def _behind_properties(text: str, item: Item) -> int:
    at = item.start
    while at < item.end and text[at] in "&!":
        while at < item.end and not text[at].isspace():
            at += 1
        while at < item.end and text[at].isspace():
            at += 1
    return at


def _end_of_block_scalar(text: str, item: Item) -> int:
    """Behind its last line's break. Blank lines below it are the text's only with `+`."""
    said = text[item.body : item.end]
    header = said.partition("\n")[0].partition("#")[0]
    if "+" in header:
        return item.end
    kept = len(said.rstrip())
    line_end = said.find("\n", kept)
    return item.end if line_end < 0 else item.body + line_end + 1
