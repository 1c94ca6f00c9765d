"""/api/admin/registry/conflicts: what the files and live edits both changed, and who decides."""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting, put_in_force
from quart_proxy.http.fields import Field, read_body_fields, text
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import address, resolution
from registry.desk import Desk

RESOLUTION = {
    "address": Field(address, required=True),
    "choice": Field(resolution, required=True),
    "triple_digest": Field(text(), nullable=True),
}

routes = Blueprint("conflicts", __name__)


@routes.get("")
@operation(answer="Object", kind="list")
async def list_all() -> Response:
    """All of them; they are few."""
    return json_response({"data": await service(Desk).conflicts(), "has_more": False, "next_cursor": None})


@routes.post("/resolve")
@operation(answer="Object", body=RESOLUTION)
async def resolve() -> Response:
    """With the `triple_digest` of a conflict, only if its three sides are still those."""
    said = await read_body_fields(RESOLUTION)
    resolved = await service(Desk).resolve(
        said["address"], said["choice"], actor=acting(), digest=said.get("triple_digest")
    )
    await put_in_force()
    return json_response(resolved)
