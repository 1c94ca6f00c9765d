"""Names and ids of tools in a format that takes fewer of them than the client's does.

OpenAI and Gemini take names of 64 letters, digits, `_` and `-`, Anthropic 128; clients put servers and groups before
theirs. What does not fit is cut and gets a digest of the whole, the same in every turn, and is found again by it.
"""

import hashlib
import re
from collections.abc import Iterable

from quart_proxy.core.chat import Tool, ToolCall, ToolKind

_UNWANTED = re.compile(r"[^A-Za-z0-9_-]")
_DIGEST_CHARACTERS = 8
CALL_ID_CHARACTERS_MAX = 64


def fit_name(name: str, namespace: str | None, characters_max: int) -> str:
    """The name that the upstream is told; one that fits is itself."""
    whole = name if namespace is None else f"{namespace}__{name}"
    return _fit(whole, characters_max)


def fit_call_id(call_id: str, characters_max: int = CALL_ID_CHARACTERS_MAX) -> str:
    """An id for upstreams that take letters, digits, `_` and `-` alone; one that fits is itself."""
    return _fit(call_id, characters_max)


def _fit(text: str, characters_max: int) -> str:
    fitted = _UNWANTED.sub("_", text)
    if fitted == text and 0 < len(text) <= characters_max:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{fitted[: characters_max - _DIGEST_CHARACTERS - 1]}_{digest}"


class ToolNames:
    """The tools of one request by the names that the upstream knows them by."""

    __slots__ = ("_tools",)

    def __init__(self, tools: Iterable[Tool], characters_max: int) -> None:
        self._tools = {fit_name(tool.name, tool.namespace, characters_max): tool for tool in tools}

    def open_call(self, call_id: str, name: str) -> ToolCall:
        """A call that the upstream begins, under the client's own name, without arguments yet."""
        tool = self._tools.get(name)
        if tool is None:
            return ToolCall(call_id, name)
        kind = ToolKind.CUSTOM if tool.kind is ToolKind.CUSTOM else ToolKind.FUNCTION
        return ToolCall(call_id, tool.name, kind=kind, namespace=tool.namespace)
