"""Faults and where they stand: file, line, column, and a source line in which no secret can be read."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from registry.files.sources import SourceFile

Place = tuple[int, int]
"""Line and column, both from 1, in characters."""

_LINE_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML counts as the end of a line: more than `\\n`, less than `str.splitlines`."""

REDACTED = "<redacted>"
SHOWN_MAX = 160
REFERENCE = re.compile(r"\$\{(?:env:[A-Za-z_][A-Za-z0-9_]*|file:/[^{}\x00-\x1f]+|secret:[a-z0-9][a-z0-9._-]*)\}")
_REFERENCE = re.compile(rf"""["']?{REFERENCE.pattern}["']?""")
_LOOKS_SECRET = re.compile(
    r"\b(?:sk|pk|rk|xai|gsk|ghp|glpat|hf)[-_][\w-]{8,}|\bAIza[\w-]{10,}|\bBearer\s+[^\s\"',}]+"
    r"|(?<=://)[^/\s@]+(?=@)|(?<=[?&])[\w.-]+=[^\s&\"',}]+"
)
"""What is hidden wherever it stands: vendors' keys, bearer tokens, a URL's user and query."""
_LOOKS_RANDOM = re.compile(r"(?<![A-Za-z0-9])(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}")
"""What may be a key pasted where none belongs. A commit looks the same, so it is hidden in faults alone."""

_SENSITIVE = "key|token|secret|passw|auth|credential|signature|cookie"
_SENSITIVE_KEY = re.compile(_SENSITIVE, re.IGNORECASE)
_KEY_LINE = re.compile(r"""\s*[{,\s-]*["']?([\w.-]+)["']?\s*:(?:\s|$)""")
_SENSITIVE_PAIR = re.compile(
    rf"""(?<!\$\{{)(?:{_SENSITIVE})[\w.-]{{0,80}}["']?\s*[:=]\s*(?P<value>\S)""", re.IGNORECASE
)
_WORD = re.compile(r"""["']?[^\s,}\]"']+""")
_HARMLESS = re.compile(r"[\d._]+|true|false|null|~|[\[{|>&*!].*")
"""Beside a sensitive key: a number, a word of YAML's own, or the beginning of what was parsed."""
_COMMENT = re.compile(r"(?:^|\s)#")
SHOWN_WORD_MAX = 8
"""Characters. A word or a number as short as this is shown where a longer one may be a secret in a wrong place."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a registry file. `line` and `column` count from 1; both are 0 without a file.

    `source_line` is as written, secrets hidden; `caret` is where the column is in it, from 0.
    """

    code: str
    path: str
    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    source_line: str = ""
    caret: int = 0

    @property
    def severity(self) -> str:
        """`error` or `warning`; only errors stop a file from being applied."""
        return "error" if self.code.startswith("E") else "warning"

    def render(self) -> str:
        """For people: `file:line:column: error[E201]: ...`, then the source line with a caret below."""
        where = f"{self.file}:{self.line}:{self.column}: " if self.line else ""
        path = f"{self.path}: " if self.path else ""
        first = printable(f"{where}{self.severity}[{self.code}]: {path}{self.message}")
        if not self.source_line:
            return first
        source = printable(self.source_line)
        indent = "".join("\t" if character == "\t" else " " for character in source[: self.caret])
        return f"{first}\n{self.line:>6} | {source}\n{'':>6} | {indent}^"

    def as_json(self) -> dict[str, str | int]:
        """For machines: every field, no caret."""
        return {
            "code": self.code,
            "severity": self.severity,
            "path": self.path,
            "message": self.message,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "source_line": self.source_line,
        }


