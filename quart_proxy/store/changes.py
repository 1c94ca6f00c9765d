"""Telling every worker that an admin changed something, and keeping who did it.

`config_version` is bumped in the transaction of the change itself, so a worker that sees the new number sees
the change. The notification makes it fast; the number makes it true.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.tables import audit_log

CHANNEL = "config_version"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it, for the audit log: a name, and the request that it came by."""

    name: str
    request_id: str | None = None
    address: str | None = None


async def bump_version(connection: AsyncConnection) -> int:
    """Count one change; call it in the same transaction. Waiting for the row makes changes follow each other."""
    version = await connection.scalar(text("UPDATE config_version SET version = version + 1 RETURNING version"))
    await notify(connection, CHANNEL, [str(version)])
    return int(version)


async def notify(connection: AsyncConnection, channel: str, payloads: Sequence[str]) -> None:
    """Notify those who listen to `channel`, when this transaction commits; equal payloads are one."""
    statement = text("SELECT pg_notify(:channel, payload) FROM unnest(CAST(:payloads AS text[])) AS payload")
    await connection.execute(statement, {"channel": channel, "payloads": list(payloads)})


async def read_version(connection: AsyncConnection) -> tuple[int, int]:
    """The newest version of the configuration, and the revision of the registry that it has."""
    row = (await connection.execute(text("SELECT version, revision_id FROM config_version, registry_head"))).one()
    return row.version, row.revision_id


@dataclass(frozen=True, slots=True)
class Write:
    """What one row of the audit log tells: on which thing, from what to what."""

    target: str
    before: Any = None
    after: Any = None


async def record_audit(
    connection: AsyncConnection, actor: Actor, action: str, target: str, *, before: Any = None, after: Any = None
) -> None:
    """Keep one admin write: who, what, on which thing, from what to what. No secret may be in `before` or
    `after`: documents hold references only."""
    await record_audits(connection, actor, action, [Write(target, before, after)])


async def record_audits(connection: AsyncConnection, actor: Actor, action: str, writes: Sequence[Write]) -> None:
    """As `record_audit`, of one action on several things at once."""
    said = {"actor": actor.name, "action": action, "request_id": actor.request_id, "address": actor.address}
    rows = [{"target": write.target, "before": write.before, "after": write.after, **said} for write in writes]
    await connection.execute(insert(audit_log), rows)
