"""One proxied exchange, and the object that owns it.

The relay is a task of its own, which the web server never cancels: a client that hangs up stops reading, and
the answer is read to its end and billed all the same. What the client gets lies in `outbox`; the event that
ends a stream is put there only when the charge is durable.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal

from quart_proxy.core.errors import (
    InternalError,
    ProxyError,
    StreamInterrupted,
    Unavailable,
    UpstreamError,
    UpstreamFailed,
)
from quart_proxy.core.event_shape import EventShape
from quart_proxy.core.formats import ClientRequest, Format, StreamReader, StreamStep
from quart_proxy.core.pricing import charge
from quart_proxy.core.record import Exchange, Outcome
from quart_proxy.core.sse import Event, SseParser, end_event
from quart_proxy.core.usage import NOTHING_READ, Reading
from quart_proxy.core.usage_fields import is_json
from quart_proxy.logs import write_event
from quart_proxy.metrics import Metrics
from quart_proxy.services.admission import Admission, Hold
from quart_proxy.services.billing import Settler
from quart_proxy.services.outbox import Outbox
from quart_proxy.services.refusals import read_refusal
from quart_proxy.services.routing import Route
from quart_proxy.settings import (
    ANSWER_BYTES_MAX,
    DRAIN_TIMEOUT_S,
    DRAINS_MAX,
    ERROR_BYTES_MAX,
    OUTBOX_BYTES_MAX,
    WRITE_STALL_S,
)
from quart_proxy.upstream.client import UpstreamClient, UpstreamExchange

logger = logging.getLogger(__name__)

TAIL_TIMEOUT_S = 1.0
"""After the last event a provider owes only the end of its chunked body; reading it saves the connection."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, billed. `cost` and `balance` are dollars."""

    body: bytes
    content_type: str
    cost: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True)
class RelayContext:
    """What every relay of a worker shares."""

    client: UpstreamClient
    settler: Settler
    admission: Admission
    metrics: Metrics


