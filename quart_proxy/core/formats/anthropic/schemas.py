"""JSON Schemas that Anthropic can hold a model to: objects are closed, and only some keywords are taken.

What is not taken is said in the description, where the model may follow it, as Anthropic's own SDK does. Where the
schema has a description for it, nothing is lost but the guarantee.
"""

from collections.abc import Mapping
from typing import Any

import orjson

_KEPT = frozenset({"type", "enum", "const", "required", "$ref", "title", "description", "default"})
_SCHEMAS = frozenset({"items"})
_LISTS = {"anyOf": "anyOf", "oneOf": "anyOf", "allOf": "allOf"}
_MAPS = frozenset({"properties", "$defs", "definitions"})
_STRING_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_IGNORED = frozenset({"$schema", "$id", "additionalProperties"})
"""Says nothing to a model; and every object is closed."""


def close_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema as it can be held to. It takes nothing that the given one would not, open objects apart."""
    closed: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for name, value in schema.items():
        if name in _KEPT or _is_taken(name, value):
            closed[name] = value
        elif name in _SCHEMAS and isinstance(value, Mapping):
            closed[name] = close_schema(value)
        elif name in _LISTS and isinstance(value, list):
            closed[_LISTS[name]] = [_close(member) for member in value]
        elif name in _MAPS and isinstance(value, Mapping):
            closed[name] = {key: _close(member) for key, member in value.items()}
        elif name not in _IGNORED:
            told[name] = value
    if _is_object(schema):
        closed["additionalProperties"] = False
    if told:
        closed["description"] = "\n\n".join(filter(None, (schema.get("description"), orjson.dumps(told).decode())))
    return closed


def _close(schema: object) -> object:
    return close_schema(schema) if isinstance(schema, Mapping) else schema


def _is_taken(name: str, value: object) -> bool:
    return (name == "format" and value in _STRING_FORMATS) or (name == "minItems" and value in (0, 1))


def _is_object(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in schema
