"""What users, keys, models and outcomes are called where usage is grouped by them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.accounts import read_key_names, read_user_names


@dataclass(frozen=True, slots=True)
class Named:
    """What something is called. `owner`: whose key it is; None: it is no key."""

    name: str
    owner: str | None = None

    def form(self) -> dict[str, str | None]:
        return {"name": self.name, "owner": self.owner}


async def read_names(connection: AsyncConnection, by: str | None, keys: Sequence[Any]) -> dict[Any, Named]:
    """What users and keys are called; models and outcomes are their own names."""
    if by == "user_id":
        found = await read_user_names(connection, keys)
        return {key: Named(found.get(key, str(key))) for key in keys}
    if by == "api_key_id":
        owned = await read_key_names(connection, keys)
        return {key: Named(*owned.get(key, (str(key), None))) for key in keys}
    return {key: Named(str(key)) for key in keys}
