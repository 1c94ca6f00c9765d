"""Parts of the registry that unattended syncs leave alone for a while."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import registry_holds


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    """`kind`, `key` and `fields` None: of any. `until` None: until it is ended. `source_digest`: only while the
    files are these."""

    id: int
    kind: str | None
    key: str | None
    fields: str | None
    until: datetime | None
    reason: str
    by: str
    source_digest: str | None


_HOLD = tuple(registry_holds.c[name] for name in HoldRow.__slots__)


async def list_holds(connection: AsyncConnection, now: datetime) -> list[HoldRow]:
    """Those in force at `now`, oldest first."""
    columns = registry_holds.c
    query = (
        select(*_HOLD)
        .where(columns.ended_at.is_(None), or_(columns.until.is_(None), columns.until > now))
        .order_by(columns.id)
    )
    return [HoldRow(**row) for row in (await connection.execute(query)).mappings()]


async def create_hold(
    connection: AsyncConnection,
    *,
    reason: str,
    by: str,
    until: datetime | None = None,
    kind: str | None = None,
    key: str | None = None,
    fields: str | None = None,
    source_digest: str | None = None,
) -> int:
    """Returns its id."""
    hold = insert(registry_holds).values(
        reason=reason, by=by, until=until, kind=kind, key=key, fields=fields, source_digest=source_digest
    )
    return int(await connection.scalar(hold.returning(registry_holds.c.id)) or 0)


async def end_hold(connection: AsyncConnection, hold_id: int) -> bool:
    """False: there is no such hold, or it was ended before."""
    columns = registry_holds.c
    ended = await connection.execute(
        update(registry_holds).where(columns.id == hold_id, columns.ended_at.is_(None)).values(ended_at=func.now())
    )
    return ended.rowcount == 1


async def end_holds_of(connection: AsyncConnection, source_digest: str) -> None:
    """End what was held while the files were these."""
    columns = registry_holds.c
    await connection.execute(
        update(registry_holds)
        .where(columns.source_digest == source_digest, columns.ended_at.is_(None))
        .values(ended_at=func.now())
    )
