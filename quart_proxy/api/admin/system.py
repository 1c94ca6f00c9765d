"""GET /api/admin/system: how the product is doing, on every worker, and what it runs on."""

import platform
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from quart import Blueprint, Response

from quart_proxy import __version__
from quart_proxy.core.first_byte import estimate_percentile
from quart_proxy.http import json_response, service
from quart_proxy.http.forms import time_text
from quart_proxy.http.operations import operation
from quart_proxy.services.health import Health, sum_upstreams
from quart_proxy.settings import WORKER_SEEN_S, Settings
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import count_dead_letters
from quart_proxy.store.server_facts import ServerFacts, read_server_facts
from quart_proxy.store.workers import WorkerRow, list_workers
from registry.desk import Desk

routes = Blueprint("system", __name__)

REGISTRY_COUNTED = ("conflicts", "holds", "missing_secrets")
SAID_OF_UPSTREAMS = ("name", "requests", "failures", "last_ok_at", "last_error", "last_error_at")


@routes.get("")
@operation(answer="Object")
async def get_system() -> Response:
    """Workers tell every few seconds; the one that answers tells of itself as it is now."""
    health, settings = service(Health), service(Settings)
    registry = await service(Desk).status()
    asked_at = datetime.now(UTC)
    async with service(Database).snapshot() as connection:
        facts = await read_server_facts(connection)
        answered_at = datetime.now(UTC)
        workers = await list_workers(connection, answered_at - timedelta(seconds=WORKER_SEEN_S))
        dead_letters = await count_dead_letters(connection)
    told = [_worker_form(row, health) for row in workers]
    return json_response(
        {
            "version": __version__,
            "python": platform.python_version(),
            "environment": "production" if settings.is_production else "development",
            "started_at": time_text(health.started_at),
            "now": time_text(facts.now),
            "clock_skew_ms": round((facts.now - asked_at - (answered_at - asked_at) / 2).total_seconds() * 1000),
            "database": _database_form(facts, settings),
            "registry": _registry_form(registry),
            "workers": told,
            "upstreams": [_upstream_form(each) for each in sum_upstreams(told)],
            "spool": _spool_form(told, health),
            "dead_letters": dead_letters,
        }
    )


def _database_form(facts: ServerFacts, settings: Settings) -> dict[str, Any]:
    return {
        "kind": "embedded" if settings.database_is_embedded else "external",
        "version": facts.version,
        "size_bytes": facts.size_bytes,
        "migration": facts.migration,
        "is_latest": facts.is_latest,
    }


def _registry_form(status: dict[str, Any]) -> dict[str, Any]:
    """The status without its lists: how many there are of each."""
    counted = {name: len(status[name]) for name in REGISTRY_COUNTED}
    return {**{name: status[name] for name in ("revision", "mode", "sync", "drift", "pending")}, **counted}


def _worker_form(row: WorkerRow, own: Health) -> dict[str, Any]:
    said = own.report() if row.name == own.worker_name else row.health
    return {
        "name": row.name,
        "pid": said.get("pid"),
        "revision": row.revision_id,
        "version": row.version,
        "seen_at": time_text(row.seen_at),
        "started_at": said.get("started_at"),
        "backlog": said.get("backlog", 0),
        "spooled": said.get("spooled", 0),
        "in_flight": said.get("in_flight", 0),
        "spool_healthy": said.get("spool_healthy"),
        "upstreams": said.get("upstreams", []),
    }


def _upstream_form(summed: dict[str, Any]) -> dict[str, Any]:
    told = {name: summed[name] for name in SAID_OF_UPSTREAMS}
    return {**told, "p95_first_byte_ms": estimate_percentile(summed["first_bytes"], 0.95)}


def _spool_form(workers: Sequence[dict[str, Any]], own: Health) -> dict[str, Any]:
    """Whether every worker can make charges durable; how many PostgreSQL has not got yet, and how many of these are in
    journals on disk."""
    return {
        "healthy": all(worker["spool_healthy"] is not False for worker in workers) and own.report()["spool_healthy"],
        "unsettled": sum(worker["backlog"] for worker in workers),
        "spooled": sum(worker["spooled"] for worker in workers),
    }
