"""The one parser of registry documents: text, or JSON from the admin API, to typed documents and all faults.

`grammar` says what may be written. Codes are stable: E1xx syntax, E2xx schema, E3xx secrets, E4xx references
and names, E5xx and W5xx prices, W6xx style.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from quart_proxy.core.usage import Dimension
from registry.checks import (
    check_connection,
    check_free,
    check_moves,
    check_names,
    check_prompt,
    check_providers,
    check_rates,
)
from registry.documents import (
    DEFAULT_UPSTREAM,
    LimitsDocument,
    ModelDocument,
    Move,
    PricingDocument,
    ProviderDocument,
    Registry,
    Removal,
    SystemPromptDocument,
    UpstreamDocument,
    as_document,
)
from registry.grammar import API_FORMATS, CONNECTION, LIMITS, MODEL, PROFILE, PROVIDER, REGISTRY, UPSTREAM
from registry.positions import Fault, Findings
from registry.readers import Cursor, Invalid, read_fields, read_map, suggest
from registry.tree import EMPTY, NOWHERE, Entry, Node, compose, from_json, merged
from registry.values import DURATION

__all__ = [
    "API_FORMATS",
    "Fault",
    "LimitsDocument",
    "ModelDocument",
    "Parsed",
    "PricingDocument",
    "ProviderDocument",
    "Registry",
    "SystemPromptDocument",
    "UpstreamDocument",
    "as_document",
    "parse_model",
    "parse_provider",
    "parse_registry",
]

VERSION = 1
SOURCE_DEFAULT = "main"

_UNIONS = frozenset({"tags"})
_TAKEN_AS_READ = (
    "aliases",
    "enabled",
    "description",
    "owned_by",
    "visibility",
    "tags",
    "groups",
    "protect",
    "routing",
)
Document = TypeVar("Document")


@dataclass(frozen=True, slots=True)
class Parsed:
    """`registry` is None if any fault is an error; warnings leave it be."""

    registry: Registry | None
    faults: tuple[Fault, ...]


def parse_registry(text: str, *, file: str = "models.yaml") -> Parsed:
    """Read a whole file. Pure; whatever the text is, the answer is faults and never an exception."""
    text = text.removeprefix("\ufeff")
    findings = Findings(text, file)
    root = compose(text, findings)
    registry = None if root is None else _read_registry(Cursor(root, "", findings, (1, 1), (1, 1)))
    return Parsed(None if findings.has_errors else registry, findings.faults())


def parse_provider(key: str, document: Mapping[str, Any]) -> tuple[ProviderDocument | None, tuple[Fault, ...]]:
    """The same checks for one provider as JSON. Faults have paths and no places.

    Raises TypeError for a document that is not JSON.
    """
    return _parse_one("providers", key, document, _read_provider)


def parse_model(key: str, document: Mapping[str, Any]) -> tuple[ModelDocument | None, tuple[Fault, ...]]:
    """The same checks for one model as JSON; `extends` has no profiles to name here.

    Whether its provider exists and its names are free is the caller's to check. Raises TypeError for a
    document that is not JSON.
    """
    return _parse_one("models", key, document, _read_lone_model)


def _parse_one(
    section: str, key: str, document: Mapping[str, Any], read: Callable[[str, Cursor], Document | None]
) -> tuple[Document | None, tuple[Fault, ...]]:
    findings = Findings()
    found: Document | None = None
    try:
        root = Node("map", entries={key: Entry(Node("str", key), from_json(document))})
    except ValueError as error:
        findings.add("E105", f"{section}.{key}", str(error), NOWHERE)
    else:
        for _, cursor in read_map(Cursor(root, section, findings, NOWHERE, NOWHERE)):
            found = read(key, cursor)
    return None if findings.has_errors else found, findings.faults()


def _read_registry(cursor: Cursor) -> Registry:
    values = read_fields(REGISTRY, cursor)
    if values.get("version", VERSION) != VERSION:
        cursor.field("version").fail("E207", f"must be {VERSION}")
    defaults = _map_under(cursor.node, "defaults")
    profiles = _read_profiles(values.get("profiles"))
    providers = {key: _read_provider(key, child) for key, child in _entries(values.get("providers"))}
    cursors = {
        key: _expanded(child, _map_under(defaults, "model"), profiles) for key, child in _entries(values.get("models"))
    }
    models: dict[str, ModelDocument | None] = {}
    for key, child in cursors.items():
        models[key] = _read_model(key, child, _map_under(defaults, "upstream"))
        check_providers(child, providers)
    check_names(cursors)
    moved, removed = values.get("moved", ()), values.get("removed", ())
    check_moves(moved, removed, models)
    return Registry(
        version=VERSION,
        source=values.get("source", SOURCE_DEFAULT),
        providers={key: provider for key, provider in providers.items() if provider},
        models={key: model for key, model in models.items() if model},
        locations=_locations(cursor.findings),
        ownership=tuple(rule for _, rule in values.get("ownership", ())),
        moved=tuple(Move(move["from"], move["to"]) for _, move in moved if len(move) == 2),
        removed=tuple(Removal(gone["id"], gone["destroy"]) for _, gone in removed if len(gone) == 2),
    )


def _entries(cursor: Cursor | None) -> list[tuple[str, Cursor]]:
    return [] if cursor is None else list(read_map(cursor))


def _map_under(node: Node, key: str) -> Node:
    """The map under `key`, empty where there is none."""
    entry = node.entries.get(key)
    return entry.value if entry and entry.value.kind == "map" else EMPTY


def _locations(findings: Findings) -> dict[str, str]:
    return {
        path: f"{findings.file}:{line}"
        for path, line in findings.lines_by_path.items()
        if path.startswith(("models.", "providers."))
    }


def _read_profiles(cursor: Cursor | None) -> dict[str, Node]:
    """The profiles by key. Each is checked here, so that one which nobody uses is checked too."""
    profiles = {}
    for key, child in _entries(cursor):
        read_fields(PROFILE, child)
        profiles[key] = child.node
    return profiles


def _expanded(model: Cursor, defaults: Node, profiles: Mapping[str, Node]) -> Cursor:
    """The model over the profiles that it extends over `defaults.model`."""
    below = defaults
    for profile in _read_extends(model, profiles):
        below = merged(below, profile, unions=_UNIONS)
    node = replace(model.node, kind="map") if model.node.kind == "null" else model.node
    return model.over(merged(below, node, unions=_UNIONS))


def _read_extends(model: Cursor, profiles: Mapping[str, Node]) -> list[Node]:
    entry = model.node.entries.get("extends")
    if entry is None or entry.value.kind == "null":
        return []
    child = model.field("extends")
    names = MODEL["extends"].reader.read(child)
    if isinstance(names, Invalid):
        return []
    for name in names:
        if name not in profiles:
            child.fail("E403", f'no profile "{name}"{suggest(name, profiles)}')
    return [profiles[name] for name in names if name in profiles]


def _read_provider(key: str, cursor: Cursor) -> ProviderDocument | None:
    values = read_fields(PROVIDER, cursor)
    if "api_format" not in values or "api_url" not in values:
        return None
    return ProviderDocument(key, **values)


def _read_lone_model(key: str, cursor: Cursor) -> ModelDocument | None:
    _read_extends(cursor, {})
    return _read_model(key, cursor, EMPTY)


def _read_model(key: str, cursor: Cursor, upstream_defaults: Node) -> ModelDocument | None:
    values = read_fields(MODEL, cursor)
    upstreams = _read_upstreams(cursor, values, upstream_defaults)
    prompt = values.get("system_prompt", {})
    check_prompt(cursor, prompt)
    pricing = _read_pricing(cursor, values.get("pricing"))
    if not upstreams:
        return None
    return ModelDocument(
        key=key,
        display_name=values.get("display_name", key),
        upstreams=tuple(upstreams),
        pricing=pricing,
        system_prompt=SystemPromptDocument(**prompt),
        limits=_limits(values.get("limits", {})),
        **{name: values[name] for name in _TAKEN_AS_READ if name in values},
    )


def _limits(values: Mapping[str, int]) -> LimitsDocument:
    """Durations have their unit in the name once they are numbers."""
    return LimitsDocument(
        **{f"{name}_s" if LIMITS[name].reader is DURATION else name: value for name, value in values.items()}
    )


def _read_upstreams(model: Cursor, values: Mapping[str, Any], defaults: Node) -> list[UpstreamDocument]:
    """The long form's upstreams, or the one that the short form stands for."""
    long_form = values.get("upstreams")
    if long_form is None:
        short = {name: entry for name, entry in model.node.entries.items() if name in CONNECTION}
        node = Node("map", entries=short)
        return [_read_upstream(DEFAULT_UPSTREAM, model.over(merged(defaults, node)))]
    for name in CONNECTION.keys() & values.keys():
        model.field(name).fail_at_key("E208", "belongs inside an upstream when the model has `upstreams`")
    found = [_read_upstream(key, child.over(merged(defaults, child.node))) for key, child in read_map(long_form)]
    if not found:
        model.fail_at_key("E202", "needs at least one upstream")
    return found


def _read_upstream(key: str, cursor: Cursor) -> UpstreamDocument:
    values = read_fields(UPSTREAM, cursor)
    check_connection(cursor)
    return UpstreamDocument(key, **values)


def _read_pricing(model: Cursor, values: Mapping[str, Any] | None) -> PricingDocument | None:
    if values is None:
        return None
    pricing = model.field("pricing")
    if values.get("free"):
        check_free(pricing)
        return PricingDocument(free=True)
    rates = {dimension: values[dimension] for dimension in Dimension if dimension in values}
    check_rates(pricing, rates)
    return PricingDocument(rates)
