"""Keeps N workers serving one socket: replaces the dead, drains on SIGTERM, renews all on SIGHUP.

    supervisor   binds and listens once; serves nothing
      ├── worker 0   inherits the socket, and one end of a link
      └── worker 1   ...

The socket outlives every worker, so a connection waits in its queue while a worker is replaced. The link
carries a byte up when the worker serves, one down to end its grace period, and its end of file tells each
side that the other is gone.
"""

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from quart_proxy.metrics import forget_process

logger = logging.getLogger("quart_proxy.supervisor")

UNREAD_TIMEOUT_MS = 90_000
"""Half as long again as a relay waits for a client that takes nothing."""
BACKLOG = 2048
EXIT_S = 2.0
"""What a worker has after its grace period, and after a second signal, before it is killed."""
CRASH_LOOP_S = 1.0
"""A worker that dies sooner than this after it began to serve may die again: successors wait ever longer."""
EXITS_UNREADY = frozenset({-signal.SIGTERM, -signal.SIGINT})
BACK_OFF_FIRST_S = 0.5
BACK_OFF_MAX_S = 5.0


class ListenError(Exception):
    """The sentence says why, and the way out."""


class AddressError(ListenError):
    """What was given is not an address."""


@dataclass(eq=False, slots=True)
class Worker:
    """One worker process. `retired`: its death is expected and nobody takes its place."""

    index: int
    process: asyncio.subprocess.Process
    link: socket.socket
    replaces: int | None
    retired: bool = False
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    served_since: float = 0.0
    asked: bool = False
    tending: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, signum: signal.Signals) -> None:
        """Send a signal, unless the process has ended already."""
        with suppress(ProcessLookupError):
            self.process.send_signal(signum)

    def hurry(self) -> None:
        """End its grace period. Over the link: a second SIGTERM so soon may merge with the first."""
        with suppress(OSError):
            self.link.send(b"!")

    def ask_to_leave(self) -> None:
        if not self.asked:
            self.asked = True
            self.send(signal.SIGTERM)


