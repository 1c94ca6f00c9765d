"""POST /api/admin/registry/rollback {"to", "only"?, "message"?, "dry_run"?, "revision"?}: the registry as it was.

It is a new revision, never a rewind. With `dry_run` it says what would change and what would be held, against which
`revision`, and nothing is kept of it; with that `revision`, only what was said is done.
"""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting, put_in_force
from quart_proxy.http.fields import ID_MAX, Field, boolean, read_body_fields, whole
from quart_proxy.http.operations import operation
from quart_proxy.http.registry_fields import MESSAGE, REVISION, entities
from registry.desk import Desk

ROLLBACK = {
    "to": Field(whole(0, ID_MAX), required=True),
    "only": Field(entities),
    "message": MESSAGE,
    "dry_run": Field(boolean),
    "revision": REVISION,
}

routes = Blueprint("rollback", __name__)


@routes.post("")
@operation(answer="Object", body=ROLLBACK)
async def roll_back() -> Response:
    said = await read_body_fields(ROLLBACK)
    rolled = await service(Desk).roll_back(
        said["to"],
        only=said.get("only", ()),
        actor=acting(),
        message=said.get("message"),
        is_dry=said.get("dry_run", False),
        expected=said.get("revision"),
    )
    await put_in_force()
    return json_response(rolled)
