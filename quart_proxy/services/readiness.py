"""Whether this worker can serve: asked by `/readyz`, and by whoever starts the product and waits for it."""

from dataclasses import dataclass

from quart_proxy.core.errors import Unavailable
from quart_proxy.services.billing import Settler
from quart_proxy.services.coherence import ChangeWatch
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import count_dead_letters
from quart_proxy.store.schema import is_migrated


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
            "registry": {"synced": self.is_prepared, "version": self.watch.version},
            "spool": {"healthy": self.settler.can_bill, "unsettled": self.settler.backlog},
        }
        try:
            async with self.database.read() as connection:
                state["database"] = "ok"
                migrated = await is_migrated(connection)
                state["migrations"] = "ok" if migrated else "pending"
                if migrated:
                    state["dead_letters"] = await count_dead_letters(connection)
        except Unavailable:
            return False, state
        return migrated and self.is_prepared and self.settler.can_bill, state
