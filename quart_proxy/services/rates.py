"""Requests and tokens of the minute that slides, by user and by key.

Counted in Redis, where one is given, for all workers of all machines. Without it, and while it is away, each worker
counts alone and gives its share of a limit: limits on rates guard a service, and money is guarded elsewhere, so nobody
is refused for want of a counter.

A request counts when it is let in; its tokens when they are known, so the request that crosses a limit on tokens is
served and the next are refused.
"""

import asyncio
import logging
import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from limits.aio.storage import MemoryStorage, RedisStorage
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from quart_proxy.core.errors import RateLimited
from quart_proxy.core.limits import MINUTE_S, Allowance, Allowances, Limits, Window
from quart_proxy.core.usage import COUNT_MAX

logger = logging.getLogger(__name__)

REDIS_TIMEOUT_S = 0.3
"""It answers in less than a millisecond; whoever waits for more waits for a machine that is not there."""
REDIS_PAUSE_S = 5.0
"""How long this worker counts alone before it asks a Redis again that did not answer."""
UNBOUNDED = COUNT_MAX * 1000
"""No minute holds so many tokens: what was used is counted whatever the limit says."""

Measure = Literal["rpm", "tpm"]
Storage = MemoryStorage | RedisStorage


class Counters(MemoryStorage):
    """The counters of `limits` in this process. Its own look through all of them at each hit for those that have
    ended; these do it once a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._swept_at = time.monotonic()

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        if time.monotonic() > self._swept_at + MINUTE_S:
            self._sweep()
        await self.get(key)
        self.storage[key] += amount
        if self.storage[key] == amount:
            self.expirations[key] = time.time() + expiry
        return self.storage[key]

    def _sweep(self) -> None:
        self._swept_at = time.monotonic()
        now = time.time()
        for key in [key for key, ends_at in self.expirations.items() if ends_at <= now]:
            del self.expirations[key]
            self.storage.pop(key, None)


@dataclass(frozen=True, slots=True)
class Quota:
    """One limit on a minute as it holds here: `share` of the `limit` that is written down."""

    measure: Measure
    limits: Limits
    limit: int
    share: int

    @property
    def counter(self) -> str:
        who = f"user/{self.limits.user_id}" if self.limits.key_id is None else f"key/{self.limits.key_id}"
        return f"{self.measure}/{who}"

    def refusal(self, room_in_s: float) -> str:
        what = "make {} requests" if self.measure == "rpm" else "use {} tokens"
        sentence = f"This {self.limits.holder} may {what.format(f'{self.limit:,}')} a minute ({self.measure})"
        if self.share < self.limit:
            sentence += f", {self.share:,} of them by each worker"
        return f"{sentence}; the next request is taken in {_whole_s(room_in_s)} s."


class Rates:
    """The counters of one worker, or its way to those of all. `workers` is how many share a limit that is counted
    alone."""

    def __init__(self, *, redis_url: str | None = None, workers: int = 1) -> None:
        self._workers = workers
        self._alone = Counters()
        self._pool: ConnectionPool | None = None
        self._redis: RedisStorage | None = None
        self._ask_redis_at = float("-inf")
        self._counting: set[asyncio.Task[None]] = set()
        if redis_url is not None:
            self._pool = ConnectionPool.from_url(
                redis_url,
                socket_timeout=REDIS_TIMEOUT_S,
                socket_connect_timeout=REDIS_TIMEOUT_S,
                # Once more, at once: a connection may have been closed while it was idle.
                retry=Retry(NoBackoff(), 1),
            )
            options: Any = {"connection_pool": self._pool}
            self._redis = RedisStorage("async+redis://", implementation="redispy", key_prefix="quart-proxy", **options)

    async def take(self, limits: Sequence[Limits]) -> Allowances:
        """Count a request, if all of `limits` have room for it; what is left of the tightest. Raises RateLimited, and
        then nothing is counted."""
        redis = self._reachable_redis()
        if redis is not None:
            try:
                return await _take(redis, list(_quotas(limits)))
            except RedisError as error:
                self._lose_redis(error)
        return await _take(self._alone, list(_quotas(limits, self._workers)))

    def count_tokens(self, limits: Iterable[Limits], tokens: int) -> None:
        """Count what a request used, in a moment: nobody waits for it."""
        quotas = [quota for quota in _quotas(limits) if quota.measure == "tpm"]
        if tokens and quotas:
            task = asyncio.create_task(self._count(quotas, tokens))
            self._counting.add(task)
            task.add_done_callback(self._counting.discard)

    async def _count(self, quotas: Iterable[Quota], tokens: int) -> None:
        redis = self._reachable_redis()
        for quota in quotas:
            if redis is not None:
                try:
                    await redis.acquire_sliding_window_entry(quota.counter, UNBOUNDED, MINUTE_S, tokens)
                    continue
                except RedisError as error:
                    self._lose_redis(error)
                    redis = None
            await self._alone.acquire_sliding_window_entry(quota.counter, UNBOUNDED, MINUTE_S, tokens)

    async def close(self) -> None:
        if self._counting:
            await asyncio.wait(self._counting)
        if self._pool is not None:
            await self._pool.aclose()

    def _reachable_redis(self) -> RedisStorage | None:
        return self._redis if time.monotonic() >= self._ask_redis_at else None

    def _lose_redis(self, error: RedisError) -> None:
        if self._reachable_redis() is not None:
            logger.warning("redis_away", extra={"fields": {"reason": type(error).__name__, "pause_s": REDIS_PAUSE_S}})
        self._ask_redis_at = time.monotonic() + REDIS_PAUSE_S


def _quotas(limits: Iterable[Limits], workers: int = 1) -> Iterator[Quota]:
    for each in limits:
        measures: tuple[tuple[Measure, int | None], ...] = (("rpm", each.rpm), ("tpm", each.tpm))
        for measure, limit in measures:
            if limit is not None:
                yield Quota(measure, each, limit, math.ceil(limit / workers))


async def _take(storage: Storage, quotas: Sequence[Quota]) -> Allowances:
    windows = [await _read(storage, quota) for quota in quotas]
    _check(quotas, windows)
    for place, quota in enumerate(quotas):
        if quota.measure == "rpm":
            if not await storage.acquire_sliding_window_entry(quota.counter, quota.share, MINUTE_S):
                # Another worker took the last one since.
                windows[place] = await _read(storage, quota)
                raise _refused(quota, windows[place].room_in_s(quota.share), _allowances(quotas, windows))
            windows[place] = _with_one_more(windows[place])
    return _allowances(quotas, windows)


async def _read(storage: Storage, quota: Quota) -> Window:
    previous, previous_s, current, ends_in_s = await storage.get_sliding_window(quota.counter, MINUTE_S)
    # A window is kept for another minute after its own.
    return Window(previous, previous_s, current, max(0.0, ends_in_s - MINUTE_S))


def _with_one_more(window: Window) -> Window:
    current_s = window.current_s or float(MINUTE_S)
    return Window(window.previous, window.previous_s, window.current + 1, current_s)


def _check(quotas: Sequence[Quota], windows: Sequence[Window]) -> None:
    waits = [window.room_in_s(quota.share) for quota, window in zip(quotas, windows, strict=True)]
    wait = max(waits)
    if wait > 0:
        raise _refused(quotas[waits.index(wait)], wait, _allowances(quotas, windows))


def _refused(quota: Quota, room_in_s: float, allowances: Allowances) -> RateLimited:
    return RateLimited(quota.refusal(room_in_s), retry_after_s=_whole_s(room_in_s), allowances=allowances)


def _whole_s(seconds: float) -> int:
    """Whole seconds after which `seconds` are surely over; 1 at least."""
    return math.floor(seconds) + 1


def _allowances(quotas: Sequence[Quota], windows: Sequence[Window]) -> Allowances:
    def tightest(measure: Measure) -> Allowance | None:
        found = [
            Allowance(quota.share, max(0, quota.share - window.used), window.empty_in_s)
            for quota, window in zip(quotas, windows, strict=True)
            if quota.measure == measure
        ]
        return min(found, key=lambda allowance: allowance.remaining, default=None)

    return Allowances(requests=tightest("rpm"), tokens=tightest("tpm"))
