"""Reading what admins did. Entries are written by `changes.record_audit` alone."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

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


async def list_audit(
    connection: AsyncConnection,
    *,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    before_id: int | None,
    limit: int,
) -> list[AuditEntry]:
    """Newest first; None does not narrow."""
    query = select(*_ENTRY).order_by(audit_log.c.id.desc()).limit(limit)
    for name, value in (("actor", actor), ("action", action), ("target", target)):
        if value is not None:
            query = query.where(audit_log.c[name] == value)
    if before_id is not None:
        query = query.where(audit_log.c.id < before_id)
    return [AuditEntry(*row) for row in await connection.execute(query)]
