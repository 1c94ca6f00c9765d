"""Whether this worker can serve: asked by `/readyz`, and by whoever starts the product and waits for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from quart_proxy.core.errors import Unavailable
from quart_proxy.services.billing import Settler
from quart_proxy.services.coherence import ChangeWatch
from quart_proxy.settings import WORKER_SEEN_S
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import count_dead_letters
from quart_proxy.store.revisions import Head, read_head
from quart_proxy.store.schema import is_migrated
from quart_proxy.store.workers import WorkerRow, list_workers


@dataclass(slots=True)
class Readiness:
    """What must be true before requests are taken. `is_prepared`: migrated, and the registry synced."""

    database: Database
    settler: Settler
    watch: ChangeWatch
    is_prepared: bool = False

    async def check(self) -> tuple[bool, dict[str, object]]:
        """Whether all is well, and each part by name. Dead letters are a reason to look, not to stop serving."""
        state: dict[str, object] = {
            "database": "away",
            "migrations": "unknown",
            "registry": {"synced": self.is_prepared, "revision": self.watch.revision, "version": self.watch.version},
            "spool": {"healthy": self.settler.can_bill, "unsettled": self.settler.backlog},
        }
        try:
            async with self.database.read() as connection:
                state["database"] = "ok"
                migrated = await is_migrated(connection)
                state["migrations"] = "ok" if migrated else "pending"
                if migrated:
                    state["dead_letters"] = await count_dead_letters(connection)
                    seen_since = datetime.now(UTC) - timedelta(seconds=WORKER_SEEN_S)
                    state["registry"] = {
                        "synced": self.is_prepared,
                        **self._registry(await read_head(connection), await list_workers(connection, seen_since)),
                    }
        except Unavailable:
            return False, state
        return migrated and self.is_prepared and self.settler.can_bill, state

    def _registry(self, head: Head, workers: Sequence[WorkerRow]) -> dict[str, object]:
        """The newest revision and the one that each worker serves; and why the files could not be used, if so."""
        told: dict[str, object] = {
            "version": self.watch.version,
            "revision": self.watch.revision,
            "newest": head.revision_id,
            "workers": {worker.name: worker.revision_id for worker in workers},
        }
        if head.last_sync is not None and not head.last_sync["ok"]:
            told["sync_failed"] = {name: head.last_sync[name] for name in ("outcome", "at", "message")}
        return told
