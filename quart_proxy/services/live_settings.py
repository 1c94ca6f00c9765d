"""Changing what admins may change while the product runs: one transaction with its audit row."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.errors import InvalidFields
from quart_proxy.store.changes import Actor, bump_version, record_audit
from quart_proxy.store.database import Database
from quart_proxy.store.settings import LiveSettings, as_document, check_changes, read_settings, write_settings


async def change_settings(database: Database, actor: Actor, changes: Mapping[str, Any]) -> LiveSettings:
    """Write `changes`. Raises InvalidFields with all that is wrong with them; nothing is written then."""
    faults = check_changes(changes)
    if faults:
        raise InvalidFields(faults)
    async with database.transaction() as connection:
        before = as_document(await read_settings(connection))
        live = await write_settings(connection, changes)
        await bump_version(connection)
        await record_audit(
            connection,
            actor=actor.name,
            action="settings.update",
            target="settings",
            before={name: before[name] for name in changes},
            after=dict(changes),
            request_id=actor.request_id,
            address=actor.address,
        )
    return live
