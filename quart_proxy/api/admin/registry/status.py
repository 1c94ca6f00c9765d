"""GET /api/admin/registry/status: what is in force, where it came from, and what waits for somebody."""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.operations import operation
from registry.desk import Desk

routes = Blueprint("status", __name__)


@routes.get("")
@operation(answer="Object")
async def get_status() -> Response:
    return json_response(await service(Desk).status())
