"""The tokens that admins and their programs hold: who got which, when it was last used, and that it was ended.

A token that is not here is good for what it says: one that an older version gave out.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import NotFound
from quart_proxy.store.tables import admin_tokens

PROGRAM_PREFIX = "token:"
"""Before the name of a program in a subject; an admin's has `admin:`."""
_IS_LONG_OVER = admin_tokens.c.expires_at < literal_column("now() - interval '1 day'")
"""Not at once: clocks differ, and a token that was ended must not come to life by losing its row."""
_IS_GOOD = (admin_tokens.c.expires_at > func.now()) & admin_tokens.c.revoked_at.is_(None)


@dataclass(frozen=True, slots=True)
class AdminToken:
    """`token_id` is the token's `jti`. `last_used_at` is true to the minute; None: never. `address` is where it was
    asked for."""

    id: int
    token_id: str
    subject: str
    scope: str
    created_by: str
    address: str | None
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None

    @property
    def is_program(self) -> bool:
        return self.subject.startswith(PROGRAM_PREFIX)

    @property
    def name(self) -> str | None:
        """None: an admin who gave none."""
        return self.subject.partition(":")[2] or None


_TOKEN = tuple(admin_tokens.c[name] for name in AdminToken.__slots__)


async def insert_token(
    connection: AsyncConnection,
    *,
    token_id: str,
    signer: str,
    subject: str,
    scope: str,
    expires_at: datetime,
    created_by: str,
    address: str | None,
) -> int:
    """Keep that it was given out. The id by which it is named from now on."""
    await connection.execute(delete(admin_tokens).where(_IS_LONG_OVER))
    given = {"token_id": token_id, "signer": signer, "subject": subject, "scope": scope, "expires_at": expires_at}
    statement = insert(admin_tokens).values(**given, created_by=created_by, address=address)
    return int((await connection.execute(statement.returning(admin_tokens.c.id))).scalar_one())


async def list_tokens(
    connection: AsyncConnection, *, signer: str, programs: bool | None, before_id: int | None, limit: int
) -> list[AdminToken]:
    """Those that are good, newest first; of `programs` only, or only of admins, or (None) of both. What another
    `signer` signed is good no longer."""
    query = (
        select(*_TOKEN).where(_IS_GOOD, admin_tokens.c.signer == signer).order_by(admin_tokens.c.id.desc()).limit(limit)
    )
    if programs is not None:
        query = query.where(admin_tokens.c.subject.startswith(PROGRAM_PREFIX) == programs)
    if before_id is not None:
        query = query.where(admin_tokens.c.id < before_id)
    return [AdminToken(*row) for row in await connection.execute(query)]


async def use_token(connection: AsyncConnection, token_id: str) -> bool:
    """Note that it is used now. Whether it was ended."""
    statement = update(admin_tokens).where(admin_tokens.c.token_id == token_id).values(last_used_at=func.now())
    ended = await connection.execute(statement.returning(admin_tokens.c.revoked_at.is_not(None)))
    return bool(ended.scalar_one_or_none())


async def revoke_token(connection: AsyncConnection, row_id: int) -> AdminToken:
    """End one before its time. Raises NotFound for one that is over, or never was."""
    statement = update(admin_tokens).where(admin_tokens.c.id == row_id, _IS_GOOD).values(revoked_at=func.now())
    row = (await connection.execute(statement.returning(*_TOKEN))).first()
    if row is None:
        raise NotFound(f"There is no admin token {row_id} that is still good.", param="id")
    return AdminToken(*row)


async def end_token(
    connection: AsyncConnection, *, token_id: str, signer: str, subject: str, scope: str, expires_at: datetime
) -> None:
    """End the one with this `jti`, kept here or not."""
    known = {"token_id": token_id, "signer": signer, "subject": subject, "scope": scope, "expires_at": expires_at}
    statement = insert(admin_tokens).values(**known, created_by=subject, revoked_at=func.now())
    await connection.execute(
        statement.on_conflict_do_update(index_elements=["token_id"], set_={"revoked_at": func.now()})
    )
