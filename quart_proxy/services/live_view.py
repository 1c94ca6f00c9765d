"""Requests as they happen, on every worker, for admins who watch.

One reader a worker asks the log for new rows four times a second, for all watchers of this worker together, and
only while there is one. Whoever comes back after a while, or takes too slowly, reads the log from where it is to
where the reader is, and goes on with the others.
"""

import asyncio
import logging
from itertools import count

from quart_proxy.core.errors import RateLimited, Unavailable
from quart_proxy.core.tail import TailCursor
from quart_proxy.services.in_flight import InFlightBoard
from quart_proxy.services.watchers import Changed, Event, Missed, Watcher, WatchFilter
from quart_proxy.settings import WRITE_STALL_S
from quart_proxy.store.database import Database
from quart_proxy.store.usage_log import find_tail_end, has_tail_beyond, read_tail

logger = logging.getLogger(__name__)

POLL_S = 0.25
POLLS_PER_CALL = 4
"""Once a second all workers are asked what is in flight, and their answers are told half a second later."""
PAUSE_S = 1.0
"""Between two tries to reach a database that is away."""
PAGE_ROWS = 500
WATCHERS_MAX = 20
MISSED_ROWS_MAX = 10_000
"""What a watcher that comes back is told. A page shows some hundreds; more keeps both sides busy for nothing."""


class LiveView:
    """The watchers of one worker. `enter` one, `take` its events until there is None, and let it `leave`."""

    def __init__(self, database: Database, board: InFlightBoard) -> None:
        self._database = database
        self._board = board
        self._watchers: set[Watcher] = set()
        self._reader: asyncio.Task[None] | None = None
        self._position: TailCursor | None = None
        """Behind the rows that were put into mailboxes."""
        self._reading = asyncio.Lock()
        self._version = 0
        self._is_closed = False

    def enter(self, chosen: WatchFilter, position: TailCursor | None, *, ends_in_s: float) -> Watcher:
        """A new watcher that has seen all rows before `position` (None: begins now). Raises RateLimited."""
        if len(self._watchers) >= WATCHERS_MAX:
            message = f"{WATCHERS_MAX} streams of events are open on this worker; close one, or poll the tail."
            raise RateLimited(message, retry_after_s=5)
        watcher = Watcher(chosen, position, ends_at=asyncio.get_running_loop().time() + ends_in_s)
        self._watchers.add(watcher)
        if self._reader is None or self._reader.done():
            self._board.is_watched = True
            self._reader = asyncio.create_task(self._read())
            self._reader.add_done_callback(self._note_end)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)

    async def take(self, watcher: Watcher, silence_s: float) -> list[Event] | None:
        """What there is to tell, as soon as there is something; none after so many seconds. None: it is over."""
        loop = asyncio.get_running_loop()
        events: list[Event] = []
        try:
            if watcher.is_behind and not self._is_over(watcher):
                events += await self._join(watcher)
            if events or self._is_over(watcher):
                return events or None
            if watcher.gap_end is not None:
                return await self._read_gap(watcher, watcher.gap_end)
        except Unavailable:
            await watcher.wait(PAUSE_S)
            return []
        await watcher.wait(min(silence_s, watcher.ends_at - loop.time()))
        return None if self._is_over(watcher) else watcher.collect()

    def note_change(self, version: int, revision: int) -> None:
        """The configuration may be another one."""
        if version != self._version:
            self._version = version
            for watcher in self._watchers:
                watcher.put_change(Changed(version, revision))

    def close(self) -> None:
        """This worker is about to leave: so do its watchers, at once."""
        self._is_closed = True
        for watcher in self._watchers:
            watcher.wake()

    async def stop(self) -> None:
        self.close()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)

    # --- the reader -----------------------------------------------------------------------------------

    async def _read(self) -> None:
        for number in count():
            if not self._watchers:
                break
            try:
                async with self._reading:
                    await self._poll()
                if number % POLLS_PER_CALL == 0:
                    await self._board.call()
            except Unavailable:
                # Told of where it is missed more; the log has it all, later.
                await asyncio.sleep(PAUSE_S)
            if number % POLLS_PER_CALL == POLLS_PER_CALL // 2:
                self._show_in_flight()
            self._cut_stalled()
            await asyncio.sleep(POLL_S)
        self._position = None
        self._board.forget()

    async def _poll(self) -> TailCursor:
        """Put all new rows into the mailboxes. Returns the whole cursor behind them. Raises Unavailable."""
        async with self._database.read() as connection:
            position = self._position or await find_tail_end(connection)
            has_more = True
            while has_more:
                page = await read_tail(connection, position, limit=PAGE_ROWS)
                self._position = position = page.cursor
                has_more = page.has_more
                if page.rows:
                    self._board.note_settled([f"req_{row.request_id.hex}" for _, row in page.rows])
                    for watcher in self._watchers:
                        watcher.put_batch(page)
        return position

    def _show_in_flight(self) -> None:
        in_flight = self._board.read()
        for watcher in self._watchers:
            watcher.put_in_flight(in_flight)

    def _cut_stalled(self) -> None:
        now = asyncio.get_running_loop().time()
        for watcher in list(self._watchers):
            if watcher.waits_since is not None and now - watcher.waits_since > WRITE_STALL_S and watcher.on_stall:
                watcher.on_stall()

    def _note_end(self, reader: "asyncio.Task[None]") -> None:
        if reader.cancelled() or (error := reader.exception()) is None:
            return
        logger.critical("live_view_failed", exc_info=error, extra={"fields": {}})
        for watcher in self._watchers:
            # They come back, and with them another reader.
            watcher.ends_at = 0
            watcher.wake()

    # --- those who are behind -------------------------------------------------------------------------

    async def _join(self, watcher: Watcher) -> list[Event]:
        """Let it have what comes from now on, and know what is missing before. Raises Unavailable."""
        async with self._reading, self._database.read() as connection:
            end = await self._poll()
            now = await find_tail_end(connection)
            events: list[Event] = []
            # A cursor from ahead of us is another database's.
            if watcher.position is not None and (
                watcher.position.next_xid > now.next_xid
                or await has_tail_beyond(connection, watcher.position, end, MISSED_ROWS_MAX)
            ):
                watcher.position = None
                events.append(Missed())
            watcher.is_behind = False
            watcher.gap_end = None if watcher.position is None else end
            watcher.position = watcher.position or end
        return events

    async def _read_gap(self, watcher: Watcher, end: TailCursor) -> list[Event]:
        assert watcher.position is not None
        async with self._database.read() as connection:
            page = await read_tail(connection, watcher.position, until=end, limit=PAGE_ROWS)
        if not page.has_more:
            watcher.gap_end = None
        return watcher.choose(page)

    def _is_over(self, watcher: Watcher) -> bool:
        return self._is_closed or asyncio.get_running_loop().time() >= watcher.ends_at
