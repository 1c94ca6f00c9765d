"""GET /api/user/models: what this key may call, and what it costs."""

from quart import Blueprint, Response

from quart_proxy.http import authenticated, json_response, service
from quart_proxy.http.forms import price_form
from quart_proxy.http.operations import operation
from quart_proxy.services.routing import Router

routes = Blueprint("models", __name__)


@routes.get("")
@operation(answer="OwnModel", kind="list")
async def list_own_models() -> Response:
    models = await service(Router).list_models(await authenticated())
    data = [
        {
            "name": model.display_name,
            "pricing": price_form(model.price),
            "max_output_tokens": model.limits.get("max_output_tokens"),
            "context_window": model.limits.get("context_window"),
        }
        for model in models
    ]
    return json_response({"data": data, "has_more": False, "next_cursor": None})
