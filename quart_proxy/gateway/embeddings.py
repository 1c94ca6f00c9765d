"""POST /v1/embeddings: Embeddings."""

from quart import Blueprint, Response

from quart_proxy.core.formats import FORMATS
from quart_proxy.gateway.streaming import relay_request
from quart_proxy.http.operations import operation

routes = Blueprint("embeddings", __name__)
FORMAT = FORMATS["openai_embeddings"]


@routes.post("/v1/embeddings")
@operation(answer="Object", body="Object")
async def create() -> Response:
    return await relay_request(FORMAT, FORMAT.endpoint)
