"""GET /v1/models: one shape that both vendors' SDKs parse. Only models that this key may call and that have a
price are there, each once, with its other names beside it; by any of them it is found."""

from collections.abc import Sequence
from typing import Any

from quart import Blueprint, Response

from quart_proxy.core.errors import InvalidRequest, ModelNotFound
from quart_proxy.core.names import fold_name
from quart_proxy.http import authenticated, json_response, service
from quart_proxy.http.fields import NAME_CHARACTERS_MAX, digits, read_query, text
from quart_proxy.http.forms import price_form
from quart_proxy.http.operations import operation
from quart_proxy.services.routing import Router
from quart_proxy.store.served import ServedModel

routes = Blueprint("models", __name__)

LIMIT_MAX = 1000
QUERY = {"limit": digits(1, LIMIT_MAX), "after_id": text(NAME_CHARACTERS_MAX), "before_id": text(NAME_CHARACTERS_MAX)}
"""As Anthropic's clients ask for pages. Whoever asks for none gets all: OpenAI's clients know no pages here."""


@routes.get("/v1/models")
@operation(answer="Object", query=QUERY)
async def list_all() -> Response:
    asked = read_query(QUERY)
    models = await service(Router).list_models(await authenticated())
    start = _find_place(models, asked, "after_id", -1) + 1
    end = _find_place(models, asked, "before_id", len(models))
    window = models[start:end]
    limit = asked.get("limit", len(window))
    # Backwards, a page is what stands right before.
    is_backwards = "before_id" in asked and "after_id" not in asked
    shown = window[max(len(window) - limit, 0) :] if is_backwards else window[:limit]
    data = [render_model(model) for model in shown]
    return json_response(
        {
            "object": "list",
            "data": data,
            "has_more": len(shown) < len(window),
            "first_id": data[0]["id"] if data else None,
            "last_id": data[-1]["id"] if data else None,
        }
    )


def _find_place(models: Sequence[ServedModel], asked: dict[str, Any], param: str, absent: int) -> int:
    """Where the model is that a page goes on from; `absent` when none is named. Raises InvalidRequest."""
    if param not in asked:
        return absent
    for place, model in enumerate(models):
        if fold_name(asked[param]) in model.names:
            return place
    raise InvalidRequest(f"`{param}` names no model that this list has.", param=param)


@routes.get("/v1/models/<path:name>")
@operation(answer="Object")
async def get_one(name: str) -> Response:
    for model in await service(Router).list_models(await authenticated()):
        if fold_name(name) in model.names:
            return json_response(render_model(model))
    raise ModelNotFound(name)


def render_model(model: ServedModel) -> dict[str, Any]:
    """OpenAI's fields, then Anthropic's, then ours."""
    return {
        "id": model.display_name,
        "object": "model",
        "created": int(model.created_at.timestamp()),
        "owned_by": model.upstreams[0].name,
        "type": "model",
        "display_name": model.display_name,
        "created_at": model.created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "lifecycle": "active",
        "max_tokens": model.limits.get("max_output_tokens"),
        "max_input_tokens": model.limits.get("context_window"),
        "aliases": list(model.aliases),
        "pricing": price_form(model.price),
    }
