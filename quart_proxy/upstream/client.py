"""Calling a provider: one request, its status and headers, then its bytes as they come.

httpx's types over aiohttp's connections: httpx's own pool loses slots for ever when requests are cancelled,
and costs two to four times as much. The transport is called directly, since a proxy needs no redirects,
cookies, retries or proxies from the environment. The one border where errors of either library become ours.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache, lru_cache

import aiohttp
import certifi
import httpx
from httpx_aiohttp import AiohttpTransport

from quart_proxy import __version__
from quart_proxy.core.errors import StreamInterrupted, UpstreamError, UpstreamTimeout, UpstreamUnreachable
from quart_proxy.silence import SilenceTimer
from quart_proxy.upstream.addresses import ForbiddenAddress, check_url
from quart_proxy.upstream.resolver import GuardedResolver

KEEPALIVE_S = 15.0
"""Shorter than the idle limit of any provider seen, so a kept connection is seldom one that was just closed."""

USER_AGENT = f"quart-proxy/{__version__}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, of silence before the first byte and between bytes, and for everything."""

    connect_s: float
    first_byte_s: float
    idle_s: float
    total_s: float


@cache
def _trust() -> ssl.SSLContext:
    """Whose certificates are believed. Reading them takes tens of milliseconds: once a process."""
    return ssl.create_default_context(cafile=certifi.where())


@lru_cache(maxsize=4096)
def _url(text: str) -> httpx.URL:
    return httpx.URL(text)


class UpstreamExchange:
    """An answer that has begun: `status`, `headers`, and `chunks()` to read once. Close it, read or not."""

    def __init__(self, response: httpx.Response, timeouts: Timeouts, deadline: float) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self._stream = response.stream
        self._idle_s = timeouts.idle_s
        self._deadline = deadline

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body's bytes as they arrive, never empty. Raises UpstreamTimeout on silence, and at the first bytes past
        the total time; StreamInterrupted when the connection breaks."""
        assert isinstance(self._stream, httpx.AsyncByteStream)
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(None)
        silence = SilenceTimer(self._idle_s, lambda: limit.reschedule(loop.time()))
        try:
            async with limit:
                silence.listen()
                async for chunk in self._stream:
                    # The reader's own time does not count, and must not be cut into.
                    silence.rest()
                    if chunk:
                        yield chunk
                    if loop.time() >= self._deadline:
                        raise TimeoutError
                    silence.listen()
        except TimeoutError:
            late = "in all" if loop.time() >= self._deadline else "between two bytes"
            raise UpstreamTimeout(f"The provider took too long {late}.") from None
        except (httpx.HTTPError, aiohttp.ClientError, OSError) as error:
            raise StreamInterrupted("The provider's answer broke off.") from error
        finally:
            silence.stop()

    async def read(self, bytes_max: int) -> tuple[bytes, bool]:
        """The body up to `bytes_max`, and whether that was all of it. Raises as `chunks` does."""
        parts: list[bytes] = []
        size = 0
        async with aclosing(self.chunks()) as chunks:
            async for chunk in chunks:
                parts.append(chunk)
                size += len(chunk)
                if size > bytes_max:
                    return b"".join(parts)[:bytes_max], False
        return b"".join(parts), True

    async def close(self) -> None:
        """Give the connection back when the body was read to its end, and cut it otherwise."""
        assert isinstance(self._stream, httpx.AsyncByteStream)
        try:
            await self._stream.aclose()
        except (httpx.HTTPError, aiohttp.ClientError, OSError):
            pass  # A connection that breaks while it is being closed is closed.


class UpstreamClient:
    """A worker's connections to every provider. Unlimited in number: what bounds them is the requests admitted."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._transport: AiohttpTransport | None = None

    async def start(self) -> None:
        connector = aiohttp.TCPConnector(
            limit=0,
            keepalive_timeout=KEEPALIVE_S,
            resolver=GuardedResolver(allow_private=self._allow_private),
            ssl=_trust(),
        )
        session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept-Encoding"),
            read_bufsize=2**17,
        )
        self._transport = AiohttpTransport(client=session, verify=_trust(), trust_env=False)

    async def open(
        self, url: str, *, headers: Mapping[str, str], body: bytes | None, timeouts: Timeouts
    ) -> UpstreamExchange:
        """POST `body`, or GET where there is none, and wait for the answer's head.

        Raises UpstreamUnreachable when no connection could be made or it broke before the head, and
        UpstreamTimeout when the head did not come in time.
        """
        assert self._transport is not None, "start() comes first"
        try:
            # What stands behind the path is a format's own words; an `api_url` has none when it is saved.
            check_url(url.partition("?")[0], allow_private=self._allow_private)
        except ForbiddenAddress as error:
            raise UpstreamUnreachable("The provider's address may not be called from here.") from error
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeouts.total_s
        try:
            request = httpx.Request(
                "GET" if body is None else "POST",
                _url(url),
                headers={**headers, "accept-encoding": "identity", "user-agent": USER_AGENT},
                content=body,
                extensions={"timeout": {"connect": timeouts.connect_s, "pool": None, "read": None}},
            )
            async with asyncio.timeout_at(min(loop.time() + timeouts.first_byte_s, deadline)):
                response = await self._transport.handle_async_request(request)
        except TimeoutError as error:
            raise UpstreamTimeout("The provider did not begin to answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError, ValueError) as error:
            raise _unreachable(error) from error
        return UpstreamExchange(response, timeouts, deadline)

    async def close(self) -> None:
        if self._transport is not None:
            await self._transport.aclose()


def _unreachable(error: Exception) -> UpstreamError:
    if isinstance(error, httpx.TimeoutException) and isinstance(error.__cause__, aiohttp.ServerTimeoutError):
        return UpstreamTimeout("The provider could not be reached in time.")
    return UpstreamUnreachable("The provider could not be reached.")