@dataclass(frozen=True, slots=True)
class Part:
    """One file in the one long text that all files make.

    Places and offsets count through that text, so that a place alone says which file it is in.
    """

    name: str
    text: str
    lines_before: int
    characters_before: int
    lines: Sequence[str] = field(repr=False)

    def place(self, line: int = 0, column: int = 0) -> Place:
        """The place of a line and column of this file, both from 0 as PyYAML counts them."""
        if line >= len(self.lines):  # the end of a text whose last line is not ended
            line, column = len(self.lines) - 1, len(self.lines[-1])
        return self.lines_before + line + 1, column + 1

    def place_at(self, index: int) -> Place:
        """The place of the character at `index` of this file."""
        before = _LINE_BREAK.split(self.text[:index])
        return self.place(len(before) - 1, len(before[-1]))


class Findings:
    """Collects what a reader finds in the files: faults, and which spans are secret.

    Faults are made at the end, by `faults()`, when every secret span is known. The same fault at the same
    place counts once: one in a profile is not repeated for each model that uses it.
    """

    def __init__(self, files: Iterable[SourceFile] = ()) -> None:
        self.parts = _parts_of(files)
        self._starts = [part.lines_before for part in self.parts]
        self._lines = [line for part in self.parts for line in part.lines]
        self._line_starts = [start for part in self.parts for start in _line_starts(part)]
        self._found: dict[tuple[str, str, str | Place], tuple[str, str, str, Place]] = {}
        self._secret_spans: list[tuple[int, int]] = []
        self._not_composed: set[str] = set()
        self._overlays: set[str] = set()

    def add(self, code: str, path: str, message: str, place: Place) -> None:
        """Record one fault. `place` is (0, 0) where there is no text."""
        same = (code, message, place if place[0] else path)
        hide = _hide_in_words if place[0] else hide_secrets
        self._found.setdefault(same, (code, hide(path), hide(message), place))

    def add_duplicate(self, path: str, key: str, place: Place, first: Place) -> None:
        """Record that a key is there a second time, here or in another file."""
        part = self._part_of(first[0])
        where = f"line {first[0] - part.lines_before}"
        if part is not self._part_of(place[0]):
            where = f"{part.name}:{first[0] - part.lines_before}"
        self.add("E102", path, f'duplicate key "{key[:80]}" (first at {where})', place)

    def add_syntax(self, code: str, message: str, place: Place) -> None:
        """Record that a file is no YAML: then nothing tells its keys from its values, and more is hidden."""
        self._not_composed.add(self._part_of(place[0]).name)
        self.add(code, "", message, place)

    def hide(self, start: int, end: int) -> None:
        """Never show these characters of the text (offsets from 0)."""
        self._secret_spans.append((start, end))

    def where(self, line: int) -> str:
        """A line as people write it: `models.yaml:41`."""
        part = self._part_of(line)
        return f"{part.name}:{line - part.lines_before}"

    def mark_overlay(self, place: Place) -> None:
        """Record that the file of this place is laid over the others."""
        self._overlays.add(self._part_of(place[0]).name)

    def is_in_overlay(self, place: Place) -> bool:
        return place[0] > 0 and self._part_of(place[0]).name in self._overlays

    @property
    def has_errors(self) -> bool:
        return any(code.startswith("E") for code, *_ in self._found.values())

    def faults(self) -> tuple[Fault, ...]:
        """All of them, in the order of the text."""
        ordered = sorted(self._found.values(), key=lambda found: (found[3], found[0]))
        return tuple(self._fault(*found) for found in ordered)

    def _part_of(self, line: int) -> Part:
        return self.parts[bisect_left(self._starts, line) - 1]

    def _fault(self, code: str, path: str, message: str, place: Place) -> Fault:
        line, column = place
        if line == 0:
            return Fault(code, path, message)
        part = self._part_of(line)
        source = self._lines[line - 1]
        shown, caret = _clip(*_redact(source, self._spans_in(line, source), column - 1))
        return Fault(code, path, message, part.name, line - part.lines_before, column, shown, caret)

    def _spans_in(self, line: int, source: str) -> list[tuple[int, int]]:
        start = self._line_starts[line - 1]
        spans = [(first - start, last - start) for first, last in self._secret_spans]
        spans += [match.span() for match in _LOOKS_SECRET.finditer(source)]
        spans += [match.span() for match in _LOOKS_RANDOM.finditer(source)]
        part = self._part_of(line)
        if part.name in self._not_composed:
            spans += _suspect_spans(part.lines[: line - part.lines_before - 1], source)
        else:
            spans += _pair_spans(source)
        return [(max(0, first), min(len(source), last)) for first, last in spans if first < len(source) and last > 0]


