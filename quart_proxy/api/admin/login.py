"""POST /api/admin/login {"password", "name"?}: a token for programs, and the same as a cookie for the page."""

from quart import Blueprint, Response, request

from quart_proxy.http import json_response, request_id_text, service
from quart_proxy.http.fields import NAME_CHARACTERS_MAX, Field, read_body_fields, text
from quart_proxy.http.forms import time_text
from quart_proxy.http.operations import operation
from quart_proxy.http.sessions import client_address, cookie_name
from quart_proxy.services.auth import AdminSessions
from quart_proxy.settings import ADMIN_TOKEN_S

PUBLIC = True
PASSWORD_CHARACTERS_MAX = 1024

SIGN_IN = {"password": Field(text(PASSWORD_CHARACTERS_MAX), required=True), "name": Field(text(NAME_CHARACTERS_MAX))}

routes = Blueprint("login", __name__)


@routes.post("")
@operation(answer="SignedIn", body=SIGN_IN)
async def sign_in() -> Response:
    fields = await read_body_fields(SIGN_IN)
    session = await service(AdminSessions).login(
        fields["password"], client_address(), name=fields.get("name"), request_id=request_id_text()
    )
    response = json_response(
        {"token": session.token, "expires_at": time_text(session.expires_at), "csrf_token": session.csrf_token},
        headers={"cache-control": "no-store"},
    )
    response.set_cookie(
        cookie_name(),
        session.token,
        max_age=ADMIN_TOKEN_S,
        path="/api/admin",
        secure=request.scheme == "https",
        httponly=True,
        samesite="Strict",
    )
    return response
