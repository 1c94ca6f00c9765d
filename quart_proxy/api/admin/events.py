"""GET /api/admin/events: requests as they happen, on every worker, and changes of the configuration.

    event: request    a request has its row: the row as /api/admin/usage tells it. Every one, once, as they commit
    event: progress   what is in flight, once a second. A `request` event of the same id has the last word
    event: change     the registry or the settings are others now
    event: reset      too much happened since the client was last here: read the list anew

The `id` of an event is a cursor: a client that comes back with it (Last-Event-ID, or `after`) misses nothing,
whichever worker answers.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime

from quart import Blueprint, Response, g, request

from quart_proxy.core.errors import Unauthenticated, Unavailable
from quart_proxy.core.tail import TailCursor, parse_tail_cursor
from quart_proxy.http import event_stream, service
from quart_proxy.http.live import PREAMBLE, encode_events, encode_position, read_after, read_watch_filter
from quart_proxy.http.operations import operation
from quart_proxy.services.admin_sessions import AdminSession, AdminSessions
from quart_proxy.services.live_view import LiveView
from quart_proxy.services.watchers import Settled, Watcher
from quart_proxy.settings import Settings

routes = Blueprint("events", __name__)
HEARTBEAT = b": heartbeat\n\n"


@routes.get("")
@operation(kind="events")
async def watch_events() -> Response:
    session: AdminSession = g.session
    ends_in_s = (session.expires_at - datetime.now(UTC)).total_seconds()
    if ends_in_s <= 0:
        raise Unauthenticated("The admin token has expired; sign in again.")
    view = service(LiveView)
    watcher = view.enter(read_watch_filter(), _last_event() or read_after(), ends_in_s=ends_in_s)
    task = asyncio.current_task()
    assert task is not None
    watcher.on_stall = task.cancel
    # The end of the task tells it for certain: a generator that the web server never began runs no `finally`.
    task.add_done_callback(lambda _: view.leave(watcher))
    sessions = service(AdminSessions)

    async def is_over() -> bool:
        # A database that is away cannot say: whoever was let in may stay until it can.
        with suppress(Unavailable):
            return await sessions.is_ended(session)
        return False

    return event_stream(_tell(view, watcher, service(Settings).heartbeat_s, is_over))


async def _tell(
    view: LiveView, watcher: Watcher, heartbeat_s: float, is_over: Callable[[], Awaitable[bool]]
) -> AsyncIterator[bytes]:
    yield PREAMBLE + b"\n"
    told: TailCursor | None = None
    while (events := await view.take(watcher, heartbeat_s)) is not None and not await is_over():
        if settled := [event for event in events if isinstance(event, Settled)]:
            told = settled[-1].cursor
        if events:
            yield b"".join(encode_events(events))
        elif watcher.position is not None and watcher.position != told:
            # What was passed over need not be read again by a client that comes back.
            told = watcher.position
            yield encode_position(told) + b"\n"
        else:
            yield HEARTBEAT


def _last_event() -> TailCursor | None:
    """Where a browser that comes back was. What it cannot have from here says nothing: it would send it for ever."""
    with suppress(ValueError):
        return parse_tail_cursor(request.headers.get("Last-Event-ID", ""))
    return None
