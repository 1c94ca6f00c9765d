"""POST /api/admin/registry/plan {"files"?, "policy"?, "origin"?}: what applying would do. Nothing is written.

It is 200 whatever the plan says; its `exit` tells.
"""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.fields import read_body_fields
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import PLAN, get_bundle, policy_of
from registry.desk import Desk

routes = Blueprint("plan", __name__)


@routes.post("")
@operation(answer="Object", body=PLAN)
async def plan() -> Response:
    said = await read_body_fields(PLAN)
    return json_response(await service(Desk).plan(await get_bundle(said), policy_of(said)))
