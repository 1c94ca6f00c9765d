"""A supervised service as a real process tree on a free port, and the plainest of HTTP clients."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DEADLINE_S = 30


class Service:
    """`events` are the supervisor's log lines so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.port = 0
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            with suppress(ValueError):
                self.events.append(json.loads(line))
            async with self._news:
                self._news.notify_all()

    async def wait_for(self, event: str, count: int = 1) -> list[dict[str, Any]]:
        """All events of this name, as soon as there are `count`."""

        def found() -> list[dict[str, Any]]:
            return [line for line in self.events if line["event"] == event]

        async with asyncio.timeout(DEADLINE_S), self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()

    async def exit_code(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            code = await self.process.wait()
            await self._reading
        return code

    def worker_pids(self) -> list[int]:
        started = [line["pid"] for line in self.events if line["event"] == "worker_started"]
        return [pid for pid in started if is_alive(pid)]

    def signal(self, signum: signal.Signals) -> None:
        self.process.send_signal(signum)

    async def get(self, path: str) -> tuple[bytes, bytes]:
        """Head and body of the answer, on a connection of its own."""
        reader, writer = await self.ask(path)
        answer = await reader.read()
        writer.close()
        head, _, body = answer.partition(b"\r\n\r\n")
        return head, body

    async def get_pid(self) -> int:
        head, _ = await self.get("/")
        return pid_of(head)

    async def ask(self, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n".encode())
        return reader, writer

    async def open_stream(self, path: str) -> tuple[int, asyncio.StreamReader, asyncio.StreamWriter]:
        """A stream whose head has been read, with the pid of the worker that serves it."""
        reader, writer = await self.ask(path)
        head = await reader.readuntil(b"\r\n\r\n")
        return pid_of(head), reader, writer


def pid_of(head: bytes) -> int:
    fields = dict(line.split(b": ", 1) for line in head.strip().split(b"\r\n")[1:])
    return int(fields[b"x-pid"])


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


async def eventually(holds: Callable[[], bool]) -> None:
    """Return when it holds; fails at the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def started(env: dict[str, str] | None = None, **told: object) -> AsyncIterator[Service]:
    """The service as soon as it has started, serving or not; killed with all its workers at the end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "serving_app.py"),
        json.dumps(told),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{HERE}", **(env or {})},
        stderr=asyncio.subprocess.PIPE,
    )
    service = Service(process)
    try:
        yield service
    finally:
        if process.returncode is None:
            process.kill()
        for pid in service.worker_pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await service.exit_code()


@asynccontextmanager
async def serving(env: dict[str, str] | None = None, **told: object) -> AsyncIterator[Service]:
    """The service with every worker ready."""
    async with started(env, **told) as service:
        [event] = await service.wait_for("serving")
        service.port = urlsplit(event["url"]).port or 0
        yield service
