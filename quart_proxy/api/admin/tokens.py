"""/api/admin/tokens: who is signed in, and tokens for programs such as a CI job that plans. Each can be ended."""

from datetime import timedelta
from typing import Any

from quart import Blueprint, Response, g

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting, put_in_force, read_page
from quart_proxy.http.fields import ID, Field, choice, identifier, read_body_fields, read_query, text, whole
from quart_proxy.http.forms import time_text
from quart_proxy.http.operations import operation
from quart_proxy.services.admin_sessions import SCOPES, AdminSessions
from quart_proxy.store.admin_tokens import AdminToken

DAYS_MAX = 366

TOKEN = {
    "name": Field(text(), required=True),
    "scope": Field(choice(*SCOPES), required=True),
    "days": Field(whole(1, DAYS_MAX), required=True),
}

PROGRAM, SESSION = "program", "session"
KIND = {"kind": choice(PROGRAM, SESSION)}

routes = Blueprint("tokens", __name__)


@routes.get("")
@operation(answer="TokenRow", kind="list", query=KIND, is_paged=True)
async def list_all() -> Response:
    """Those that are good still, newest first. Never a token itself."""
    page = read_page(identifier)
    kind = read_query(KIND).get("kind")
    programs = None if kind is None else kind == PROGRAM
    rows = await service(AdminSessions).list_tokens(programs=programs, before_id=page.cursor, limit=page.limit + 1)
    return page.answer(rows, _form, lambda token: token.id)


@routes.post("")
@operation(answer="Token", status=201, body=TOKEN)
async def create() -> Response:
    """The token is in this answer and nowhere else."""
    fields = await read_body_fields(TOKEN)
    name, scope = fields["name"], fields["scope"]
    row_id, session = await service(AdminSessions).create_token(
        acting(), name=name, scope=scope, lifetime=timedelta(days=fields["days"])
    )
    form = {"id": row_id, "name": name, "scope": scope, "expires_at": time_text(session.expires_at)}
    return json_response({**form, "token": session.token}, 201, {"cache-control": "no-store"})


@routes.delete(f"/<{ID}:token_id>")
@operation(status=204)
async def revoke(token_id: int) -> Response:
    """At once on this worker, within a second on every other."""
    await service(AdminSessions).revoke(acting(), token_id)
    await put_in_force()
    return Response(status=204)


def _form(token: AdminToken) -> dict[str, Any]:
    """`last_used_at` is true to the minute."""
    return {
        "id": token.id,
        "kind": PROGRAM if token.is_program else SESSION,
        "name": token.name,
        "scope": token.scope,
        "created_by": token.created_by,
        "address": token.address,
        "created_at": time_text(token.created_at),
        "expires_at": time_text(token.expires_at),
        "last_used_at": None if token.last_used_at is None else time_text(token.last_used_at),
        "is_yours": token.token_id == g.session.token_id,
    }
