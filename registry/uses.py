"""Which key goes where: every reference with the address beside it. Pure."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from quart_proxy.core.references import host_of
from registry.entities import EntityKey, Leaves
from registry.files.positions import is_reference
from registry.leaves import split_path, upstream_of, upstream_path
from registry.outcome import Merged


class Use(NamedTuple):
    """A reference at one place of a document, and the address that its key would be sent to."""

    entity: EntityKey
    path: str
    reference: str
    url: str

    @property
    def pair(self) -> tuple[str, str]:
        """What somebody has to agree to: the reference and the host."""
        return self.reference, host_of(self.url)


def list_uses(entities: Mapping[EntityKey, Leaves | None]) -> Iterator[Use]:
    """By entity, in the order of its leaves. None: an entity that is not there."""
    for entity, leaves in entities.items():
        for path, value in (leaves or {}).items():
            if not (isinstance(value, str) and is_reference(value)):
                continue
            parts = split_path(path)
            if parts[-1] == "api_key" or parts[0] == "headers":
                yield Use(entity, path, value, _url_beside(path, leaves or {}))


def list_merged_uses(merged: Merged) -> Iterator[Use]:
    """Those that would be live, and those that the files would be known to have declared: an apply of the same files
    may put these in force later."""
    yield from list_uses({outcome.key: outcome.after for outcome in merged.entities})
    yield from list_uses({outcome.key: outcome.base_after for outcome in merged.entities})


def _url_beside(path: str, leaves: Leaves) -> str:
    upstream = upstream_of(path)
    return str(leaves.get("api_url" if upstream is None else upstream_path(upstream, "api_url")) or "")
