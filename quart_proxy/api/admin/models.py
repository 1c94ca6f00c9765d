"""/api/admin/models: what clients may name, as documents of models.yaml, and whether each is served."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from quart import Blueprint
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Fault
from quart_proxy.core.formats import SPOKEN
from quart_proxy.http.documents import Collection, Connection, serve_documents
from quart_proxy.store.catalog import (
    Model,
    delete_model,
    fold_name,
    list_models,
    list_providers,
    save_model,
)
from quart_proxy.store.model_names import find_name_holders
from registry.documents import DEFAULT_UPSTREAM, ModelDocument
from registry.positions import Fault as RegistryFault
from registry.readers import suggest
from registry.rows import model_document, model_row
from registry.schema import parse_model

routes = Blueprint("models", __name__)


class Models(Collection[Model, ModelDocument]):
    section, noun = "models", "model"

    async def rows(self, connection: AsyncConnection, key: str | None = None) -> list[Model]:
        return await list_models(connection, key)

    def document(self, row: Model) -> ModelDocument:
        return model_document(row)

    def parse(self, key: str, document: Mapping[str, Any]) -> tuple[ModelDocument | None, tuple[RegistryFault, ...]]:
        return parse_model(key, document)

    async def save(self, connection: AsyncConnection, document: ModelDocument) -> None:
        await save_model(connection, model_row(document))

    async def remove(self, connection: AsyncConnection, key: str) -> None:
        await delete_model(connection, key)

    def connections(self, document: ModelDocument) -> Iterator[Connection]:
        is_short = len(document.upstreams) == 1 and document.upstreams[0].key == DEFAULT_UPSTREAM
        for upstream in document.upstreams:
            place = "" if is_short else f"upstreams.{upstream.key}"
            yield Connection(place, upstream.api_url, upstream.api_key)

    def key_holders(self, key: str, document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        upstreams = document.get("upstreams")
        if not isinstance(upstreams, dict):
            yield "", _secret_name(key, DEFAULT_UPSTREAM), document
            return
        for name, upstream in upstreams.items():
            if isinstance(upstream, dict):
                place = "" if list(upstreams) == [DEFAULT_UPSTREAM] else f"upstreams.{name}"
                yield place, _secret_name(key, name), upstream

    async def find_faults(self, connection: AsyncConnection, document: ModelDocument) -> list[Fault]:
        providers = [provider.key for provider in await list_providers(connection)]
        faults = []
        for upstream, place in zip(document.upstreams, self.connections(document), strict=True):
            if upstream.provider is not None and upstream.provider not in providers:
                hint = suggest(upstream.provider, providers)
                faults.append(Fault(place.param("provider"), f'no provider "{upstream.provider}"{hint}'))
        names = {fold_name(alias): "aliases" for alias in document.aliases}
        names[fold_name(document.display_name)] = "display_name"
        for name, holder in (await find_name_holders(connection, list(names))).items():
            if holder != document.key:
                faults.append(Fault(names[name], f'"{name}" is a name of the model {holder}'))
        return faults

    async def state(self, connection: AsyncConnection, rows: Sequence[Model]) -> Callable[[Model], dict[str, Any]]:
        providers = {provider.key: provider.api_format for provider in await list_providers(connection)}

        def tell(model: Model) -> dict[str, Any]:
            reason = _reason(model, providers)
            return {"served": True} if reason is None else {"served": False, "reason": reason}

        return tell


def _reason(model: Model, providers: Mapping[str, str]) -> str | None:
    """Why the model is not served, or None when it is."""
    if not model.enabled:
        return "It is disabled."
    if model.rates is None and not model.free:
        return "It has no price."
    if not any(u.enabled and (u.provider is None or u.provider in providers) for u in model.upstreams):
        return "None of its upstreams is enabled."
    formats = {u.api_format or providers.get(u.provider or "") for u in model.upstreams if u.enabled}
    if formats.isdisjoint(SPOKEN):
        return f"This version speaks {', '.join(sorted(SPOKEN))}, and none of its upstreams does."
    return None


def _secret_name(model: str, upstream: str) -> str:
    # Dots are part of keys, so the two keys alone could name two secrets alike.
    digest = hashlib.sha256(f"{model}/{upstream}".encode()).hexdigest()[:12]
    return f"model.{model}.{digest}"


serve_documents(routes, Models())
