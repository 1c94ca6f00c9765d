"""/api/admin/ledger: every movement of money by hand, newest first; as a file at `ledger.csv`. One that was wrong is
taken back by another, at `/{id}/reverse`: what was written stays."""

from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, acting, also_at, csv_response, put_in_force, read_page
from quart_proxy.http.fields import (
    ID,
    NOTE_CHARACTERS_MAX,
    Field,
    idempotency_key,
    identifier,
    read_body_fields,
    read_query,
    text,
)
from quart_proxy.http.forms import entry_form
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import list_entries

routes = Blueprint("ledger", __name__)
COLUMNS = (
    "id",
    "created_at",
    "user_id",
    "kind",
    "amount",
    "balance_after",
    "reason",
    "actor",
    "reverses",
    "reversed_by",
)


@routes.get("")
async def list_movements() -> Response:
    page = read_page(identifier)
    async with service(Database).read() as connection:
        rows = await list_entries(connection, user_id=_user_id(), before_id=page.cursor, limit=page.limit + 1)
    return page.answer(rows, entry_form, lambda entry: entry.id)


@also_at(routes, "/api/admin/ledger.csv")
async def export_movements() -> Response:
    database, user_id = service(Database), _user_id()

    async def read_more(after: int | None) -> list[tuple[int, dict[str, object]]]:
        async with database.read() as connection:
            rows = await list_entries(connection, user_id=user_id, before_id=after, limit=CSV_ROWS_PER_READ)
        return [(entry.id, entry_form(entry)) for entry in rows]

    return await csv_response("ledger", COLUMNS, read_more)


@routes.post(f"/<{ID}:entry_id>/reverse")
async def reverse(entry_id: int) -> Response:
    """Sent again with the same `Idempotency-Key`, it answers with the first reversal and moves nothing."""
    said = await read_body_fields({"reason": Field(text(NOTE_CHARACTERS_MAX, lines=True), required=True)})
    entry = await service(Accounts).reverse_entry(
        acting(), entry_id, reason=said["reason"], idempotency_key=idempotency_key()
    )
    await put_in_force()
    return json_response(entry_form(entry), 201)


def _user_id() -> int | None:
    return read_query({"user_id": identifier}).get("user_id")
