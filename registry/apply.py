"""From files to a plan, and from a plan to the database: the use cases of the merge.

An apply is one transaction under one lock: state, merge, plan, guards, rows, base, revision. What was planned is
planned again inside it, so nothing that was seen before the lock is trusted. What computes for long does so in a
thread: streams go on meanwhile.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Fault, InvalidFields, InvalidRegistry, PlanRefused, StalePlan
from quart_proxy.store.changes import Actor, bump_version
from quart_proxy.store.database import Database
from quart_proxy.store.registry_base import forget_detached
from quart_proxy.store.registry_holds import end_holds_of
from quart_proxy.store.registry_orphans import OrphanRow, replace_orphans
from quart_proxy.upstream.reach import Reach
from registry.collector import paused_collector
from registry.entities import BaseEntry, Desired, EntityKey, Leaves, Origin, Policy
from registry.fact_finding import load_facts
from registry.files.sources import SourceFile, digest_of
from registry.marks import STANZA
from registry.merge import merge
from registry.outcome import EntityOutcome, Merged
from registry.plan import Plan, make_plan
from registry.reach_faults import check_reach
from registry.schema import parse_files
from registry.secrets import FindReason, hints_of_missing
from registry.state import State, load_state, lock_registry
from registry.write import Change, Revision, save_conflicts, save_source, write_base, write_revision


@dataclass(frozen=True, slots=True)
class Bundle:
    """Registry files, what they declare, and which state of them this is."""

    files: tuple[SourceFile, ...]
    desired: Desired
    origin: Origin


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what it was made of."""

    plan: Plan
    merged: Merged
    state: State


@dataclass(frozen=True, slots=True)
class Applied:
    """`revision` is the one in force afterwards; `is_changed` tells whether this apply made it."""

    revision: int
    is_changed: bool
    plan: Plan


def read_bundle(
    files: Sequence[SourceFile], *, rev: str | None = None, seq: int | None = None, author: str | None = None
) -> Bundle:
    """The files, parsed. Raises InvalidRegistry with every fault."""
    parsed = parse_files(files)
    if parsed.desired is None:
        errors = [fault for fault in parsed.faults if fault.severity == "error"]
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise InvalidRegistry(
            f"The registry files cannot be used: {errors[0].render().splitlines()[0]}{more}",
            faults=[fault.as_json() for fault in parsed.faults],
        )
    return Bundle(tuple(files), parsed.desired, Origin(digest_of(files), rev, seq, author))


async def plan_bundle(
    connection: AsyncConnection,
    bundle: Bundle,
    policy: Policy,
    *,
    is_attended: bool = True,
    reach: Reach | None = None,
    find_reason: FindReason | None = None,
) -> Planned:
    """What applying would do now. Reads only. Raises InvalidRegistry for what another source manages, and for what is
    beyond `reach`. With `find_reason`, hints name the keys that are missing."""
    now = datetime.now(UTC)
    with paused_collector():
        state = await load_state(connection, source=bundle.desired.source, now=now)
        _check_sources(bundle.desired, state)
        if reach is not None:
            check_reach(bundle.desired, reach)
        merged, policy = await asyncio.to_thread(_merge, bundle, state, policy, is_attended)
        merged = replace(merged, hints=(*merged.hints, *await hints_of_missing(connection, merged, find_reason)))
        facts = await load_facts(connection, bundle.origin, state, merged, now, reach)
        plan = await asyncio.to_thread(
            make_plan, merged, bundle.desired, bundle.origin, policy, facts, is_attended=is_attended
        )
    return Planned(plan, merged, state)


