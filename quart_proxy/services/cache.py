"""A cache that loads each entry once at a time and never keeps what was read before it was cleared."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from cachetools import TTLCache

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """LRU with a time to live; `load` fills it. Several who miss the same key wait for one load.

    `clear()` begins a new generation: a load that was under way may have read the state before the change,
    so its result goes to those who wait for it and is not kept.
    """

    def __init__(self, load: Callable[[K], Awaitable[V]], *, entries_max: int, ttl_s: float) -> None:
        self._load = load
        self._entries: TTLCache[K, V] = TTLCache(entries_max, ttl_s, timer=time.monotonic)
        self._loading: dict[K, asyncio.Task[V]] = {}
        self._generation = 0

    async def get(self, key: K) -> V:
        """The entry, loaded if need be. Raises what `load` raises; a failure is not kept."""
        found = self._entries.get(key)
        if found is not None:
            return found
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._fill(key))
        # Shielded: whoever came first may hang up, the others still want the answer.
        return await asyncio.shield(task)

    async def _fill(self, key: K) -> V:
        generation = self._generation
        try:
            value = await self._load(key)
            if generation == self._generation:
                self._entries[key] = value
            return value
        finally:
            if self._loading.get(key) is asyncio.current_task():
                del self._loading[key]

    def clear(self) -> None:
        """Forget everything, and let no load that is under way be kept or joined."""
        self._generation += 1
        self._entries.clear()
        self._loading.clear()
