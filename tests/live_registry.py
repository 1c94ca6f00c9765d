"""A registry of one database, changed through its one door: what the tests of writes and history begin with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.database import Database
from registry.entities import EntityKey, Leaves
from registry.state import State, leaves_by_key, load_live, load_state, lock_registry
from registry.write import Change, Revision, RevisionKind, Written, write_revision

PROVIDER: Leaves = {"api_format": "openai", "api_url": "https://one.example/v1"}
PRICE: Leaves = {"pricing.input": "1.25", "pricing.output": "10.00"}


def entity(address: str) -> EntityKey:
    kind, _, key = address.partition("/")
    assert kind == "provider" or kind == "model"
    return EntityKey(kind, key)


def model(provider: str = "one", **leaves: Any) -> Leaves:
    """A priced model of one upstream; dots of paths are written as two underscores."""
    return {"upstreams.default.provider": provider, **PRICE} | {
        path.replace("__", "."): value for path, value in leaves.items()
    }


@dataclass(frozen=True)
class LiveRegistry:
    database: Database

    async def put(
        self,
        documents: Mapping[str, Leaves | None],
        *,
        moved: Mapping[str, str] | None = None,
        kind: RevisionKind = "ui",
        actor: str = "ada",
        message: str | None = None,
    ) -> Written:
        """Make these entities, such as `model/a`, what is given; None deletes. `moved`: model keys, from new to old."""
        async with self.database.transaction() as connection:
            await lock_registry(connection)
            state = await load_state(connection, now=datetime.now(UTC))
            changes = [change_of(state, entity(name), leaves, moved or {}) for name, leaves in documents.items()]
            return await write_revision(connection, state, changes, Revision(kind, actor, message))

    async def apply(self, changes: list[Change], kind: RevisionKind = "rollback") -> Written:
        async with self.database.transaction() as connection:
            await lock_registry(connection)
            state = await load_state(connection, now=datetime.now(UTC))
            return await write_revision(connection, state, changes, Revision(kind, "ada"))

    async def state(self) -> State:
        async with self.database.snapshot() as connection:
            return await load_state(connection, now=datetime.now(UTC))

    async def leaves(self) -> dict[EntityKey, Leaves]:
        async with self.database.snapshot() as connection:
            return leaves_by_key(await load_live(connection))

    async def rows(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        async with self.database.read() as connection:
            return [tuple(row) for row in await connection.execute(text(query), values)]


def change_of(state: State, key: EntityKey, leaves: Leaves | None, moved: Mapping[str, str]) -> Change:
    moved_from = moved.get(key.key) if leaves is not None else None
    entry = state.live.get(key if moved_from is None else EntityKey(key.kind, moved_from))
    if entry is None:
        return Change(key, None, leaves, state.tombstones.get(key))
    return Change(key, entry.leaves, leaves, entry.entity_id, moved_from)


async def begin(connection: AsyncConnection) -> State:
    """The lock, and what is there."""
    await lock_registry(connection)
    return await load_state(connection, now=datetime.now(UTC))
