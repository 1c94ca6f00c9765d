"""Which references of what is live lead to no key here. Only whether there is one is asked, never what it is."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.secrets import list_secrets
from registry.entities import EntityKey, Leaves
from registry.files.positions import is_reference
from registry.leaves import split_path
from registry.state import leaves_by_key, load_live

Sealed = tuple[str, str]
"""A kept secret: its ciphertext and its host."""
FindReason = Callable[[str, str, Sealed | None], str | None]
"""From a reference, the address that its key would be sent to, and what is kept under its name: why there is no key.
None: there is one."""


@dataclass(frozen=True, slots=True)
class MissingSecret:
    """A reference that leads nowhere. What uses it answers 502 until it leads somewhere."""

    entity: str
    reference: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def list_missing_secrets(connection: AsyncConnection, find_reason: FindReason) -> list[MissingSecret]:
    """By entity; each reference once for each."""
    kept = await list_secrets(connection)
    live = leaves_by_key(await load_live(connection))
    found: dict[tuple[str, str], str] = {}
    for entity, reference, url in _uses(live):
        name = reference.removeprefix("${secret:").removesuffix("}")
        reason = find_reason(reference, url, kept.get(name))
        if reason is not None:
            found.setdefault((str(entity), reference), reason)
    return [MissingSecret(entity, reference, reason) for (entity, reference), reason in sorted(found.items())]


def _uses(live: Mapping[EntityKey, Leaves]) -> Iterator[tuple[EntityKey, str, str]]:
    """Every reference with the address that its key is for: the one beside it."""
    for entity, leaves in live.items():
        for path, value in leaves.items():
            if not isinstance(value, str) or not is_reference(value):
                continue
            *tables, name = split_path(path)
            beside = "api_url" if tables[:1] != ["upstreams"] else f"upstreams.{tables[1]}.api_url"
            if name == "api_key" or tables == ["headers"]:
                yield entity, value, str(leaves.get(beside) or "")
