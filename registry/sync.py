"""Bringing what `models.yaml` declares into the catalog.

For now every mode but `off` seeds what is missing: a provider or model whose key is in the database already is
left as it is, so nothing that an admin changed live is overwritten.
"""

import logging
from glob import glob
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict
from quart_proxy.settings import Settings
from quart_proxy.store.catalog import list_models, list_providers, save_model, save_provider
from quart_proxy.store.changes import bump_version, record_audit
from quart_proxy.store.database import Database
from registry.documents import ModelDocument, Registry
from registry.rows import model_row, provider_row
from registry.schema import parse_registry

logger = logging.getLogger(__name__)


async def sync_registry(database: Database, settings: Settings) -> None:
    """Seed the catalog from the files of `settings`. A file with errors changes nothing: they are logged with
    their places, and what is in the database goes on being served."""
    if settings.registry_sync == "off":
        return
    for path in find_files(settings.models_file):
        parsed = parse_registry(path.read_text(), file=path.name)
        for fault in parsed.faults:
            level = logging.ERROR if parsed.registry is None else logging.WARNING
            logger.log(level, "registry_fault", extra={"fields": {"fault": fault.render()}})
        if parsed.registry is not None:
            await _seed(database, parsed.registry)


def find_files(pattern: str) -> list[Path]:
    """The files that MODELS_FILE means: a file, the YAML files of a folder, or a glob. Those that exist."""
    path = Path(pattern)
    if path.is_dir():
        return sorted((*path.glob("*.yaml"), *path.glob("*.yml")))
    return [path] if path.is_file() else sorted(Path(match) for match in glob(pattern))


async def _seed(database: Database, registry: Registry) -> None:
    async with database.transaction() as connection:
        await lock_registry(connection)
        providers = {provider.key for provider in await list_providers(connection)}
        models = {model.key for model in await list_models(connection)}
        new_providers = [document for key, document in registry.providers.items() if key not in providers]
        new_models = [document for key, document in registry.models.items() if key not in models]
        for provider in new_providers:
            await save_provider(connection, provider_row(provider))
        for model in new_models:
            await _seed_model(connection, model)
        if new_providers or new_models:
            await bump_version(connection)
            await record_audit(
                connection,
                actor="models.yaml",
                action="registry.seed",
                target=registry.source,
                after={"providers": [d.key for d in new_providers], "models": [d.key for d in new_models]},
            )


async def _seed_model(connection: AsyncConnection, document: ModelDocument) -> None:
    """A name that a live model took in the meantime leaves this one model out, not the whole file."""
    try:
        async with connection.begin_nested():
            await save_model(connection, model_row(document))
            # Names are unique at the end of a transaction; here the question is asked for this model alone.
            await connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
            await connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))
    except Conflict:
        logger.error("registry_name_taken", extra={"fields": {"model": document.key}})


async def lock_registry(connection: AsyncConnection) -> None:
    """Let writers of the registry follow each other, until this transaction ends."""
    await connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('registry', 0))"))