def is_sensitive(key: str) -> bool:
    """Whether a value under this key may be a secret."""
    return _SENSITIVE_KEY.search(key) is not None


def is_reference(text: str) -> bool:
    """Whether the text only points at a secret, so that it may be shown."""
    return _REFERENCE.fullmatch(text) is not None


def looks_secret(text: str) -> bool:
    """Whether any part of the text is known for a secret by its form alone."""
    return _LOOKS_SECRET.search(text) is not None


def hide_secrets(message: str) -> str:
    return _LOOKS_SECRET.sub(REDACTED, message)


def _hide_in_words(text: str) -> str:
    """The same for what quotes a file: keys and values may stand there in each other's place."""
    shown = _LOOKS_RANDOM.sub(REDACTED, hide_secrets(text))
    return _redact(shown, list(_pair_spans(shown)), 0)[0]


def printable(text: str) -> str:
    """Terminal control characters cannot act from inside a fault."""
    return "".join(character if character.isprintable() or character == "\t" else "?" for character in text)


def _parts_of(files: Iterable[SourceFile]) -> tuple[Part, ...]:
    parts: list[Part] = []
    lines, characters = 0, 0
    for file in files:
        text = file.text.removeprefix("\ufeff")
        parts.append(Part(file.name, text, lines, characters, _LINE_BREAK.split(text)))
        lines += len(parts[-1].lines)
        characters += len(text) + 1
    return tuple(parts)


def _line_starts(part: Part) -> list[int]:
    starts = [0, *(match.end() for match in _LINE_BREAK.finditer(part.text))]
    return [part.characters_before + start for start in starts]


def _suspect_spans(above: Sequence[str], source: str) -> Iterable[tuple[int, int]]:
    """What may be secret in a line that was not parsed: a sensitive key's value, or the rest of one."""
    for match in _SENSITIVE_PAIR.finditer(source):
        if not _REFERENCE.match(source, match.start("value")):
            yield match.start("value"), len(source)
    if not _KEY_LINE.match(source):
        nearest = next((key for line in reversed(above) if (key := _KEY_LINE.match(line))), None)
        if nearest and is_sensitive(nearest[1]):
            yield 0, len(source)


def _pair_spans(source: str) -> Iterable[tuple[int, int]]:
    """What looks like a sensitive key's value in a line that was parsed: in a comment, or inside a text. The values of
    its true keys are known, and may be harmless."""
    comment = _COMMENT.search(source)
    commented = comment.start() if comment else len(source)
    for match in _SENSITIVE_PAIR.finditer(source):
        start = match.start("value")
        word = _WORD.match(source, start)
        if _REFERENCE.match(source, start) or word is None:
            continue
        if start > commented:
            yield start, len(source)
        elif not _HARMLESS.fullmatch(word[0]):
            yield word.span()


def _redact(source: str, spans: list[tuple[int, int]], caret: int) -> tuple[str, int]:
    """The line with each span replaced, and where the caret is then."""
    joined: list[tuple[int, int]] = []
    for first, last in sorted(spans):
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    shown, end, moved = "", 0, caret
    for first, last in joined:
        shown += source[end:first] + REDACTED
        if caret >= last:
            moved += len(REDACTED) - (last - first)
        elif caret > first:
            moved -= caret - first
        end = last
    return shown + source[end:], moved


def _clip(shown: str, caret: int) -> tuple[str, int]:
    """A line no longer than a terminal likes, with the caret in it."""
    if len(shown) <= SHOWN_MAX:
        return shown, caret
    start = max(0, min(caret - SHOWN_MAX // 2, len(shown) - SHOWN_MAX))
    return shown[start : start + SHOWN_MAX], caret - start
