"""GET /api/admin/attention: what waits for a person, the worst first. An empty list: all is well."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from quart import Blueprint, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from quart_proxy.core.buckets import floor_hour
from quart_proxy.core.money import format_money
from quart_proxy.core.record import Outcome
from quart_proxy.http import json_response, service
from quart_proxy.http.operations import operation
from quart_proxy.services.billing import Settler
from quart_proxy.settings import WORKER_SEEN_S
from quart_proxy.store.attention import (
    list_reports,
    list_unpriced_models,
    list_users_without_money,
    sum_upstreams,
)
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import count_dead_letters
from quart_proxy.store.registry_conflicts import list_conflicts
from quart_proxy.store.revisions import read_head
from quart_proxy.store.statistics import rank_usage, sum_usage
from quart_proxy.store.usage_log import UsageFilter
from registry.desk import Desk

routes = Blueprint("attention", __name__)

FAILING_SHARE = 0.05
FAILING_LEAST = 3
UNMETERED = (Outcome.NO_USAGE.value, Outcome.USAGE_INVALID.value)
UNMETERED_OF = timedelta(days=1)
MODELS_SHOWN = 10
SEVERITIES = {
    "dead_letters": "critical",
    "spooled_settlements": "critical",
    "files_invalid": "critical",
    "upstream_failing": "critical",
    "conflicts": "warning",
    "unmetered_answers": "warning",
    "unpriced_models": "warning",
    "users_out_of_money": "warning",
    "drift": "warning",
}
"""In the order in which they are told."""


@routes.get("")
@operation(answer="AttentionItem", kind="list")
async def list_what_waits() -> Response:
    found = {**await _of_books(), **await _of_registry()}
    data = [
        {"kind": kind, "severity": severity, **found[kind]}
        for kind, severity in SEVERITIES.items()
        if found[kind]["count"]
    ]
    return json_response({"data": data, "has_more": False, "next_cursor": None})


async def _of_books() -> dict[str, dict[str, Any]]:
    async with service(Database).snapshot() as connection:
        reports = await list_reports(connection, datetime.now(UTC) - timedelta(seconds=WORKER_SEEN_S))
        count, poor = await list_users_without_money(connection)
        shown = [{"id": user.id, "name": user.name, "balance": format_money(user.balance)} for user in poor]
        return {
            "dead_letters": {"count": await count_dead_letters(connection)},
            "spooled_settlements": {"count": _count_spooled(reports)},
            "upstream_failing": _failing(reports),
            "users_out_of_money": {"count": count, "users": shown},
            "unmetered_answers": await _unmetered(connection),
        }


async def _unmetered(connection: AsyncConnection) -> dict[str, Any]:
    """Whole answers of the last day that nobody paid for: the provider told no tokens, or nonsense."""
    chosen = UsageFilter(outcome=UNMETERED, since=floor_hour(datetime.now(UTC) - UNMETERED_OF))
    count = (await sum_usage(connection, chosen, ("requests",)))["requests"]
    ranked = await rank_usage(connection, chosen, by="model", metric="requests", limit=MODELS_SHOWN) if count else []
    return {"count": int(count), "models": [sums.key for sums in ranked]}


async def _of_registry() -> dict[str, dict[str, Any]]:
    drift = await service(Desk).drift()
    async with service(Database).snapshot() as connection:
        head = await read_head(connection)
        conflicts = [row for row in await list_conflicts(connection) if row.resolution is None]
        unpriced = await list_unpriced_models(connection)
    # What both sides changed waits for one decision: it is a conflict, and not drift too.
    drifted = {item["entity"] for item in drift["drift"] if not item["is_disputed"]}
    failed = head.last_sync is not None and not head.last_sync["ok"]
    return {
        "conflicts": {"count": len(conflicts)},
        "drift": {"count": len(drifted), "models": _keys(drifted, "model"), "providers": _keys(drifted, "provider")},
        "files_invalid": {"count": int(failed), "message": (head.last_sync or {}).get("message", "")},
        "unpriced_models": {"count": len(unpriced), "models": unpriced},
    }


def _keys(entities: set[str], kind: str) -> list[str]:
    return sorted(entity.removeprefix(f"{kind}/") for entity in entities if entity.startswith(f"{kind}/"))


def _failing(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Upstreams of which more than one request in twenty failed, and not by chance."""
    upstreams = [
        {"name": each.name, "requests": each.requests, "failures": each.failures, "last_error": each.last_error}
        for each in sum_upstreams(reports)
        if each.failures >= FAILING_LEAST and each.failures > FAILING_SHARE * each.requests
    ]
    return {"count": len(upstreams), "upstreams": upstreams}


def _count_spooled(reports: Sequence[Mapping[str, Any]]) -> int:
    """Over all workers that say it; if none does, those of the worker that answers."""
    said = [int(report["spooled"]) for report in reports if "spooled" in report]
    return max(sum(said), service(Settler).spooled)
