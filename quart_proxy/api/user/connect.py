"""GET /api/user/connect: what a client of this key is set up with: the address, and where each model is called."""

from quart import Blueprint, Response, request

from quart_proxy.http import authenticated, json_response, service
from quart_proxy.http.operations import operation
from quart_proxy.services.routing import Router

routes = Blueprint("connect", __name__)


@routes.get("")
@operation(answer="Object")
async def get_connection() -> Response:
    """`base_url` is the address that this request came to; OpenAI's clients add `/v1`, Anthropic's do not."""
    router = service(Router)
    models = [
        {
            "name": model.display_name,
            "endpoints": [f"/v1/{spoken.endpoint}" for spoken in router.formats_of(model)],
            "context_window": model.limits.get("context_window"),
        }
        for model in await router.list_models(await authenticated())
    ]
    return json_response({"base_url": f"{request.scheme}://{request.host}", "models": models})
