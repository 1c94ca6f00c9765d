"""The relays of a worker: kept alive, bounded where nobody reads them, waited for at the end."""

import asyncio
import logging
from itertools import islice

from quart_proxy.core.errors import Unavailable
from quart_proxy.services.relay import Relay
from quart_proxy.settings import DRAINS_MAX

logger = logging.getLogger(__name__)


class RelayPool:
    """Starts relays as tasks and forgets them when they are done."""

    def __init__(self) -> None:
        self._running: dict[Relay, asyncio.Task[None]] = {}
        self._drained: set[Relay] = set()
        self._is_closing = False

    def __len__(self) -> int:
        return len(self._running)

    def list_running(self, limit: int) -> list[Relay]:
        """Those that run longest, at most so many."""
        return list(islice(self._running, limit))

    def start(self, relay: Relay) -> None:
        """Raises Unavailable when the worker is stopping."""
        if self._is_closing:
            raise Unavailable("This worker is stopping; try again.", retry_after_s=1)
        task = asyncio.create_task(relay.run())
        self._running[relay] = task
        task.add_done_callback(lambda _: self._forget(relay))

    def abandon(self, relay: Relay) -> None:
        """The client of `relay` is gone. At most DRAINS_MAX such answers are read on at once."""
        if relay in self._running and relay not in self._drained:
            relay.abandon(is_over=len(self._drained) >= DRAINS_MAX)
            self._drained.add(relay)

    async def drain(self, grace_s: float) -> None:
        """Let running answers end, for so long; then cut what is left and wait for its settlement."""
        self._is_closing = True
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace_s)
        self.cut()
        if self._running:
            await asyncio.wait(self._running.values())

    def cut(self) -> None:
        """End every running answer now: usage that is known is billed, readers get an error event."""
        for relay in self._running:
            relay.cut_after(0)

    def _forget(self, relay: Relay) -> None:
        task = self._running.pop(relay)
        self._drained.discard(relay)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.critical("relay_crashed", exc_info=error, extra={"fields": {}})
