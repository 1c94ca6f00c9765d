"""POST /api/admin/logout: the browser forgets its cookie. A token is good until it expires."""

from quart import Blueprint, Response

from quart_proxy.http import service
from quart_proxy.http.answers import acting
from quart_proxy.http.operations import operation
from quart_proxy.http.sessions import cookie_name
from quart_proxy.store.changes import record_audit
from quart_proxy.store.database import Database

routes = Blueprint("logout", __name__)


@routes.post("")
@operation(status=204)
async def sign_out() -> Response:
    who = acting()
    async with service(Database).transaction() as connection:
        await record_audit(
            connection,
            actor=who.name,
            action="session.logout",
            target="session",
            request_id=who.request_id,
            address=who.address,
        )
    response = Response(status=204)
    response.delete_cookie(cookie_name(), path="/api/admin", httponly=True, samesite="Strict")
    return response
