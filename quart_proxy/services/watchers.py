"""Those who watch requests as they happen: what each has still to get, and how far it has come."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from quart_proxy.core.tail import TailCursor
from quart_proxy.services.in_flight import InFlight
from quart_proxy.store.usage_log import TailPage, UsageRow

QUEUED_ROWS_MAX = 2000
"""What waits for one slow watcher; with more it reads the log again when it is ready for it."""


@dataclass(frozen=True, slots=True)
class WatchFilter:
    """What is to be seen; an empty set does not narrow. Who asks for outcomes sees nothing that has none yet."""

    user_ids: frozenset[int] = frozenset()
    key_ids: frozenset[int] = frozenset()
    models: frozenset[str] = frozenset()
    outcomes: frozenset[str] = frozenset()

    def passes_row(self, row: UsageRow) -> bool:
        return self._passes(row.user_id, row.api_key_id, row.model) and (
            not self.outcomes or row.outcome in self.outcomes
        )

    def passes_request(self, request: Mapping[str, Any]) -> bool:
        """Of one in flight."""
        return not self.outcomes and self._passes(request["user_id"], request["key_id"], request["model"])

    def _passes(self, user_id: int, key_id: int, model: str) -> bool:
        return (
            (not self.user_ids or user_id in self.user_ids)
            and (not self.key_ids or key_id in self.key_ids)
            and (not self.models or model in self.models)
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """A request has its row. `cursor` is behind it."""

    cursor: TailCursor
    row: UsageRow


@dataclass(frozen=True, slots=True)
class Changed:
    """The configuration is another one now."""

    version: int
    revision: int


@dataclass(frozen=True, slots=True)
class Missed:
    """So much happened since the watcher was last here that it is not told: what is shown is to be read anew."""


Event = Settled | InFlight | Changed | Missed


class Watcher:
    """One of them, with a mailbox: a view puts in what happens, `collect` takes all of it out.

    `position` is behind all rows that were told or passed over; None: it has not begun. `gap_end`: the rows up to
    there are to be read from the log before what is in the mailbox; None: nothing is missing.
    """

    def __init__(self, chosen: WatchFilter, position: TailCursor | None, *, ends_at: float) -> None:
        self.chosen = chosen
        self.position = position
        self.gap_end: TailCursor | None = None
        self.is_behind = True
        """Rows are not put in: some before them are missing, and nobody knows yet up to which."""
        self.ends_at = ends_at
        """On the event loop's clock."""
        self.waits_since: float | None = None
        """Since when something is in the mailbox."""
        self.on_stall: Callable[[], object] | None = None
        """Called when it has taken nothing for too long: it may hang in a write that never ends."""
        self._batches: deque[TailPage] = deque()
        self._queued_rows = 0
        self._in_flight: InFlight | None = None
        self._shows_requests = False
        self._changed: Changed | None = None
        self._wake = asyncio.Event()

    async def wait(self, timeout_s: float) -> None:
        """Until there is something, for so long at most."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    def wake(self) -> None:
        self._wake.set()

    def put_batch(self, batch: TailPage) -> None:
        if self.is_behind:
            return
        self._batches.append(batch)
        self._queued_rows += len(batch.rows)
        if self._queued_rows > QUEUED_ROWS_MAX:
            self.is_behind = True
            self._batches.clear()
            self._queued_rows = 0
        self._note()

    def put_in_flight(self, in_flight: InFlight) -> None:
        """In place of what was put in before. That nothing is in flight is told once."""
        requests = [request for request in in_flight.requests if self.chosen.passes_request(request)]
        if requests or self._shows_requests:
            self._shows_requests = bool(requests)
            self._in_flight = InFlight(requests, in_flight.more)
            self._note()

    def put_change(self, changed: Changed) -> None:
        self._changed = changed
        self._note()

    def collect(self) -> list[Event]:
        """All that is to be told now, rows first."""
        self._wake.clear()
        self.waits_since = None
        events: list[Event] = []
        for batch in self._batches:
            events += self.choose(batch)
        self._batches.clear()
        self._queued_rows = 0
        events += [event for event in (self._in_flight, self._changed) if event is not None]
        self._in_flight = self._changed = None
        return events

    def choose(self, batch: TailPage) -> list[Event]:
        """The rows of `batch` that are to be seen; the position moves behind all of them."""
        self.position = batch.cursor
        return [Settled(cursor, row) for cursor, row in batch.rows if self.chosen.passes_row(row)]

    def _note(self) -> None:
        if self.waits_since is None:
            self.waits_since = asyncio.get_running_loop().time()
        self._wake.set()
