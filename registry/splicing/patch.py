"""Two states of the files as a patch that `git apply` takes."""

import difflib
from collections.abc import Iterator, Sequence

from registry.files.sources import SourceFile

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def render_patch(before: Sequence[SourceFile], after: Sequence[SourceFile]) -> str:
    """A unified diff of the files, which have the same names in the same order on both sides. Empty when equal."""
    pairs = zip(before, after, strict=True)
    return "".join(line for old, new in pairs if old.text != new.text for line in _diff(old, new))


def _diff(old: SourceFile, new: SourceFile) -> Iterator[str]:
    lines = difflib.unified_diff(_lines(old.text), _lines(new.text), _name("a", old.name), _name("b", new.name))
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _lines(text: str) -> list[str]:
    """With their ends. Only `\\n` ends a line: for git, all else is content."""
    lines = [f"{line}\n" for line in text.split("\n")]
    lines[-1] = lines[-1].removesuffix("\n")
    return lines if lines[-1] else lines[:-1]


def _name(side: str, name: str) -> str:
    """The name in git's quotes where it needs them; a tab ends one that has a space."""
    path = f"{side}/{name}"
    if all(character.isprintable() and character.isascii() and character not in _ESCAPES for character in path):
        return f"{path}\t" if " " in path else path
    quoted = "".join(
        _ESCAPES.get(character, character)
        if character.isascii() and (character.isprintable() or character in _ESCAPES)
        else "".join(f"\\{byte:03o}" for byte in character.encode())
        for character in path
    )
    return f'"{quoted}"'
