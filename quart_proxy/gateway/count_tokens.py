"""POST /v1/messages/count_tokens: what a Messages request would count as input."""

from dataclasses import replace

from quart import Blueprint, Response

from quart_proxy.core.formats import FORMATS
from quart_proxy.gateway.streaming import passed_headers
from quart_proxy.http import authenticated, json_response, read_body, service
from quart_proxy.http.operations import operation
from quart_proxy.services.token_count import TokenCounter

routes = Blueprint("count_tokens", __name__)
FORMAT = FORMATS["anthropic"]
ESTIMATED = {"x-quart-proxy-estimate": "true"}


@routes.post("/v1/messages/count_tokens")
@operation(answer="TokenCount", body="Object")
async def count() -> Response:
    """Free, also with an empty balance, and in no log of requests. With `x-quart-proxy-estimate: true` it is an
    estimate of this proxy's own: the model's provider counts in no such way, or did not answer."""
    caller = await authenticated()
    request = replace(FORMAT.parse_request(await read_body()), headers=passed_headers(FORMAT))
    counted = await service(TokenCounter).count(caller, FORMAT, request)
    return json_response({"input_tokens": counted.input_tokens}, headers=ESTIMATED if counted.is_estimate else None)
