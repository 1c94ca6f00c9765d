"""Documents as leaves and back, and what a leaf is: its group, its default, whether it is a set.

A value that equals the built-in default is unset, so that writing a default out, or leaving it out, is no change.
The key of an upstream may hold dots, and so may the name of a header; the name of a field never does, so every path
reads one way.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

from quart_proxy.core.money import format_money
from quart_proxy.core.names import fold_name
from registry.documents import DEFAULT_UPSTREAM, ModelDocument, ProviderDocument, as_document
from registry.entities import KINDS, EntityKey, Kind, Leaves, Value

SETS = frozenset({"aliases", "tags", "groups", "routing.retry_on"})
TABLES = ("pricing", "system_prompt", "limits", "routing")
"""Maps of a model whose fields are leaves."""
CONNECTION_FIELDS = frozenset({"provider", "api_format", "api_url", "api_key"})
"""What decides where a request goes and with which key; never from two hands."""
SHORT_FORM = CONNECTION_FIELDS | {"actual_model"}
"""What the short form of a model says without naming its one upstream."""
PATHS_MAX = 10_000
"""Few paths come again for every model: what they are is remembered."""
_UPSTREAMS = "upstreams."
_TIERS = "pricing.tiers."
_ADDRESS = re.compile(r"(model|provider)[./]([^/]+)/(.+)")
_DEFAULTS: Mapping[str, Value] = {
    "enabled": True,
    "protect": False,
    "pricing.free": False,
    "system_prompt.disabled": False,
    "system_prompt.text": "",
}
_UPSTREAM_DEFAULTS: Mapping[str, Value] = {"enabled": True, "priority": 0, "weight": 100}


# --- documents ----------------------------------------------------------------------------------------


def leaves_of(document: ProviderDocument | ModelDocument) -> dict[str, Value]:
    """The leaves that are set. A default is not."""
    kind: Kind = "provider" if isinstance(document, ProviderDocument) else "model"
    entity = EntityKey(kind, document.key)
    found = {path: canonical(entity, path, value) for path, value in _flatten(kind, as_document(document))}
    return {path: value for path, value in found.items() if value is not None}


def document_of(leaves: Leaves) -> dict[str, Any]:
    """The JSON document that these leaves make, as `parse_provider` and `parse_model` read it; the short form
    where it says everything."""
    document: dict[str, Any] = {}
    for path, value in leaves.items():
        if value is None:
            continue
        *tables, name = split_path(path)
        holder = document
        for table in tables:
            holder = holder.setdefault(table, {})
        holder[name] = list(value) if isinstance(value, tuple) else value
    upstreams = document.get("upstreams", {})
    if list(upstreams) == [DEFAULT_UPSTREAM] and upstreams[DEFAULT_UPSTREAM].keys() <= SHORT_FORM:
        del document["upstreams"]
        document |= upstreams[DEFAULT_UPSTREAM]
    return document


def canonical(entity: EntityKey, path: str, value: Any) -> Value:
    """The one form of a value: None for a default, an empty list or an empty text; sets sorted; prices as dollars."""
    if isinstance(value, (list, tuple)):
        value = tuple(sorted({str(item) for item in value})) or None
    elif isinstance(value, Decimal):
        value = format_money(value)
    return None if value == default_of(entity, path) else value


def default_of(entity: EntityKey, path: str) -> Value:
    """What holds when the leaf is unset, where that is a fixed value; None where it is not."""
    if path == "display_name" and entity.kind == "model":
        return entity.key
    if path.startswith(_UPSTREAMS):
        return _UPSTREAM_DEFAULTS.get(split_path(path)[-1])
    return _DEFAULTS.get(path)


def folded(path: str, value: Value) -> dict[str, str]:
    """The elements of a set as they are written, by the form in which they are compared: of aliases case is none."""
    elements = value if isinstance(value, tuple) else ()
    return {fold_name(element) if path == "aliases" else element: element for element in elements}


def _flatten(kind: Kind, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every leaf of a document; what the short form of a model says belongs to the upstream `default`."""
    for name, value in document.items():
        if name == "upstreams":
            for key, upstream in value.items():
                yield from ((upstream_path(key, field), below) for field, below in upstream.items())
        elif name == "pricing":
            yield from _flatten_pricing(value)
        elif isinstance(value, dict):
            yield from ((f"{name}.{field}", below) for field, below in value.items())
        elif kind == "model" and name in SHORT_FORM:
            yield upstream_path(DEFAULT_UPSTREAM, name), value
        else:
            yield name, value


