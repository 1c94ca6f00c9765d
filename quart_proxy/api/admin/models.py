"""/api/admin/models: what clients may name, as documents of models.yaml, and whether each is served."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.formats import SPOKEN
from quart_proxy.http import service
from quart_proxy.http.documents import Collection, Connection, serve_documents
from quart_proxy.http.fields import read_body_fields
from quart_proxy.http.operations import operation
from quart_proxy.http.provider_checks import check_answer
from quart_proxy.http.quotes import quote
from quart_proxy.services.provider_check import ProviderCheck
from quart_proxy.store.catalog import Model, list_models, list_providers
from registry.documents import DEFAULT_UPSTREAM, ModelDocument
from registry.entities import EntityKey
from registry.files.positions import Fault as RegistryFault
from registry.rows import model_document
from registry.schema import parse_model

routes = Blueprint("models", __name__)


class Models(Collection[Model, ModelDocument]):
    section = "models"
    noun = "model"

    async def rows(self, connection: AsyncConnection, key: str | None = None) -> list[Model]:
        return await list_models(connection, key)

    def document(self, row: Model) -> ModelDocument:
        return model_document(row)

    def parse(self, key: str, document: Mapping[str, Any]) -> tuple[ModelDocument | None, tuple[RegistryFault, ...]]:
        return parse_model(key, document)

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


MODELS = Models()
serve_documents(routes, MODELS)
routes.post("/<key>/quote")(quote)


@routes.post("/<key>/test")
@operation(answer="Check", kind="list", body={})
async def test(key: str) -> Response:
    """Ask the provider of each upstream for its list of models. Nothing is billed."""
    await read_body_fields({})
    model = await MODELS.get(key)
    return await check_answer(EntityKey("model", key), await service(ProviderCheck).check_model(model))
