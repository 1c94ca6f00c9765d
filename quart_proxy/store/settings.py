"""What admins change while the product runs. One line here is one setting; its default is in code and is not
written to the database."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Fault
from quart_proxy.core.prompts import PromptMode
from quart_proxy.store.tables import settings

STORED_PROMPT_CHARACTERS_MAX = 100_000
"""A longer text than is ever sent may be kept and edited; only what is sent is cut."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The settings in force."""

    system_prompt_enabled: bool = True
    """The master switch: off, nothing is injected anywhere."""
    system_prompt: str = ""
    """The global text, for models that have none of their own. Empty: nothing is injected."""
    system_prompt_mode: str = PromptMode.PREPEND
    """`prepend` keeps the client's own system text after ours; `replace` drops it."""
    output_tokens_held: int = 4096
    """What is held against the balance for a request that names no `max_tokens`."""


NAMES = tuple(field.name for field in fields(LiveSettings))


@dataclass(frozen=True, slots=True)
class KeptSetting:
    """A setting that the database holds. `changed_by` None: from before that was kept."""

    changed_at: datetime
    changed_by: str | None


def check_changes(changes: Mapping[str, Any]) -> list[Fault]:
    """Everything wrong with `changes`; empty when all may be written. None is the way back to the default."""
    faults = []
    for name, value in changes.items():
        if name not in NAMES:
            faults.append(Fault(name, f"is not a setting; the settings are {', '.join(NAMES)}"))
        elif value is None:
            continue
        elif name == "system_prompt_enabled":
            if not isinstance(value, bool):
                faults.append(Fault(name, "must be true or false"))
        elif name == "system_prompt":
            if not isinstance(value, str) or len(value) > STORED_PROMPT_CHARACTERS_MAX or "\x00" in value:
                faults.append(Fault(name, f"must be a text of at most {STORED_PROMPT_CHARACTERS_MAX} characters"))
        elif name == "system_prompt_mode":
            if value not in tuple(PromptMode):
                faults.append(Fault(name, f"must be one of {', '.join(PromptMode)}"))
        elif type(value) is not int or not 1 <= value <= 1_000_000:
            faults.append(Fault(name, "must be a whole number from 1 to 1,000,000"))
    return faults


async def read_settings(connection: AsyncConnection) -> LiveSettings:
    kept = {row.name: row.value for row in await connection.execute(select(settings)) if row.name in NAMES}
    return LiveSettings(**kept)


async def list_kept(connection: AsyncConnection) -> dict[str, KeptSetting]:
    """The settings that are not left to their defaults, by name."""
    rows = await connection.execute(select(settings).where(settings.c.name.in_(NAMES)))
    return {row.name: KeptSetting(row.updated_at, row.changed_by) for row in rows}


async def write_settings(connection: AsyncConnection, changes: Mapping[str, Any], *, by: str) -> LiveSettings:
    """Write `changes`, which `check_changes` found nothing wrong with; what is None goes back to its default."""
    for name, value in changes.items():
        if value is None:
            await connection.execute(delete(settings).where(settings.c.name == name))
            continue
        statement = insert(settings).values(name=name, value=value, changed_by=by)
        said = {column: statement.excluded[column] for column in ("value", "changed_by")}
        await connection.execute(
            statement.on_conflict_do_update(index_elements=["name"], set_={**said, "updated_at": func.now()})
        )
    return await read_settings(connection)


def as_document(live: LiveSettings) -> dict[str, Any]:
    return asdict(live)


def etag_of(live: LiveSettings) -> str:
    """What a writer names the state by that it has seen."""
    return hashlib.sha256(orjson.dumps(as_document(live))).hexdigest()[:16]
