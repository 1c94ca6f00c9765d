"""One process that serves: Hypercorn on the socket it inherits. It leaves without cutting anyone off.

    SIGTERM, or the supervisor is gone
      -> stop accepting          siblings on the same socket take what comes next
      -> answer what is here     new requests on open connections too, with `connection: close`
      -> grace is over           `Drain.expired` is set: streams say their last words, then they are cut
      -> lifespan shutdown       the relays settle what is left
    A second SIGTERM goes straight to the third step.

Started by the supervisor as `python -m quart_proxy.worker`. The app finds the `Drain` in
`scope["state"]["drain"]`.
"""

import argparse
import asyncio
import importlib
import inspect
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, cast
from weakref import WeakSet

from hypercorn.asyncio import serve, tcp_server
from hypercorn.asyncio.task_group import TaskGroup
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.utils import LifespanFailureError, LifespanTimeoutError

from quart_proxy.logs import configure_logging

logger = logging.getLogger("quart_proxy.worker")

Message = dict[str, Any]
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

EXIT_S = 2.0
"""From the end of the grace period to the end of the process: last words, cut, settle, sync the spool."""
LINGER_S = 0.5
"""A connection accepted a moment before the end has this long to bring its request."""
POLL_S = 0.05
LAST_WORDS_S = 0.5
"""Time for streams to send an error event once their grace is over."""
CUT_S = 0.25
"""How long Hypercorn then waits before it cancels what still runs: by then nothing is worth waiting for."""
ALARM_MARGIN_S = 1.0
"""The supervisor kills a worker that hangs; this much later the kernel does, if no supervisor is left."""


class Doors:
    """The listening servers of one event loop and the connections that came through them.

    Hypercorn gives neither out, and its way to stop has two traps. From Python 3.12 on, `wait_closed()` of a
    server waits for every connection, so its time limit is never reached. And closing a connection waits till
    the client has read everything. So here closing stops accepting and waits for nobody, and connections
    that hold bytes which nobody fetches can be found, and aborted.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._servers: list[asyncio.Server] = []
        self._transports: WeakSet[asyncio.WriteTransport] = WeakSet()
        self._create_server = loop.create_server
        loop.create_server = self._open  # type: ignore[method-assign, assignment]

    async def _open(self, make_protocol: Callable[[], asyncio.Protocol], *args: Any, **kwargs: Any) -> "Door":
        def make_known() -> asyncio.Protocol:
            protocol = make_protocol()
            connection_made = protocol.connection_made

            def note(transport: asyncio.BaseTransport) -> None:
                self._transports.add(cast(asyncio.WriteTransport, transport))
                connection_made(transport)

            protocol.connection_made = note  # type: ignore[method-assign]
            return protocol

        server = await self._create_server(make_known, *args, **kwargs)
        self._servers.append(server)
        return Door(server)

    def close(self) -> None:
        """Stop accepting. Connections that are open stay so."""
        for server in self._servers:
            server.close()

    def unsent(self) -> list[asyncio.WriteTransport]:
        """The connections whose client has not fetched all bytes yet."""
        return [transport for transport in self._transports if transport.get_write_buffer_size()]


class Door:
    """What Hypercorn holds as a server."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server

    def close(self) -> None:
        self._server.close()

    async def wait_closed(self) -> None:
        return


class Drain:
    """ASGI middleware that counts the requests in flight, and knows how far this worker is in leaving.

    `begun` is set when the worker has been asked to leave, `expired` when what still runs is about to be cut.
    """

    def __init__(self, app: App, *, grace_s: float, doors: Doors) -> None:
        self.begun = asyncio.Event()
        self.expired = asyncio.Event()
        self._hurried = asyncio.Event()
        self._running = 0
        self._app = app
        self._grace_s = grace_s
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            scope["state"]["drain"] = self
            await self._app(scope, receive, send)
            return
        self._running += 1
        try:
            # Only requests that begin during the drain pay for the wrapper: it costs a call per event.
            await self._app(scope, receive, _send_and_close(send) if self.begun.is_set() else send)
        finally:
            self._running -= 1

    def begin(self) -> None:
        """Ask this worker to leave. Asking again changes nothing."""
        if not self.begun.is_set():
            self.begun.set()
            signal.setitimer(signal.ITIMER_REAL, self._grace_s + EXIT_S + ALARM_MARGIN_S)

    def hurry(self) -> None:
        """Leave with the grace period over already."""
        self.begin()
        self._hurried.set()
        signal.setitimer(signal.ITIMER_REAL, EXIT_S + ALARM_MARGIN_S)

    def on_sigterm(self) -> None:
        if self.begun.is_set():
            self.hurry()
        else:
            self.begin()

    async def run(self) -> None:
        """Wait to be asked, stop accepting, and return when nothing is in flight or its time is over."""
        await self.begun.wait()
        self._doors.close()
        quiet = asyncio.create_task(self._wait_quiet())
        hurried = asyncio.create_task(self._hurried.wait())
        await asyncio.wait({quiet, hurried}, timeout=self._grace_s, return_when=asyncio.FIRST_COMPLETED)
        if not quiet.done():
            self.expired.set()
            await asyncio.wait({quiet}, timeout=LAST_WORDS_S)
            for transport in self._doors.unsent():
                transport.abort()
        quiet.cancel()
        hurried.cancel()

    async def _wait_quiet(self) -> None:
        await asyncio.sleep(LINGER_S)
        while self._running or self._doors.unsent():  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)