def _flatten_pricing(pricing: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in pricing.items():
        if name == "tiers":
            for threshold, rates in value.items():
                yield from ((tier_path(threshold, rate), below) for rate, below in rates.items())
        else:
            yield f"pricing.{name}", value


# --- paths --------------------------------------------------------------------------------------------


def upstream_path(key: str, field: str) -> str:
    return f"{_UPSTREAMS}{key}.{field}"


def tier_path(threshold: str | int, rate: str) -> str:
    """`pricing.tiers.200000.input`."""
    return f"{_TIERS}{threshold}.{rate}"


@lru_cache(maxsize=PATHS_MAX)
def split_path(path: str) -> tuple[str, ...]:
    """The parts of a path: `("pricing", "input")`, `("pricing", "tiers", "200000", "input")`,
    `("upstreams", "eu.west", "weight")`, `("headers", "x-team")`."""
    if path.startswith(_TIERS):
        return tuple(path.split("."))
    if path.startswith(_UPSTREAMS):
        key, _, field = path.removeprefix(_UPSTREAMS).rpartition(".")
        return "upstreams", key, field
    table, dot, name = path.partition(".")
    return (table, name) if dot else (path,)


def upstream_of(path: str) -> str | None:
    """The key of the upstream that the leaf belongs to; None for a leaf of the model or provider itself."""
    return split_path(path)[1] if path.startswith(_UPSTREAMS) else None


@lru_cache(maxsize=PATHS_MAX)
def group_of(path: str) -> str:
    """The leaves that change together or not at all: `pricing` with all tiers, `system_prompt`, `connection` (of a
    provider), `upstreams.<key>.connection`; any other leaf is a group of its own."""
    *tables, name = split_path(path)
    if tables[:1] == ["upstreams"]:
        return upstream_path(tables[1], "connection") if name in CONNECTION_FIELDS else path
    if tables[:1] in (["pricing"], ["system_prompt"]):
        return tables[0]
    if tables == ["headers"] or (not tables and name in CONNECTION_FIELDS):
        return "connection"
    return path


def shown_path(path: str) -> str:
    """The path as people write it: without `upstreams.default.` where the short form says the same."""
    short = path.removeprefix(upstream_path(DEFAULT_UPSTREAM, ""))
    return short if short in SHORT_FORM | {"connection"} else path


def known_path(entity: EntityKey, written: str) -> str:
    """The path that `written` stands for: the inverse of `shown_path`."""
    is_short = entity.kind == "model" and written in SHORT_FORM | {"connection"}
    return upstream_path(DEFAULT_UPSTREAM, written) if is_short else written


def split_address(address: str) -> tuple[EntityKey, str]:
    """The entity and the group of `model.claude-sonnet/pricing`, or with a slash after the kind. Raises ValueError."""
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise ValueError(f"`{address}` is no address such as model.gpt-main/pricing")
    return EntityKey(cast(Kind, match[1]), match[2]), match[3]


def parse_entity(text: str) -> EntityKey:
    """`model/gpt-main`. Raises ValueError."""
    kind, slash, key = text.partition("/")
    if kind not in KINDS or not slash:
        raise ValueError(f"`{text}` is no entity such as model/gpt-main or provider/openai")
    return EntityKey(kind, key)


# --- JSON ---------------------------------------------------------------------------------------------


def value_as_json(value: Value) -> Any:
    """A set as a list."""
    return list(value) if isinstance(value, tuple) else value


def value_from_json(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else cast(Value, value)


def as_json(leaves: Leaves) -> dict[str, Any]:
    return {path: value_as_json(value) for path, value in leaves.items()}


def from_json(leaves: Mapping[str, Any]) -> dict[str, Value]:
    return {path: value_from_json(value) for path, value in leaves.items()}
