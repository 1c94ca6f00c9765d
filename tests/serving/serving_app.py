"""A tiny ASGI app, and a command that supervises it: `python serving_app.py '{"workers": 2}'`."""

import asyncio
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from quart_proxy.guard import RequestGuard
from quart_proxy.supervisor import run_supervisor


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    if scope["path"] == "/crash":
        os.abort()
    query = parse_qs(scope["query_string"].decode())
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-pid", b"%d" % os.getpid())]})
    if scope["path"] == "/stream":
        for tick in range(int(query["ticks"][0])):
            await send({"type": "http.response.body", "body": b"tick %d\n" % tick, "more_body": True})
            await asyncio.sleep(0.1)
        await send({"type": "http.response.body", "body": b"end\n"})
    elif scope["path"] == "/last-words":
        await send({"type": "http.response.body", "body": b"waiting\n", "more_body": True})
        await scope["state"]["drain"].expired.wait()
        await send({"type": "http.response.body", "body": b"sorry\n"})
    elif scope["path"] == "/flood":
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65536, "more_body": True})
            await asyncio.sleep(0)
    else:
        told = {
            "pid": os.getpid(),
            "index": os.environ["WORKER_INDEX"],
            "count": os.environ["WORKER_COUNT"],
            "headers": sorted(name.decode() for name, _ in scope["headers"]),
        }
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


async def _live(receive: Any, send: Any) -> None:
    await receive()
    if os.access(os.environ.get("START_FAULT_FILE", ""), os.F_OK):
        await send({"type": "lifespan.startup.failed", "message": "the database is away"})
        return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    if "SHUTDOWN_MARKS" in os.environ:
        os.mknod(os.path.join(os.environ["SHUTDOWN_MARKS"], str(os.getpid())))
    await send({"type": "lifespan.shutdown.complete"})


def create_guarded() -> RequestGuard:
    return RequestGuard(app)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json.dumps({"event": record.getMessage(), **getattr(record, "fields", {})})


if __name__ == "__main__":
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    told: dict[str, Any] = {
        "bind": "127.0.0.1:0",
        "workers": 1,
        "app": "serving_app:app",
        "grace_s": 10.0,
        "config_file": None,
    }
    told |= json.loads(sys.argv[1])
    if told["config_file"]:
        told["config_file"] = Path(told["config_file"])
    sys.exit(run_supervisor(**told))
