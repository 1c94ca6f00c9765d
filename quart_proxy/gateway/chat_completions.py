"""POST /v1/chat/completions: Chat Completions."""

from quart import Blueprint, Response

from quart_proxy.core.formats import FORMATS
from quart_proxy.gateway.streaming import relay_request
from quart_proxy.http.operations import operation

routes = Blueprint("chat_completions", __name__)
FORMAT = FORMATS["openai"]


@routes.post("/v1/chat/completions")
@operation(answer="Object", body="Object")
async def create() -> Response:
    """OpenAI's Chat Completions, whole or streamed, of any model, whatever its provider speaks. What cannot be said
    there is a 422 that names the field."""
    return await relay_request(FORMAT, FORMAT.endpoint)
