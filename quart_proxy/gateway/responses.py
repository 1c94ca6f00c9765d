"""POST /v1/responses: Responses. What else OpenAI answers below that path needs answers that are kept, and none is."""

from quart import Blueprint, Response

from quart_proxy.core.errors import NotFound
from quart_proxy.core.formats import FORMATS
from quart_proxy.gateway.streaming import relay_request
from quart_proxy.http import authenticated
from quart_proxy.http.operations import operation

routes = Blueprint("responses", __name__)
FORMAT = FORMATS["openai_responses"]


@routes.post("/v1/responses")
@operation(answer="Object", body="Object")
async def create() -> Response:
    """OpenAI's Responses, whole or streamed, of any model, whatever its provider speaks. What cannot be said there is
    a 422 that names the field. No response is kept."""
    return await relay_request(FORMAT, FORMAT.endpoint)


@routes.get("/v1/responses/<path:name>")
@routes.post("/v1/responses/<path:name>")
@routes.delete("/v1/responses/<path:name>")
@operation(answer="Object")
async def find_kept(name: str) -> Response:
    """Always 404: no response is kept, so none can be fetched, cancelled, deleted or shortened."""
    await authenticated()
    raise NotFound(
        "No response is kept here, so there is nothing to fetch, cancel or delete: POST /v1/responses is all there is,"
        " with the whole conversation in `input`."
    )
