"""/api/admin/providers: who is called, as documents of models.yaml."""

from collections.abc import Iterator, Mapping
from typing import Any

from quart import Blueprint
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.http.documents import Collection, Connection, serve_documents
from quart_proxy.store.catalog import Provider, list_providers
from registry.documents import ProviderDocument
from registry.files.positions import Fault
from registry.rows import provider_document
from registry.schema import parse_provider

routes = Blueprint("providers", __name__)


class Providers(Collection[Provider, ProviderDocument]):
    section = "providers"
    noun = "provider"

    async def rows(self, connection: AsyncConnection, key: str | None = None) -> list[Provider]:
        return await list_providers(connection, key)

    def document(self, row: Provider) -> ProviderDocument:
        return provider_document(row)

    def parse(self, key: str, document: Mapping[str, Any]) -> tuple[ProviderDocument | None, tuple[Fault, ...]]:
        return parse_provider(key, document)

    def connections(self, document: ProviderDocument) -> Iterator[Connection]:
        yield Connection("", document.api_url, document.api_key, document.headers)

    def key_holders(self, key: str, document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
        yield "", f"provider.{key}", document


serve_documents(routes, Providers())
