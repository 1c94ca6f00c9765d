"""The registry as PostgreSQL holds it: what is served, what the files declared last, and what stands in the way."""

import asyncio
import hashlib
import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Unavailable
from quart_proxy.store.catalog import Model, Provider, list_models, list_providers, list_tombstones
from quart_proxy.store.database import RETRY_AFTER_S
from quart_proxy.store.registry_base import BaseRow, SourceRow, list_base, list_detached, list_sources
from quart_proxy.store.registry_conflicts import list_conflicts
from quart_proxy.store.registry_holds import HoldRow, list_holds
from quart_proxy.store.revisions import read_head
from registry.entities import SOURCE_DEFAULT, BaseEntry, Choice, EntityKey, Hold, Kind, Leaves, LiveEntry, OwnershipRule
from registry.leaves import as_json, from_json, leaves_of
from registry.rows import model_document, provider_document

LOCK_TIMEOUT_S = 10.0
"""How long a writer waits for those before it: several servers that start at once all sync, one after the other."""
LOCK_PAUSE_S = 0.05
STATEMENT_TIMEOUT_S = 4
"""Of a writer's statement: PostgreSQL gives it up before the client does, so that the connection lives on."""


class Resolution(NamedTuple):
    """What a person decided of a conflict; good for exactly the three sides that `triple_digest` is of."""

    choice: Choice
    triple_digest: str


@dataclass(frozen=True, slots=True)
class State:
    """The registry at one moment, seen from one source.

    `revision` is 0 when nothing was ever written. `base` is what this source declared, `foreign` names the source of
    every entity that another one declares. `detached` are the keys that were taken out of its hands and that it may
    go on declaring. `tombstones` are the deleted rows that may live again, by the key that they would have.
    `resolutions` are by the address of a conflict, such as `model.claude-sonnet/pricing`.
    """

    revision: int
    state_digest: str
    live: Mapping[EntityKey, LiveEntry]
    source: str = SOURCE_DEFAULT
    base: Mapping[EntityKey, BaseEntry] = field(default_factory=dict)
    foreign: Mapping[EntityKey, str] = field(default_factory=dict)
    detached: frozenset[EntityKey] = frozenset()
    sources: Mapping[str, SourceRow] = field(default_factory=dict)
    tombstones: Mapping[EntityKey, int] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()
    resolutions: Mapping[str, Resolution] = field(default_factory=dict)

    @property
    def ownership(self) -> tuple[OwnershipRule, ...]:
        """Who may change what, by the files that this source applied last."""
        applied = self.sources.get(self.source)
        return tuple(OwnershipRule.from_json(rule) for rule in applied.ownership) if applied else ()

    def find_declared(self, key: EntityKey) -> EntityKey | None:
        """The key by which the files declare what is live as `key`, or was: another one where a rename was rolled
        back. None: they do not manage it."""
        if key in self.base:
            return key
        entry = self.live.get(key)
        return None if entry is None else _find_row(self.base, key.kind, entry.entity_id, besides=self.live)

    def find_live(self, key: EntityKey) -> EntityKey | None:
        """The other way round: the key by which what the files declare as `key` is live. None: it is deleted."""
        if key in self.live:
            return key
        entry = self.base.get(key)
        return None if entry is None else _find_row(self.live, key.kind, entry.entity_id, besides=self.base)


async def lock_registry(connection: AsyncConnection) -> None:
    """Let writers of the registry follow each other, until this transaction ends. Raises Unavailable when those before
    take too long."""
    # Asked for again and again: the client cuts off a statement that waits so long, and its connection with it.
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LOCK_TIMEOUT_S
    while not await connection.scalar(text("SELECT pg_try_advisory_xact_lock(hashtextextended('registry', 0))")):
        if loop.time() > deadline:
            raise Unavailable("Others are changing the registry; try again shortly.", retry_after_s=RETRY_AFTER_S)
        await asyncio.sleep(LOCK_PAUSE_S)
    await connection.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_S}s'"))


