"""GET /api/admin/audit: what admins did, newest first; as a file at `audit.csv`; and by what it can be narrowed."""

from typing import Any

import orjson
from quart import Blueprint, Response

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, also_at, csv_response, read_page
from quart_proxy.http.fields import identifier, moment, read_query, text
from quart_proxy.http.forms import time_text
from quart_proxy.http.operations import operation
from quart_proxy.store.audit_log import AuditEntry, AuditFilter, list_audit, list_known
from quart_proxy.store.database import Database

routes = Blueprint("audit", __name__)
FILTERS = {"actor": text(), "action": text(), "target": text(), "from": moment, "to": moment, "q": text()}
_KEPT_AS = {"from": "since", "to": "until", "q": "containing"}
COLUMNS = ("id", "at", "actor", "action", "target", "before", "after", "request_id", "address")


@routes.get("")
@operation(answer="AuditEntry", kind="list", query=FILTERS, is_paged=True)
async def list_writes() -> Response:
    page, chosen = read_page(identifier), _read_filter()
    async with service(Database).read() as connection:
        rows = await list_audit(connection, chosen, before_id=page.cursor, limit=page.limit + 1)
    return page.answer(rows, _form, lambda entry: entry.id)


@also_at(routes, "/api/admin/audit.csv")
@operation(kind="csv", query=FILTERS)
async def export_writes() -> Response:
    database, chosen = service(Database), _read_filter()

    async def read_more(after: int | None) -> list[tuple[int, dict[str, Any]]]:
        async with database.read() as connection:
            rows = await list_audit(connection, chosen, before_id=after, limit=CSV_ROWS_PER_READ)
        return [(entry.id, {**_form(entry), **_documents(entry)}) for entry in rows]

    return await csv_response("audit", COLUMNS, read_more)


@routes.get("/actions")
@operation(answer="Object")
async def list_actions() -> Response:
    """What can be chosen by: every action that was ever done, and everyone who did one."""
    async with service(Database).snapshot() as connection:
        actions, actors = await list_known(connection, "action"), await list_known(connection, "actor")
    return json_response({"data": actions, "actors": actors, "has_more": False, "next_cursor": None})


def _read_filter() -> AuditFilter:
    return AuditFilter(**{_KEPT_AS.get(name, name): value for name, value in read_query(FILTERS).items()})


def _form(entry: AuditEntry) -> dict[str, Any]:
    return {name: getattr(entry, name) for name in COLUMNS} | {"at": time_text(entry.at)}


def _documents(entry: AuditEntry) -> dict[str, str | None]:
    """Both sides as JSON text, to fit in a cell."""
    sides = {"before": entry.before, "after": entry.after}
    return {name: None if side is None else orjson.dumps(side).decode() for name, side in sides.items()}
