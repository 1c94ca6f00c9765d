"""Two writers that cross follow each other: none is ended by PostgreSQL as the one too many of a deadlock."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from chaos import eventually
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict, NotFound
from quart_proxy.services.accounts import Accounts
from quart_proxy.services.rotation import reseal_secrets
from quart_proxy.services.sealing import Sealer
from quart_proxy.settings import Settings
from quart_proxy.store import accounts as kept
from quart_proxy.store.changes import Actor, bump_version
from quart_proxy.store.database import Database
from quart_proxy.store.registry_holds import end_holds_of
from quart_proxy.store.secrets import save_secret
from registry.desk import Desk
from registry.state import lock_registry

ADA = Actor("ada")
OLD, NEW = "an old key that is long enough to be one", "a new key that is long enough to be one"
HOST = "api.example.com"
BEHIND = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (wait_event_type = 'Lock' OR (state <> 'idle' AND query LIKE '%try_advisory_xact_lock%'))
"""


async def stands_behind(database: Database, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    """Begin `work`, and let it come as far as the locks of another transaction let it."""
    task = asyncio.create_task(work)

    async def is_waiting() -> bool:
        async with database.read() as connection:
            return bool(await connection.scalar(text(BEHIND)))

    await eventually(is_waiting)
    return task


async def test_a_user_is_deleted_while_a_key_of_theirs_is_rotated(database: Database) -> None:
    accounts = Accounts(database)
    user = await accounts.create_user(ADA, name="Grace")
    key, _ = await accounts.create_key(ADA, user_id=user.id, name="laptop")
    async with database.transaction() as deleting:
        await kept.get_user(deleting, user.id, is_locked=True)
        rotation = await stands_behind(database, accounts.rotate_key(ADA, key.id, grace=timedelta()))
        await kept.delete_user(deleting, user.id)
    with pytest.raises(Conflict, match="revoked"):
        await rotation


async def test_a_provider_key_is_typed_in_while_all_are_sealed_anew(database: Database) -> None:
    async def keep(connection: AsyncConnection) -> None:
        sealed = Sealer([OLD]).seal("sk-one", name="one", host=HOST)
        await save_secret(connection, name="one", ciphertext=sealed, host=HOST, by="ada")

    async with database.transaction() as connection:
        await keep(connection)
    async with database.transaction() as typing:
        # As a write of a document does: the version, then the key.
        await bump_version(typing)
        sealing = await stands_behind(database, reseal_secrets(database, Sealer([NEW, OLD]), ADA))
        await keep(typing)
    assert (await sealing).names == ("one",)


async def test_a_hold_is_ended_while_the_files_are_applied(database: Database, tmp_path: Path) -> None:
    desk = Desk(database, Settings(data_dir=tmp_path, models_file=str(tmp_path / "models.yaml")))
    until = datetime.now(UTC) + timedelta(days=1)
    held = await desk.hold(key=None, fields=None, until=until, reason="a test", actor=ADA)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE registry_holds SET source_digest = 'before'"))
    async with database.transaction() as applying:
        await lock_registry(applying)
        await bump_version(applying)
        ending = await stands_behind(database, desk.unhold(held["id"], actor=ADA))
        await end_holds_of(applying, "before")
    with pytest.raises(NotFound, match="no hold"):
        await ending
