"""Prompts that stand in files of their own: what `file` names becomes the `text` that it says. Pure.

It happens in the tree, before anything is laid over anything: from there on a prompt is a text, wherever it came from,
and `text` above a `file`, or `file` above a `text`, is one value in place of another.
"""

import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from registry.files.positions import Findings
from registry.files.readers import Cursor, Invalid
from registry.files.sources import SourceFile
from registry.files.tree import Entry, Node, compose
from registry.files.values import PROMPT_PATH

PROMPT_FILE = ("system_prompt", "file")
PROMPT_TEXT = ("system_prompt", "text")
_TABLES = (("defaults", "model", "system_prompt"), ("profiles", "*", "system_prompt"), ("models", "*", "system_prompt"))
"""Where prompts are said; `*` is any key."""
_BOM = "\ufeff"


@dataclass(slots=True, eq=False)
class FileText(Node):
    """A text that the file `name` has. Its place is where the YAML names that file."""

    name: str = ""


def with_texts(root: Cursor, sheet: str, texts: Mapping[str, SourceFile]) -> Node:
    """The tree of the YAML file `sheet` with each `file` of a prompt replaced by its `text`. `texts` are by name."""
    return _mapped_at(_TABLES, root, lambda table: _with_text(table, lambda file: _read(file, sheet, texts)))


@lru_cache(maxsize=256)
def list_prompt_paths(file: SourceFile) -> tuple[str, ...]:
    """The paths of the texts that a YAML file names, from its own folder, each once. Those that are no such path are
    left out, and of what is no YAML nothing is known: both are told of when the file is parsed.

    Remembered, since whoever watches the files asks again and again.
    """
    findings = Findings([file])
    root = compose(findings.parts[0], findings)
    paths: dict[str, None] = {}

    def note(cursor: Cursor) -> None:
        path = PROMPT_PATH.read(cursor)
        if not isinstance(path, Invalid):
            paths[path] = None

    if root is not None:
        place = findings.parts[0].place()
        _mapped_at(_TABLES, Cursor(root, "", findings, place, place), lambda table: _with_text(table, note))
    return tuple(paths)


def name_of(sheet: str, path: str) -> str:
    """What a text is called that the YAML file `sheet` names by `path`."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(sheet), path))


# --- what a file says -----------------------------------------------------------------------------------------------


def prompt_of(text: str) -> str:
    """The prompt that the text of a file is: its lines end in `\\n`, and the break that editors put at the end of a
    file does not count."""
    return text.removeprefix(_BOM).replace("\r\n", "\n").removesuffix("\n")


def text_of(prompt: str, before: str) -> str | None:
    """The text of a file that says the prompt, with breaks like those that it had `before`. None for a prompt that no
    file can say."""
    text = prompt + ("\n" if before.endswith("\n") or not before or prompt.endswith("\n") else "")
    first = before.find("\n")
    if first > 0 and before[first - 1] == "\r":
        text = text.replace("\n", "\r\n")
    text = (_BOM if before.startswith(_BOM) else "") + text
    return text if prompt_of(text) == prompt else None


# --- the tree -------------------------------------------------------------------------------------------------------


def _mapped_at(places: Sequence[Sequence[str]], root: Cursor, change: Callable[[Cursor], Node]) -> Node:
    node = root.node
    for names in places:
        node = _mapped(root.over(node), names, change)
    return node


def _mapped(cursor: Cursor, names: Sequence[str], change: Callable[[Cursor], Node]) -> Node:
    """The node with what is below `names` changed; the same one where nothing is."""
    if not names:
        return change(cursor)
    node = cursor.node
    if node.kind != "map":
        return node
    changed: dict[str, Entry] = {}
    for key in node.entries if names[0] == "*" else node.entries.keys() & {names[0]}:
        entry = node.entries[key]
        value = _mapped(cursor.child(entry), names[1:], change)
        if value is not entry.value:
            changed[key] = Entry(entry.key, value)
    return replace(node, entries={**node.entries, **changed}) if changed else node


def _with_text(table: Cursor, read: Callable[[Cursor], Node | None]) -> Node:
    """A prompt without `file`: in its place the text that `read` finds, if any. A null says what it says of a text."""
    node = table.node
    if node.kind != "map" or "file" not in node.entries:
        return node
    entries = dict(node.entries)
    file, text = entries.pop("file"), entries.get("text")
    is_said = file.value.kind != "null"
    if text is None or (is_said and text.value.kind == "null"):
        value = read(table.child(file)) if is_said else file.value
        if value is not None:
            entries["text"] = Entry(file.key, value)
    elif is_said:
        table.child(file).fail("E208", "file and text exclude each other; keep one of them")
    return replace(node, entries=entries)


def _read(file: Cursor, sheet: str, texts: Mapping[str, SourceFile]) -> FileText | None:
    """None, and a fault, where there is no text to be had."""
    path = PROMPT_PATH.read(file)
    if isinstance(path, Invalid):
        return None
    name = name_of(sheet, path)
    found, node = texts.get(name), file.node
    if found is None:
        file.fail("E602", f"there is no file {name}; the path begins at the folder of {posixpath.basename(sheet)}")
        return None
    if found.problem:
        file.fail("E602", f"{name} {found.problem}")
        return None
    return FileText("str", prompt_of(found.text), node.line, node.column, node.start, node.end, name=name)
