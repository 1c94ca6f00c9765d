"""Reading what admins did. Entries are written by `changes.record_audit` alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Text, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import NotFound
from quart_proxy.store.tables import audit_log


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One write: who, what, on which thing, from what to what."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    before: Any
    after: Any
    request_id: str | None
    address: str | None


_ENTRY = tuple(audit_log.c[name] for name in AuditEntry.__slots__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries. None does not narrow; `since` is included, `until` is not. `containing` is a part of anything that
    an entry says."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    containing: str | None = None


_SEARCHED = (
    *(audit_log.c[name] for name in ("actor", "action", "target", "request_id", "address")),
    cast(audit_log.c.before, Text),
    cast(audit_log.c.after, Text),
)


async def list_audit(
    connection: AsyncConnection, chosen: AuditFilter, *, before_id: int | None, limit: int
) -> list[AuditEntry]:
    """Newest first."""
    query = select(*_ENTRY).order_by(audit_log.c.id.desc()).limit(limit)
    for name in ("actor", "action", "target"):
        if (value := getattr(chosen, name)) is not None:
            query = query.where(audit_log.c[name] == value)
    if chosen.since is not None:
        query = query.where(audit_log.c.at >= chosen.since)
    if chosen.until is not None:
        query = query.where(audit_log.c.at < chosen.until)
    if chosen.containing is not None:
        query = query.where(or_(*(column.icontains(chosen.containing, autoescape=True) for column in _SEARCHED)))
    if before_id is not None:
        query = query.where(audit_log.c.id < before_id)
    return [AuditEntry(*row) for row in await connection.execute(query)]


async def get_audit_entry(connection: AsyncConnection, entry_id: int) -> AuditEntry:
    """Raises NotFound."""
    row = (await connection.execute(select(*_ENTRY).where(audit_log.c.id == entry_id))).first()
    if row is None:
        raise NotFound(f"There is no entry {entry_id} in the audit log.", param="entry_id")
    return AuditEntry(*row)


async def list_known(connection: AsyncConnection, column: Literal["actor", "action"]) -> list[str]:
    """Every value that an entry has there, in order."""
    known = audit_log.c[column]
    return list((await connection.scalars(select(known).distinct().order_by(known))).all())
