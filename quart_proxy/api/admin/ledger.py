"""GET /api/admin/ledger: every movement of money by hand, newest first; as a file at `ledger.csv`, and their sums."""

from collections.abc import Sequence
from typing import Any

from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.money import format_money
from quart_proxy.http import json_response, service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, also_at, csv_response, read_page
from quart_proxy.http.fields import identifier, moment, read_query, text
from quart_proxy.http.forms import entry_form
from quart_proxy.store.accounts import read_user_names
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import Entry, EntryFilter, list_entries, sum_movements

routes = Blueprint("ledger", __name__)
COLUMNS = ("id", "created_at", "user_id", "kind", "amount", "balance_after", "reason", "actor", "user_name")
FILTERS = {"user_id": identifier, "kind": text(), "from": moment, "to": moment}
KEPT_AS = {"from": "since", "to": "until"}


@routes.get("")
async def list_movements() -> Response:
    page, chosen = read_page(identifier), _read_filter()
    async with service(Database).read() as connection:
        entries = await list_entries(connection, chosen, before_id=page.cursor, limit=page.limit + 1)
        rows = await _rows(connection, entries)
    return page.answer(rows, lambda row: row, lambda row: row["id"])


@also_at(routes, "/api/admin/ledger.csv")
async def export_movements() -> Response:
    database, chosen = service(Database), _read_filter()

    async def read_more(after: int | None) -> list[tuple[int, dict[str, Any]]]:
        async with database.read() as connection:
            entries = await list_entries(connection, chosen, before_id=after, limit=CSV_ROWS_PER_READ)
            return [(row["id"], row) for row in await _rows(connection, entries)]

    return await csv_response("ledger", COLUMNS, read_more)


@routes.get("/totals")
async def sum_all() -> Response:
    """By kind, of what the filters leave; the rest is of all books, or of the named user's: what was credited
    less what was used is what is outstanding, or `exact` is false."""
    async with service(Database).snapshot() as connection:
        sums = await sum_movements(connection, _read_filter())
    return json_response(
        {
            "by_kind": {kind: format_money(amount) for kind, amount in sums.by_kind.items()},
            "credited": format_money(sums.credited),
            "used": format_money(sums.used),
            "outstanding": format_money(sums.outstanding),
            "exact": sums.is_exact,
        }
    )


async def _rows(connection: AsyncConnection, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    names = await read_user_names(connection, list({entry.user_id for entry in entries}))
    return [{**entry_form(entry), "user_name": names.get(entry.user_id)} for entry in entries]


def _read_filter() -> EntryFilter:
    return EntryFilter(**{KEPT_AS.get(name, name): value for name, value in read_query(FILTERS).items()})
