"""POST /api/admin/logout: the browser forgets its cookie. A token is good until it expires."""

from quart import Blueprint, Response

from quart_proxy.http.sessions import COOKIE

routes = Blueprint("logout", __name__)


@routes.post("")
async def sign_out() -> Response:
    response = Response(status=204)
    response.delete_cookie(COOKIE, path="/api/admin", httponly=True, samesite="Strict")
    return response
