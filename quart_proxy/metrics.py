"""What `/metrics` tells, in Prometheus' words. Counted per worker; the answer is the sum over all of them."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from quart_proxy.core.record import Exchange, Outcome

REGISTRY_FACTS = {
    "sync_ok": "1 when the registry's files could be used the last time that they were read, else 0.",
    "last_sync_timestamp_seconds": "When the registry's files were read last; 0: never.",
    "last_apply_timestamp_seconds": "When files were last applied to the registry, by whomever; 0: never.",
    "drift": "Live edits that the registry's files do not have, besides those in conflict.",
    "conflicts": "Open conflicts between the registry's files and live edits.",
    "missing_secrets": "References to provider keys that lead to none.",
}


class Metrics:
    """One instance a process. With PROMETHEUS_MULTIPROC_DIR set, processes share their counts through it."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self.requests = Counter(
            "quart_proxy_requests", "Requests by how they ended.", ["endpoint", "outcome"], registry=registry
        )
        # Looking a label up costs more than counting, and there are few.
        self._requests = cache(self.requests.labels)
        self.tokens = Counter("quart_proxy_tokens", "Tokens billed.", ["dimension"], registry=registry)
        self._tokens = cache(self.tokens.labels)
        self.cost = Counter(
            "quart_proxy_cost_dollars", "Dollars billed; the books are exact, this is a float.", registry=registry
        )
        self.unpriced_usage = Counter(
            "quart_proxy_unpriced_usage", "Answers with a usage field that no price covers.", registry=registry
        )
        self.invalid_usage = Counter(
            "quart_proxy_invalid_usage", "Answers whose usage is not a valid count.", registry=registry
        )
        self.failed_attempts = Counter(
            "quart_proxy_failed_attempts",
            "Calls of an upstream after which another one was tried.",
            ["upstream", "error"],
            registry=registry,
        )
        self.first_byte = Histogram(
            "quart_proxy_first_byte_seconds",
            "From the request to the provider's first byte.",
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300),
            registry=registry,
        )
        self.backlog = Gauge(
            "quart_proxy_settlement_backlog",
            "Settlements not yet in PostgreSQL.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self.registry_revision = Gauge(
            "quart_proxy_registry_revision",
            "The revision of the registry that this process serves.",
            multiprocess_mode="liveall",
            registry=registry,
        )
        self._registry_facts = {
            name: Gauge(f"quart_proxy_registry_{name}", doc, multiprocess_mode="livemostrecent", registry=registry)
            for name, doc in REGISTRY_FACTS.items()
        }

    def measure_registry(self, status: Mapping[str, Any]) -> None:
        """Keep what `/api/admin/registry/status` says, as numbers."""
        sync = status["sync"] or {"ok": True}
        applied = [_timestamp(source["applied_at"]) for source in status["sources"]]
        facts = {
            "sync_ok": sync["ok"],
            "last_sync_timestamp_seconds": _timestamp(sync.get("at")),
            "last_apply_timestamp_seconds": max(applied, default=0.0),
            "drift": status["drift"],
            "conflicts": len(status["conflicts"]),
            "missing_secrets": len(status["missing_secrets"]),
        }
        for name, value in facts.items():
            self._registry_facts[name].set(value)

    def count_exchange(self, exchange: Exchange) -> None:
        self._requests(exchange.endpoint, exchange.outcome.value).inc()
        if exchange.outcome is Outcome.USAGE_INVALID:
            self.invalid_usage.inc()
        if exchange.usage is not None:
            self.cost.inc(float(exchange.cost))
            for dimension, count in exchange.usage.tokens.items():
                if count:
                    self._tokens(dimension.value).inc(count)
        if exchange.first_byte_ms is not None:
            self.first_byte.observe(exchange.first_byte_ms / 1000)

    def render(self, shared_folder: str | None) -> bytes:
        """The text form; with `shared_folder`, summed over every process that counts there."""
        if shared_folder is None:
            return generate_latest(self._registry)
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry, path=shared_folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry)


def forget_process(shared_folder: str, pid: int) -> None:
    """Take out what a process that has ended said of itself. What it counted stays."""
    multiprocess.mark_process_dead(pid, shared_folder)  # type: ignore[no-untyped-call]


def _timestamp(at: str | None) -> float:
    return 0.0 if at is None else datetime.fromisoformat(at).timestamp()
