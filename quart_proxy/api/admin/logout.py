"""POST /api/admin/logout: the token ends, on every worker, and the browser forgets its cookie."""

from quart import Blueprint, Response, g

from quart_proxy.http import service
from quart_proxy.http.answers import acting, put_in_force
from quart_proxy.http.operations import operation
from quart_proxy.http.sessions import cookie_name
from quart_proxy.services.admin_sessions import AdminSessions

routes = Blueprint("logout", __name__)


@routes.post("")
@operation(status=204)
async def sign_out() -> Response:
    await service(AdminSessions).sign_out(acting(), g.session)
    await put_in_force()
    response = Response(status=204)
    response.delete_cookie(cookie_name(), path="/api/admin", httponly=True, samesite="Strict")
    return response
