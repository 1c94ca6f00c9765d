"""JSON that can be read and could not be written again: the parser takes 1024 levels, the writer 254."""

from typing import Any

import orjson

BRACKETS_UNSUSPECTED = 200
"""A text with fewer cannot nest too deep, and most have fewer: they are not looked at again."""


def is_too_deep(document: Any, text: bytes | str) -> bool:
    """Whether the JSON document of this text cannot be written with a few levels around it. No other fault of it: what
    `orjson.loads` reads can be written but for its depth."""
    brackets = text.count(b"[") + text.count(b"{") if isinstance(text, bytes) else text.count("[") + text.count("{")
    if brackets <= BRACKETS_UNSUSPECTED:
        return False
    try:
        orjson.dumps([[[[[[[[document]]]]]]]])
    except orjson.JSONEncodeError:
        return True
    return False
