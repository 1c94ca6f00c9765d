"""/api/admin/providers: who is called, as documents of models.yaml."""

from collections.abc import Iterator, Mapping
from typing import Any

from quart import Blueprint
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict
from quart_proxy.http.documents import Collection, Connection, serve_documents
from quart_proxy.store.catalog import Provider, delete_provider, list_models, list_providers, save_provider
from registry.documents import ProviderDocument
from registry.positions import Fault
from registry.rows import provider_document, provider_row
from registry.schema import parse_provider

routes = Blueprint("providers", __name__)
NAMED_MAX = 5


class Providers(Collection[Provider, ProviderDocument]):
    section, noun = "providers", "provider"

    async def rows(self, connection: AsyncConnection, key: str | None = None) -> list[Provider]:
        return await list_providers(connection, key)

    def document(self, row: Provider) -> ProviderDocument:
        return provider_document(row)

    def parse(self, key: str, document: Mapping[str, Any]) -> tuple[ProviderDocument | None, tuple[Fault, ...]]:
        return parse_provider(key, document)

    async def save(self, connection: AsyncConnection, document: ProviderDocument) -> None:
        await save_provider(connection, provider_row(document))

    async def remove(self, connection: AsyncConnection, key: str) -> None:
        users = [
            model.key
            for model in await list_models(connection)
            if any(upstream.provider == key for upstream in model.upstreams)
        ]
        if users:
            more = ", ..." if len(users) > NAMED_MAX else ""
            raise Conflict(f"Models are served by this provider: {', '.join(users[:NAMED_MAX])}{more}.")
        await delete_provider(connection, key)

    def connections(self, document: ProviderDocument) -> Iterator[Connection]:
        yield Connection("", document.api_url, document.api_key)

    def key_holders(self, key: str, document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        yield "", f"provider.{key}", document


serve_documents(routes, Providers())
