"""/api/admin/ledger: every movement of money by hand, newest first; as a file at `ledger.csv`, and their sums.

One that was wrong is taken back by another, at `/{id}/reverse`: what was written stays.
"""

from collections.abc import Sequence
from typing import Any

from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.money import format_money
from quart_proxy.http import json_response, service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, acting, also_at, csv_response, put_in_force, read_page
from quart_proxy.http.fields import (
    ID,
    NOTE_CHARACTERS_MAX,
    Field,
    idempotency_key,
    identifier,
    moment,
    read_body_fields,
    read_query,
    text,
)
from quart_proxy.http.forms import entry_form
from quart_proxy.http.operations import operation
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.accounts import read_user_names
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import Entry, EntryFilter, list_entries, sum_movements

routes = Blueprint("ledger", __name__)
REVERSAL = {"reason": Field(text(NOTE_CHARACTERS_MAX, lines=True), required=True)}
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
    "user_name",
)
FILTERS = {"user_id": identifier, "kind": text(), "from": moment, "to": moment}
KEPT_AS = {"from": "since", "to": "until"}


@routes.get("")
@operation(answer="EntryRow", kind="list", query=FILTERS, is_paged=True)
async def list_movements() -> Response:
    page, chosen = read_page(identifier), _read_filter()
    async with service(Database).read() as connection:
        entries = await list_entries(connection, chosen, before_id=page.cursor, limit=page.limit + 1)
        rows = await _rows(connection, entries)
    return page.answer(rows, lambda row: row, lambda row: row["id"])


@also_at(routes, "/api/admin/ledger.csv")
@operation(kind="csv", query=FILTERS)
async def export_movements() -> Response:
    database, chosen = service(Database), _read_filter()

    async def read_more(after: int | None) -> list[tuple[int, dict[str, Any]]]:
        async with database.read() as connection:
            entries = await list_entries(connection, chosen, before_id=after, limit=CSV_ROWS_PER_READ)
            return [(row["id"], row) for row in await _rows(connection, entries)]

    return await csv_response("ledger", COLUMNS, read_more)


@routes.post(f"/<{ID}:entry_id>/reverse")
@operation(answer="Entry", status=201, body=REVERSAL, is_idempotent=True)
async def reverse(entry_id: int) -> Response:
    """Sent again with the same `Idempotency-Key`, it answers with the first reversal and moves nothing."""
    said = await read_body_fields(REVERSAL)
    entry = await service(Accounts).reverse_entry(
        acting(), entry_id, reason=said["reason"], idempotency_key=idempotency_key()
    )
    await put_in_force()
    return json_response(entry_form(entry), 201)


@routes.get("/totals")
@operation(answer="LedgerTotals", query=FILTERS)
async def sum_all() -> Response:
    """By kind, of what the filters leave; the rest is of the whole books, of one user if that is named: what was
    credited less what was used is what is outstanding, or `exact` is false."""
    async with service(Database).snapshot() as connection:
        sums = await sum_movements(connection, _read_filter())
    return json_response(
        {
            "by_kind": {kind: format_money(amount) for kind, amount in sums.by_kind.items()},
            "count": sums.count,
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
