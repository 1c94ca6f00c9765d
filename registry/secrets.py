"""Which references lead to no key here: of what is live, and of what a merge would make live. Only whether there is a
key is asked, never what it is."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.references import secret_name
from quart_proxy.store.secrets import list_secrets
from registry.outcome import Merged
from registry.state import leaves_by_key, load_live
from registry.uses import Use, list_uses

Sealed = tuple[str, str]
"""A kept secret: its ciphertext and its host."""
FindReason = Callable[[str, str, Sealed | None], str | None]
"""From a reference, the address that its key would be sent to, and what is kept under its name: why there is no key.
None: there is one."""


@dataclass(frozen=True, slots=True)
class MissingSecret:
    """A reference that leads nowhere. What uses it is passed over, or answers 502, until it leads somewhere."""

    entity: str
    reference: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def list_missing_secrets(connection: AsyncConnection, find_reason: FindReason) -> list[MissingSecret]:
    """By entity; each reference once for each."""
    return await _missing(connection, list(list_uses(leaves_by_key(await load_live(connection)))), find_reason)


async def hints_of_missing(
    connection: AsyncConnection, merged: Merged, find_reason: FindReason | None
) -> tuple[str, ...]:
    """A sentence on each reference without a key that the merge would put where it was not before."""
    if find_reason is None:
        return ()
    before = set(list_uses({outcome.key: outcome.before for outcome in merged.entities}))
    after = list_uses({outcome.key: outcome.after for outcome in merged.entities})
    missing = await _missing(connection, [use for use in after if use not in before], find_reason)
    return tuple(f"{one.entity}: {one.reference} leads to no key: {one.reason}" for one in missing)


async def _missing(connection: AsyncConnection, uses: Iterable[Use], find_reason: FindReason) -> list[MissingSecret]:
    kept = await list_secrets(connection)
    found: dict[tuple[str, str], str] = {}
    for use in uses:
        reason = find_reason(use.reference, use.url, kept.get(secret_name(use.reference)))
        if reason is not None:
            found.setdefault((str(use.entity), use.reference), reason)
    return [MissingSecret(entity, reference, reason) for (entity, reference), reason in sorted(found.items())]
