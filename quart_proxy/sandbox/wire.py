"""The connection of one answer, below what HTTP libraries like to do: slices, resets, silence."""

import asyncio
import socket
import struct
import zlib

from aiohttp import web

from quart_proxy.sandbox.scenarios import Scenario
from quart_proxy.sandbox.staging import Ending

RESET_PAUSE_S = 0.05
"""A reset destroys what the other side has not read yet: what was sent gets this long to be read."""
GONE_POLL_S = 0.05
GZIP_WINDOW_BITS = 31


class Wire:
    """Writes an answer whose head is already prepared."""

    def __init__(self, request: web.Request, response: web.StreamResponse, scenario: Scenario) -> None:
        self._request = request
        self._response = response
        self._slice_bytes = scenario.split or 0
        self._compressor = zlib.compressobj(wbits=GZIP_WINDOW_BITS) if scenario.gzip else None

    async def write(self, data: bytes) -> None:
        """Raises ConnectionResetError when the client is gone."""
        if self._compressor:
            data = self._compressor.compress(data) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        await self._write_slices(data)

    async def end(self, ending: Ending) -> None:
        """Does to the connection what `ending` says."""
        if ending is Ending.WHOLE:
            if self._compressor:
                await self._write_slices(self._compressor.flush())
            return
        if ending is Ending.SILENCE:
            await wait_until_gone(self._request)
            return
        await asyncio.sleep(RESET_PAUSE_S)
        transport = self._request.transport
        if transport is None:
            raise ConnectionResetError
        if ending is Ending.FIN:
            transport.close()
            return
        # Without lingering, closing sends RST at once in place of FIN.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    async def _write_slices(self, data: bytes) -> None:
        check_connected(self._request)
        if not self._slice_bytes:
            await self._response.write(data)
            return
        for start in range(0, len(data), self._slice_bytes):
            await self._response.write(data[start : start + self._slice_bytes])
            # Writes of one turn of the event loop may reach the socket as one.
            await asyncio.sleep(0)


def check_connected(request: web.Request) -> None:
    """Raises ConnectionResetError when the client is gone."""
    if request.transport is None or request.transport.is_closing():
        raise ConnectionResetError


async def wait_until_gone(request: web.Request) -> None:
    """Waits until the client hangs up, then raises ConnectionResetError."""
    while True:
        check_connected(request)
        await asyncio.sleep(GONE_POLL_S)
