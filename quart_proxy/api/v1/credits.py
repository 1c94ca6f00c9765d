"""GET /api/v1/credits: what OpenRouter's tools ask. `total_credits - total_usage` is what is left."""

from quart import Blueprint, Response

from quart_proxy.http import json_response
from quart_proxy.http.answers import also_at
from quart_proxy.http.operations import operation
from quart_proxy.http.payer import as_number, payer

routes = Blueprint("credits", __name__)


@routes.get("")
@also_at(routes, "/v1/credits")
@operation(answer="Object")
async def get_credits() -> Response:
    user = await payer()
    return json_response(
        {"data": {"total_credits": as_number(user.balance + user.spent), "total_usage": as_number(user.spent)}}
    )
