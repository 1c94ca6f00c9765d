"""All that can be asked of the registry, each with the JSON that answers it.

The API and the command line are two ways to this desk: what one says, the other says in the same words.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.errors import Conflict, Fault, InvalidFields, NotFound
from quart_proxy.settings import WORKER_SEEN_S, Settings
from quart_proxy.store.changes import Actor, bump_version, record_audit
from quart_proxy.store.database import Database
from quart_proxy.store.registry_base import list_sources
from quart_proxy.store.registry_conflicts import ConflictRow, list_conflicts, resolve_conflict
from quart_proxy.store.registry_holds import create_hold, end_hold, list_holds
from quart_proxy.store.revisions import Head, read_head
from quart_proxy.store.workers import list_workers
from quart_proxy.upstream.reach import Reach
from registry import edits, history
from registry.apply import Bundle, apply_bundle, plan_bundle
from registry.doctor import diagnose
from registry.entities import Choice, EntityKey, Policy
from registry.export import export, render_registry
from registry.field_states import describe_entity
from registry.files.overlays import in_play, list_overlays
from registry.files.positions import Fault as FileFault
from registry.files.readers import suggest
from registry.files.sources import SourceFile, UnreadableSource
from registry.files.validation import validate_files
from registry.forms import (
    change_form,
    conflict_form,
    hold_form,
    recorded_form,
    revision_form,
    source_form,
    worker_form,
)
from registry.leaves import known_path, parse_entity, split_address
from registry.planning.drift import Disputed, DriftItem, drift_as_json, find_drift, is_disputed, without_ignored
from registry.reach_faults import list_reach_faults
from registry.schema import parse_files
from registry.secrets import FindReason, MissingSecret, list_missing_secrets
from registry.splicing.cuts import SpliceError
from registry.splicing.patch import render_patch
from registry.state import State, load_state, lock_registry
from registry.sync import find_own_digest, read_own_bundle, read_own_files, sync_registry, unreadable_fault


@dataclass(frozen=True, slots=True)
class Desk:
    """Raises what the use cases raise. `find_reason` None: here nobody knows which keys are to be had."""

    database: Database
    settings: Settings
    find_reason: FindReason | None = None

    @property
    def reach(self) -> Reach:
        return Reach.of(self.settings)

    # --- looking --------------------------------------------------------------------------------------

    async def status(self) -> dict[str, Any]:
        """What is in force, where it came from, and what waits for somebody."""
        now = datetime.now(UTC)
        async with self.database.snapshot() as connection:
            head = await read_head(connection)
            states = await _states(connection)
            workers = await list_workers(connection, now - timedelta(seconds=WORKER_SEEN_S))
            items = [item for state in states for item in await _drift(connection, state)]
            conflicts = await list_conflicts(connection)
            disputed = _groups(conflicts)
            return {
                "revision": head.revision_id,
                "state_digest": head.state_digest,
                "mode": self.settings.registry_sync,
                "sync": head.last_sync,
                "sources": [source_form(row) for state in states[:1] for row in state.sources.values()],
                "drift": sum(not is_disputed(item, disputed) for item in items),
                "pending": await self._pending(head, states[0]),
                "conflicts": [conflict_form(row) for row in conflicts],
                "holds": [hold_form(row) for row in await list_holds(connection, now)],
                "workers": [worker_form(row, head.revision_id) for row in workers],
                "missing_secrets": [missing.as_json() for missing in await self._missing(connection)],
            }

    def validate(self, files: Sequence[SourceFile] | None) -> dict[str, Any]:
        """Whether they make a registry, the base and with each overlay over it; and, with this server's, whether that
        may be served here. None: the files that the server syncs itself."""
        if files is None:
            try:
                files = read_own_files(self.settings)
            except UnreadableSource as error:
                return {"valid": False, "errors": 1, "warnings": 0, "faults": [unreadable_fault(error)]}
        found = validate_files(files)
        faults = [*found.faults, *(self._reach_faults(files) if found.registry is not None else ())]
        errors = sum(fault.severity == "error" for fault in faults)
        return {
            "valid": not errors,
            "errors": errors,
            "warnings": len(faults) - errors,
            "faults": [fault.as_json() for fault in faults],
        }

    def _reach_faults(self, files: Sequence[SourceFile]) -> list[FileFault]:
        overlay = self.settings.registry_overlay
        parsed = parse_files(in_play(files, overlay if overlay in list_overlays(files) else None))
        return [] if parsed.desired is None else list_reach_faults(parsed.desired, self.reach)

    async def doctor(self) -> dict[str, Any]:
        return await diagnose(self.database, self.find_reason)

    async def drift(self, ignore: Sequence[str] = ()) -> dict[str, Any]:
        """What differs from what the files last declared, and of what a conflict is open. No file is read."""
        async with self.database.snapshot() as connection:
            items = [item for state in await _states(connection) for item in await _drift(connection, state)]
            disputed = _groups(await list_conflicts(connection))
        return drift_as_json(without_ignored(items, ignore), disputed)

    async def revisions(self, entity: EntityKey | None, *, before: int | None, limit: int) -> list[dict[str, Any]]:
        async with self.database.read() as connection:
            rows = await history.list_revisions(connection, entity=entity, before=before, limit=limit)
        return [revision_form(row) for row in rows]

    async def revision(self, revision: int) -> dict[str, Any]:
        async with self.database.snapshot() as connection:
            return recorded_form(await history.get_revision(connection, revision))

    async def diff(self, earlier: int, later: int) -> dict[str, Any]:
        """What to do to the one to have the other."""
        async with self.database.snapshot() as connection:
            states = [await history.state_at(connection, revision) for revision in (earlier, later)]
        changes = history.diff_states(*states)
        return {"from": earlier, "to": later, "changes": [change_form(change) for change in changes]}

    async def entity(self, key: EntityKey) -> dict[str, Any]:
        """Every field of an entity: its three sides, who may change it, who did, and where the files say it."""
        async with self.database.snapshot() as connection:
            return await describe_entity(connection, key)

    async def conflicts(self) -> list[dict[str, Any]]:
        """Those that are open, and what was decided of them since the last sync."""
        async with self.database.read() as connection:
            return [conflict_form(row) for row in await list_conflicts(connection)]

    async def holds(self) -> list[dict[str, Any]]:
        """Those in force, oldest first."""
        async with self.database.read() as connection:
            return [hold_form(row) for row in await list_holds(connection, datetime.now(UTC))]

    # --- files ----------------------------------------------------------------------------------------

    def own_bundle(self) -> Bundle:
        """The files that the server syncs itself."""
        return read_own_bundle(self.settings)

    async def plan(self, bundle: Bundle, policy: Policy) -> dict[str, Any]:
        async with self.database.snapshot() as connection:
            planned = await plan_bundle(connection, bundle, policy, reach=self.reach, find_reason=self.find_reason)
            return planned.plan.as_json()

    async def apply(
        self, bundle: Bundle, policy: Policy, *, actor: Actor, message: str | None, fingerprint: str | None
    ) -> dict[str, Any]:
        applied = await apply_bundle(
            self.database,
            bundle,
            policy,
            actor=actor,
            message=message,
            fingerprint=fingerprint,
            reach=self.reach,
            find_reason=self.find_reason,
        )
        return {"revision": applied.revision, "changed": applied.is_changed, "plan": applied.plan.as_json()}

    async def export(
        self, bundle: Bundle, *, adopt: Sequence[EntityKey] = (), only: Sequence[EntityKey] = ()
    ) -> dict[str, Any]:
        """The files with the live edits in them, and the same as a patch. Raises Conflict for edits that the files
        cannot be made to say."""
        files = bundle.files
        async with self.database.snapshot() as connection:
            state = await load_state(connection, source=bundle.desired.source, now=datetime.now(UTC))
        try:
            # The files are read, edited and read again: long enough to keep streams waiting.
            made = await asyncio.to_thread(
                export, files, bundle.desired, state.base, state.live, adopt=adopt, only=only
            )
        except SpliceError as error:
            raise Conflict(str(error)) from error
        return {
            "changed": list(made.files) != list(files),
            "files": [{"name": file.name, "text": file.text} for file in made.files],
            "patch": render_patch(files, made.files),
            "skipped": list(made.skipped),
        }

    async def export_new(self) -> dict[str, Any]:
        """A first file from what is live."""
        async with self.database.snapshot() as connection:
            state = await load_state(connection, now=datetime.now(UTC))
        return {"text": render_registry(state.live)}

    # --- writing --------------------------------------------------------------------------------------

    async def roll_back(
        self,
        revision: int,
        *,
        only: Sequence[EntityKey],
        actor: Actor,
        message: str | None,
        is_dry: bool,
        expected: int | None = None,
    ) -> dict[str, Any]:
        """With `is_dry` it is done and taken back: the answer, or the refusal, is what it would come to, and `revision`
        is the one that this was found against. `expected`: only if that revision is in force still."""
        async with self.database.transaction() as connection:
            await lock_registry(connection)
            head = await read_head(connection)
            async with connection.begin_nested() as attempt:
                rolled = await edits.roll_back(
                    connection,
                    revision,
                    only=only,
                    actor=actor,
                    message=message,
                    is_enforced=self.settings.registry_sync == "enforce",
                    expected=expected,
                )
                if is_dry:
                    await attempt.rollback()
        return {
            "revision": head.revision_id if is_dry else rolled.revision,
            "changed": rolled.is_changed and not is_dry,
            "changes": [change_form(change) for change in rolled.changes],
            "held": [str(key) for key in rolled.held],
        }

    async def revert(
        self, key: EntityKey, paths: Sequence[str], *, actor: Actor, message: str | None, expected: int | None = None
    ) -> dict[str, Any]:
        async with self.database.transaction() as connection:
            await lock_registry(connection)
            written = await edits.revert_entity(connection, key, paths, actor=actor, message=message, expected=expected)
        return {"revision": written.id, "changed": written.is_new}

    async def detach(self, key: EntityKey, *, actor: Actor, reason: str, expected: int | None = None) -> dict[str, Any]:
        async with self.database.transaction() as connection:
            await lock_registry(connection)
            written = await edits.detach_entity(connection, key, actor=actor, reason=reason, expected=expected)
        return {"revision": written.id, "changed": written.is_new}

    async def resolve(self, address: str, choice: Choice, *, actor: Actor, digest: str | None) -> dict[str, Any]:
        """Decide an open conflict. It takes effect at once where the server's own files are those that it came from,
        and nothing else would be applied with it; else `sync` is None, and the next apply does as decided.

        `digest`: only if its three sides are still these. Raises NotFound when there is no such conflict, or no longer.
        """
        key, group = split_address(address)
        group = known_path(key, group)
        async with self.database.transaction() as connection:
            await lock_registry(connection)
            found = [
                row
                for row in await list_conflicts(connection)
                if (row.kind, row.key, row.grp) == (*key, group) and digest in (None, row.triple_digest)
            ]
            if not found:
                raise NotFound(f"There is no open conflict {address}, or it is another one by now.", param="address")
            row = found[0]
            await resolve_conflict(connection, row.source, key, group, row.triple_digest, choice, actor.name)
            await record_audit(connection, actor, "registry.resolve", address, after={"choice": choice})
            sources = {source.source: source.digest for source in await list_sources(connection)}
        if await asyncio.to_thread(find_own_digest, self.settings) != sources[row.source]:
            return {"address": address, "choice": choice, "sync": None}
        report = await sync_registry(self.database, self.settings, actor=actor.name)
        return {"address": address, "choice": choice, "sync": report.as_json()}

    async def hold(
        self,
        *,
        key: EntityKey | None,
        fields: str | None,
        until: datetime,
        reason: str,
        actor: Actor,
    ) -> dict[str, Any]:
        """Keep the files away from a part of the registry, or from all of it, until then. Raises InvalidFields for
        what is neither live nor declared."""
        if until <= datetime.now(UTC):
            raise InvalidFields([Fault("until", "must be in the future")])
        async with self.database.transaction() as connection:
            await lock_registry(connection)
            if key is not None:
                await _check_known(connection, key)
            hold_id = await create_hold(
                connection,
                kind=None if key is None else key.kind,
                key=None if key is None else key.key,
                fields=fields,
                until=until,
                reason=reason,
                by=actor.name,
            )
            (row,) = [row for row in await list_holds(connection, datetime.now(UTC)) if row.id == hold_id]
            await record_audit(connection, actor, "registry.hold", str(key or "*"), after=hold_form(row))
            await bump_version(connection)
        return hold_form(row)

    async def unhold(self, hold_id: int, *, actor: Actor) -> None:
        """Raises NotFound for a hold that is not in force."""
        async with self.database.transaction() as connection:
            await lock_registry(connection)
            if not await end_hold(connection, hold_id):
                raise NotFound(f"There is no hold {hold_id} in force.", param="id")
            await record_audit(connection, actor, "registry.unhold", str(hold_id))
            await bump_version(connection)

    # --- checking -------------------------------------------------------------------------------------

    async def _pending(self, head: Head, state: State) -> dict[str, Any]:
        """What of the server's own files waits to be applied, without reading what they say: whether they are others
        than those that were applied last (None: there are none), and how many entities the last sync left alone."""
        digest = await asyncio.to_thread(find_own_digest, self.settings)
        applied = {row.digest for row in state.sources.values()}
        return {
            "files_changed": None if digest is None else digest not in applied,
            "deferred": (head.last_sync or {}).get("deferred", 0),
        }

    async def _missing(self, connection: AsyncConnection) -> list[MissingSecret]:
        return [] if self.find_reason is None else await list_missing_secrets(connection, self.find_reason)


async def _states(connection: AsyncConnection) -> list[State]:
    """The registry as each source sees it; as the default one where there is none."""
    first = await load_state(connection, now=datetime.now(UTC))
    others = [source for source in first.sources if source != first.source]
    return [first, *[await load_state(connection, source=source, now=datetime.now(UTC)) for source in others]]


def _groups(conflicts: Iterable[ConflictRow]) -> list[Disputed]:
    """What the conflicts are about."""
    return [(parse_entity(f"{row.kind}/{row.key}"), row.grp) for row in conflicts]


async def _drift(connection: AsyncConnection, state: State) -> tuple[DriftItem, ...]:
    found = find_drift(state.ownership, state.base, state.live, {})
    ids = {item.entity: state.base[item.entity].entity_id for item in found}
    return find_drift(state.ownership, state.base, state.live, await history.last_authors(connection, ids))


async def _check_known(connection: AsyncConnection, key: EntityKey) -> None:
    state = await load_state(connection, now=datetime.now(UTC))
    known = {*state.live, *state.base, *state.foreign}
    if key not in known:
        nearest = suggest(key.key, sorted(each.key for each in known if each.kind == key.kind))
        raise InvalidFields([Fault("entity", f'no {key.kind} "{key.key}"{nearest}')])
