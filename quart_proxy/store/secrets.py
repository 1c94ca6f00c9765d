"""Provider keys that were typed into the page: ciphertexts, each bound to the host it was entered for."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSecret:
    """A secret and its history. `created_by` None: from before that was kept; `rotated_at` None: never another key."""

    name: str
    ciphertext: str
    host: str
    created_by: str | None
    created_at: datetime
    rotated_at: datetime | None


async def save_secret(connection: AsyncConnection, *, name: str, ciphertext: str, host: str, by: str) -> None:
    """Keep a secret, or another one under its name. `by` is who made it, if it is new."""
    statement = insert(secrets).values(name=name, ciphertext=ciphertext, host=host, created_by=by)
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=["name"],
            set_={
                "ciphertext": statement.excluded.ciphertext,
                "host": statement.excluded.host,
                "rotated_at": func.now(),
            },
        )
    )


async def find_secret(connection: AsyncConnection, name: str) -> tuple[str, str] | None:
    """The ciphertext and the host of a secret, or None."""
    row = (await connection.execute(select(secrets.c.ciphertext, secrets.c.host).where(secrets.c.name == name))).first()
    return None if row is None else (row.ciphertext, row.host)


async def find_secrets(connection: AsyncConnection, names: Collection[str]) -> dict[str, KeptSecret]:
    """Those of `names` that are kept, by name."""
    if not names:
        return {}
    columns = [secrets.c[name] for name in KeptSecret.__slots__]
    rows = (await connection.execute(select(*columns).where(secrets.c.name.in_(names)))).mappings()
    return {row["name"]: KeptSecret(**row) for row in rows}


async def list_secrets(connection: AsyncConnection) -> dict[str, tuple[str, str]]:
    """Every secret's ciphertext and host, by its name."""
    query = select(secrets.c.name, secrets.c.ciphertext, secrets.c.host).order_by(secrets.c.name)
    return {row.name: (row.ciphertext, row.host) for row in await connection.execute(query)}


async def replace_ciphertext(connection: AsyncConnection, name: str, *, before: str, after: str) -> bool:
    """Keep the same key under another seal. False: it is another key by now."""
    changed = await connection.execute(
        update(secrets).where(secrets.c.name == name, secrets.c.ciphertext == before).values(ciphertext=after)
    )
    return changed.rowcount == 1
