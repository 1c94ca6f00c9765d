"""Values as YAML: scalars that every reader reads alike, flow collections, and whole entities in block style."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from registry.entities import EntityKey, Kind, Value
from registry.files.grammar import LIMITS, MODEL, PRICING, PROVIDER, RATES, ROUTING, SYSTEM_PROMPT, UPSTREAM
from registry.files.positions import Findings
from registry.files.sources import SourceFile
from registry.files.tree import compose
from registry.leaves import split_path

FIELDS: Mapping[Kind, tuple[str, ...]] = {"provider": tuple(PROVIDER), "model": tuple(MODEL)}
"""Canonical order of an entity's fields."""
BLOCK_TABLES = frozenset({"system_prompt", "headers", "upstreams"})
"""Tables that are written a field per line where they are new; the others go in one."""
_TABLES: Mapping[str, tuple[str, ...]] = {
    "pricing": tuple(PRICING),
    "system_prompt": tuple(SYSTEM_PROMPT),
    "limits": tuple(LIMITS),
    "routing": tuple(ROUTING),
}

_resolve: Callable[..., str] = yaml.resolver.Resolver().resolve
"""What YAML 1.1 takes a plain scalar for."""
_STATUS = re.compile(r"[1-9][0-9]{2}")
_NEEDS_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_SECRET = re.compile(r"\$\{secret:([^{}]+)\}")


class Raw(str):
    """YAML that is written as it stands: a number's own digits, an alias, a scalar copied from the text."""


def written(path: str, value: Value) -> Any:
    """A leaf's value for rendering: prices and statuses are numbers, sets are lists."""
    table, *rest = split_path(path)
    if table == "pricing" and isinstance(value, str):
        return Raw(value)
    if isinstance(value, tuple):
        is_status = table == "routing" and rest == ["retry_on"]
        return [Raw(text) if is_status and _STATUS.fullmatch(text) else text for text in value]
    return value


# --- scalars ------------------------------------------------------------------------------------------


def render_scalar(value: Any, *, style: str = "", in_flow: bool = True) -> str:
    """One scalar in one line, with the quotes that `style` names where they can hold it."""
    if isinstance(value, Raw):
        return f"{style}{value}{style}" if style in ("'", '"') else str(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return _text(value, style, in_flow)


def _text(value: str, style: str, in_flow: bool) -> str:
    double = _NEEDS_ESCAPE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False))
    single = "'" + value.replace("'", "''") + "'"
    choices = {"'": [single], '"': []}.get(style, [value])
    return next((text for text in choices if _reads_as(text, value, in_flow)), double)


def _reads_as(rendered: str, value: str, in_flow: bool) -> bool:
    """Whether it is this very text, also for readers that follow YAML 1.1, where `on` and `1:30` are not."""
    if "\n" in rendered or rendered.startswith(("${", "=")):
        return False
    if rendered == value and _resolve(yaml.ScalarNode, value, (True, False)) != "tag:yaml.org,2002:str":
        return False
    return reads_back(f"{{k: {rendered}}}" if in_flow else f"k: {rendered}", value)


def reads_back(text: str, value: str) -> bool:
    """Whether `text`, a map with the key `k`, has this text in it."""
    findings = Findings([SourceFile("", text)])
    root = compose(findings.parts[0], findings)
    entry = root.entries.get("k") if root and len(root.entries) == 1 else None
    return entry is not None and entry.value.kind == "str" and entry.value.text == value


def literal_lines(value: str, indent: int) -> list[str] | None:
    """The lines of a block scalar, its header first; None where none can hold the text."""
    body = value.removesuffix("\n")
    if not body.strip() or value.endswith("\n\n"):
        return None
    header = f"|{indent if body[0] in ' ' else ''}{'' if value.endswith(chr(10)) else '-'}"
    lines = [f"{' ' * indent}{line}" if line else "" for line in body.split("\n")]
    # The indentation in a header counts from the parent's, which the lines of the probe have at 0.
    return [header, *lines] if reads_back("\n".join([f"k: {header}", *lines, ""]), value) else None


# --- collections --------------------------------------------------------------------------------------


def render_flow(value: Any) -> str:
    """A value in one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{render_scalar(key)}: {render_flow(below)}" for key, below in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(render_flow(item) for item in value) + "]"
    return render_scalar(value)


def render_pair(name: str, value: Any, *, step: int) -> list[str]:
    """The lines of a pair of a block map, from column 0. `step` is how far what is below goes in."""
    key = render_scalar(name, in_flow=False)
    if isinstance(value, Mapping) and value and (name in BLOCK_TABLES or _is_deep(value)):
        lines = [line for below, item in value.items() for line in render_pair(below, item, step=step)]
        return [f"{key}:", *(f"{' ' * step}{line}" if line else "" for line in lines)]
    if isinstance(value, str) and not isinstance(value, Raw) and "\n" in value:
        literal = literal_lines(value, step)
        if literal:
            return [f"{key}: {literal[0]}", *literal[1:]]
    text = render_flow(value) if isinstance(value, (Mapping, list, tuple)) else render_scalar(value, in_flow=False)
    return [f"{key}: {text}{_secret_comment(text)}"]


def _is_deep(table: Mapping[str, Any]) -> bool:
    """Whether one line would be a poor place for it: there is a text of several in it, or a table."""
    return any(isinstance(item, Mapping) or (isinstance(item, str) and "\n" in item) for item in table.values())


def _secret_comment(rendered: str) -> str:
    names = _SECRET.findall(rendered)
    return f"   # not in this file: create the secret {' and '.join(names)} where this is applied" if names else ""


def render_entity(entity: EntityKey, document: Mapping[str, Any], *, step: int) -> list[str]:
    """The lines of an entity under its section, from column 0, in canonical order.

    `document` is as `leaves.document_of` makes it; a None in it is written as null.
    """
    fields = entity_fields(entity, document)
    key = render_scalar(entity.key, in_flow=False)
    if not fields:
        return [f"{key}: {{}}"]
    lines = [line for name, value in fields.items() for line in render_pair(name, value, step=step)]
    return [f"{key}:", *(f"{' ' * step}{line}" if line else "" for line in lines)]


def entity_fields(entity: EntityKey, document: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an entity in canonical order, for rendering."""
    return dict(_written_fields(entity, document))


def _written_fields(entity: EntityKey, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name in _ordered(document, FIELDS[entity.kind]):
        value = document[name]
        if name == "upstreams":
            yield name, {key: _upstream(below) for key, below in value.items()}
        elif isinstance(value, Mapping):
            fields = _ordered(value, _TABLES.get(name, ()))
            yield name, {field: _written_field(name, field, value[field]) for field in fields}
        else:
            yield name, written(name, _leaf(value))


def _written_field(table: str, field: str, value: Any) -> Any:
    if (table, field) != ("pricing", "tiers"):
        return written(f"{table}.{field}", _leaf(value))
    return {
        Raw(threshold): {rate: written(f"pricing.{rate}", rates[rate]) for rate in _ordered(rates, RATES)}
        for threshold, rates in sorted(value.items(), key=lambda tier: int(tier[0]))
    }


def _upstream(document: Mapping[str, Any]) -> dict[str, Any]:
    return {field: document[field] for field in _ordered(document, UPSTREAM)}


def _ordered(document: Mapping[str, Any], order: Sequence[str] | Mapping[str, Any]) -> list[str]:
    rank = {name: number for number, name in enumerate(order)}
    return sorted(document, key=lambda name: (rank.get(name, len(rank)), name))


def _leaf(value: Any) -> Value:
    leaf: Value = tuple(value) if isinstance(value, list) else value
    return leaf
