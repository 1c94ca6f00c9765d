"""Values as people read them: on one line, unset said out loud, no secret and no control character.

Whatever is not a plain word is quoted, so that a text can pass for nothing but a text.
"""

import difflib
import re
from datetime import UTC, datetime
from decimal import Decimal

from registry.entities import EntityKey, Value
from registry.files.positions import hide_secrets, is_reference, printable
from registry.leaves import default_of
from registry.planning.facts import Author

VALUE_CHARACTERS_MAX = 160
DIFF_LINES_MAX = 12
LOCATION_COLUMN = 86
UNSET = "(unset)"

_PLAIN = re.compile(r"[\w./:@${}+~^*-]+")
_LITERALS = frozenset({"true", "false", "null"})
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\t": "\\t"})


def shown(value: Value) -> str:
    """`10.00`, `true`, `[chat, fast]`, `"Default chat model"`, `(unset)`; long texts are cut and say so."""
    if value is None:
        return UNSET
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return _cut(f"[{', '.join(_text(item) for item in value)}]")
    return _text(value) if isinstance(value, str) else str(value)


def shown_leaf(entity: EntityKey, path: str, value: Value) -> str:
    """As `shown`, but an unset leaf shows what holds instead, where that is a fixed value: `true (default)`."""
    default = default_of(entity, path) if value is None else None
    return shown(value) if default is None else f"{shown(default)} (default)"


def shown_percent(old: Decimal, new: Decimal) -> str:
    """`-9.1 %`; from zero there is no percentage: `from zero`."""
    return f"{(new - old) / old * 100:+.1f} %" if old else "from zero"


def shown_time(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def shown_author(author: Author) -> str:
    """`alice@corp, 2026-11-21 14:03 UTC, revision 60, "EU failover"`."""
    message = f', "{_cut(printable(hide_secrets(author.message)))}"' if author.message else ""
    return f"{printable(author.actor)}, {shown_time(author.at)}, revision {author.revision}{message}"


def shown_age(at: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: `2 days ago`."""
    seconds = int((now - at).total_seconds())
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= size:
            return f"{plural(seconds // size, unit)} ago"
    return "just now"


def plural(count: int, noun: str) -> str:
    """`1 conflict`, `2 conflicts`, `1,204 requests`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def quoted(name: str) -> str:
    return f'"{printable(name)}"'


def placed(line: str, location: str | None) -> str:
    """The line with its location in a column of its own, where there is one."""
    return f"{line:<{LOCATION_COLUMN}} {printable(location)}" if location else line


def text_diff(old: str, new: str) -> tuple[str, ...]:
    """A unified diff of two texts in at most 12 lines, the last of which says how much is left out."""
    found = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)
    lines = [_cut(printable(hide_secrets(line))) for line in list(found)[2:]]
    if len(lines) > DIFF_LINES_MAX:
        hidden = len(lines) - DIFF_LINES_MAX + 1
        lines[DIFF_LINES_MAX - 1 :] = [f"... {plural(hidden, 'more line')}"]
    return tuple(lines) or ("only the ends of lines differ",)


def _text(text: str) -> str:
    if is_reference(text):
        return printable(text)
    first, *others = text.splitlines() or [""]
    end = "" if others or not text.endswith("\n") else "\\n"
    words = printable(hide_secrets(first))
    if others or end or not _PLAIN.fullmatch(words) or words in _LITERALS:
        return f'"{_cut(words.translate(_ESCAPES))}{end}"' + (f" (+{plural(len(others), 'line')})" if others else "")
    return _cut(words)


def _cut(text: str) -> str:
    hidden = len(text) - VALUE_CHARACTERS_MAX
    return f"{text[:VALUE_CHARACTERS_MAX]}... ({plural(hidden, 'more character')})" if hidden > 0 else text
