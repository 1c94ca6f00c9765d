import asyncio, time, json
import quart_proxy.services.relay as r
from test_disconnects import *
o=r.RelayPool.abandon
def ab(self, relay):
    print("ABANDON", time.monotonic(), relay in self._running, len(self._drained), r.DRAIN_TIMEOUT_S, relay._limit); o(self, relay); print(relay._limit, relay._cut_at_s)
r.RelayPool.abandon=ab
