"""Running the sandbox: for ever, or for the length of a `with` block."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web

from quart_proxy.sandbox.app import create_sandbox

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4010
SHUTDOWN_S = 0.2
"""Streams that hang on purpose would wait for ever."""
KEEPALIVE_S = 300.0
"""Longer than any pool of a client keeps a connection, so that none is closed under a request."""


@contextlib.asynccontextmanager
async def serve_sandbox(
    port: int = 0, *, host: str = DEFAULT_HOST, replay_dir: Path | None = None
) -> AsyncIterator[str]:
    """Serves in this event loop while the block runs; gives the base URL, without a trailing slash.

    Port 0 takes a free one. Raises OSError when the port is taken.
    """
    runner = web.AppRunner(
        create_sandbox(replay_dir=replay_dir),
        access_log=None,
        shutdown_timeout=SHUTDOWN_S,
        keepalive_timeout=KEEPALIVE_S,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=4096).start()
        shown = f"[{host}]" if ":" in host else host
        yield f"http://{shown}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def run_sandbox(
    host: str = DEFAULT_HOST,
    port: int = DEFAULT_PORT,
    *,
    replay_dir: Path | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM; `on_ready` is told the base URL once connections are accepted."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with serve_sandbox(port, host=host, replay_dir=replay_dir) as base_url:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if on_ready:
            on_ready(base_url)
        await stop.wait()
