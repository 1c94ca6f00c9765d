"""/api/admin/registry/holds: parts of the registry that the files may not touch for a while."""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting, put_in_force
from quart_proxy.http.fields import ID, Field, moment, read_body_fields, text
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import REASON, entity
from registry.desk import Desk

HOLD = {
    "entity": Field(entity, nullable=True),
    "fields": Field(text(), nullable=True),
    "until": Field(moment, required=True),
    "reason": REASON,
}

routes = Blueprint("holds", __name__)


@routes.get("")
@operation(answer="Object", kind="list")
async def list_all() -> Response:
    """All of them; they are few."""
    return json_response({"data": await service(Desk).holds(), "has_more": False, "next_cursor": None})


@routes.post("")
@operation(answer="Object", status=201, body=HOLD)
async def create() -> Response:
    """`fields` is a glob of field paths; without `entity`, of every entity."""
    said = await read_body_fields(HOLD)
    hold = await service(Desk).hold(
        key=said.get("entity"), fields=said.get("fields"), until=said["until"], reason=said["reason"], actor=acting()
    )
    await put_in_force()
    return json_response(hold, 201)


@routes.delete(f"/<{ID}:hold_id>")
@operation(status=204)
async def end(hold_id: int) -> Response:
    await service(Desk).unhold(hold_id, actor=acting())
    await put_in_force()
    return Response(status=204)
