"""A web server with one route, for tests that need a provider to say something of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.test_utils import TestServer


@asynccontextmanager
async def serve_one(
    method: str, path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> AsyncIterator[str]:
    """Its base address."""
    app = web.Application()
    app.router.add_route(method, path, handler)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}"
