"""The addresses that clients call, however their base URL is written: with `/v1`, without it, with it twice.

Every kind of client adds another path to its base URL, and its user is told to write one or the other. Each of them is
made the one address that is registered, before anything looks at it.
"""

import re
from collections.abc import Iterable
from typing import Any

BASE = "/v1/"
Scope = dict[str, Any]


class Paths:
    """Knows the endpoints under `/v1` by the first word of their paths."""

    def __init__(self, rules: Iterable[str]) -> None:
        words = sorted({re.escape(rule.split("/")[2]) for rule in rules if rule.startswith(BASE)})
        pattern = rf"/+(?:v1/+)*((?:{'|'.join(words)})(?:/.*)?)"
        self._pattern = re.compile(pattern, re.DOTALL)
        self._raw_pattern = re.compile(pattern.encode(), re.DOTALL)

    def straighten(self, scope: Scope) -> Scope:
        """The scope of a request with the address that is meant; the same scope where that is what it says."""
        found = self._pattern.fullmatch(scope["path"])
        if found is None:
            return scope
        path = BASE + found[1].rstrip("/")
        if path == scope["path"]:
            return scope
        raw = self._raw_pattern.fullmatch(scope["raw_path"])
        raw_path = scope["raw_path"] if raw is None else BASE.encode() + raw[1].rstrip(b"/")
        return {**scope, "path": path, "raw_path": raw_path}
