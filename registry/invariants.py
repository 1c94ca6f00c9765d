"""What must hold after a change: of each document by the grammar, and of the whole registry together. Pure."""

from collections.abc import Collection, Iterator, Mapping

from quart_proxy.core.names import fold_name
from registry.documents import ModelDocument, ProviderDocument
from registry.entities import EntityKey, Leaves
from registry.files.readers import suggest
from registry.leaves import document_of, shown_path, split_path
from registry.outcome import Flaw
from registry.schema import parse_model, parse_provider

NAMED_MAX = 5


def read_leaves(entity: EntityKey, leaves: Leaves) -> tuple[ProviderDocument | ModelDocument | None, list[Flaw]]:
    """The document that these leaves make, and all that is wrong with it. None where nothing can be made of them."""
    document, faults = (parse_provider if entity.kind == "provider" else parse_model)(entity.key, document_of(leaves))
    return document, [Flaw(entity, fault.path, fault.message) for fault in faults if fault.severity == "error"]


def find_flaws(after: Mapping[EntityKey, Leaves], changed: Collection[EntityKey]) -> list[Flaw]:
    """Everything that is wrong with the changed entities beside the others, as `models.<key>.<field>`."""
    return [*_unknown_providers(after, changed), *_taken_names(after, changed)]


def find_stranded(after: Mapping[EntityKey, Leaves], deleted: Collection[EntityKey]) -> list[Flaw]:
    """The deleted providers that models are served by still."""
    gone = {entity.key for entity in deleted if entity.kind == "provider" and entity not in after}
    if not gone:
        return []
    users: dict[str, list[str]] = {}
    for entity, leaves in after.items():
        for provider in {provider for _, provider in _providers_of(leaves)} & gone:
            users.setdefault(provider, []).append(entity.key)
    return [
        Flaw(EntityKey("provider", provider), "", f"models are served by it: {_listed(named)}")
        for provider, named in sorted(users.items())
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED_MAX]) + (", ..." if len(names) > NAMED_MAX else "")


def _unknown_providers(after: Mapping[EntityKey, Leaves], changed: Collection[EntityKey]) -> Iterator[Flaw]:
    known = [entity.key for entity in after if entity.kind == "provider"]
    for entity in changed:
        for path, provider in _providers_of(after[entity]):
            if EntityKey("provider", provider) not in after:
                message = f'no provider "{provider}"{suggest(provider, known)}'
                yield Flaw(entity, f"models.{entity.key}.{shown_path(path)}", message)


def _taken_names(after: Mapping[EntityKey, Leaves], changed: Collection[EntityKey]) -> Iterator[Flaw]:
    """Each name belongs to one model, whatever its case. Models that did not change had theirs first."""
    holders: dict[str, str] = {}
    for entity in sorted(after, key=lambda entity: (entity in changed, entity)):
        if entity.kind != "model":
            continue
        for field, name in _names_of(entity, after[entity]):
            holder = holders.setdefault(fold_name(name), entity.key)
            if holder != entity.key and entity in changed:
                yield Flaw(entity, f"models.{entity.key}.{field}", f'"{name}" is a name of the model {holder}')


def _providers_of(leaves: Leaves) -> Iterator[tuple[str, str]]:
    """The path and the key of each provider that a model's upstreams name."""
    for path, value in leaves.items():
        parts = split_path(path)
        if parts[0] == "upstreams" and parts[-1] == "provider" and value is not None:
            yield path, str(value)


def _names_of(entity: EntityKey, leaves: Leaves) -> Iterator[tuple[str, str]]:
    yield "display_name", str(leaves.get("display_name") or entity.key)
    aliases = leaves.get("aliases")
    if isinstance(aliases, tuple):
        yield from (("aliases", alias) for alias in aliases)
