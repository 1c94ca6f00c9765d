"""GET /v1: what whoever looks at a client's base URL finds there. No key is needed for it."""

from quart import Blueprint, Response

from quart_proxy import __version__
from quart_proxy.core.formats import CLIENT_FORMATS
from quart_proxy.http import json_response
from quart_proxy.http.operations import operation

routes = Blueprint("front", __name__)


@routes.get("/v1")
@operation(answer="Object")
async def describe() -> Response:
    endpoints = sorted(f"/v1/{spoken.endpoint}" for spoken in CLIENT_FORMATS.values())
    return json_response(
        {
            "name": "quart-proxy",
            "version": __version__,
            "endpoints": [*endpoints, "/v1/models"],
            "documentation": "/openapi.json",
        }
    )