class Relay:
    """`run()` it once, as a task. `head` tells what becomes of it: None for a stream that has begun, an Answer,
    or an error to raise."""

    def __init__(
        self,
        context: RelayContext,
        *,
        exchange: Exchange,
        format: Format,
        request: ClientRequest,
        route: Route,
        hold: Hold,
    ) -> None:
        self.exchange = exchange
        self.format = format
        self.head: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self.outbox = Outbox(OUTBOX_BYTES_MAX)
        self.is_inside_event = False
        self._context = context
        self._request = request
        self._route = route
        self._hold = hold
        self._begun = time.monotonic()
        self._limit: asyncio.Timeout | None = None
        self._cut_at_s: float | None = None
        self._reader: StreamReader | None = None

    async def run(self) -> None:
        """Relay, settle, and say how it went. Raises nothing that a provider or a client can cause."""
        # What is told if anything leaves this function that nobody thought of; the pool logs that.
        error: ProxyError | None = InternalError("This request failed here; the operator finds it by its id.")
        try:
            async with asyncio.timeout_at(self._cut_at_s) as self._limit:
                error = await self._exchange_bytes()
        except TimeoutError:
            self._bill(self._final_reading(), Outcome.ABORTED_UNMETERED, is_broken=True)
            error = StreamInterrupted("This answer was cut here before it was complete.")
        finally:
            self._limit = None
            await self._finish(error)

    def begin_stream(self) -> Answer | None:
        """The client gets its status line now: what goes wrong from here on becomes an event. What `head` holds if
        it was told after all; raises it if it is an error."""
        self._give(None)
        return self.head.result()

    def abandon(self, *, is_over: bool) -> None:
        """The client is gone. The answer is read on for its usage, or cut at once if `is_over`."""
        self.outbox.abandon()
        self.cut_after(0 if is_over else DRAIN_TIMEOUT_S)

    def cut_after(self, seconds: float) -> None:
        """Stop reading the provider this many seconds from now, unless the answer has ended by then."""
        self._cut_at_s = asyncio.get_running_loop().time() + seconds
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(self._cut_at_s)

    # --- the exchange ---------------------------------------------------------------------------------

    async def _exchange_bytes(self) -> ProxyError | None:
        """From the call to the last byte. Returns the error that the client is to see at the end, if any."""
        body = self.format.render_request(
            self._request, actual_model=self._route.target.upstream.actual_model, prompt=self._route.prompt
        )
        try:
            upstream = await self._context.client.open(
                self._route.target.url,
                headers={**self._route.target.headers, **self._request.headers},
                body=body,
                timeouts=self._route.timeouts,
            )
        except UpstreamError as error:
            self._bill(NOTHING_READ, Outcome.UPSTREAM_ERROR)
            return error
        try:
            self.exchange.upstream_status = upstream.status
            return await self._relay_answer(upstream)
        finally:
            await upstream.close()

    async def _relay_answer(self, upstream: UpstreamExchange) -> ProxyError | None:
        if not 200 <= upstream.status < 300:
            error = await read_refusal(upstream, ERROR_BYTES_MAX)
        elif upstream.headers.get("content-encoding", "identity") != "identity":
            error = UpstreamFailed("The provider sent a compressed answer that was not asked for.", is_retryable=False)
        elif self._request.is_streaming and _may_be_stream(upstream.headers.get("content-type", "")):
            return await self._relay_stream(upstream)
        else:
            return await self._relay_body(upstream)
        self._bill(NOTHING_READ, Outcome.UPSTREAM_ERROR)
        return error

    async def _relay_body(self, upstream: UpstreamExchange) -> ProxyError | None:
        try:
            body, is_whole = await upstream.read(ANSWER_BYTES_MAX)
        except UpstreamError as error:
            self._bill(NOTHING_READ, Outcome.INTERRUPTED)
            return error
        self._note_first_byte()
        if not is_whole:
            self._bill(NOTHING_READ, Outcome.UPSTREAM_ERROR)
            return UpstreamFailed("The provider's answer is larger than this proxy takes.", is_retryable=False)
        answer = self.format.read_answer(body)
        if answer.error is not None or self._request.is_streaming:
            self._bill(answer.reading, Outcome.UPSTREAM_ERROR)
            return UpstreamFailed(
                answer.error or "The provider did not stream, though it was asked to.", is_retryable=False
            )
        self._bill(answer.reading, Outcome.NO_USAGE)
        await self._settle()
        self._give(
            Answer(
                self.format.rename_model(body, self._request.model),
                "application/json",
                self.exchange.cost,
                self._hold.account.balance,
            )
        )
        return None

    # --- streams --------------------------------------------------------------------------------------

    async def _relay_stream(self, upstream: UpstreamExchange) -> ProxyError | None:
        reader = self._reader = self.format.open_stream()
        error: ProxyError | None = None
        chunks = upstream.chunks()
        try:
            terminal, has_failed = await self._pump(chunks, reader)
        except UpstreamError as broken:
            terminal, has_failed, error = None, False, broken
        else:
            if terminal is None and not has_failed and not reader.is_complete_without_terminal():
                error = StreamInterrupted("The provider's answer ended before it was complete.")
        if error is not None:
            self._bill(self._final_reading(), Outcome.INTERRUPTED, is_broken=True)
            self.exchange.error_code = self.exchange.error_code or error.code
        elif has_failed:
            self._bill(self._final_reading(), Outcome.UPSTREAM_ERROR, is_broken=True)
            self.exchange.error_code = self.exchange.error_code or UpstreamFailed.code
        else:
            self._bill(reader.reading(), Outcome.NO_USAGE)
        await self._settle()
        if error is None and not has_failed:
            await self._put(terminal or self.format.terminal or b"")
        if error is None:
            self.outbox.close()
            await _read_tail(chunks)
        return error

    async def _pump(self, chunks: AsyncIterator[bytes], reader: StreamReader) -> tuple[bytes | None, bool]:
        """Pass events on until the stream ends. Returns the terminal event, held back, and whether the provider
        reported a failure. After a failure only failures are passed on, but usage is still read."""
        parser, shape = SseParser(), EventShape()
        has_failed = False
        async for chunk in chunks:
            if self.exchange.first_byte_ms is None:
                self._note_first_byte()
                self._give(None)
            parts: list[bytes] = []
            terminal = None
            for event in parser.feed(chunk):
                if not has_failed and (known := shape.match(event.raw)) is not None:
                    parts.append(known)
                    continue
                step, renamed = reader.read(event), self._renamed(event)
                if step is StreamStep.TERMINAL:
                    terminal = renamed
                    break
                if step is StreamStep.FORWARD:
                    shape.learn(event.raw, renamed)
                has_failed = has_failed or step is StreamStep.ERROR
                if step is StreamStep.ERROR or (not has_failed and self._is_wanted(step)):
                    parts.append(renamed)
            # A terminal event in pieces has begun at the client, and its last piece is still here.
            self.is_inside_event = parser.is_inside_event or (terminal is not None and self.is_inside_event)
            if parts:
                await self._put(b"".join(parts))
            if terminal is not None:
                return terminal, has_failed
        last = parser.close()
        if last is None:
            return None, has_failed
        # The provider forgot the blank line that ends its last event, and without one the client would drop it;
        # or the network cut the event in two, and then it is not JSON.
        step, data = reader.read(last), end_event(self._renamed(last))
        if step is StreamStep.TERMINAL:
            return data, has_failed
        is_whole = self.is_inside_event or is_json(last.data)
        if step is StreamStep.ERROR or (not has_failed and is_whole and self._is_wanted(step)):
            await self._put(data)
            self.is_inside_event = False
        return None, has_failed or step is StreamStep.ERROR

    def _is_wanted(self, step: StreamStep) -> bool:
        return step is not StreamStep.USAGE_ONLY or self._request.wants_usage

    def _final_reading(self) -> Reading:
        """The usage of an answer that broke: only a total counts, not what was said at its start."""
        if self._reader is None or not self._reader.is_usage_final():
            return NOTHING_READ
        return self._reader.reading()

    def _renamed(self, event: Event) -> bytes:
        return self.format.rename_event(event, self._request.model)

    async def _put(self, data: bytes) -> None:
        if data:
            await self.outbox.put(data, stall_s=WRITE_STALL_S)

    # --- the end --------------------------------------------------------------------------------------

    def _bill(self, reading: Reading, otherwise: Outcome, *, is_broken: bool = False) -> None:
        """Write the charge into the exchange, or why there is none."""
        exchange = self.exchange
        if reading.unpriced:
            self._context.metrics.unpriced_usage.inc()
            facts = {
                "request_id": f"req_{exchange.request_id.hex}",
                "model": exchange.model,
                "usage_fields": list(reading.unpriced),
            }
            logger.error("usage_without_price", extra={"fields": facts})
        if reading.usage is None:
            exchange.outcome = otherwise if reading.invalid is None else Outcome.USAGE_INVALID
            if reading.invalid is not None:
                exchange.error_code = reading.invalid
            return
        billed = charge(reading.usage, self._route.model.price)
        exchange.usage = reading.usage
        exchange.cost = billed.cost
        exchange.price_id = self._route.model.price.id
        is_broken = is_broken or otherwise is Outcome.UPSTREAM_ERROR
        exchange.outcome = Outcome.ERROR_AFTER_USAGE if is_broken else Outcome.COMPLETED

    async def _settle(self) -> None:
        """Make the row durable, once; the hold ends with it."""
        exchange = self.exchange
        if exchange.duration_ms is not None:
            return
        # From here on nothing may cut in: the charge is on its way.
        limit, self._limit = self._limit, None
        if limit is not None and not limit.expired():
            limit.reschedule(None)
        exchange.duration_ms = self._elapsed_ms()
        exchange.status = exchange.status or 200
        try:
            await self._context.settler.settle(exchange)
        finally:
            self._context.admission.release(self._hold)

    async def _finish(self, error: ProxyError | None) -> None:
        """Whatever happened: the row is durable, the client has its answer or its error, the log its line."""
        if error is not None:
            self.exchange.error_code = self.exchange.error_code or error.code
            if not self.head.done():
                self.exchange.status = error.status
        await self._settle()
        if error is not None:
            if self.head.done():
                # What breaks off inside an event would swallow ours.
                await self._put(b"\n\n" if self.is_inside_event else b"")
                await self._put(self.format.encode_error_event(error, f"req_{self.exchange.request_id.hex}"))
            else:
                self.head.set_exception(error)
                self.head.exception()
        elif not self.head.done():
            self._give(None)
        self.outbox.close()
        self._context.metrics.count_exchange(self.exchange)
        write_event("request", log_fields(self.exchange))

    def _give(self, head: Answer | None) -> None:
        if not self.head.done():
            self.head.set_result(head)

    def _note_first_byte(self) -> None:
        if self.exchange.first_byte_ms is None:
            self.exchange.first_byte_ms = self._elapsed_ms()

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._begun) * 1000)


