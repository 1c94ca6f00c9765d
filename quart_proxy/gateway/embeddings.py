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
    """OpenAI's Embeddings, of models whose provider speaks OpenAI's format; of any other it is a 422."""
    return await relay_request(FORMAT, FORMAT.endpoint)
