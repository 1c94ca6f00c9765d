"""The bytes between a relay and the client it answers: bounded, with one writer and one reader.

The reader may vanish at any moment. The writer must not notice more than that: its bytes then go nowhere.
"""

import asyncio
from collections.abc import Callable

from quart_proxy.silence import SilenceTimer


class Outbox:
    """A queue of bytes. `put` waits while more than `bytes_max` lie in it; `get` takes all there is at once."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._parts: list[bytes] = []
        self._size = 0
        self._is_closed = False
        self.is_abandoned = False
        self.on_stall: Callable[[], object] | None = None
        """Called when the reader is given up: it may hang in a write that never ends."""
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._silence: SilenceTimer | None = None

    async def put(self, data: bytes, *, stall_s: float) -> None:
        """Add bytes. A reader that takes nothing for `stall_s` seconds while the box is full is given up."""
        if self.is_abandoned:
            return
        self._parts.append(data)
        self._size += len(data)
        self._readable = _woken(self._readable)
        if self._size > self._bytes_max:
            self._writable = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(stall_s):
                    await self._writable
            except TimeoutError:
                self.abandon()
                if self.on_stall is not None:
                    self.on_stall()

    @property
    def is_finished(self) -> bool:
        """Whether the writer has closed it and everything was taken."""
        return self._is_closed and not self._parts

    def close(self) -> None:
        """No more bytes will come."""
        self._is_closed = True
        self._readable = _woken(self._readable)

    def abandon(self) -> None:
        """The reader is gone: drop what is left, and let the writer run on."""
        self.is_abandoned = True
        self._parts.clear()
        self._size = 0
        self._readable = _woken(self._readable)
        self._writable = _woken(self._writable)
        self._stop_listening()

    async def get(self, timeout_s: float) -> bytes | None:
        """Everything that lies here, as one piece; waits for it. b"" at the end, None after `timeout_s` of
        silence, which must be the same at each call."""
        if not self._parts and not self._is_closed and not self.is_abandoned:
            if self._silence is None:
                self._silence = SilenceTimer(timeout_s, self._tell_silence)
            self._readable = asyncio.get_running_loop().create_future()
            self._silence.listen()
            try:
                await self._readable
            finally:
                self._silence.rest()
            if not self._parts and not self._is_closed and not self.is_abandoned:
                return None
        if not self._parts:
            self._stop_listening()
            return b""
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._writable = _woken(self._writable)
        return data

    def _tell_silence(self) -> None:
        self._readable = _woken(self._readable)

    def _stop_listening(self) -> None:
        if self._silence is not None:
            self._silence.stop()
            # It knows this box: a ring that only the collector would take apart.
            self._silence = None


def _woken(waiter: "asyncio.Future[None] | None") -> "asyncio.Future[None] | None":
    """The waiter that is left after waking this one: none."""
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
    return None
