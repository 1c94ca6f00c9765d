"""The upstreams that one request tries, one after another, until one answers.

Another upstream is asked at once; the same one only where it failed quickly and for a moment, after a short pause.
Nothing is ever tried again when the client has seen a byte of an answer, or when a usage was reported: that is billed.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quart_proxy.core.errors import (
    ProxyError,
    UpstreamError,
    UpstreamFailed,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamRejected,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from quart_proxy.services.cooldown import Cooldowns
from quart_proxy.services.targets import Target

ATTEMPTS_DEFAULT = 3
COOLDOWN_DEFAULT_S = 30.0
RETRY_ON_DEFAULT = frozenset({"429", "5xx", "timeout"})
PAUSE_S = 0.25
"""Before the same upstream is asked again; doubled each time, and spread, so that not everybody comes back at once."""
PAUSE_MAX_S = 2.0
"""An upstream that asks for more is not waited for: the client is told, and waits better."""
ELSEWHERE = frozenset({404, 408, 409})
"""Refusals that say something of the upstream, not of the request: another one may well serve it."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A model's `routing`, as models.yaml has it."""

    max_attempts: int = ATTEMPTS_DEFAULT
    retry_on: frozenset[str] = RETRY_ON_DEFAULT
    """Statuses such as `429`, classes such as `5xx`, and `timeout`. What could not be reached is always tried again."""
    cooldown_s: float = COOLDOWN_DEFAULT_S


def parse_policy(routing: Mapping[str, Any]) -> RetryPolicy:
    """The policy in a model's `routing`, which was checked when it was written; what it does not say is the default."""
    cooldown = routing.get("cooldown")
    retry_on = routing.get("retry_on")
    return RetryPolicy(
        max_attempts=routing.get("max_attempts") or ATTEMPTS_DEFAULT,
        retry_on=RETRY_ON_DEFAULT if retry_on is None else frozenset(map(str, retry_on)),
        cooldown_s=COOLDOWN_DEFAULT_S if cooldown is None else float(str(cooldown).removesuffix("s")),
    )


class Attempts:
    """The attempts of one request, in order. `next()` after `fail()`; None: there is nothing left to try."""

    def __init__(self, targets: tuple[Target, ...], policy: RetryPolicy, cooldowns: Cooldowns) -> None:
        self._policy = policy
        self._cooldowns = cooldowns
        self._waiting = cooldowns.order(targets, lambda target: target.upstream.id)
        self._again: list[tuple[Target, float]] = []
        """Those that failed for a moment, the one that failed first at the head, and how long each asked for."""
        self._begun = 0
        self.pause_s = 0.0
        """How long to wait before the one that `next()` gave."""

    def next(self) -> Target | None:
        if self._begun >= self._policy.max_attempts:
            return None
        if self._waiting:
            return self._begin(self._waiting.pop(0), 0.0)
        if self._again:
            target, asked_s = self._again.pop(0)
            pause_s = min(PAUSE_S * 2 ** (self._begun - 1), PAUSE_MAX_S) * (0.75 + random.random() / 2)
            return self._begin(target, max(pause_s, asked_s))
        return None

    def skip(self) -> None:
        """The one that `next()` gave was not called: it cannot say what the client asks for."""
        self._begun -= 1

    def call(self, target: Target) -> None:
        self._cooldowns.begin(target.upstream.id)

    def succeed(self, target: Target) -> None:
        self._cooldowns.succeed(target.upstream.id)

    def fail(self, target: Target, error: ProxyError, status: int | None) -> bool:
        """Take note of a failure before the first byte. Whether it may be tried again, here or elsewhere."""
        if not isinstance(error, UpstreamError):
            return False
        if isinstance(error, UpstreamRejected):
            if error.status not in ELSEWHERE:
                # It is well: what it refused is the request.
                self.succeed(target)
            return error.status in ELSEWHERE
        rest_s = error.retry_after_s if error.retry_after_s is not None else self._policy.cooldown_s
        limits_rate = isinstance(error, UpstreamRateLimited)
        self._cooldowns.fail(target.upstream.id, rest_s=rest_s, at_once=limits_rate)
        if not self._is_retried(error, status):
            return False
        is_quick = isinstance(error, UpstreamUnreachable | UpstreamRateLimited | UpstreamOverloaded) or (
            isinstance(error, UpstreamFailed) and error.is_retryable
        )
        asked_s = error.retry_after_s or 0.0
        if is_quick and asked_s <= PAUSE_MAX_S:
            self._again.append((target, asked_s))
        return True

    def _begin(self, target: Target, pause_s: float) -> Target:
        self._begun += 1
        self.pause_s = pause_s
        return target

    def _is_retried(self, error: UpstreamError, status: int | None) -> bool:
        wanted = self._policy.retry_on
        if isinstance(error, UpstreamTimeout):
            return "timeout" in wanted
        if status is None or (200 <= status < 500 and status != 429):
            # Not reached; our account there is the matter; or what came was no answer: another one may serve it.
            return True
        return str(status) in wanted or f"{status // 100}xx" in wanted
