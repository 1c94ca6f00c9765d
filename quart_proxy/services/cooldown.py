"""Which upstreams are passed over for a while, because they failed; per worker, in memory.

An upstream that limits its rate rests for as long as it asks for, one that fails several times in a row for as long as
the model's `routing.cooldown` says. Then a single request tries it, and only if that goes well the others follow.
Resting changes the order alone: where nothing else is left a resting upstream is called all the same.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from cachetools import LRUCache

FAILURES_MAX = 3
"""So many in a row before an upstream rests: one 500 among a thousand answers says nothing."""
REST_MAX_S = 600.0
UPSTREAMS_MAX = 4096
T = TypeVar("T")


@dataclass(slots=True)
class _State:
    failures: int = 0
    rests_until: float = 0.0
    """Monotonic seconds; 0 for never."""
    tried_until: float = 0.0
    """Until then the one request that tries it after its rest is under way."""
    rest_s: float = 0.0


class Cooldowns:
    """`clock` is monotonic seconds. Upstreams go by their id."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: LRUCache[int, _State] = LRUCache(UPSTREAMS_MAX)

    def order(self, targets: Iterable[T], id_of: Callable[[T], int]) -> list[T]:
        """The targets in their order, but those that rest behind the others, the one that is ready soonest first."""
        every = list(targets)
        if not self._states:
            return every
        now = self._clock()
        waits = {id_of(target): self._wait_s(id_of(target), now) for target in every}
        return sorted(every, key=lambda target: waits[id_of(target)])

    def begin(self, upstream: int) -> None:
        """It is being called: if that is its first call after a rest, the others wait for what becomes of it."""
        state = self._states.get(upstream)
        if state is not None and state.rests_until:
            state.tried_until = self._clock() + state.rest_s

    def succeed(self, upstream: int) -> None:
        if self._states:
            self._states.pop(upstream, None)

    def fail(self, upstream: int, *, rest_s: float, at_once: bool) -> None:
        """It failed; `at_once`: it rests from the first time on, for it asked for it. One that fails on trial rests
        again."""
        state = self._states.setdefault(upstream, _State())
        state.failures += 1
        if at_once or state.failures >= FAILURES_MAX:
            state.rest_s = min(rest_s, REST_MAX_S)
            state.rests_until = self._clock() + state.rest_s
            state.tried_until = 0.0

    def _wait_s(self, upstream: int, now: float) -> float:
        state = self._states.get(upstream)
        return 0.0 if state is None else max(state.rests_until - now, state.tried_until - now, 0.0)
