"""GET /api/admin/registry/doctor: whether the registry is as it should be, check by check."""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.operations import operation
from registry.desk import Desk

routes = Blueprint("doctor", __name__)


@routes.get("")
@operation(answer="Object")
async def doctor() -> Response:
    return json_response(await service(Desk).doctor())
