"""GET /api/admin/session: who is signed in. The page asks it when it loads, for its `csrf_token`."""

from quart import Blueprint, Response, g

from quart_proxy.http import json_response
from quart_proxy.http.forms import time_text
from quart_proxy.http.operations import operation
from quart_proxy.services.admin_sessions import AdminSession

routes = Blueprint("session", __name__)


@routes.get("")
@operation(answer="Session")
async def get_session() -> Response:
    session: AdminSession = g.session
    return json_response(
        {
            "subject": session.subject,
            "scope": session.scope,
            "expires_at": time_text(session.expires_at),
            "csrf_token": session.csrf_token,
        },
        headers={"cache-control": "no-store"},
    )
