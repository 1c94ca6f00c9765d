"""What is in flight on all workers, for as long as somebody watches.

A watching worker calls; each that hears it tells of its relays, once a second at most, by notifications that every
worker gets. Nobody calls, nobody tells: a request that nobody watches pays for none of this.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import orjson

from quart_proxy.core.errors import Unavailable
from quart_proxy.services.coherence import ChangeWatch
from quart_proxy.services.relay_pool import RelayPool
from quart_proxy.store.changes import notify
from quart_proxy.store.database import Database

logger = logging.getLogger(__name__)

CALL_CHANNEL = "in_flight_call"
TELL_CHANNEL = "in_flight"
TOLD_MAX = 200
"""Relays that one worker tells of; of the others it says how many there are."""
PAYLOAD_BYTES_MAX = 7500
"""A notification holds less than 8000 bytes."""
TELL_PAUSE_S = 0.7
"""Two workers that watch call at moments of their own; one answer a second is enough for both."""
SILENT_S = 3.0
"""A worker that told nothing for so long is gone, or has nothing more to tell."""
SETTLED_KEPT = 5000
"""A worker's word may be older than the row of a request that has ended since."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """Requests as the API tells of them; `more` are running besides."""

    requests: Sequence[Mapping[str, Any]]
    more: int


@dataclass(slots=True)
class _Told:
    heard_at: float
    said: InFlight


class InFlightBoard:
    """One worker's part in it: it tells of its own relays when called, and keeps what is told while it is watched."""

    def __init__(self, database: Database, pool: RelayPool, changes: ChangeWatch) -> None:
        self.is_watched = False
        self._name = uuid4().hex
        self._database = database
        self._pool = pool
        self._telling: asyncio.Task[None] | None = None
        self._told_at = float("-inf")
        self._has_told = False
        self._heard: dict[str, _Told] = {}
        self._parts: dict[str, list[Mapping[str, Any]]] = {}
        self._settled: deque[str] = deque(maxlen=SETTLED_KEPT)
        changes.hear(CALL_CHANNEL, lambda _: self._answer())
        changes.hear(TELL_CHANNEL, self._listen)

    async def call(self) -> None:
        """Ask every worker to tell. Raises Unavailable."""
        async with self._database.read() as connection:
            await notify(connection, CALL_CHANNEL, [""])

    def note_settled(self, request_ids: Sequence[str]) -> None:
        """These have a row now: they are in flight no more, whatever a worker said a moment ago."""
        self._settled.extend(request_ids)

    def read(self) -> InFlight:
        """All that was told lately, the oldest request of each worker first."""
        now, settled = asyncio.get_running_loop().time(), set(self._settled)
        self._heard = {name: told for name, told in self._heard.items() if told.heard_at > now - SILENT_S}
        requests = [
            request
            for told in self._heard.values()
            for request in told.said.requests
            if request["request_id"] not in settled
        ]
        return InFlight(requests, sum(told.said.more for told in self._heard.values()))

    def forget(self) -> None:
        """Nobody watches any more."""
        self.is_watched = False
        self._heard.clear()
        self._parts.clear()
        self._settled.clear()

    # --- telling --------------------------------------------------------------------------------------

    def _answer(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._told_at + TELL_PAUSE_S or (self._telling is not None and not self._telling.done()):
            return
        # With nothing in flight, silence says so, once the last word was taken back.
        if len(self._pool) or self._has_told:
            self._told_at = now
            self._telling = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        relays = self._pool.list_running(TOLD_MAX)
        self._has_told = bool(relays)
        more = len(self._pool) - len(relays)
        payloads = list(_payloads(self._name, [relay.tell() for relay in relays if not relay.is_settling], more))
        try:
            async with self._database.read() as connection:
                await notify(connection, TELL_CHANNEL, payloads)
        except Unavailable as error:
            logger.warning("in_flight_untold", extra={"fields": {"reason": error.message}})

    # --- listening ------------------------------------------------------------------------------------

    def _listen(self, payload: str) -> None:
        if not self.is_watched:
            return
        part = orjson.loads(payload)
        name = part["worker"]
        parts = self._parts.setdefault(name, [])
        if part["part"] == 0:
            parts.clear()
        parts.extend(part["data"])
        if part["is_last"]:
            said = InFlight(self._parts.pop(name), part["more"])
            self._heard[name] = _Told(asyncio.get_running_loop().time(), said)


def _payloads(worker: str, requests: Sequence[Mapping[str, Any]], more: int) -> Iterator[str]:
    """The parts of one answer. They are sent in one transaction, so they come together and in order."""
    parts: list[list[Mapping[str, Any]]] = [[]]
    size = 0
    for request in requests:
        request_bytes = len(orjson.dumps(request)) + 1
        if parts[-1] and size + request_bytes > PAYLOAD_BYTES_MAX - 200:
            parts.append([])
            size = 0
        parts[-1].append(request)
        size += request_bytes
    for number, data in enumerate(parts):
        part = {"worker": worker, "part": number, "is_last": number == len(parts) - 1, "more": more, "data": data}
        yield orjson.dumps(part).decode()
