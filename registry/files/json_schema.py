"""The grammar as a JSON Schema (draft 07), for editors that check `models.yaml` while it is written.

It is laxer than the parser where rules span fields, and never stricter. Pure; run as a program it prints the schema.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from registry.files.grammar import (
    DEFAULTS,
    LIMITS,
    MODEL,
    MOVED,
    OVERLAY,
    OWNERSHIP,
    PRICING,
    PROFILE,
    PROVIDER,
    PROVIDER_CHANGES,
    RATES,
    REGISTRY,
    REMOVED,
    ROUTING,
    SYSTEM_PROMPT,
    UPSTREAM,
)
from registry.files.overlays import KEY
from registry.files.readers import Field, Fields

DEFINITIONS: Mapping[str, Fields] = {
    "defaults": DEFAULTS,
    "provider": PROVIDER,
    "provider_changes": PROVIDER_CHANGES,
    "model": MODEL,
    "profile": PROFILE,
    "upstream": UPSTREAM,
    "pricing": PRICING,
    "rates": RATES,
    "system_prompt": SYSTEM_PROMPT,
    "limits": LIMITS,
    "routing": ROUTING,
    "ownership": OWNERSHIP,
    "moved": MOVED,
    "removed": REMOVED,
}
"""The tables that others refer to, by the name that the schema gives them."""

_EXCLUSIVE = {"system_prompt": ("text", "file")}
"""Two fields of a table of which one at most is more than null."""


def render_schema() -> str:
    """The schema as JSON text, as it stands in models.schema.json."""
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "models.schema.json",
        "title": "models.yaml",
        "description": "The models that are served, who is called for them, and what they cost.",
        "if": {"required": [KEY]},
        "then": _object(OVERLAY),
        "else": _object(REGISTRY),
        "definitions": {name: {**_object(table), **_exclusion(name)} for name, table in DEFINITIONS.items()},
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _object(table: Fields) -> dict[str, Any]:
    required = [field.name for field in table.values() if field.required]
    return {
        "type": "object",
        "properties": {field.name: _property(field) for field in table.values()},
        "patternProperties": {"^x-": {}},
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _exclusion(name: str) -> dict[str, Any]:
    one_of_two = [{"properties": {field: {"type": "null"}}} for field in _EXCLUSIVE.get(name, ())]
    return {"anyOf": one_of_two} if one_of_two else {}


def _property(field: Field) -> dict[str, Any]:
    schema = _plain(field.reader.schema)
    return {"description": field.doc, **(_or_null(schema) if field.nullable else schema)}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" in schema:
        return {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        return {**schema, "enum": [*schema["enum"], None]}
    return {"anyOf": [*schema.get("anyOf", [schema]), {"type": "null"}]}


def _plain(schema: Any) -> Any:
    """A reader's schema with each nested table as a reference to its definition."""
    if isinstance(schema, list):
        return [_plain(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    if "fields" in schema:
        return {"$ref": f"#/definitions/{_name_of(schema['fields'])}"}
    return {keyword: _plain(value) for keyword, value in schema.items()}


def _name_of(table: Fields) -> str:
    return next(name for name, known in DEFINITIONS.items() if known is table)


if __name__ == "__main__":
    sys.stdout.write(render_schema())
