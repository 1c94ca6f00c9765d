"""A load client: a fixed number of connections, each with one request at a time."""

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import count

import click
import orjson
import uvloop

from bench.http1 import BrokenAnswer, Connection, Target, connect, parse_target
from bench.report import Row, print_table
from bench.result import Result, Tally

Body = bytes | Callable[[int], bytes]
"""A request body, or what makes the body of request number n (from 0)."""
Headers = Mapping[str, str] | Sequence[Mapping[str, str]]
"""The headers of every request, or those that requests take in turn."""

TERMINALS = {
    "/chat/completions": b"data: [DONE]",
    "/messages": b"event: message_stop",
    "/responses": b"event: response.completed",
}
EVENT = b"\ndata:"
STAMP = re.compile(rb"stamp:(\d+);")
TAIL_BYTES = 64
"""More than any of the texts that are looked for, each of which may be cut by the end of a read."""
PATIENCE_S = 60.0
RECONNECT_PAUSE_S = 0.01
RAMP_S = 1.0
"""Paced streams begin spread over this time: started together, all their events would be due together."""


async def run_json(
    url: str,
    body: Body,
    headers: Headers,
    *,
    connections: int,
    requests: int | None = None,
    seconds: float | None = None,
) -> Result:
    """Posts `body` over and over, on so many connections, until so many requests or seconds are spent.

    A request is good when its answer is whole and its status is 2xx. Raises OSError when nobody listens.
    """
    budget = _begin_budget(requests, seconds)
    return await _Run(_parse_targets(url, headers), body, budget).measure(connections)


async def run_streams(
    url: str,
    body: Body,
    headers: Headers,
    *,
    connections: int,
    requests: int | None = None,
    seconds: float | None = None,
    terminal: bytes | None = None,
) -> Result:
    """As run_json, for event streams: a stream is good when its terminal event came too.

    `terminal` is text of that event; None takes the one that the path is known for.
    """
    budget = _begin_budget(requests, seconds)
    run = _Run(_parse_targets(url, headers), body, budget, terminal=terminal or find_terminal(url))
    return await run.measure(connections)


async def run_paced(
    url: str,
    body: Body,
    headers: Headers,
    *,
    streams: int,
    seconds: float,
    terminal: bytes | None = None,
) -> Result:
    """Holds `streams` streams at once, one request each, and measures how late their stamped events are.

    The body asks the sandbox for `rate`, `seconds` and `stamp`; `seconds` here is how long that takes, and a
    stream that lasts half as long again is an error.
    """
    run = _Run(
        _parse_targets(url, headers),
        body,
        iter(range(streams)),
        terminal=terminal or find_terminal(url),
        patience_s=seconds * 1.5 + 5,
        ramp_s=RAMP_S,
    )
    return await run.measure(streams)


def find_terminal(url: str) -> bytes:
    """The terminal event of the format that is spoken at `url`. Raises ValueError for another path."""
    path = url.partition("?")[0]
    for suffix, terminal in TERMINALS.items():
        if path.endswith(suffix):
            return terminal
    raise ValueError(f"The terminal event of {path} is not known: say it.")


def _begin_budget(requests: int | None, seconds: float | None) -> Iterator[int]:
    """The numbers of the requests to make, until the one or the other limit is met."""
    if requests is None and seconds is None:
        raise ValueError("A run needs a number of requests or of seconds.")

    def numbers() -> Iterator[int]:
        end_s = None if seconds is None else time.perf_counter() + seconds
        for number in count() if requests is None else range(requests):
            if end_s is not None and time.perf_counter() >= end_s:
                return
            yield number

    return numbers()


def _parse_targets(url: str, headers: Headers) -> list[Target]:
    sets = [headers] if isinstance(headers, Mapping) else headers
    return [parse_target(url, each) for each in sets]


