"""POST /v1/messages: Messages."""

from quart import Blueprint, Response

from quart_proxy.core.formats import FORMATS
from quart_proxy.gateway.streaming import relay_request
from quart_proxy.http.operations import operation

routes = Blueprint("messages", __name__)
FORMAT = FORMATS["anthropic"]


@routes.post("/v1/messages")
@operation(answer="Object", body="Object")
async def create() -> Response:
    """Anthropic's Messages, whole or streamed, of any model, whatever its provider speaks. What cannot be said there is
    a 422 that names the field."""
    return await relay_request(FORMAT, FORMAT.endpoint)
