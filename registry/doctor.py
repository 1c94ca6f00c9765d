"""Checks of the registry as it is kept: each one question, and a sentence that answers it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Unavailable
from quart_proxy.settings import WORKER_SEEN_S
from quart_proxy.store.database import Database
from quart_proxy.store.registry_conflicts import list_conflicts
from quart_proxy.store.revisions import Head, find_revision, read_head
from quart_proxy.store.schema import is_migrated
from quart_proxy.store.workers import list_workers
from registry.secrets import FindReason, list_missing_secrets
from registry.state import digest_state, leaves_by_key, load_live

COHERENT_IN = timedelta(seconds=5)
"""How long after a revision a worker may say that it serves an older one: to write a large one takes its time."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question. `message` says what is so, and the way out where it should not be."""

    name: str
    ok: bool
    message: str


def checks_as_json(checks: Sequence[Check]) -> dict[str, Any]:
    return {"ok": all(check.ok for check in checks), "checks": [asdict(check) for check in checks]}


async def diagnose(database: Database, find_reason: FindReason | None) -> dict[str, Any]:
    """Every check, as JSON; a database that is away is one that failed."""
    try:
        async with database.snapshot() as connection:
            checks = [Check("database", True, "It answers."), *await examine(connection, find_reason)]
    except Unavailable as error:
        checks = [Check("database", False, error.message)]
    return checks_as_json(checks)


async def examine(connection: AsyncConnection, find_reason: FindReason | None) -> list[Check]:
    """Every check, in a snapshot. `find_reason` None: nobody here knows which keys are to be had."""
    if not await is_migrated(connection):
        return [Check("schema", False, "The database does not have this version's schema; run `quart-proxy migrate`.")]
    head = await read_head(connection)
    checks = [
        Check("schema", True, "The database has this version's schema."),
        await _check_digest(connection, head),
        _check_sync(head),
        await _check_workers(connection, head),
        await _check_conflicts(connection),
    ]
    if find_reason is not None:
        checks.append(await _check_secrets(connection, find_reason))
    return checks


async def _check_digest(connection: AsyncConnection, head: Head) -> Check:
    if head.revision_id == 0:
        return Check("history", True, "Nothing was ever written.")
    found = digest_state(leaves_by_key(await load_live(connection)))
    if found == head.state_digest:
        return Check("history", True, f"What is live is revision {head.revision_id}.")
    message = f"What is live is not revision {head.revision_id}: someone changed it past the registry, with SQL."
    return Check("history", False, message)


def _check_sync(head: Head) -> Check:
    if head.last_sync is None:
        return Check("sync", True, "No file was read yet.")
    outcome, at, message = (head.last_sync[name] for name in ("outcome", "at", "message"))
    return Check("sync", bool(head.last_sync["ok"]), f"{outcome} at {at}. {message}".strip())


async def _check_workers(connection: AsyncConnection, head: Head) -> Check:
    workers = await list_workers(connection, datetime.now(UTC) - timedelta(seconds=WORKER_SEEN_S))
    revision = await find_revision(connection, head.revision_id)
    # A worker is behind if it spoke again since then: one that has not yet had its turn may well serve it.
    due = revision.created_at + COHERENT_IN if revision else datetime.now(UTC)
    behind = [worker.name for worker in workers if worker.revision_id < head.revision_id and worker.seen_at > due]
    if behind:
        return Check("workers", False, f"Behind revision {head.revision_id}: {', '.join(behind)}.")
    return Check("workers", True, f"{len(workers)} serving, none behind.")


async def _check_conflicts(connection: AsyncConnection) -> Check:
    rows = await list_conflicts(connection)
    open_ones = [f"{row.kind}.{row.key}/{row.grp}" for row in rows if row.resolution is None]
    if open_ones:
        return Check("conflicts", False, f"To be resolved: {', '.join(open_ones)}.")
    return Check(
        "conflicts", True, f"None is open; {len(rows)} decided, for the next sync." if rows else "None is open."
    )


async def _check_secrets(connection: AsyncConnection, find_reason: FindReason) -> Check:
    missing = await list_missing_secrets(connection, find_reason)
    if missing:
        named = "; ".join(f"{one.entity} {one.reference}: {one.reason}" for one in missing)
        return Check("secrets", False, f"Without a key: {named}.")
    return Check("secrets", True, "Every reference leads to a key.")
