"""Bringing what `models.yaml` declares into the catalog.

For now every mode but `off` seeds what is missing: a provider or model whose key is in the database already is
left as it is, so nothing that an admin changed live is overwritten.
"""

import logging
from glob import glob
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict
from quart_proxy.settings import Settings
from quart_proxy.store.catalog import Model, Provider, Upstream, list_models, list_providers, save_model, save_provider
from quart_proxy.store.changes import bump_version, record_audit
from quart_proxy.store.database import Database
from registry.documents import (
    LimitsDocument,
    ModelDocument,
    PricingDocument,
    ProviderDocument,
    Registry,
    SystemPromptDocument,
    UpstreamDocument,
)
from registry.schema import parse_registry

logger = logging.getLogger(__name__)

_EXTRA = ("owned_by", "visibility", "tags", "groups", "protect", "routing")
_LIMITS = ("timeout_s", "first_byte_timeout_s", "idle_timeout_s", "max_output_tokens", "context_window")


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


# --- documents and rows -------------------------------------------------------------------------------


def provider_row(document: ProviderDocument) -> Provider:
    return Provider(
        key=document.key,
        api_format=document.api_format,
        api_url=document.api_url,
        api_key=document.api_key,
        headers=document.headers,
    )


def provider_document(row: Provider) -> ProviderDocument:
    return ProviderDocument(row.key, row.api_format, row.api_url, row.api_key, dict(row.headers))


def model_row(document: ModelDocument) -> Model:
    pricing, prompt = document.pricing, document.system_prompt
    limits = {name: getattr(document.limits, name) for name in _LIMITS}
    return Model(
        key=document.key,
        display_name=document.display_name,
        aliases=document.aliases,
        enabled=document.enabled,
        description=document.description,
        prompt_disabled=prompt.disabled,
        prompt_text=prompt.text,
        prompt_mode=prompt.mode,
        limits={name: value for name, value in limits.items() if value is not None},
        rates=None if pricing is None else pricing.rates,
        free=pricing is not None and pricing.free,
        upstreams=tuple(_upstream_row(upstream) for upstream in document.upstreams),
        extra={name: _plain(getattr(document, name)) for name in _EXTRA if getattr(document, name)},
    )


def model_document(row: Model) -> ModelDocument:
    pricing = None
    if row.free:
        pricing = PricingDocument({}, free=True)
    elif row.rates is not None:
        pricing = PricingDocument(row.rates)
    extra: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.extra.items()
    }
    return ModelDocument(
        key=row.key,
        display_name=row.display_name,
        upstreams=tuple(_upstream_document(upstream) for upstream in row.upstreams),
        aliases=row.aliases,
        pricing=pricing,
        system_prompt=SystemPromptDocument(row.prompt_disabled, row.prompt_text, row.prompt_mode),
        limits=LimitsDocument(**row.limits),
        enabled=row.enabled,
        description=row.description,
        **extra,
    )


def _upstream_row(document: UpstreamDocument) -> Upstream:
    return Upstream(**{name: getattr(document, name) for name in UpstreamDocument.__slots__})


def _upstream_document(row: Upstream) -> UpstreamDocument:
    return UpstreamDocument(**{name: getattr(row, name) for name in UpstreamDocument.__slots__})


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
