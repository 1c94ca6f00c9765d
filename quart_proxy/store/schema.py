"""Bringing a database to the schema of this version, and telling whether it is there."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

import migrations


def alembic_config(database_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.set_main_option("file_template", "%%(year)d_%%(month).2d_%%(day).2d_%%(hour).2d%%(minute).2d_%%(slug)s")
    config.attributes["database_url"] = database_url
    return config


def migrate(database_url: str) -> None:
    """Upgrade to the newest version, under an advisory lock. Blocks, and runs its own event loop."""
    command.upgrade(alembic_config(database_url), "head")


async def is_migrated(connection: AsyncConnection) -> bool:
    """Whether the database's version is the one this code was written for."""
    present = await connection.scalar(text("SELECT to_regclass('alembic_version') IS NOT NULL"))
    if not present:
        return False
    return bool(await connection.scalar(text("SELECT version_num FROM alembic_version")) == _head())


@cache
def _head() -> str | None:
    """The newest version that this code has; read once, since readiness asks for it all the time."""
    return ScriptDirectory.from_config(alembic_config("")).get_current_head()
