"""Keeps the registry in step with its files while the product runs, and tells how it is doing.

Every worker says which revision it serves. The first one also looks at the files, by what they say and not by
what the file system notices: a mounted configuration changes behind a link that no one is told of.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Hashable
from datetime import UTC, datetime, timedelta

from quart_proxy import __version__
from quart_proxy.core.errors import ProxyError, Unavailable
from quart_proxy.metrics import Metrics
from quart_proxy.services.coherence import ChangeWatch
from quart_proxy.services.health import Health
from quart_proxy.settings import WORKER_REPORT_S, WORKER_SEEN_S, Settings
from quart_proxy.store.database import Database
from quart_proxy.store.registry_base import find_last_apply
from quart_proxy.store.registry_holds import list_holds
from quart_proxy.store.workers import forget_workers, report_worker
from registry.desk import Desk
from registry.sync import find_own_digest, sync_registry

logger = logging.getLogger(__name__)


def is_first_worker() -> bool:
    """Whether this process does what one of several is enough for."""
    return os.environ.get("WORKER_INDEX", "0") == "0"


class RegistryWatch:
    """The tasks of one worker. `wake()` when the registry may have changed."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        changes: ChangeWatch,
        metrics: Metrics,
        desk: Desk,
        health: Health,
    ) -> None:
        self.name = health.worker_name
        self._health = health
        self._database = database
        self._settings = settings
        self._changes = changes
        self._metrics = metrics
        self._desk = desk
        self._woken = asyncio.Event()
        self._measured: Hashable = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._report())]
        if is_first_worker() and self._settings.registry_watch_s and self._settings.registry_sync != "off":
            self._tasks.append(asyncio.create_task(self._follow(self._settings.registry_watch_s)))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def wake(self) -> None:
        self._woken.set()

    # --- telling --------------------------------------------------------------------------------------

    async def _report(self) -> None:
        while True:
            self._woken.clear()
            # A database that is away is told of elsewhere; what this worker serves is said when it is back.
            with contextlib.suppress(Unavailable):
                async with self._database.transaction() as connection:
                    revision = self._changes.revision
                    await report_worker(
                        connection,
                        self.name,
                        revision_id=revision,
                        version=__version__,
                        health=self._health.report(),
                    )
                    seen = self._changes.version, await find_last_apply(connection)
                    await forget_workers(connection, datetime.now(UTC) - timedelta(seconds=WORKER_SEEN_S))
                self._metrics.registry_revision.set(revision)
                if is_first_worker() and self._measured != seen:
                    self._metrics.measure_registry(await self._desk.status())
                    self._measured = seen
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(WORKER_REPORT_S):
                    await self._woken.wait()

    # --- following the files --------------------------------------------------------------------------

    async def _follow(self, period_s: float) -> None:
        """Sync when the files, the registry or its holds are others than before the last sync. Files are taken once
        two readings in a row agree: what is being written has no digest yet."""
        seen = await asyncio.to_thread(find_own_digest, self._settings)
        synced: Hashable = None
        while True:
            await asyncio.sleep(period_s)
            before, seen = seen, await asyncio.to_thread(find_own_digest, self._settings)
            try:
                now = (seen, await self._state())
                if seen == before and now != synced:
                    await sync_registry(self._database, self._settings, actor=f"watch:{self.name}")
                    self._measured = None
                    self.wake()
                    # What was there before it: an edit that came right after it is looked at in the next round.
                    synced = now
            except ProxyError as error:
                # Told of in full by the sync itself, where it was about the files.
                logger.warning("registry_watch_failed", extra={"fields": {"reason": error.message}})

    async def _state(self) -> Hashable:
        async with self._database.read() as connection:
            holds = await list_holds(connection, datetime.now(UTC))
        await self._changes.check()
        return self._changes.version, tuple(hold.id for hold in holds)