class _EventCounter:
    """Counts the events of one stream, and looks for the terminal one and for stamps."""

    def __init__(self, terminal: bytes, tally: Tally) -> None:
        self._terminal = terminal
        self._tally = tally
        self._tail = b"\n"
        self.ended = False

    def feed(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        known_bytes = len(self._tail)
        joined = self._tail + data
        self._tally.events += joined.count(EVENT) - self._tail.count(EVENT)
        self.ended = self.ended or self._terminal in joined
        if b"stamp:" in joined:
            for found in STAMP.finditer(joined):
                if found.end() > known_bytes:
                    self._tally.lateness_s.append((now_ns - int(found.group(1))) / 1e9)
        self._tail = joined[-TAIL_BYTES:]


@dataclass(slots=True)
class _Run:
    targets: Sequence[Target]
    """All of one server; they differ in their headers."""
    body: Body
    budget: Iterator[int]
    terminal: bytes | None = None
    """None: answers are documents."""
    patience_s: float = PATIENCE_S
    ramp_s: float = 0.0

    async def measure(self, connections: int) -> Result:
        tally = Tally()
        opened = [await connect(self.targets[0]) for _ in range(connections)]
        start_s = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for index, connection in enumerate(opened):
                group.create_task(self._work(connection, tally, delay_s=self.ramp_s * index / connections))
        return tally.result(time.perf_counter() - start_s)

    async def _work(self, connection: Connection, tally: Tally, *, delay_s: float) -> None:
        """One connection's share of the run, over a new one whenever it breaks."""
        await asyncio.sleep(delay_s)
        for number in self.budget:
            target = self.targets[number % len(self.targets)]
            request = target.render(self.body if isinstance(self.body, bytes) else self.body(number))
            try:
                if not connection.is_open:
                    connection = await connect(target)
                await self._exchange(connection, request, tally)
            except BrokenAnswer as fault:
                tally.faults[str(fault)] += 1
            except TimeoutError:
                tally.faults["timeout"] += 1
                connection.close()
            except OSError:
                tally.faults["unreachable"] += 1
                await asyncio.sleep(RECONNECT_PAUSE_S)
        connection.close()

    async def _exchange(self, connection: Connection, request: bytes, tally: Tally) -> None:
        events = _EventCounter(self.terminal, tally) if self.terminal else None
        sent_s = time.perf_counter()
        async with asyncio.timeout(self.patience_s):
            answer = await connection.exchange(request, events.feed if events else None)
        tally.body_bytes += answer.body_bytes
        if not 200 <= answer.status < 300:
            tally.faults[f"status {answer.status}"] += 1
        elif events and not events.ended:
            tally.faults["no terminal event"] += 1
        else:
            tally.first_byte_s.append((answer.first_byte_s or answer.end_s) - sent_s)
            tally.end_s.append(answer.end_s - sent_s)


def render_row(name: str, result: Result) -> Row:
    """One line of a report."""
    row: dict[str, str | int | float | None] = {
        "run": name,
        "requests": result.requests,
        "errors": result.errors,
        "seconds": result.seconds,
        "req/s": result.requests_per_s,
        "events/s": result.events_per_s if result.events else None,
        "first p50 ms": result.first_byte.p50_ms,
        "first p99 ms": result.first_byte.p99_ms,
        "end p50 ms": result.end.p50_ms,
        "end p99 ms": result.end.p99_ms,
        "MB": result.bytes / 1e6,
    }
    if result.lateness.max_ms:
        row |= {"late p50 ms": result.lateness.p50_ms, "late p99 ms": result.lateness.p99_ms}
    return row


EPILOG = """\b
Examples:
  python -m bench.load http://127.0.0.1:4010/v1/chat/completions -c 16 -n 20000
  python -m bench.load http://127.0.0.1:4010/v1/messages --model sandbox:words=50 --stream -c 16 -s 10
  python -m bench.load http://127.0.0.1:4010/v1/chat/completions --paced \\
    --model sandbox:rate=50,seconds=10,stamp=1 -c 100 -s 10
"""


@click.command(epilog=EPILOG)
@click.argument("url")
@click.option("--model", default="sandbox", show_default=True, help="Model to ask for.")
@click.option("--body", help="JSON body in place of one made from the path and --model.")
@click.option("-H", "--header", "header_lines", multiple=True, metavar="NAME:VALUE", help="May be repeated.")
@click.option("--key", default="sandbox", show_default=True, help="Sent as a bearer token.")
@click.option("-c", "--connections", type=click.IntRange(min=1), default=16, show_default=True)
@click.option("-n", "--requests", type=click.IntRange(min=1), help="How many requests in all.")
@click.option(
    "-s",
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="For how long (10 when -n is not said).",
)
@click.option("--stream", is_flag=True, help="Ask for event streams and read them to their end.")
@click.option("--paced", is_flag=True, help="One stream for each connection; measure lateness.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def main(
    url: str,
    model: str,
    body: str | None,
    header_lines: tuple[str, ...],
    key: str,
    connections: int,
    requests: int | None,
    seconds: float | None,
    stream: bool,
    paced: bool,
    as_json: bool,
) -> None:
    """Load URL with POST requests and print what came back. Exit 1 when a request failed."""
    headers = {"Authorization": f"Bearer {key}", "anthropic-version": "2023-06-01"}
    headers |= {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in header_lines)}
    payload = body.encode() if body else make_body(url, model, stream=stream or paced)
    if requests is None and seconds is None:
        seconds = 10.0

    async def run() -> Result:
        if paced:
            return await run_paced(url, payload, headers, streams=connections, seconds=seconds or 10.0)
        runner = run_streams if stream else run_json
        return await runner(url, payload, headers, connections=connections, requests=requests, seconds=seconds)

    try:
        result = uvloop.run(run())
    except (OSError, ValueError) as fault:
        raise click.ClickException(str(fault)) from None
    if as_json:
        click.echo(orjson.dumps(asdict(result)))
    else:
        print_table([render_row(model, result)])
        for reason, number in result.faults.items():
            click.echo(f"{number} x {reason}", err=True)
    if result.errors:
        raise SystemExit(1)


def make_body(url: str, model: str, *, stream: bool) -> bytes:
    """A small conversation in the format that is spoken at `url`."""
    text = "Count the words of your answer."
    path = url.partition("?")[0]
    body: dict[str, object] = {"model": model, "stream": stream}
    if path.endswith("/responses"):
        return orjson.dumps(body | {"input": text})
    if path.endswith("/embeddings"):
        return orjson.dumps({"model": model, "input": text})
    body["messages"] = [{"role": "user", "content": text}]
    if path.endswith("/messages"):
        return orjson.dumps(body | {"max_tokens": 1024})
    return orjson.dumps(body | ({"stream_options": {"include_usage": True}} if stream else {}))


if __name__ == "__main__":
    main()
