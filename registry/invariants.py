"""What must hold of the whole registry after a change, beyond what is said of each document. Pure."""

from collections.abc import Collection, Iterator, Mapping

from quart_proxy.core.errors import Conflict, Fault
from quart_proxy.store.catalog import fold_name
from registry.entities import EntityKey, Leaves
from registry.files.readers import suggest
from registry.leaves import shown_path, split_path

NAMED_MAX = 5


def find_faults(after: Mapping[EntityKey, Leaves], changed: Collection[EntityKey]) -> list[Fault]:
    """Everything that is wrong with the changed entities beside the others, as `models.<key>.<field>`."""
    return [*_unknown_providers(after, changed), *_taken_names(after, changed)]


def check_deletions(after: Mapping[EntityKey, Leaves], deleted: Collection[EntityKey]) -> None:
    """Raise Conflict for a deleted provider that models are served by still."""
    users: dict[str, list[str]] = {}
    for entity, leaves in after.items():
        for provider in {provider for _, provider in _providers_of(leaves)}:
            users.setdefault(provider, []).append(entity.key)
    for entity in deleted:
        if entity.kind == "provider" and entity not in after and (named := users.get(entity.key)):
            more = ", ..." if len(named) > NAMED_MAX else ""
            raise Conflict(f"Models are served by the provider {entity.key}: {', '.join(named[:NAMED_MAX])}{more}.")


def _unknown_providers(after: Mapping[EntityKey, Leaves], changed: Collection[EntityKey]) -> Iterator[Fault]:
    known = [entity.key for entity in after if entity.kind == "provider"]
    for entity in changed:
        for path, provider in _providers_of(after[entity]):
            if EntityKey("provider", provider) not in after:
                message = f'no provider "{provider}"{suggest(provider, known)}'
                yield Fault(f"models.{entity.key}.{shown_path(path)}", message)


def _taken_names(after: Mapping[EntityKey, Leaves], changed: Collection[EntityKey]) -> Iterator[Fault]:
    """Each name belongs to one model, whatever its case. Models that did not change had theirs first."""
    holders: dict[str, str] = {}
    for entity in sorted(after, key=lambda entity: (entity in changed, entity)):
        if entity.kind != "model":
            continue
        for field, name in _names_of(entity, after[entity]):
            holder = holders.setdefault(fold_name(name), entity.key)
            if holder != entity.key:
                yield Fault(f"models.{entity.key}.{field}", f'"{name}" is a name of the model {holder}')


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
