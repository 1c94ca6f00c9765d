"""The floor of the stack: Quart, Hypercorn and the same transport, passing bytes on and doing nothing else.

No key, no model, no parsing, no billing. What the product costs above this is its own work; the rest is the stack's.
"""

import gc
import os
from collections.abc import AsyncIterator

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport
from quart import Quart, Response, request

UPSTREAM = "BENCH_UPSTREAM"
"""Environment variable: the base address of the provider."""
GC_THRESHOLD = 20_000
"""As the product has it: the difference to it must not be the collector's."""


def create_app() -> Quart:
    app = Quart(__name__, static_folder=None)
    base_url = os.environ[UPSTREAM]
    opened: list[AiohttpTransport] = []

    @app.before_serving
    async def start() -> None:
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        )
        opened.append(AiohttpTransport(client=session, trust_env=False))
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 20, 20)

    @app.after_serving
    async def stop() -> None:
        await opened[0].aclose()

    @app.post("/<path:path>")
    async def relay(path: str) -> Response:
        question = httpx.Request(
            "POST",
            f"{base_url}/{path}",
            headers={"content-type": "application/json", "accept-encoding": "identity"},
            content=await request.get_data(),
            extensions={"timeout": {"connect": 5.0, "pool": None, "read": None}},
        )
        answer = await opened[0].handle_async_request(question)
        content_type = answer.headers["content-type"]
        is_stream = content_type.startswith("text/event-stream")
        body = _pass_on(answer) if is_stream else b"".join([data async for data in _pass_on(answer)])
        response = Response(body, answer.status_code, content_type=content_type)
        response.timeout = None
        return response

    return app


async def _pass_on(answer: httpx.Response) -> AsyncIterator[bytes]:
    assert isinstance(answer.stream, httpx.AsyncByteStream)
    try:
        async for data in answer.stream:
            yield data
    finally:
        await answer.stream.aclose()
