"""GET /api/user/keys: the user's own keys, newest first, to look at. They are made and revoked by the operator."""

from quart import Blueprint, Response

from quart_proxy.http import authenticated
from quart_proxy.http.account_rows import KEY_FILTERS, keys_answer
from quart_proxy.http.operations import operation

routes = Blueprint("keys", __name__)


@routes.get("")
@operation(answer="KeyRow", kind="list", query=KEY_FILTERS, is_paged=True)
async def list_own_keys() -> Response:
    return await keys_answer(user_id=(await authenticated()).user_id)
