"""Reading usage objects: what every format needs, and no format's own names.

A usage object is trusted for nothing: each count goes through `parse_count`, and a number that no price
covers is named, so that an unknown fee raises an alarm instead of being lost.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

import orjson

from quart_proxy.core.usage import InvalidCount, parse_count

# What providers add about their own costs and speed: never tokens that a client pays for.
_REMARKS = re.compile(
    r"(cost|[^.]*_cost|cost_in_usd_ticks|[^.]*tokens_per_second|[^.]*_time|[^.]*_ms|draft_tokens"
    r"|draft_tokens_acceptance)$"
    r"|(cost|cost_details|latency_checkpoint|pydantic_ai_gateway)\."
)
# Fees that stand among the remarks but are charged on top of tokens.
_FEES = frozenset({"cost.request_cost"})

_DEPTH_MAX = 5

_LENIENT = json.JSONDecoder(strict=False)
# An escaped backslash, a pair of surrogates, or half of one.
_SURROGATES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
_USAGE_OBJECT = re.compile(r'"usage"\s*:\s*(?=\{)')


def load_lenient(text: bytes) -> Any:
    """The value of a provider's JSON text, or None when it is none.

    NaN, infinities, control characters and broken UTF-8 are read too: the text goes to the client as it is,
    and a usage beside them may still count. `parse_count` refuses what is no count. Half of a surrogate pair, as
    providers send that cut their texts anywhere, becomes U+FFFD: no text may hold it.
    """
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass
    try:
        return _LENIENT.decode(_SURROGATES.sub(_mend, text.decode(errors="replace").strip()))
    except (ValueError, RecursionError):
        return None


def _mend(found: re.Match[str]) -> str:
    return "\\ufffd" if found[1] else found[0]


def is_json(text: bytes) -> bool:
    """Whether this is one whole JSON text."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def find_tail_usage(tail: bytes) -> Any:
    """The last object named `usage` in the end of a JSON text whose beginning is gone; None without one."""
    text = tail.decode(errors="replace")
    found = None
    for match in _USAGE_OBJECT.finditer(text):
        try:
            found, _ = _LENIENT.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            continue
    return found


@cache
def _split(name: str) -> tuple[str, ...]:
    return tuple(name.split("."))


class Counts:
    """The counts in one usage object, found by dotted name such as `prompt_tokens_details.cached_tokens`."""

    __slots__ = ("_fields", "_path")

    def __init__(self, fields: Mapping[str, Any], path: str = "usage") -> None:
        self._fields = fields
        self._path = path

    def find(self, name: str) -> int | None:
        """The count, or None when it is absent or null. Raises InvalidCount."""
        value: Any = self._fields
        for key in _split(name):
            if value is None:
                return None
            # JSON objects are dicts; asking for a Mapping would cost more than the rest of this.
            if not isinstance(value, dict):
                raise InvalidCount(f"{self._path}.{name}")
            value = value.get(key)
        return None if value is None else parse_count(value, f"{self._path}.{name}")

    def largest(self, *names: str) -> int:
        """The largest of counts that are different names for the same tokens; 0 when none is there."""
        return max(self.find(name) or 0 for name in names)

    def find_first(self, *names: str) -> int | None:
        """The first of these counts that is there, or None."""
        return next((count for name in names if (count := self.find(name)) is not None), None)


def list_unpriced(fields: Mapping[str, Any], known: Collection[str]) -> tuple[str, ...]:
    """Dotted names of the numbers above zero in `fields` that are neither in `known` nor mere remarks."""
    return tuple(
        name
        for name, value in _walk(fields, "")
        if value > 0 and name not in known and (name in _FEES or not _REMARKS.match(name))
    )


def _walk(fields: Mapping[str, Any], prefix: str, depth: int = 0) -> Iterator[tuple[str, float]]:
    if depth > _DEPTH_MAX:
        return
    for key, value in fields.items():
        name = prefix + key
        if isinstance(value, dict):
            yield from _walk(value, name + ".", depth + 1)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, value
