"""Provider keys that were typed into the page: ciphertexts, each bound to the host it was entered for."""

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import secrets


async def save_secret(connection: AsyncConnection, *, name: str, ciphertext: str, host: str) -> None:
    statement = insert(secrets).values(name=name, ciphertext=ciphertext, host=host)
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