def _may_be_stream(content_type: str) -> bool:
    """Some providers name the type of their streams wrongly; a document is no stream."""
    return "event-stream" in content_type or not ("json" in content_type or "html" in content_type)


async def _read_tail(chunks: AsyncIterator[bytes]) -> None:
    try:
        async with asyncio.timeout(TAIL_TIMEOUT_S):
            async for _ in chunks:
                pass
    except (TimeoutError, UpstreamError):
        pass  # All that mattered was read; the connection is not kept.


def log_fields(exchange: Exchange) -> dict[str, object]:
    """What the one line about a request says. No prompt, no answer, no key."""
    usage = exchange.usage
    return {
        "request_id": f"req_{exchange.request_id.hex}",
        "user_id": exchange.user_id,
        "key_id": exchange.api_key_id,
        "model": exchange.model[:200],
        "upstream": exchange.upstream,
        "endpoint": exchange.endpoint,
        "streamed": exchange.streamed,
        "status": exchange.status,
        "upstream_status": exchange.upstream_status,
        "outcome": exchange.outcome,
        "error_code": exchange.error_code,
        "tokens": None if usage is None else {d.value: count for d, count in usage.tokens.items()},
        "cost": f"{exchange.cost:f}",
        "first_byte_ms": exchange.first_byte_ms,
        "duration_ms": exchange.duration_ms,
    }


