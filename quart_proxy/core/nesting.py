"""JSON that nests deep: the parser takes 1024 levels and the writer 254. What lies between must not become a fault of
ours, neither a client's body nor the arguments that a model was talked into."""

from typing import Any

import orjson

BRACKETS_UNSUSPECTED = 200
"""A text with fewer cannot nest too deep, and most have fewer: they are not looked at again."""


def is_too_deep(value: object) -> bool:
    """Whether a value cannot be written, with the few levels around it that a translation needs."""
    try:
        orjson.dumps([[[[[[[[[[value]]]]]]]]]])
    except orjson.JSONEncodeError:
        return True
    return False


def load_arguments(text: str) -> Any:
    """The value of a JSON text, such as a call's arguments, "" being an empty object; None: it is none, or nests too
    deep."""
    try:
        value = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return None
    is_suspect = text.count("[") + text.count("{") > BRACKETS_UNSUSPECTED
    return None if is_suspect and is_too_deep(value) else value


def dump_arguments(value: object) -> str:
    """The JSON text of arguments that came as an object; "" for none, and for what nests too deep."""
    return "" if not value or is_too_deep(value) else orjson.dumps(value).decode()
