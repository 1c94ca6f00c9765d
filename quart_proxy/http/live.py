"""What admins who watch requests are told, as events and as a page of the tail."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from quart import Response, request

from quart_proxy.core.record import Outcome
from quart_proxy.core.sse import encode_event
from quart_proxy.core.tail import TailCursor, parse_tail_cursor
from quart_proxy.http import json_response, service
from quart_proxy.http.fields import Field, Reader, choice, identifier, many, read_fields, read_query, text
from quart_proxy.http.forms import time_text, usage_form_for_admin
from quart_proxy.services.in_flight import InFlight
from quart_proxy.services.watchers import Changed, Event, Missed, Settled, WatchFilter
from quart_proxy.settings import PAGE_ROWS_MAX
from quart_proxy.store.database import Database
from quart_proxy.store.usage_log import UsageRow, find_tail_end, read_tail

FILTERS: Mapping[str, tuple[str, Reader]] = {
    "user_id": ("user_ids", identifier),
    "key_id": ("key_ids", identifier),
    "model": ("models", text()),
    "outcome": ("outcomes", choice(*Outcome)),
}
VALUES_MAX = 100
PREAMBLE = b"retry: 3000\n"


def read_watch_filter() -> WatchFilter:
    """What the query wants to see; each name may be there several times. Raises InvalidFields."""
    given = {name: values for name in FILTERS if (values := [value for value in request.args.getlist(name) if value])}
    read = read_fields(given, {name: Field(many(reader, 1, VALUES_MAX)) for name, (_, reader) in FILTERS.items()})
    return WatchFilter(**{FILTERS[name][0]: frozenset(values) for name, values in read.items()})


def read_after() -> TailCursor | None:
    """`after` of the query. Raises InvalidFields."""
    after: TailCursor | None = read_query({"after": parse_tail_cursor}).get("after")
    return after


async def tail_answer(chosen: WatchFilter) -> Response:
    """The rows after a cursor, oldest first; without one, only the cursor of now. Raises InvalidFields."""
    after = read_after()
    async with service(Database).read() as connection:
        end = await find_tail_end(connection)
        if after is None or after.next_xid > end.next_xid:
            # A cursor from ahead of us is another database's.
            return json_response({"data": [], "has_more": False, "cursor": str(end)})
        page = await read_tail(connection, after, limit=PAGE_ROWS_MAX)
    rows = [settled_form(row) for _, row in page.rows if chosen.passes_row(row)]
    return json_response({"data": rows, "has_more": page.has_more, "cursor": str(page.cursor)})


def settled_form(row: UsageRow) -> dict[str, Any]:
    return {**usage_form_for_admin(row), "state": "settled"}


def encode_events(events: Iterable[Event]) -> Iterator[bytes]:
    for event in events:
        if isinstance(event, Settled):
            yield encode_position(event.cursor) + _encode("request", settled_form(event.row))
        elif isinstance(event, InFlight):
            yield _encode("progress", {"data": [_in_flight_form(told) for told in event.requests], "more": event.more})
        elif isinstance(event, Changed):
            yield _encode("change", {"revision": event.revision, "version": event.version})
        elif isinstance(event, Missed):
            yield _encode("reset", {})


def encode_position(cursor: TailCursor) -> bytes:
    """The field by which a client that comes back says where it was; a blank line behind it ends an event."""
    return b"id: " + str(cursor).encode() + b"\n"


def _encode(name: str, document: Mapping[str, Any]) -> bytes:
    return encode_event(orjson.dumps(document), name)


def _in_flight_form(told: Mapping[str, Any]) -> dict[str, Any]:
    return {**told, "started_at": time_text(datetime.fromisoformat(told["started_at"]))}
