"""What the files declare: the leaves of each provider and model, where each stands, and what it came by.

Which leaves are declared, the tree says; what they come to, the document that was read from it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from registry.documents import ModelDocument, ProviderDocument
from registry.entities import Desired, EntityKey, OwnershipRule, Stanza
from registry.files.checks import Records
from registry.files.expansion import upstreams_of
from registry.files.grammar import CONNECTION, MODEL, PROVIDER, RATES, UPSTREAM
from registry.files.positions import Place
from registry.files.prompts import PROMPT_FILE, PROMPT_TEXT, FileText
from registry.files.readers import Cursor
from registry.files.tree import EMPTY, Entry, Node
from registry.leaves import TABLES, leaves_of, tier_path, upstream_path

_NO_LEAVES = frozenset({PROMPT_FILE, ("pricing", "tiers")})
"""A file gives the text its value, and of tiers those below are leaves."""
_TABLES: Mapping[str, Sequence[str]] = {
    table: [name for name in MODEL[table].reader.schema["fields"] if (table, name) not in _NO_LEAVES]
    for table in TABLES
}
_OF_THE_MODEL = MODEL.keys() - CONNECTION.keys() - {"extends", "upstreams"}


@dataclass(frozen=True, slots=True)
class Layer:
    """What models are built on: `name` is `defaults.model` or `profiles.chat`, `paths` the leaves it declares."""

    name: str
    node: Node
    paths: frozenset[str]


def layer_of(name: str, node: Node) -> Layer:
    return Layer(name, node, _paths_in(node))


def provider_stanza(document: ProviderDocument, provider: Cursor) -> Stanza:
    return _stanza(document, provider, dict(_provider_places(provider.node)), {})


def model_stanza(
    document: ModelDocument, own: Cursor, expanded: Node, layers: Sequence[Layer], upstream_defaults: Node
) -> Stanza:
    """`own` is the stanza as it is written, `expanded` the same over its `layers`, the lowest first."""
    places = dict(_model_places(expanded, upstream_defaults))
    written = _paths_in(own.node)
    vias = {path: _via(path, layers) for path in places if path not in written}
    file = _prompt_file(expanded)
    if file:
        prompt = ".".join(PROMPT_TEXT)
        vias[prompt] = f"{vias[prompt]}, {file}" if prompt in vias else file
    return _stanza(document, own, places, vias)


def desired_of(
    source: str, stanzas: Mapping[EntityKey, Stanza], ownership: Records, moved: Records, removed: Records
) -> Desired:
    """All that the files declare. The records are those of the grammar, without faults."""
    return Desired(
        source,
        stanzas,
        ownership=tuple(OwnershipRule(**rule) for _, rule in ownership),
        moved={move["from"]: move["to"] for _, move in moved},
        removed={removal["id"]: removal["destroy"] for _, removal in removed},
        places={
            **{f"moved/{move['from']}": _where(cursor) for cursor, move in moved},
            **{f"removed/{removal['id']}": _where(cursor) for cursor, removal in removed},
        },
    )


def _stanza(
    document: ProviderDocument | ModelDocument, own: Cursor, places: Mapping[str, Place], vias: Mapping[str, str]
) -> Stanza:
    leaves, where = leaves_of(document), own.findings.where
    return Stanza(
        leaves={path: leaves.get(path) for path in places},
        places={path: where(line) for path, (line, _) in places.items()},
        vias=vias,
        place=where(own.key_place[0]),
    )


def _where(record: Cursor) -> str:
    return record.findings.where(record.place[0])


def _via(path: str, layers: Sequence[Layer]) -> str:
    """The topmost layer that declares the path. What no layer declares came by the defaults of upstreams."""
    return next((layer.name for layer in reversed(layers) if path in layer.paths), "defaults.upstream")


def _prompt_file(expanded: Node) -> str:
    """The name of the file that the model's prompt was read from; empty where it stands in the YAML, or is not said."""
    table, name = PROMPT_TEXT
    prompt = expanded.entries.get(table)
    text = prompt.value.entries.get(name) if prompt else None
    return text.value.name if text and isinstance(text.value, FileText) else ""


def _paths_in(node: Node) -> frozenset[str]:
    return frozenset(path for path, _ in _model_places(node, EMPTY))


def _provider_places(provider: Node) -> Iterator[tuple[str, Place]]:
    for name, entry in provider.entries.items():
        if name == "headers":
            yield from ((f"{name}.{header}", below.value_place) for header, below in entry.value.entries.items())
        elif name in PROVIDER:
            yield name, entry.value_place


def _model_places(model: Node, upstream_defaults: Node) -> Iterator[tuple[str, Place]]:
    for name, entry in model.entries.items():
        if name in _TABLES:
            yield from _table_places(name, entry)
        elif name in _OF_THE_MODEL:
            yield name, entry.value_place
    for key, upstream in upstreams_of(model, upstream_defaults).items():
        for name, entry in upstream.entries.items():
            if name in UPSTREAM:
                yield upstream_path(key, name), entry.value_place


def _table_places(table: str, entry: Entry) -> Iterator[tuple[str, Place]]:
    """The leaves that a table names; `null` unsets all that any has."""
    if entry.value.kind == "null":
        yield from ((f"{table}.{name}", entry.value_place) for name in _TABLES[table])
    else:
        for name, below in entry.value.entries.items():
            if name == "tiers":
                yield from _tier_places(below.value)
            elif name in _TABLES[table]:
                yield f"{table}.{name}", below.value_place


def _tier_places(tiers: Node) -> Iterator[tuple[str, Place]]:
    for threshold, tier in tiers.entries.items():
        for name, below in tier.value.entries.items():
            if name in RATES:
                yield tier_path(threshold, name), below.value_place
