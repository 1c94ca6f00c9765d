"""GET /api/admin/ledger: every movement of money by hand, newest first; as a file at `ledger.csv`."""

from quart import Blueprint, Response

from quart_proxy.http import service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, also_at, csv_response, read_page
from quart_proxy.http.fields import identifier, read_query
from quart_proxy.http.forms import entry_form
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import list_entries

routes = Blueprint("ledger", __name__)
COLUMNS = ("id", "created_at", "user_id", "kind", "amount", "balance_after", "reason", "actor")


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


def _user_id() -> int | None:
    return read_query({"user_id": identifier}).get("user_id")
