"""The one parser of registry documents: files, or JSON from the admin API, to typed documents and all faults.

`grammar` says what may be written. Codes are stable: E1xx files and syntax, E2xx schema, E3xx secrets, E4xx references
and names, E5xx and W5xx prices, W6xx style.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from registry.collector import paused_collector
from registry.documents import (
    LimitsDocument,
    ModelDocument,
    PricingDocument,
    ProviderDocument,
    Registry,
    SystemPromptDocument,
    UpstreamDocument,
    as_document,
)
from registry.entities import SOURCE_DEFAULT, Desired, EntityKey, Stanza
from registry.files.checks import Records, check_files, check_moves, check_names, check_providers
from registry.files.declared import Layer, desired_of, layer_of, model_stanza, provider_stanza
from registry.files.expansion import expand
from registry.files.grammar import (
    API_FORMATS,
    MODEL,
    OVERLAY,
    PROFILE,
    PROVIDER_CHANGES,
    REGISTRY,
    UPSTREAM,
    VERSION,
)
from registry.files.overlays import KEY, check_overlays, laid_over, split_files
from registry.files.positions import Fault, Findings
from registry.files.prompts import with_texts
from registry.files.readers import Cursor, Invalid, read_fields, read_map, suggest
from registry.files.reading import read_model, read_provider
from registry.files.sources import SourceFile
from registry.files.tree import EMPTY, NOWHERE, Entry, Node, compose, from_json

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
    "parse_files",
    "parse_model",
    "parse_provider",
    "parse_registry",
]


Document = TypeVar("Document")
Sections = Sequence[Mapping[str, Any]]
"""For each file, its valid top-level fields."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """`registry` and `desired` are None if any fault is an error; warnings leave them be."""

    registry: Registry | None
    faults: tuple[Fault, ...]
    desired: Desired | None = None


@dataclass(frozen=True, slots=True)
class _Model:
    """A model being read: `own` is its stanza, `expanded` the same place with the `layers` filled in."""

    own: Cursor
    layers: Sequence[Layer]
    expanded: Cursor
    document: ModelDocument | None


def parse_registry(text: str, *, file: str = "models.yaml") -> Parsed:
    """The same as `parse_files`, for one file."""
    return parse_files([SourceFile(file, text)])


def parse_files(files: Sequence[SourceFile]) -> Parsed:
    """Read all files of a source as one registry, those with `overlay` laid over the others: the YAML, and the texts of
    prompts that it names. Pure; whatever they say, the answer is faults and never an exception."""
    # A tree has no rings, and the collector would walk it over and over while it grows: half of the time.
    with paused_collector():
        sheets = [file for file in files if not file.is_text]
        return _parse(Findings(sheets), {file.name: file for file in files if file.is_text})


def _parse(findings: Findings, texts: Mapping[str, SourceFile]) -> Parsed:
    roots = [compose(part, findings) for part in findings.parts]
    cursors = [
        Cursor(root, "", findings, part.place(), part.place())
        for root, part in zip(roots, findings.parts, strict=True)
        if root is not None
    ]
    if len(cursors) < len(roots):
        # Of a file that is no YAML nobody knows what it would have said: nothing can be called missing.
        return Parsed(None, findings.faults())
    files = [
        cursor.over(with_texts(cursor, part.name, texts)) for cursor, part in zip(cursors, findings.parts, strict=True)
    ]
    return _read_registry(files, findings)


def parse_provider(key: str, document: Mapping[str, Any]) -> tuple[ProviderDocument | None, tuple[Fault, ...]]:
    """The same checks for one provider as JSON. Faults have paths and no places.

    Raises TypeError for a document that is not JSON.
    """
    return _parse_one("providers", key, document, read_provider)


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


def _read_registry(files: Sequence[Cursor], findings: Findings) -> Parsed:
    base, overlays = split_files(files)
    sections = [read_fields(REGISTRY, file) for file in base]
    changes = [read_fields(OVERLAY, file) for file in overlays]
    check_overlays(base, overlays)
    if overlays and not base:
        return Parsed(None, findings.faults())
    check_files([*base, *overlays], [*sections, *changes], findings, version=VERSION)
    for section in sections:
        _check_upstreams(section.get("defaults", {}).get("model", {}))
    defaults = _defaults(base)
    upstream_defaults = _map_under(defaults, "upstream")
    cursors = laid_over(_united("providers", sections), _united("providers", changes), _check_provider_changes)
    providers = {key: (child, read_provider(key, child)) for key, child in cursors.items()}
    owns = laid_over(_united("models", sections), _united("models", changes), _check_fragment)
    models = _read_models(owns, sections, _map_under(defaults, "model"), upstream_defaults)
    for model in models.values():
        check_providers(model.expanded, providers)
    check_names({key: model.expanded for key, model in models.items()})
    ownership, moved, removed = (_listed(name, sections) for name in ("ownership", "moved", "removed"))
    check_moves(moved, removed, models)
    if findings.has_errors:
        return Parsed(None, findings.faults())
    source = next((section["source"] for section in sections if "source" in section), SOURCE_DEFAULT)
    registry = Registry(
        VERSION,
        source,
        providers={key: document for key, (_, document) in providers.items() if document},
        models={key: model.document for key, model in models.items() if model.document},
    )
    stanzas = {
        **{
            EntityKey("provider", key): provider_stanza(found, providers[key][0])
            for key, found in registry.providers.items()
        },
        **_model_stanzas(models, upstream_defaults),
    }
    desired = desired_of(source, stanzas, ownership, moved, removed)
    overlay = overlays[0].field(KEY).node.text if overlays else None
    return Parsed(registry, findings.faults(), replace(desired, overlay=overlay))


def _united(name: str, sections: Sections) -> dict[str, Cursor]:
    """The entries of one map of all files. A key that two of them have is a fault."""
    found: dict[str, Cursor] = {}
    for section in sections:
        for key, child in read_map(section[name]) if name in section else ():
            first = found.setdefault(key, child)
            if first is not child:
                child.findings.add_duplicate(child.path, key, child.key_place, first.key_place)
    return found


def _listed(name: str, sections: Sections) -> Records:
    """The entries of one list of all files, in the order of the files."""
    return tuple(record for section in sections for record in section.get(name, ()))


def _defaults(files: Sequence[Cursor]) -> Node:
    return next((_map_under(file.node, "defaults") for file in files if "defaults" in file.node.entries), EMPTY)


def _map_under(node: Node, key: str) -> Node:
    """The map under `key`, empty where there is none."""
    entry = node.entries.get(key)
    return entry.value if entry and entry.value.kind == "map" else EMPTY


def _read_models(
    owns: Mapping[str, Cursor], sections: Sections, defaults: Node, upstream_defaults: Node
) -> dict[str, _Model]:
    lowest = layer_of("defaults.model", defaults)
    profiles = _read_profiles(_united("profiles", sections))
    models: dict[str, _Model] = {}
    for key, own in owns.items():
        layers = (lowest, *_read_extends(own, profiles))
        expanded = own.over(expand(own.node, [layer.node for layer in layers]))
        models[key] = _Model(own, layers, expanded, read_model(key, expanded, upstream_defaults))
    return models


def _model_stanzas(models: Mapping[str, _Model], upstream_defaults: Node) -> dict[EntityKey, Stanza]:
    return {
        EntityKey("model", key): model_stanza(
            model.document, model.own, model.expanded.node, model.layers, upstream_defaults
        )
        for key, model in models.items()
        if model.document
    }


def _read_profiles(cursors: Mapping[str, Cursor]) -> dict[str, Layer]:
    """Each profile is checked here, so that one which nobody uses is checked too."""
    for cursor in cursors.values():
        _check_upstreams(read_fields(PROFILE, cursor))
    return {key: layer_of(f"profiles.{key}", cursor.node) for key, cursor in cursors.items()}


def _check_provider_changes(cursor: Cursor) -> None:
    read_fields(PROVIDER_CHANGES, cursor)


def _check_fragment(cursor: Cursor) -> None:
    """The stanza of a model that is laid over another."""
    _check_upstreams(read_fields(MODEL, cursor))


def _check_upstreams(fragment: Mapping[str, Any]) -> None:
    """Those of a profile or of the defaults, which may go into no model."""
    if "upstreams" in fragment:
        for _, upstream in read_map(fragment["upstreams"]):
            read_fields(UPSTREAM, upstream)


def _read_extends(model: Cursor, profiles: Mapping[str, Layer]) -> list[Layer]:
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


def _read_lone_model(key: str, cursor: Cursor) -> ModelDocument | None:
    _read_extends(cursor, {})
    return read_model(key, cursor, EMPTY)
