"""POST /api/admin/tokens {"name", "scope", "days"}: a token for a program, such as a CI job that plans."""

from datetime import timedelta

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import acting
from quart_proxy.http.fields import Field, choice, read_body_fields, text, whole
from quart_proxy.http.forms import time_text
from quart_proxy.http.operations import operation
from quart_proxy.services.auth import SCOPES, AdminSessions
from quart_proxy.store.changes import record_audit
from quart_proxy.store.database import Database

DAYS_MAX = 366

TOKEN = {
    "name": Field(text(), required=True),
    "scope": Field(choice(*SCOPES), required=True),
    "days": Field(whole(1, DAYS_MAX), required=True),
}

routes = Blueprint("tokens", __name__)


@routes.post("")
@operation(answer="Token", status=201, body=TOKEN)
async def create() -> Response:
    fields = await read_body_fields(TOKEN)
    name, scope = fields["name"], fields["scope"]
    session = service(AdminSessions).issue(f"token:{name}", scope, timedelta(days=fields["days"]))
    who = acting()
    form = {"name": name, "scope": scope, "expires_at": time_text(session.expires_at)}
    async with service(Database).transaction() as connection:
        await record_audit(
            connection,
            actor=who.name,
            action="token.create",
            target=f"token/{name}",
            after=form,
            request_id=who.request_id,
            address=who.address,
        )
    return json_response({**form, "token": session.token}, 201, {"cache-control": "no-store"})
