"""/api/admin/providers: who is called, as documents of models.yaml."""

from collections.abc import Iterator, Mapping
from typing import Any

from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.http import service
from quart_proxy.http.documents import Collection, Connection, serve_documents
from quart_proxy.http.fields import read_body_fields
from quart_proxy.http.operations import operation
from quart_proxy.http.provider_checks import check_answer
from quart_proxy.services.provider_check import ProviderCheck
from quart_proxy.store.catalog import Provider, list_providers
from registry.documents import ProviderDocument
from registry.entities import EntityKey
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


PROVIDERS = Providers()
serve_documents(routes, PROVIDERS)


@routes.post("/<key>/test")
@operation(answer="Check", kind="list", body={})
async def test(key: str) -> Response:
    """Ask the provider for its list of models. Nothing is billed."""
    await read_body_fields({})
    provider = await PROVIDERS.get(key)
    return await check_answer(EntityKey("provider", key), await service(ProviderCheck).check_provider(provider))
