"""Reading from the database what a plan has to say beside the merge: who, since when, and how much it is used."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.store.revisions import count_live_edits, was_applied
from quart_proxy.store.usage_log import count_requests
from quart_proxy.upstream.reach import Reach
from registry.entities import EntityKey, Origin
from registry.history import last_authors
from registry.outcome import EntityOutcome, Merged
from registry.planning.facts import Authors, Facts, LastApply
from registry.state import State, leaves_by_key
from registry.uses import list_merged_uses

REQUESTS_WITHIN = timedelta(hours=24)


async def load_facts(
    connection: AsyncConnection, origin: Origin, state: State, merged: Merged, now: datetime, reach: Reach | None = None
) -> Facts:
    """The facts for the plan of `merged`. Authors are read for what differs live, requests for what would go."""
    last = _last_apply(state)
    return Facts(
        revision=state.revision,
        state_digest=state.state_digest,
        last=last,
        edits_since=0 if last is None else await count_live_edits(connection, last.revision),
        authors=await _authors(connection, merged),
        requests_24h=await _requests(connection, merged, now),
        superseded=last is not None
        and origin.digest != last.digest
        and await was_applied(connection, state.source, origin.digest),
        live=leaves_by_key(state.live),
        base={key: entry.leaves for key, entry in state.base.items()},
        now=now,
        is_first=not state.sources,
        bound=frozenset(
            use.pair for use in list_merged_uses(merged) if reach is not None and reach.is_bound(use.reference, use.url)
        ),
    )


def _last_apply(state: State) -> LastApply | None:
    row = state.sources.get(state.source)
    if row is None or row.applied_at is None:
        return None
    return LastApply(row.revision_id, row.digest, row.rev, row.seq, row.applied_at, row.author)


async def _authors(connection: AsyncConnection, merged: Merged) -> Authors:
    disputed = [outcome for outcome in merged.entities if outcome.conflicts or outcome.drift or _is_undone(outcome)]
    return await last_authors(connection, dict(_ids(disputed)))


def _is_undone(outcome: EntityOutcome) -> bool:
    return outcome.action in ("deleted", "renamed") or any(leaf.kind == "revert" for leaf in outcome.fields)


def _ids(outcomes: Iterable[EntityOutcome]) -> Iterable[tuple[EntityKey, int]]:
    for outcome in outcomes:
        if outcome.entity_id is not None:
            yield EntityKey(outcome.key.kind, outcome.moved_from or outcome.key.key), outcome.entity_id


async def _requests(connection: AsyncConnection, merged: Merged, now: datetime) -> dict[str, int]:
    """By the key of each model that would be removed."""
    going = {
        outcome.entity_id: key.key
        for outcome in merged.entities
        if outcome.action == "tombstone" and outcome.key.kind == "model"
        for key, _ in _ids([outcome])
    }
    if not going:
        return {}
    counted = await count_requests(connection, [id for id in going if id is not None], now - REQUESTS_WITHIN)
    return {going[model_id]: count for model_id, count in counted.items()}
