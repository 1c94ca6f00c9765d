"""Replace one string inside a JSON text and leave every other byte as it came.

A provider's answer goes to the client as it is; only the name of the model in it is not the client's to see.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from json.decoder import scanstring  # type: ignore[attr-defined]

import orjson

Path = tuple[str, ...]
Span = tuple[int, int]

_SPACE = rb"[ \t\r\n]*+"
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_SCALAR = rb"(?:" + _STRING + rb"|[-+.\w]++)"
# A key may be spelled with escapes, such as \u006d for m: then only a parser can tell.
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")
_TEXT_SPACE = re.compile(r"[ \t\r\n]*+")
_DECODER = json.JSONDecoder(strict=False)


def replace_string(text: bytes, paths: Sequence[Path], value: str) -> bytes:
    """`text` with the string at the first of `paths` that exists replaced by `value`.

    A path names members of nested objects, from the outermost; all paths end in the same key. `text` itself
    is returned when it is no JSON object, has none of the paths, or the first that it has holds no string. A
    key that occurs twice counts where it occurs last, as it does to parsers. The usual text is edited without
    being parsed: if it breaks off *behind* the string, the string is replaced nevertheless.
    """
    plan = _plan(tuple(paths))
    has_escapes = b"\\" in text and _ESCAPED_LETTER.search(text) is not None
    if plan.quoted not in text and not has_escapes:
        return text
    span = None if has_escapes else plan.find_early(text)
    if span is None:
        span = _find_by_parsing(text, plan, is_spelled_out=not has_escapes)
    if span is None:
        return text
    return text[: span[0]] + orjson.dumps(value) + text[span[1] :]


@dataclass(frozen=True, slots=True)
class _Plan:
    """What can be prepared for a set of paths."""

    paths: tuple[Path, ...]
    quoted: bytes
    early: re.Pattern[bytes]
    member: re.Pattern[bytes]
    outer_keys: tuple[re.Pattern[bytes], ...]

    def find_early(self, text: bytes) -> Span | None:
        """Where the string is, if only scalars stand before it and no key on the way to it occurs twice."""
        match = self.early.match(text)
        if match is None or not match.lastindex:
            return None
        span = match.span(match.lastindex)
        if len(self.paths[match.lastindex - 1]) == 1:
            return span if text.find(self.quoted, span[1]) < 0 or self.has_one_member(text) else None
        is_sole = self.has_one_member(text) and all(len(key.findall(text)) == 1 for key in self.outer_keys)
        return span if is_sole else None

    def has_one_member(self, text: bytes) -> bool:
        # Inside a JSON string a quote is escaped, so `"model"` and a colon behind it are a key, never a text.
        return text.count(self.quoted) == 1 or len(self.member.findall(text)) == 1


@lru_cache(maxsize=16)
def _plan(paths: tuple[Path, ...]) -> _Plan:
    (key,) = {path[-1] for path in paths}
    outer_keys = sorted({outer for path in paths for outer in path[:-1]})
    any_path = b"|".join(_early_pattern(path) for path in paths)
    return _Plan(
        paths,
        _quote(key),
        re.compile(_SPACE + rb"(?:" + any_path + rb")", re.DOTALL),
        re.compile(_name_pattern(key) + rb"(" + _STRING + rb")?", re.DOTALL),
        tuple(re.compile(_name_pattern(outer)) for outer in outer_keys),
    )


def _early_pattern(path: Path) -> bytes:
    """An object with only scalars before the first key of `path`, whose value is such an object again."""
    pattern = b""
    for key in path:
        other = rb"(?!" + re.escape(_quote(key)) + rb")" + _STRING + _SPACE + rb":" + _SPACE
        pattern += rb"\{" + _SPACE + rb"(?:" + other + _SCALAR + _SPACE + rb"," + _SPACE + rb")*+"
        pattern += _name_pattern(key)
    return pattern + rb"(" + _STRING + rb")"


def _name_pattern(key: str) -> bytes:
    return re.escape(_quote(key)) + _SPACE + rb":" + _SPACE


def _quote(key: str) -> bytes:
    return f'"{key}"'.encode()


def _find_by_parsing(text: bytes, plan: _Plan, *, is_spelled_out: bool) -> Span | None:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    path = next((path for path in plan.paths if _has(document, path)), None)
    if path is None or not isinstance(_get(document, path), str):
        return None
    if is_spelled_out and plan.has_one_member(text):
        match = plan.member.search(text)
        return match.span(1) if match else None
    return _find_by_walking(text, path)


def _has(document: object, path: Path) -> bool:
    for key in path:
        if not isinstance(document, dict) or key not in document:
            return False
        document = document[key]
    return True


def _get(document: object, path: Path) -> object:
    for key in path:
        assert isinstance(document, dict)
        document = document[key]
    return document


def _find_by_walking(text: bytes, path: Path) -> Span | None:
    unicode = text.decode()
    start = end = 0
    try:
        for key in path:
            start, end = _find_member(unicode, start, key)
    except RecursionError:
        return None
    first = len(unicode[:start].encode())
    return first, first + len(unicode[start:end].encode())


def _find_member(text: str, start: int, key: str) -> Span:
    """Where the value of `key` is in the object at `start`; the text is known to be JSON and to have it."""
    found = (start, start)
    position = _skip_space(text, _skip_space(text, start) + 1)
    while text[position] != "}":
        name, position = scanstring(text, position + 1, False)
        position = _skip_space(text, _skip_space(text, position) + 1)
        _, end = _DECODER.raw_decode(text, position)
        if name == key:
            found = (position, end)
        position = _skip_space(text, end)
        if text[position] == ",":
            position = _skip_space(text, position + 1)
    return found


def _skip_space(text: str, position: int) -> int:
    match = _TEXT_SPACE.match(text, position)
    return match.end() if match else position
