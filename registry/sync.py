"""Files into the registry without anyone asking: at the start, and when they change.

Nobody is there to answer a question, so what is in conflict is left alone and kept for people to decide, and a guard
stops the whole. Files that cannot be used change nothing: the last good state goes on being served.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, cast

from quart_proxy.core.errors import Conflict, InvalidFields, InvalidRegistry, PlanRefused, ProxyError
from quart_proxy.settings import Settings
from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database
from quart_proxy.store.revisions import read_head, save_last_sync
from registry.apply import Applied, Bundle, apply_bundle, read_bundle
from registry.entities import Mode, Policy
from registry.files.gathering import gather_files
from registry.files.sources import SourceFile, UnreadableSource, digest_of, find_files

logger = logging.getLogger(__name__)

SyncOutcome = Literal["off", "absent", "unchanged", "applied", "invalid", "refused"]


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How the files were read last, and what came of it. `revision` is the one in force afterwards.

    `absent`: there is no file, and never was one: the registry is fed by admins, or over the API.
    `invalid`: they cannot be used, `faults` says why. `refused`: a guard stopped them, or the result could not be
    served. Both leave everything as it was. `deferred`: entities that were left alone, by `conflicts` or with them.
    """

    outcome: SyncOutcome
    at: str
    message: str = ""
    digest: str | None = None
    revision: int | None = None
    conflicts: int = 0
    deferred: int = 0
    faults: Sequence[Mapping[str, Any]] = field(default_factory=tuple)

    @property
    def is_ok(self) -> bool:
        return self.outcome not in ("invalid", "refused")

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "faults": list(self.faults), "ok": self.is_ok}


async def sync_registry(database: Database, settings: Settings, *, actor: str) -> SyncReport:
    """Read the files of `settings` and apply them as its mode says.

    Files that cannot be used raise InvalidRegistry, PlanRefused or InvalidFields only while nothing was ever applied,
    or when `registry_sync_strict` says so: else there is a good state to go on with.
    """
    if settings.registry_sync == "off":
        return _report("off")
    failure: ProxyError | None = None
    try:
        report = await _sync(database, settings, actor)
    except InvalidRegistry as error:
        failure, report = error, _report("invalid", error.message, faults=error.faults)
    except (PlanRefused, InvalidFields, Conflict) as error:
        failure, report = error, _report("refused", error.message)
    _log(report)
    async with database.transaction() as connection:
        head = await read_head(connection)
        await save_last_sync(connection, report.as_json())
    if failure is not None and (settings.registry_sync_strict or head.revision_id == 0):
        raise failure
    return report


def unattended_policy(settings: Settings) -> Policy:
    """How the files are merged when nobody is asked."""
    mode = cast(Mode, settings.registry_sync)
    return Policy(
        mode=mode,
        on_conflict="take-yaml" if mode == "enforce" else "defer",
        prune=settings.registry_sync_prune,
    )


def read_own_files(settings: Settings) -> list[SourceFile]:
    """The files that this server is told to sync, those of its overlay among them. Raises UnreadableSource."""
    return gather_files(settings.models_file, settings.registry_overlay)


def read_own_bundle(settings: Settings) -> Bundle:
    """The same, parsed. Raises InvalidRegistry."""
    try:
        files = read_own_files(settings)
    except UnreadableSource as error:
        raise InvalidRegistry(str(error), faults=[unreadable_fault(error)]) from None
    return read_bundle(files, rev=settings.registry_rev, seq=settings.registry_seq, author=settings.registry_author)


def unreadable_fault(error: UnreadableSource) -> dict[str, Any]:
    """A file that cannot be read, as the fault of it."""
    return {"code": "E100", "severity": "error", "message": str(error), "file": error.file}


def find_own_digest(settings: Settings) -> str | None:
    """Which state the files are in that this server syncs. None: it syncs none, or they cannot be read."""
    if settings.registry_sync == "off":
        return None
    try:
        return digest_of(read_own_files(settings))
    except UnreadableSource:
        return None


async def _sync(database: Database, settings: Settings, actor: str) -> SyncReport:
    if not find_files(settings.models_file) and not await _were_there(database):
        return _report("absent", f"There is no file {settings.models_file}.")
    bundle = read_own_bundle(settings)
    applied = await apply_bundle(database, bundle, unattended_policy(settings), actor=Actor(actor), is_attended=False)
    return _applied(bundle, applied)


async def _were_there(database: Database) -> bool:
    """Whether a server of this database ever had files of its own; else they come over the API, from elsewhere."""
    async with database.read() as connection:
        last = (await read_head(connection)).last_sync
    return last is not None and last["outcome"] != "absent"


def _applied(bundle: Bundle, applied: Applied) -> SyncReport:
    conflicts = [conflict.address for conflict in applied.plan.conflicts]
    flawed = [f"{entity.entity} ({entity.flaw})" for entity in applied.plan.entities if entity.flaw is not None]
    said = (
        f"Changed in the files and live, and left alone: {', '.join(conflicts)}." if conflicts else "",
        f"Left alone, for it cannot be: {', '.join(flawed)}." if flawed else "",
    )
    return _report(
        "applied" if applied.is_changed else "unchanged",
        " ".join(filter(None, said)),
        digest=bundle.origin.digest,
        revision=applied.revision,
        conflicts=len(conflicts),
        deferred=applied.plan.counts["defer"],
    )


def _report(outcome: SyncOutcome, message: str = "", **facts: Any) -> SyncReport:
    return SyncReport(outcome, datetime.now(UTC).isoformat(), message, **facts)


def _log(report: SyncReport) -> None:
    level = logging.INFO if report.is_ok and not report.conflicts else logging.WARNING
    facts = {name: value for name, value in report.as_json().items() if value and name not in ("at", "faults")}
    logger.log(level, "registry_synced", extra={"fields": facts})
    for fault in report.faults:
        place = f"{fault.get('file')}:{fault.get('line', 0)}:{fault.get('column', 0)}"
        logger.error("registry_fault", extra={"fields": {"place": place, **_said(fault)}})


def _said(fault: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fault[name] for name in ("code", "path", "message") if name in fault}
