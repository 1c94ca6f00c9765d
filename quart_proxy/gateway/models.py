"""GET /v1/models: one shape that both vendors' SDKs parse. Only models that this key may call and that have a
price are there."""

from typing import Any

from quart import Blueprint, Response

from quart_proxy.core.errors import ModelNotFound
from quart_proxy.core.names import fold_name
from quart_proxy.http import authenticated, json_response, service
from quart_proxy.http.forms import price_form
from quart_proxy.http.operations import operation
from quart_proxy.services.routing import Router
from quart_proxy.store.served import ServedModel

routes = Blueprint("models", __name__)


@routes.get("/v1/models")
@operation(answer="Object")
async def list_all() -> Response:
    models = await service(Router).list_models(await authenticated())
    data = [render_model(model) for model in models]
    return json_response(
        {
            "object": "list",
            "data": data,
            "has_more": False,
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
        }
    )


@routes.get("/v1/models/<path:name>")
@operation(answer="Object")
async def get_one(name: str) -> Response:
    for model in await service(Router).list_models(await authenticated()):
        if fold_name(name) in model.names:
            return json_response(render_model(model))
    raise ModelNotFound(name)


def render_model(model: ServedModel) -> dict[str, Any]:
    """OpenAI's fields, then Anthropic's, then the prices."""
    return {
        "id": model.display_name,
        "object": "model",
        "created": int(model.created_at.timestamp()),
        "owned_by": model.upstreams[0].name,
        "type": "model",
        "display_name": model.display_name,
        "created_at": model.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "max_tokens": model.limits.get("max_output_tokens"),
        "max_input_tokens": model.limits.get("context_window"),
        "pricing": price_form(model.price),
    }
