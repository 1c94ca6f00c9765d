"""GET /api/admin/audit: what admins did, newest first; as a file at `audit.csv`; one entry; and by what they can be
narrowed."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.http import json_response, service
from quart_proxy.http.answers import CSV_ROWS_PER_READ, also_at, csv_response, read_page
from quart_proxy.http.fields import ID, identifier, moment, read_query, text
from quart_proxy.http.forms import time_text
from quart_proxy.http.operations import operation
from quart_proxy.store.accounts import read_key_names, read_user_names
from quart_proxy.store.audit_log import AuditEntry, AuditFilter, get_audit_entry, list_audit, list_known
from quart_proxy.store.database import Database

routes = Blueprint("audit", __name__)
FILTERS = {"actor": text(), "action": text(), "target": text(), "from": moment, "to": moment, "q": text()}
_KEPT_AS = {"from": "since", "to": "until", "q": "containing"}
COLUMNS = ("id", "at", "actor", "action", "target", "before", "after", "request_id", "address", "target_name")


@routes.get("")
@operation(answer="AuditEntry", kind="list", query=FILTERS, is_paged=True)
async def list_writes() -> Response:
    page, chosen = read_page(identifier), _read_filter()
    async with service(Database).read() as connection:
        rows = await _rows(
            connection, await list_audit(connection, chosen, before_id=page.cursor, limit=page.limit + 1)
        )
    return page.answer(rows, lambda row: row, lambda row: row["id"])


@routes.get(f"/<{ID}:entry_id>")
@operation(answer="AuditEntry")
async def get_one(entry_id: int) -> Response:
    async with service(Database).read() as connection:
        (row,) = await _rows(connection, [await get_audit_entry(connection, entry_id)])
    return json_response(row)


@also_at(routes, "/api/admin/audit.csv")
@operation(kind="csv", query=FILTERS)
async def export_writes() -> Response:
    database, chosen = service(Database), _read_filter()

    async def read_more(after: int | None) -> list[tuple[int, dict[str, Any]]]:
        async with database.read() as connection:
            entries = await list_audit(connection, chosen, before_id=after, limit=CSV_ROWS_PER_READ)
            rows = await _rows(connection, entries)
        return [(row["id"], {**row, **_documents(row)}) for row in rows]

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


async def _rows(connection: AsyncConnection, entries: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    """With what users and keys are called now; what else there is has its name in the target."""
    owned = await read_key_names(connection, _ids(entries, "key"))
    names = {
        "user": await read_user_names(connection, _ids(entries, "user")),
        "key": {number: name for number, (name, _) in owned.items()},
    }
    kept = [name for name in COLUMNS if name != "target_name"]
    rows = []
    for entry in entries:
        kind, number = _parts(entry)
        name = names.get(kind, {}).get(number)
        said = {each: getattr(entry, each) for each in kept}
        rows.append({**said, "at": time_text(entry.at), "target_name": name})
    return rows


def _ids(entries: Sequence[AuditEntry], wanted: str) -> list[int]:
    return sorted({number for kind, number in map(_parts, entries) if kind == wanted})


def _parts(entry: AuditEntry) -> tuple[str, int]:
    """The kind of the target and its number, 0 where it has none."""
    kind, _, rest = entry.target.partition("/")
    return kind, int(rest) if rest.isdecimal() and len(rest) < 19 else 0


def _documents(row: Mapping[str, Any]) -> dict[str, str | None]:
    """Both sides as JSON text, to fit in a cell."""
    sides = {side: row[side] for side in ("before", "after")}
    return {name: None if side is None else orjson.dumps(side).decode() for name, side in sides.items()}
