"""POST /v1/completions: completions of before there were chats, answered by whatever model is named."""

from quart import Blueprint, Response

from quart_proxy.core.formats import CLIENT_FORMATS
from quart_proxy.gateway.streaming import relay_request
from quart_proxy.http.operations import operation

routes = Blueprint("completions", __name__)
FORMAT = CLIENT_FORMATS["openai_completions"]


@routes.post("/v1/completions")
@operation(answer="Object", body="Object")
async def create() -> Response:
    """A prompt in, text out, as before there were chats, of any model. What a chat cannot say is a 422 that names the
    field."""
    return await relay_request(FORMAT, FORMAT.endpoint)
