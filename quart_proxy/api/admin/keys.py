"""/api/admin/keys: every client key, also as a file at `keys.csv`, and one of them. A key is made below its user."""

from datetime import timedelta

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.account_rows import KEY_FILTERS, key_rows, keys_answer, keys_file
from quart_proxy.http.answers import acting, also_at, put_in_force
from quart_proxy.http.fields import ID, Field, identifier, read_body_fields, read_query, whole
from quart_proxy.http.forms import key_form
from quart_proxy.http.key_fields import KEY_FIELDS
from quart_proxy.http.operations import operation
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.accounts import get_key
from quart_proxy.store.database import Database

GRACE_HOURS_MAX = 90 * 24
ROTATION = {"grace_hours": Field(whole(0, GRACE_HOURS_MAX))}

routes = Blueprint("keys", __name__)
OWNER = {"user_id": identifier}


@routes.get("")
@operation(answer="KeyRow", kind="list", query={**OWNER, **KEY_FILTERS}, is_paged=True)
async def list_all() -> Response:
    """Newest first, revoked ones too."""
    return await keys_answer(user_id=read_query(OWNER).get("user_id"))


@also_at(routes, "/api/admin/keys.csv")
@operation(kind="csv", query={**OWNER, **KEY_FILTERS})
async def export_keys() -> Response:
    """What is shown of each key, never its text."""
    return await keys_file(user_id=read_query(OWNER).get("user_id"))


@routes.get(f"/<{ID}:key_id>")
@operation(answer="KeyRow")
async def get_one(key_id: int) -> Response:
    async with service(Database).snapshot() as connection:
        (row,) = await key_rows(connection, [await get_key(connection, key_id)])
    return json_response(row)


@routes.patch(f"/<{ID}:key_id>")
@operation(answer="Key", body=KEY_FIELDS)
async def change(key_id: int) -> Response:
    key = await service(Accounts).update_key(acting(), key_id, await read_body_fields(KEY_FIELDS))
    await put_in_force()
    return json_response(key_form(key))


@routes.delete(f"/<{ID}:key_id>")
@operation(status=204)
async def revoke(key_id: int) -> Response:
    """At once on this worker, within a second on every other."""
    await service(Accounts).revoke_key(acting(), key_id)
    await put_in_force()
    return Response(status=204)


@routes.post(f"/<{ID}:key_id>/rotate")
@operation(answer="NewKey", status=201, body=ROTATION)
async def rotate(key_id: int) -> Response:
    """A new key in place of this one, which is good for `grace_hours` still (0: revoked at once). The new key's text is
    in this answer and nowhere else."""
    said = await read_body_fields(ROTATION)
    grace = timedelta(hours=said.get("grace_hours", 0))
    key, key_text, old = await service(Accounts).rotate_key(acting(), key_id, grace=grace)
    await put_in_force()
    form = {**key_form(key), "key": key_text, "replaces": key_form(old)}
    return json_response(form, 201, {"cache-control": "no-store"})