def _send_and_close(send: Send) -> Send:
    async def send_and_close(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
        await send(message)

    return send_and_close


async def run_worker(app: App, config: Config, *, grace_s: float, link_fd: int | None = None) -> None:
    """Serve until SIGTERM and drain. Returns when the app's lifespan has ended; raises what its start raised.

    `link_fd`: a socket to the supervisor. It gets one byte when this worker serves. A byte from it ends the grace
    period, and its end of file is the supervisor's death: a reason to leave.
    """
    loop = asyncio.get_running_loop()
    drain = Drain(app, grace_s=grace_s, doors=Doors(loop))

    async def tell_ready_and_drain() -> None:
        if link_fd is not None:
            os.write(link_fd, b"1")
        await drain.run()

    def on_link(fd: int) -> None:
        if os.read(fd, 1):
            drain.hurry()
        else:
            loop.remove_reader(fd)
            drain.begin()

    # Ctrl-C in a terminal reaches every process of the group; what it means is for the supervisor to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    loop.add_signal_handler(signal.SIGTERM, drain.on_sigterm)
    if link_fd is not None:
        loop.add_reader(link_fd, on_link, link_fd)
    # Hypercorn calls the trigger once it serves.
    await serve(drain, config, shutdown_trigger=tell_ready_and_drain, mode="asgi")  # type: ignore[arg-type]


def stay_on_http1() -> None:
    """Take the change to HTTP/2 on the clear port out of Hypercorn, which has no switch for it.

    An upgrade or a preface then reaches the request guard as an ordinary request, and is refused there.
    """

    async def check_protocol(_self: H11Protocol, _request: object) -> None:
        return

    H11Protocol._check_protocol = check_protocol  # type: ignore[method-assign, assignment]


class IdleTimer:
    """In place of the task that Hypercorn starts after every answer to close a connection that stays idle.

    A timer costs far less than a task. At the end of a drain Hypercorn cancels the connections that are left.
    """

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    async def restart(self, task_group: TaskGroup, action: Callable[[], Awaitable[None]]) -> None:
        await self.stop()
        server: TCPServer = action.__self__  # type: ignore[attr-defined]
        self._timer = asyncio.get_running_loop().call_later(
            server.config.keep_alive_timeout, task_group.spawn, server._initiate_server_close
        )

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def close_idle_by_timer() -> None:
    """Let Hypercorn's connections use `IdleTimer`."""
    vars(tcp_server)["AsyncioSingleTask"] = IdleTimer


def load_app(target: str) -> App:
    """The ASGI app that `module:attribute` names; a function that takes no argument is called for it."""
    module_name, _, attribute = target.partition(":")
    found = getattr(importlib.import_module(module_name), attribute or "app")
    if inspect.isfunction(found) and not inspect.signature(found).parameters:
        found = found()
    app: App = found
    return app


def load_config(config_file: Path | None, *, socket_fd: int) -> Config:
    """Hypercorn's settings from the file, with those that a worker decides for itself."""
    config = Config.from_toml(config_file) if config_file else Config()
    config.bind = [f"fd://{socket_fd}"]
    config.workers = 1
    config.accesslog = None
    config.include_server_header = False
    config.graceful_timeout = CUT_S
    config.errorlog = logging.getLogger("hypercorn.error")
    config.errorlog.setLevel(logging.WARNING)
    return config


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m quart_proxy.worker", description=__doc__.splitlines()[0])
    parser.add_argument("--fd", type=int, required=True, help="listening socket, inherited")
    parser.add_argument("--parent-fd", type=int, help="socket to the supervisor, inherited")
    parser.add_argument("--app", required=True, help="module:attribute, an ASGI app or a function that makes one")
    parser.add_argument("--config", type=Path, help="hypercorn.toml")
    parser.add_argument("--grace", type=float, default=30.0, help="seconds for streams in flight after SIGTERM")
    args = parser.parse_args(argv)

    configure_logging()
    stay_on_http1()
    close_idle_by_timer()
    config = load_config(args.config, socket_fd=args.fd)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        try:
            app = load_app(args.app)
            runner.run(run_worker(app, config, grace_s=args.grace, link_fd=args.parent_fd))
        except (LifespanFailureError, LifespanTimeoutError) as error:
            logger.error("worker_failed", extra={"fields": {"pid": os.getpid(), "reason": str(error)}})
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
