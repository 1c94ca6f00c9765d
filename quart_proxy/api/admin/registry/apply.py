"""POST /api/admin/registry/apply {"files"?, "policy"?, "origin"?, "message"?, "fingerprint"?}: all of it or nothing.

With the `fingerprint` of a plan, only what was planned is applied.
"""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting, put_in_force
from quart_proxy.http.fields import Field, read_body_fields, text
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import MESSAGE, PLAN, get_bundle, policy_of
from registry.desk import Desk

APPLY = {**PLAN, "message": MESSAGE, "fingerprint": Field(text(), nullable=True)}

routes = Blueprint("apply", __name__)


@routes.post("")
@operation(answer="Object", body=APPLY)
async def apply() -> Response:
    said = await read_body_fields(APPLY)
    applied = await service(Desk).apply(
        await get_bundle(said),
        policy_of(said),
        actor=acting(),
        message=said.get("message"),
        fingerprint=said.get("fingerprint"),
    )
    await put_in_force()
    return json_response(applied)