class Supervisor:
    """The running set of workers. One life: `run()` once, in a main thread."""

    def __init__(
        self,
        listener: socket.socket,
        command: Sequence[str],
        *,
        workers: int,
        grace_s: float,
        env: Mapping[str, str],
        on_ready: Callable[[str], None] | None = None,
    ) -> None:
        self._listener = listener
        self._url = render_url(listener)
        self._command = tuple(command)
        self._count = workers
        self._grace_s = grace_s
        self._env = dict(env)
        self._on_ready = on_ready
        self._workers: set[Worker] = set()
        self._crashes = [0] * workers
        self._stopping = asyncio.Event()
        self._hurried = asyncio.Event()
        self._renewal_asked = asyncio.Event()
        self._all_served = False
        self._clean = True

    async def run(self) -> int:
        """Supervise until told to stop. 0: every worker drained; 1: one failed, or was cut or killed."""
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, self._on_stop_signal, signum)
        loop.add_signal_handler(signal.SIGHUP, self._renewal_asked.set)
        async with asyncio.TaskGroup() as self._tasks:
            renewal = self._tasks.create_task(self._renew_when_asked())
            for index in range(self._count):
                await self._start(index)
            await self._stopping.wait()
            renewal.cancel()
            await self._stop()
        exit_code = 0 if self._clean else 1
        _log("stopped", exit_code=exit_code)
        return exit_code

    def _on_stop_signal(self, signum: signal.Signals) -> None:
        if self._stopping.is_set():
            self._hurried.set()
        else:
            _log("draining", signal=signum.name, workers=len(self._workers), grace_s=self._grace_s)
            self._stopping.set()

    # --- One worker -----------------------------------------------------------------------------------

    async def _start(self, index: int, *, replaces: int | None = None, retired: bool = False) -> Worker:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            fds = (self._listener.fileno(), theirs.fileno())
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *("--fd", str(fds[0]), "--parent-fd", str(fds[1])),
                pass_fds=fds,
                stdin=asyncio.subprocess.DEVNULL,
                env={**self._env, "WORKER_INDEX": str(index), "WORKER_COUNT": str(self._count)},
            )
        worker = Worker(index, process, ours, replaces, retired)
        self._workers.add(worker)
        _log("worker_started", pid=worker.pid, index=index)
        worker.tending = self._tasks.create_task(self._tend(worker))
        if self._stopping.is_set():
            worker.ask_to_leave()
        return worker

    async def _tend(self, worker: Worker) -> None:
        """See one worker through its life, and to its successor if its death was not expected."""
        with worker.link:
            if await asyncio.get_running_loop().sock_recv(worker.link, 1):
                self._note_ready(worker)
            exit_code = await worker.process.wait()
        self._workers.discard(worker)
        if folder := self._env.get("PROMETHEUS_MULTIPROC_DIR"):
            forget_process(folder, worker.pid)
        if worker.asked or self._stopping.is_set():
            # A worker that is told to leave before it serves has nothing to drain.
            clean = exit_code == 0 or (exit_code in EXITS_UNREADY and not worker.ready.is_set())
            self._clean &= clean
            _log("worker_stopped", pid=worker.pid, index=worker.index, exit_code=exit_code)
            return
        _log("worker_died", logging.WARNING, pid=worker.pid, index=worker.index, exit_code=exit_code)
        if not self._all_served and not worker.ready.is_set():
            _log("start_failed", logging.ERROR, pid=worker.pid, exit_code=exit_code)
            self._clean = False
            self._stopping.set()
        elif not worker.retired:
            await self._replace(worker)

    def _note_ready(self, worker: Worker) -> None:
        worker.served_since = time.monotonic()
        worker.ready.set()
        if worker.replaces is not None:
            _log("worker_replaced", pid=worker.pid, index=worker.index, replaces=worker.replaces)
        if not self._all_served and sum(other.ready.is_set() for other in self._workers) == self._count:
            self._all_served = True
            _log("serving", url=self._url, workers=self._count)
            if self._on_ready is not None:
                self._on_ready(self._url)

    async def _replace(self, worker: Worker) -> None:
        delay_s = self._back_off_s(worker)
        if delay_s:
            _log("worker_delayed", logging.WARNING, index=worker.index, delay_s=delay_s)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay_s)
        if not self._stopping.is_set():
            await self._start(worker.index, replaces=worker.pid)

    def _back_off_s(self, worker: Worker) -> float:
        """Seconds before a dead worker is replaced: none, unless its predecessors died young as well."""
        young = not worker.ready.is_set() or time.monotonic() - worker.served_since < CRASH_LOOP_S
        crashes = self._crashes[worker.index] + 1 if young else 0
        self._crashes[worker.index] = crashes
        return 0.0 if crashes < 2 else min(BACK_OFF_MAX_S, BACK_OFF_FIRST_S * 2 ** (min(crashes, 8) - 2))

    # --- All workers ----------------------------------------------------------------------------------

    async def _renew_when_asked(self) -> None:
        while True:
            await self._renewal_asked.wait()
            self._renewal_asked.clear()
            _log("renewing", workers=len(self._workers))
            for worker in sorted(self._workers, key=lambda worker: worker.index):
                if worker in self._workers and not await self._renew(worker):
                    break

    async def _renew(self, old: Worker) -> bool:
        """Start a successor and, when it serves, drain the old one. False: it did not come up."""
        old.retired = True
        new = await self._start(old.index, replaces=old.pid, retired=True)
        assert new.tending is not None
        serving = asyncio.create_task(new.ready.wait())
        await asyncio.wait({serving, new.tending}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            new.retired = False
            old.ask_to_leave()
            await self._wait_gone({old}, self._grace_s + EXIT_S)
            return True
        serving.cancel()
        _log("renewal_failed", logging.ERROR, index=old.index)
        old.retired = False
        if old not in self._workers:
            await self._start(old.index, replaces=old.pid)
        return False

    async def _stop(self) -> None:
        # Refuse at once: a connection that waited in the queue would be reset when the last worker ends.
        self._listener.close()
        for worker in self._workers:
            worker.ask_to_leave()
        everyone = self._tasks.create_task(self._wait_gone(set(self._workers), self._grace_s + EXIT_S))
        hurried = asyncio.create_task(self._hurried.wait())
        await asyncio.wait({everyone, hurried}, return_when=asyncio.FIRST_COMPLETED)
        if hurried.done() and self._workers:
            self._clean = False
            for worker in self._workers:
                worker.hurry()
            await self._wait_gone(set(self._workers), EXIT_S)
        hurried.cancel()

    async def _wait_gone(self, workers: set[Worker], timeout_s: float) -> None:
        """Wait for processes to end, and kill those that do not in time."""
        tending = {worker.tending for worker in workers if worker.tending is not None}
        if tending:
            await asyncio.wait(tending, timeout=timeout_s)
        for worker in workers & self._workers:
            _log("worker_killed", logging.ERROR, pid=worker.pid, index=worker.index)
            worker.send(signal.SIGKILL)


def run_supervisor(
    *,
    bind: str,
    workers: int,
    app: str,
    config_file: Path | None,
    grace_s: float,
    env: Mapping[str, str] | None = None,
    on_ready: Callable[[str], None] | None = None,
) -> int:
    """Serve `app` (`module:attribute`) until told to stop; the exit code of the command.

    `env` is added to this environment for the workers. `on_ready` gets the URL once all workers serve.
    0: drained. 1: the port is taken, the app did not start, or a worker was cut. 2: `bind` is not an address.
    """
    try:
        listener = open_listener(bind, backlog=read_backlog(config_file))
    except ListenError as error:
        print(error, file=sys.stderr)
        return 2 if isinstance(error, AddressError) else 1
    command = [sys.executable, "-m", "quart_proxy.worker", "--app", app, "--grace", str(grace_s)]
    if config_file is not None:
        command += ["--config", str(config_file)]

    async def supervise() -> int:
        supervisor = Supervisor(
            listener,
            command,
            workers=workers,
            grace_s=grace_s,
            env={**os.environ, **(env or {})},
            on_ready=on_ready,
        )
        return await supervisor.run()

    with listener:
        return asyncio.run(supervise())


def parse_bind(bind: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`; port 0 asks the system for a free one.

    Raises AddressError.
    """
    host, colon, port = bind.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host_is_plain = bool(host) and ":" not in host
    if not colon or not (bracketed or host_is_plain) or not (port.isascii() and port.isdecimal()):
        raise AddressError(f"`{bind}` is not an address: write HOST:PORT, such as 127.0.0.1:3000 or [::1]:3000.")
    if int(port) > 65535:
        raise AddressError(f"Port {port} does not exist: choose one from 1 to 65535, or 0 for any free one.")
    return host.strip("[]"), int(port)


def open_listener(bind: str, *, backlog: int = BACKLOG) -> socket.socket:
    """A socket that listens on `bind`. Raises ListenError, with a sentence for whoever chose the address."""
    host, port = parse_bind(bind)
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ListenError(f"Cannot listen on {bind}: the host `{host}` is not known here.") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A restart may take the port while connections of the last run are still winding down.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Accepted connections inherit it: small events leave at once.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # So do these: the kernel drops a client that takes no bytes, which no timeout of a web server notices.
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_TIMEOUT_MS)
        listener.bind(address)
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ListenError(_explain(error, bind, port)) from error
    return listener


def _explain(error: OSError, bind: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken ({bind}): stop what uses it, or choose another with --bind or PORT."
    if error.errno == errno.EACCES:
        return f"Port {port} needs privileges ({bind}): choose one above 1023 with --bind or PORT."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no address {bind}: choose one of its own, 127.0.0.1 or 0.0.0.0, with --bind."
    return f"Cannot listen on {bind}: {os.strerror(error.errno or 0)}."


def read_backlog(config_file: Path | None) -> int:
    """How many connections may wait to be accepted, as hypercorn.toml says."""
    settings = tomllib.loads(config_file.read_text()) if config_file is not None else {}
    return int(settings.get("backlog", BACKLOG))


def render_url(listener: socket.socket) -> str:
    """Where a client on this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _log(event: str, level: int = logging.INFO, **fields: object) -> None:
    logger.log(level, event, extra={"fields": fields})
