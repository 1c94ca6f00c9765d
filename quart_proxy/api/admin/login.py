"""POST /api/admin/login {"password", "name"?}: a token for programs, and the same as a cookie for the page."""

from typing import Any

from quart import Blueprint, Response, request

from quart_proxy.http import json_response, request_id_text, service
from quart_proxy.http.fields import NAME_CHARACTERS_MAX, Field, read_body_fields, text
from quart_proxy.http.forms import time_text
from quart_proxy.http.operations import operation
from quart_proxy.http.sessions import BROWSER_COOKIE, client_address, cookie_name, is_secure
from quart_proxy.services.admin_sessions import BROWSER_KNOWN_S, AdminSessions
from quart_proxy.settings import ADMIN_TOKEN_S

PUBLIC = True
PASSWORD_CHARACTERS_MAX = 1024

SIGN_IN = {"password": Field(text(PASSWORD_CHARACTERS_MAX), required=True), "name": Field(text(NAME_CHARACTERS_MAX))}

routes = Blueprint("login", __name__)


@routes.post("")
@operation(answer="SignedIn", body=SIGN_IN)
async def sign_in() -> Response:
    fields = await read_body_fields(SIGN_IN)
    sessions = service(AdminSessions)
    session = await sessions.login(
        fields["password"],
        client_address(),
        name=fields.get("name"),
        browser=request.cookies.get(BROWSER_COOKIE),
        request_id=request_id_text(),
    )
    response = json_response(
        {"token": session.token, "expires_at": time_text(session.expires_at), "csrf_token": session.csrf_token},
        headers={"cache-control": "no-store"},
    )
    closed: dict[str, Any] = {"secure": is_secure(), "httponly": True, "samesite": "Strict"}
    response.set_cookie(cookie_name(), session.token, max_age=ADMIN_TOKEN_S, path="/api/admin", **closed)
    response.set_cookie(
        BROWSER_COOKIE, sessions.know_browser(), max_age=BROWSER_KNOWN_S, path="/api/admin/login", **closed
    )
    return response
