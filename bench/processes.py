"""Servers as child processes on given cores: a worker started as the supervisor starts it, or any command."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from pathlib import Path

from bench.machine import pinned
from quart_proxy.supervisor import open_listener, render_url

ROOT = Path(__file__).parents[1]
READY_S = 60.0
STOP_S = 15.0
POLL_S = 0.05
LOG_LINES_SHOWN = 8


class ServerFailed(Exception):
    """A server did not come up; the sentence holds the end of its log."""


def make_environment(**variables: str) -> dict[str, str]:
    """What a child is told: nothing of the caller's own settings but where programs are."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **variables}


@asynccontextmanager
async def running_worker(
    app: str, *, cores: Set[int], environment: Mapping[str, str], folder: Path
) -> AsyncIterator[tuple[str, int]]:
    """One worker of the product's own kind serving `app`; gives its URL and its process id.

    `folder` is where it runs and leaves its log. Raises ServerFailed.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    log = folder / f"{app.partition(':')[0]}.log"
    with ours, open_listener("127.0.0.1:0") as listener:
        with theirs:
            fds = (listener.fileno(), theirs.fileno())
            flags = ["--app", app, "--config", str(ROOT / "hypercorn.toml"), "--grace", "5"]
            links = ["--fd", str(fds[0]), "--parent-fd", str(fds[1])]
            command = [sys.executable, "-m", "quart_proxy.worker", *flags, *links]
            process = _start(command, cores=cores, environment=environment, log=log, fds=fds)
        try:
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(READY_S):
                said = await loop.sock_recv(ours, 1)
        except TimeoutError:
            said = b""
        try:
            if not said:
                raise ServerFailed(explain(app, log))
            yield render_url(listener), process.pid
        finally:
            await _stop(process)


@asynccontextmanager
async def running_command(
    command: Sequence[str], *, port: int, cores: Set[int], environment: Mapping[str, str], log: Path
) -> AsyncIterator[int]:
    """Any server, once it accepts connections on `port`; gives its process id. Raises ServerFailed."""
    process = _start(command, cores=cores, environment=environment, log=log)
    try:
        await _wait_for_port(process, port, log)
        yield process.pid
    finally:
        await _stop(process)


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def explain(name: str, log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    return "\n    ".join([f"{name} did not start; the end of its log:", *lines])


def _start(
    command: Sequence[str], *, cores: Set[int], environment: Mapping[str, str], log: Path, fds: tuple[int, ...] = ()
) -> "subprocess.Popen[bytes]":
    with pinned(cores), open(log, "wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            cwd=log.parent,
            pass_fds=fds,
            # Ctrl-C is for this process, which then stops its servers in order.
            start_new_session=True,
        )


async def _wait_for_port(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline_s = time.monotonic() + READY_S
    while process.poll() is None and time.monotonic() < deadline_s:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(POLL_S)
    raise ServerFailed(explain(Path(str(process.args[0])).name, log))  # type: ignore[index]


async def _stop(process: "subprocess.Popen[bytes]") -> None:
    """Ask it to leave; what is left of its session after STOP_S is killed."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    deadline_s = time.monotonic() + STOP_S
    while process.poll() is None and time.monotonic() < deadline_s:
        await asyncio.sleep(POLL_S)
    with contextlib.suppress(ProcessLookupError):
        # Also for children of a server that ended and left them.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