async def apply_bundle(
    database: Database,
    bundle: Bundle,
    policy: Policy,
    *,
    actor: Actor,
    message: str | None = None,
    fingerprint: str | None = None,
    is_attended: bool = True,
    reach: Reach | None = None,
    find_reason: FindReason | None = None,
) -> Applied:
    """Apply all of it or nothing. `fingerprint`: only if the plan is still the one that has it.

    Raises PlanRefused with the plan for a conflict that nobody resolved (unless the policy defers it) or a guard,
    StalePlan for a plan that is out of date, and InvalidFields for a merged result that cannot be served.
    """
    async with database.transaction() as connection:
        await lock_registry(connection)
        with paused_collector():
            planned = await plan_bundle(
                connection, bundle, policy, is_attended=is_attended, reach=reach, find_reason=find_reason
            )
            _check(planned, fingerprint)
            return await _write(connection, bundle, planned, actor, message)


def _check_sources(desired: Desired, state: State) -> None:
    taken = [(key, state.foreign[key]) for key in desired.stanzas if key in state.foreign]
    if taken:
        key, source = taken[0]
        place = desired.stanzas[key].place
        raise InvalidRegistry(
            f"{place}: {key} is managed by the source `{source}`; an entity has one source at most.", faults=[]
        )


def _merge(bundle: Bundle, state: State, policy: Policy, is_attended: bool) -> tuple[Merged, Policy]:
    """The merge with every resolution that was kept and still fits, and the policy that says so."""
    holds = [hold for hold in state.holds if hold.source_digest in (None, bundle.origin.digest)]

    def run(policy: Policy) -> Merged:
        return merge(
            bundle.desired,
            state.base,
            state.live,
            tombstones=state.tombstones,
            detached=state.detached,
            policy=policy,
            holds=holds,
            is_attended=is_attended,
        )

    merged = run(policy)
    fitting = {
        conflict.address: state.resolutions[conflict.address].choice
        for conflict in merged.conflicts
        if conflict.address in state.resolutions
        and state.resolutions[conflict.address].triple_digest == conflict.triple_digest
    }
    if not fitting:
        return merged, policy
    policy = replace(policy, resolutions={**fitting, **policy.resolutions})
    return run(policy), policy


def _check(planned: Planned, fingerprint: str | None) -> None:
    plan = planned.plan
    if fingerprint is not None and plan.fingerprint != fingerprint:
        raise StalePlan(
            "The plan is out of date: the files, the policy or the registry changed since. Plan again.",
            plan=plan.as_json(),
        )
    if plan.flaws:
        raise InvalidFields([Fault(flaw.path, flaw.message) for flaw in plan.flaws])
    if plan.guards:
        raise PlanRefused(" ".join(guard.message for guard in plan.guards), plan=plan.as_json())
    if planned.merged.is_blocked:
        addresses = ", ".join(conflict.address for conflict in planned.merged.conflicts[:5])
        raise PlanRefused(
            f"Changed in the files and live: {addresses}. Nothing was applied; resolve each with --resolve.",
            plan=plan.as_json(),
        )


async def _write(
    connection: AsyncConnection, bundle: Bundle, planned: Planned, actor: Actor, message: str | None
) -> Applied:
    state, merged, source, origin = planned.state, planned.merged, bundle.desired.source, bundle.origin
    base, last = _base_after(merged), state.sources.get(source)
    written = await write_revision(
        connection,
        state,
        [_change(outcome) for outcome in merged.entities if _is_written(outcome)],
        Revision("sync", actor.name, message, source, origin, asdict(planned.plan.policy)),
        # What the files are known to have said is part of the history, also where live says the same already.
        is_forced=planned.plan.is_pending or _are_others(bundle, state),
        request_id=actor.request_id,
        address=actor.address,
    )
    known = {outcome.key: outcome.entity_id for outcome in merged.entities if outcome.entity_id is not None}
    ids = {**{key: entry.entity_id for key, entry in state.live.items()}, **known, **written.ids}
    entries = _entries(bundle.desired, state, base, ids)
    await write_base(connection, source, entries, written.id)
    await _save_orphans(connection, planned, entries, written.id)
    await forget_detached(connection, source, _no_longer_detached(bundle.desired, state, base))
    await save_source(connection, source, _known_origin(state, origin), bundle.desired.ownership, written.id)
    if last is not None and last.digest != origin.digest:
        await end_holds_of(connection, last.digest)
    are_other_conflicts = await save_conflicts(connection, source, merged.entities)
    if (entries or are_other_conflicts) and not written.is_new:
        # No revision, and still every worker has something else to tell.
        await bump_version(connection)
    return Applied(written.id, written.is_new, planned.plan)