async def load_state(connection: AsyncConnection, *, source: str = SOURCE_DEFAULT, now: datetime) -> State:
    """The registry as this connection sees it: under `lock_registry` or in a snapshot, else it may be torn."""
    head = await read_head(connection)
    declared = await list_base(connection)
    decided = [conflict for conflict in await list_conflicts(connection, source) if conflict.resolution is not None]
    live = await load_live(connection)
    deleted = {entity_key(*named): entity_id for named, entity_id in (await list_tombstones(connection)).items()}
    return State(
        revision=head.revision_id,
        state_digest=head.state_digest,
        live=live,
        source=source,
        base={
            entity_key(row.kind, row.key): BaseEntry(row.entity_id, from_json(row.leaves), row.places)
            for row in declared
            if row.source == source
        },
        foreign={entity_key(row.kind, row.key): row.source for row in declared if row.source != source},
        detached=frozenset(entity_key(*named) for named in await list_detached(connection, source)),
        sources={row.source: row for row in await list_sources(connection)},
        tombstones=_tombstones(deleted, declared, live),
        holds=await load_holds(connection, now),
        resolutions={
            f"{row.kind}.{row.key}/{row.grp}": Resolution(cast(Choice, row.resolution), row.triple_digest)
            for row in decided
        },
    )


async def load_holds(connection: AsyncConnection, now: datetime) -> tuple[Hold, ...]:
    """Those in force, oldest first."""
    return tuple([_hold(row) for row in await list_holds(connection, now)])


async def load_live(connection: AsyncConnection) -> dict[EntityKey, LiveEntry]:
    """Every provider and model that is not deleted."""
    providers, models = await list_providers(connection), await list_models(connection)
    # In a thread, as all that computes for long in the registry: streams go on meanwhile.
    return await asyncio.to_thread(_live, providers, models)


def _live(providers: Sequence[Provider], models: Sequence[Model]) -> dict[EntityKey, LiveEntry]:
    return {
        **{
            EntityKey("provider", row.key): LiveEntry(row.id, leaves_of(provider_document(row)), row.row_version)
            for row in providers
        },
        **{
            EntityKey("model", row.key): LiveEntry(row.id, leaves_of(model_document(row)), row.row_version)
            for row in models
        },
    }


def _tombstones(
    deleted: Mapping[EntityKey, int], declared: Sequence[BaseRow], live: Mapping[EntityKey, LiveEntry]
) -> dict[EntityKey, int]:
    """A row that was deleted live and renamed in the files would come back under its new key."""
    rows = {(key.kind, entry.entity_id) for key, entry in live.items()}
    renamed = {
        entity_key(row.kind, row.key): row.entity_id
        for row in declared
        if (row.kind, row.key) not in live and (row.kind, row.entity_id) not in rows
    }
    claimed = {(key.kind, entity_id) for key, entity_id in renamed.items()}
    return {key: id for key, id in deleted.items() if (key.kind, id) not in claimed} | renamed


def _find_row(
    entries: Mapping[EntityKey, BaseEntry] | Mapping[EntityKey, LiveEntry],
    kind: Kind,
    entity_id: int,
    *,
    besides: Container[EntityKey],
) -> EntityKey | None:
    """The key that the row has in `entries`, if there is none such in `besides`: keys are matched before rows."""
    for key, entry in entries.items():
        if (key.kind, entry.entity_id) == (kind, entity_id) and key not in besides:
            return key
    return None


def leaves_by_key(live: Mapping[EntityKey, LiveEntry]) -> dict[EntityKey, Leaves]:
    return {key: entry.leaves for key, entry in live.items()}


def digest_state(state: Mapping[EntityKey, Leaves]) -> str:
    """What a registry with these leaves is known by; ids and order do not matter."""
    plain = {str(key): as_json(leaves) for key, leaves in state.items()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def entity_key(kind: str, key: str) -> EntityKey:
    return EntityKey(cast(Kind, kind), key)


def _hold(row: HoldRow) -> Hold:
    return Hold(
        row.id, row.reason, row.by, row.until, cast(Kind | None, row.kind), row.key, row.fields, row.source_digest
    )