class RelayPool:
    """The relays of a worker: keeps them alive, bounds those that nobody reads, and waits for them at the end."""

    def __init__(self) -> None:
        self._running: dict[Relay, asyncio.Task[None]] = {}
        self._drained: set[Relay] = set()
        self._is_closing = False

    def __len__(self) -> int:
        return len(self._running)

    def start(self, relay: Relay) -> None:
        """Raises Unavailable when the worker is stopping."""
        if self._is_closing:
            raise Unavailable("This worker is stopping; try again.", retry_after_s=1)
        task = asyncio.create_task(relay.run())
        self._running[relay] = task
        task.add_done_callback(lambda _: self._forget(relay))

    def abandon(self, relay: Relay) -> None:
        """The client of `relay` is gone. At most DRAINS_MAX such answers are read on at once."""
        if relay in self._running and relay not in self._drained:
            relay.abandon(is_over=len(self._drained) >= DRAINS_MAX)
            self._drained.add(relay)

    async def drain(self, grace_s: float) -> None:
        """Let running answers end, for so long; then cut what is left and wait for its settlement."""
        self._is_closing = True
        if self._running:
            await asyncio.wait(self._running.values(), timeout=grace_s)
        self.cut()
        if self._running:
            await asyncio.wait(self._running.values())

    def cut(self) -> None:
        """End every running answer now: usage that is known is billed, readers get an error event."""
        for relay in self._running:
            relay.cut_after(0)

    def _forget(self, relay: Relay) -> None:
        task = self._running.pop(relay)
        self._drained.discard(relay)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.critical("relay_crashed", exc_info=error, extra={"fields": {}})