def _are_others(bundle: Bundle, state: State) -> bool:
    """Whether the files, or who owns what by them, are others than at the last apply."""
    last = state.sources.get(state.source)
    return last is None or last.digest != bundle.origin.digest or state.ownership != bundle.desired.ownership


def _no_longer_detached(desired: Desired, state: State, base: Mapping[EntityKey, Leaves | None]) -> list[EntityKey]:
    """What somebody gave back to the files, or what they declare no more."""
    return [key for key in state.detached if key not in desired.stanzas or base.get(key) is not None]


def _known_origin(state: State, origin: Origin) -> Origin:
    """With what was known of these very files before: a server that reads them again may not know their commit."""
    last = state.sources.get(state.source)
    if last is None or last.digest != origin.digest:
        return origin
    seq = last.seq if origin.seq is None else origin.seq
    return Origin(origin.digest, origin.rev or last.rev, seq, origin.author or last.author)


def _is_written(outcome: EntityOutcome) -> bool:
    """Whether live changes. What was deleted live and is renamed in the files has no row to rename."""
    is_somewhere = outcome.before is not None or outcome.after is not None
    return outcome.is_changed and is_somewhere and outcome.action != "deferred"


def _change(outcome: EntityOutcome) -> Change:
    return Change(
        key=outcome.key,
        before=outcome.before,
        after=outcome.after,
        entity_id=outcome.entity_id,
        moved_from=outcome.moved_from,
        why={leaf.path: leaf.kind for leaf in outcome.fields if leaf.changes_live},
    )


def _base_after(merged: Merged) -> dict[EntityKey, Leaves | None]:
    """What the files are known to declare afterwards; None: not managed, as the old name of what moved is not."""
    base: dict[EntityKey, Leaves | None] = {outcome.key: outcome.base_after for outcome in merged.entities}
    for outcome in merged.entities:
        if outcome.moved_from is not None:
            base.setdefault(EntityKey(outcome.key.kind, outcome.moved_from), None)
    return base


def _entries(
    desired: Desired, state: State, base: Mapping[EntityKey, Leaves | None], ids: Mapping[EntityKey, int]
) -> dict[EntityKey, BaseEntry | None]:
    """The base as rows: those that are new, other than before, or elsewhere in the files."""
    entries: dict[EntityKey, BaseEntry | None] = {}
    for key, leaves in base.items():
        before = state.base.get(key)
        after = None if leaves is None else _entry(desired, before, key, leaves, ids)
        if after != before:
            entries[key] = after
    return entries


async def _save_orphans(
    connection: AsyncConnection,
    planned: Planned,
    entries: Mapping[EntityKey, BaseEntry | None],
    revision_id: int,
) -> None:
    """Keep which of those that the files declare no more are nobody's now."""
    base = planned.state.base
    orphans = [
        OrphanRow(
            kind=outcome.key.kind,
            entity_id=base[outcome.key].entity_id,
            source=planned.state.source,
            revision_id=revision_id,
        )
        for outcome in planned.merged.entities
        if outcome.action == "orphan"
    ]
    touched = {(key.kind, (entry or base[key]).entity_id) for key, entry in entries.items()}
    await replace_orphans(connection, touched, orphans)


def _entry(
    desired: Desired, before: BaseEntry | None, key: EntityKey, leaves: Leaves, ids: Mapping[EntityKey, int]
) -> BaseEntry:
    stanza = desired.stanzas.get(key)
    entity_id = ids[key] if key in ids or before is None else before.entity_id
    if stanza is not None:
        return BaseEntry(entity_id, leaves, {STANZA: stanza.place, **stanza.places})
    return BaseEntry(entity_id, leaves, before.places if before else {})
