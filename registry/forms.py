"""How the registry's history, holds and conflicts are said in JSON: by the API and by the command line alike."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from quart_proxy.store.registry_base import SourceRow
from quart_proxy.store.registry_conflicts import ConflictRow
from quart_proxy.store.registry_holds import HoldRow
from quart_proxy.store.revisions import RevisionRow
from quart_proxy.store.workers import WorkerRow
from registry.entities import Leaves
from registry.history import RecordedRevision
from registry.leaves import as_json, shown_path
from registry.write import Change


def time_text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def revision_form(row: RevisionRow) -> dict[str, Any]:
    """`counts`: how many entities it changed, by action; empty where only what the files declared was recorded."""
    return {
        "revision": row.id,
        "kind": row.kind,
        "actor": row.actor,
        "at": time_text(row.created_at),
        "message": row.message,
        "source": row.source,
        "digest": row.source_digest,
        "rev": row.source_rev,
        "seq": row.source_seq,
        "author": row.source_author,
        "policy": dict(row.policy),
        "state_digest": row.state_digest,
        "counts": dict(row.counts),
    }


def recorded_form(recorded: RecordedRevision) -> dict[str, Any]:
    return {
        **revision_form(recorded.revision),
        "changes": [
            {
                "entity": str(change.key),
                "action": change.action,
                "moved_from": change.moved_from,
                "fields": [{**field, "path": shown_path(field["path"])} for field in change.fields],
            }
            for change in recorded.changes
        ],
    }


def change_form(change: Change) -> dict[str, Any]:
    """The same for a change that is not recorded yet, or not as one revision."""
    before, after = as_json(change.before or {}), as_json(change.after or {})
    return {
        "entity": str(change.key),
        "action": change.action,
        "moved_from": change.moved_from,
        "fields": list(_differences(before, after)),
    }


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    for path in sorted({*before, *after}):
        if before.get(path) != after.get(path):
            yield {"path": shown_path(path), "from": before.get(path), "to": after.get(path)}


def source_form(row: SourceRow) -> dict[str, Any]:
    return {
        "source": row.source,
        "digest": row.digest,
        "rev": row.rev,
        "seq": row.seq,
        "author": row.author,
        "revision": row.revision_id,
        "applied_at": time_text(row.applied_at),
    }


def conflict_form(row: ConflictRow) -> dict[str, Any]:
    return {
        "address": f"{row.kind}.{row.key}/{row.grp}",
        "source": row.source,
        "kind": row.conflict_kind,
        "base": dict(row.base),
        "live": dict(row.live),
        "yaml": dict(row.ours),
        "triple_digest": row.triple_digest,
        "first_seen": time_text(row.first_seen),
        "resolution": row.resolution,
        "resolved_by": row.resolved_by,
    }


def hold_form(row: HoldRow) -> dict[str, Any]:
    """`entity` and `fields` null: of any. `until` null: until it is lifted, or until the files change."""
    entity = None if row.kind is None else f"{row.kind}/{row.key or '*'}"
    return {
        "id": row.id,
        "entity": entity,
        "fields": row.fields,
        "until": time_text(row.until),
        "until_files_change": row.source_digest is not None,
        "reason": row.reason,
        "by": row.by,
    }


def worker_form(row: WorkerRow, head: int) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "revision": row.revision_id,
        "behind": head - row.revision_id,
        "seen_at": time_text(row.seen_at),
    }


def leaves_form(leaves: Leaves) -> dict[str, Any]:
    return {shown_path(path): value for path, value in as_json(leaves).items()}
