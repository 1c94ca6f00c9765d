"""How this worker is doing: what waits, what runs, and how each upstream answered in the last minutes.

Kept in memory, a slot a minute, and told with the worker's heartbeat: whoever reads the heartbeats of all workers has
the whole. Requests that were never sent to an upstream say nothing of it, and are not counted.
"""

import os
import socket
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from quart_proxy.core.first_byte import BOUNDS_MS, NAMES
from quart_proxy.core.record import Exchange, Outcome, clean_text
from quart_proxy.services.billing import Settler

MINUTES_KEPT = 15
UPSTREAMS_MAX = 1000
"""More than that are names of the past."""
FAILURES = frozenset({Outcome.UPSTREAM_ERROR, Outcome.INTERRUPTED, Outcome.ERROR_AFTER_USAGE, Outcome.USAGE_INVALID})
OURS_TO_MEND = frozenset({401, 402, 403, 408, 429})
"""Statuses that tell of the provider or of our account there. Any other 4xx is the client's own doing."""


@dataclass(slots=True)
class _Minute:
    number: int
    requests: int = 0
    failures: int = 0
    first_bytes: list[int] = field(default_factory=lambda: [0] * len(NAMES))


@dataclass(slots=True)
class _Upstream:
    minutes: deque[_Minute] = field(default_factory=deque)
    last_ok_at: float | None = None
    last_error_at: float | None = None
    last_error: str | None = None

    def minute(self, now: float) -> _Minute:
        """The slot of now. Those that are too old are dropped."""
        number = int(now // 60)
        if not self.minutes or self.minutes[-1].number != number:
            self.minutes.append(_Minute(number))
        self.forget(number)
        return self.minutes[-1]

    def forget(self, number: int) -> None:
        while self.minutes and self.minutes[0].number <= number - MINUTES_KEPT:
            self.minutes.popleft()


class Health:
    """`in_flight` tells how many relays run. `clock` is seconds since 1970."""

    def __init__(
        self, settler: Settler, *, in_flight: Callable[[], int], clock: Callable[[], float] = time.time
    ) -> None:
        self._settler = settler
        self._in_flight = in_flight
        self._clock = clock
        self._upstreams: dict[str, _Upstream] = {}
        self.worker_name = f"{socket.gethostname()}:{os.getpid()}"
        self.started_at = datetime.fromtimestamp(clock(), UTC)

    def count(self, exchange: Exchange) -> None:
        """Take note of an exchange that has ended."""
        if exchange.upstream is None:
            return
        now = self._clock()
        known = self._upstreams.get(exchange.upstream)
        if known is None:
            known = self._upstreams[exchange.upstream] = _Upstream()
            if len(self._upstreams) > UPSTREAMS_MAX:
                del self._upstreams[next(iter(self._upstreams))]
        minute = known.minute(now)
        minute.requests += 1
        if is_failure(exchange):
            minute.failures += 1
            known.last_error_at, known.last_error = now, _describe(exchange)
        elif exchange.outcome in (Outcome.COMPLETED, Outcome.NO_USAGE):
            known.last_ok_at = now
        if exchange.first_byte_ms is not None:
            minute.first_bytes[bisect_right(BOUNDS_MS, exchange.first_byte_ms)] += 1

    def report(self) -> dict[str, Any]:
        """All of it as JSON, for the heartbeat."""
        return {
            "pid": os.getpid(),
            "started_at": _text(self.started_at),
            "backlog": self._settler.backlog,
            "spooled": self._settler.spooled,
            "spool_healthy": self._settler.can_bill,
            "in_flight": self._in_flight(),
            "upstreams": [self._told(name, known) for name, known in sorted(self._upstreams.items())],
        }

    def _told(self, name: str, known: _Upstream) -> dict[str, Any]:
        known.forget(int(self._clock() // 60))
        columns = zip(*(minute.first_bytes for minute in known.minutes), strict=True)
        return {
            "name": name,
            "requests": sum(minute.requests for minute in known.minutes),
            "failures": sum(minute.failures for minute in known.minutes),
            "first_bytes": [sum(column) for column in columns],
            "last_ok_at": _time(known.last_ok_at),
            "last_error": known.last_error,
            "last_error_at": _time(known.last_error_at),
        }


def is_failure(exchange: Exchange) -> bool:
    """Whether it is the provider's fault, or our account's there, that this one went wrong."""
    status = exchange.upstream_status or 0
    if 400 <= status < 500 and status not in OURS_TO_MEND:
        return False
    return exchange.outcome in FAILURES


def sum_upstreams(reports: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What all workers say of each upstream, by name; reports of versions that say nothing add nothing."""
    summed: dict[str, dict[str, Any]] = {}
    for told in (told for report in reports for told in report.get("upstreams", ())):
        into = summed.setdefault(told["name"], {**told, "requests": 0, "failures": 0, "first_bytes": []})
        into["requests"] += told["requests"]
        into["failures"] += told["failures"]
        if told["first_bytes"]:
            have = into["first_bytes"] or [0] * len(told["first_bytes"])
            into["first_bytes"] = [one + other for one, other in zip(have, told["first_bytes"], strict=True)]
        into["last_ok_at"] = max(filter(None, (into["last_ok_at"], told["last_ok_at"])), default=None)
        if (told["last_error_at"] or "") > (into["last_error_at"] or ""):
            into["last_error"], into["last_error_at"] = told["last_error"], told["last_error_at"]
    return [summed[name] for name in sorted(summed)]


def _describe(exchange: Exchange) -> str:
    said = exchange.error_code or exchange.outcome.value
    return clean_text(said if exchange.upstream_status is None else f"{said} (status {exchange.upstream_status})")


def _time(moment: float | None) -> str | None:
    return None if moment is None else _text(datetime.fromtimestamp(moment, UTC))


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
