"""Changing what admins may change while the product runs: one transaction with its audit row."""

from collections.abc import Callable, Mapping
from typing import Any

from quart_proxy.core.errors import InvalidFields, PreconditionFailed
from quart_proxy.store.changes import Actor, bump_version, record_audit
from quart_proxy.store.database import Database
from quart_proxy.store.settings import LiveSettings, as_document, check_changes, etag_of, read_settings, write_settings


async def change_settings(
    database: Database, actor: Actor, changes: Mapping[str, Any], *, is_seen: Callable[[str], bool] = lambda etag: True
) -> LiveSettings:
    """Write `changes`; None takes a setting back to its default. `is_seen` tells whether the writer has seen the state
    of this ETag. Raises InvalidFields with all that is wrong, and PreconditionFailed; nothing is written then."""
    faults = check_changes(changes)
    if faults:
        raise InvalidFields(faults)
    async with database.transaction() as connection:
        # First: two writers follow each other, so the second is measured by what the first wrote.
        await bump_version(connection)
        found = await read_settings(connection)
        before = as_document(found)
        if not is_seen(etag_of(found)):
            raise PreconditionFailed(
                "The settings were changed since they were read; `current` is how they are now.", current=before
            )
        live = await write_settings(connection, changes, by=actor.name)
        after = as_document(live)
        await record_audit(
            connection,
            actor,
            "settings.update",
            "settings",
            before={name: before[name] for name in changes},
            after={name: after[name] for name in changes},
        )
    return live
