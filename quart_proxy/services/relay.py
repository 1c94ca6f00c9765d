"""One proxied exchange, and the object that owns it.

The relay is a task of its own, which the web server never cancels: a client that hangs up stops reading, and
the answer is read to its end and billed all the same. What the client gets lies in `outbox`; the event that
ends a stream is put there only when the charge is durable.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from quart_proxy.core.errors import (
    ClientError,
    InternalError,
    ProxyError,
    StreamInterrupted,
    UpstreamError,
    UpstreamFailed,
)
from quart_proxy.core.formats import ClientFormat, ClientRequest
from quart_proxy.core.limits import Allowances
from quart_proxy.core.record import Exchange, Outcome, clean_text
from quart_proxy.core.usage import NOTHING_READ
from quart_proxy.logs import write_event
from quart_proxy.metrics import Metrics
from quart_proxy.services.admission import Admission, Hold
from quart_proxy.services.attempts import Attempts
from quart_proxy.services.bill import Bill
from quart_proxy.services.billing import Settler
from quart_proxy.services.cooldown import Cooldowns
from quart_proxy.services.health import Health
from quart_proxy.services.outbox import Outbox
from quart_proxy.services.passage import Passage
from quart_proxy.services.refusals import read_refusal
from quart_proxy.services.routing import Route
from quart_proxy.services.targets import Target
from quart_proxy.services.ways import Way, Ways
from quart_proxy.settings import (
    ANSWER_BYTES_MAX,
    DRAIN_TIMEOUT_S,
    ERROR_BYTES_MAX,
    OUTBOX_BYTES_MAX,
    WRITE_STALL_S,
)
from quart_proxy.upstream.client import UpstreamClient, UpstreamExchange


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, billed. `cost` and the `balance` after it are dollars."""

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
    health: Health
    cooldowns: Cooldowns


class Relay:
    """`run()` it once, as a task. `head` tells what becomes of it: None for a stream that has begun, an Answer,
    or an error to raise."""

    def __init__(
        self,
        context: RelayContext,
        *,
        exchange: Exchange,
        format: ClientFormat,
        request: ClientRequest,
        route: Route,
        hold: Hold,
    ) -> None:
        self.exchange = exchange
        self.format = format
        self.head: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self.outbox = Outbox(OUTBOX_BYTES_MAX)
        self._context = context
        self._request = request
        self._route = route
        self._hold = hold
        self._bill = Bill(
            exchange,
            route.model.price,
            hold,
            settler=context.settler,
            admission=context.admission,
            metrics=context.metrics,
        )
        self._begun = time.monotonic()
        self._limit: asyncio.Timeout | None = None
        self._cut_at_s: float | None = None
        self._passage: Passage | None = None
        self._has_begun = False

    @property
    def is_inside_event(self) -> bool:
        """Whether the client has got a part of an event: then a heartbeat must wait."""
        return self._passage is not None and self._passage.is_inside_event

    @property
    def allowances(self) -> Allowances | None:
        """How the caller's minute stands with this request; None: nothing limits it."""
        return self._hold.allowances

    @property
    def is_settling(self) -> bool:
        """Whether it is over but for its charge becoming durable."""
        return self.exchange.duration_ms is not None

    def tell(self) -> dict[str, object]:
        """How far it is, for whoever watches."""
        exchange = self.exchange
        return {
            "request_id": f"req_{exchange.request_id.hex}",
            "user_id": exchange.user_id,
            "user_name": exchange.user_name,
            "key_id": exchange.api_key_id,
            "model": clean_text(exchange.model),
            "endpoint": exchange.endpoint,
            "streamed": exchange.streamed,
            "state": "waiting" if exchange.first_byte_ms is None else "streaming",
            "started_at": exchange.started_at,
            "elapsed_ms": self._elapsed_ms(),
            "first_byte_ms": exchange.first_byte_ms,
            "events": 0 if self._passage is None else self._passage.events,
        }

    async def run(self) -> None:
        """Relay, settle, and say how it went. Raises nothing that a provider or a client can cause."""
        # What is told if anything leaves this function that nobody thought of; the pool logs that.
        error: ProxyError | None = InternalError("This request failed here; the operator finds it by its id.")
        try:
            async with asyncio.timeout_at(self._cut_at_s) as self._limit:
                error = await self._exchange_bytes()
        except TimeoutError:
            self._bill_known(Outcome.ABORTED_UNMETERED)
            error = StreamInterrupted("This answer was cut here before it was complete.")
        finally:
            self._limit = None
            if isinstance(error, InternalError) and self.exchange.usage is None:
                # A fault of ours; what the provider has told of its usage is owed all the same.
                self._bill_known(Outcome.INTERRUPTED)
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
        """From the first call to the last byte. Returns the error that the client is to see at the end, if any."""
        ways = Ways(
            self.format,
            self._request,
            self._route,
            request_id=self.exchange.request_id.hex,
            created_s=int(time.time()),
        )
        attempts = Attempts(self._route.targets, self._route.retry, self._context.cooldowns)
        error: ProxyError | None = None
        failed_ms = 0
        refusal: ClientError | None = None
        while (target := attempts.next()) is not None:
            try:
                way = ways.find(target)
            except ClientError as unsaid:
                # Another upstream may speak a format that can say it.
                refusal = refusal or unsaid
                attempts.skip()
                continue
            if error is not None:
                await asyncio.sleep(attempts.pause_s)
                if self._is_decided:
                    # Nobody waits any more: another answer would be made, and paid for, for nobody.
                    return error
                self._note_failed_attempt(error, failed_ms)
            attempts.call(target)
            error = await self._try(way)
            failed_ms = self._elapsed_ms()
            if error is None:
                if self.exchange.outcome not in (Outcome.UPSTREAM_ERROR, Outcome.ERROR_AFTER_USAGE):
                    attempts.succeed(target)
                return None
            if not attempts.fail(target, error, self.exchange.upstream_status) or self._is_decided:
                return error
        if error is None:
            self.exchange.upstream = self.exchange.actual_model = None
            self._bill.write(NOTHING_READ, Outcome.REFUSED)
            return refusal
        return error

    @property
    def _is_decided(self) -> bool:
        """Whether no other upstream may answer: this one's answer is billed or begun, or nobody waits any more."""
        return (
            self._bill.is_decided
            or self._has_begun
            or self.outbox.is_abandoned
            or self._cut_at_s is not None
            or self._elapsed_ms() >= self._route.timeouts.total_s * 1000
        )

    def _note_failed_attempt(self, error: ProxyError, failed_ms: int) -> None:
        """Keep what came of the last attempt, which was given up at `failed_ms`; the exchange is the next one's then,
        which begins now."""
        exchange = self.exchange
        exchange.error_code = error.code
        self._context.health.count(exchange)
        # The kind of error, which are few: a provider's own codes are as many as it likes.
        self._context.metrics.failed_attempts.labels(exchange.upstream, type(error).code).inc()
        exchange.attempts.append(
            {
                "upstream": exchange.upstream,
                "status": exchange.upstream_status,
                "error": error.code,
                "after_ms": failed_ms,
                "pause_ms": self._elapsed_ms() - failed_ms,
            }
        )
        exchange.outcome, exchange.error_code = Outcome.INTERRUPTED, None
        exchange.upstream_status = exchange.upstream_request_id = exchange.answer_id = exchange.first_byte_ms = None
        self._passage = None

    async def _try(self, way: Way) -> ProxyError | None:
        """One call of one upstream. Returns why it failed; then nothing was sent to the client unless `_has_begun`."""
        self._name_upstream(way.target)
        timeouts = self._route.timeouts
        if self.exchange.attempts:
            timeouts = replace(timeouts, total_s=max(timeouts.total_s - self._elapsed_ms() / 1000, 1.0))
        try:
            upstream = await self._context.client.open(
                way.target.stream_url if self._request.is_streaming else way.target.url,
                headers=way.headers,
                body=way.body,
                timeouts=timeouts,
            )
        except UpstreamError as error:
            self._bill.write(NOTHING_READ, Outcome.UPSTREAM_ERROR)
            return error
        try:
            self.exchange.upstream_status = upstream.status
            self.exchange.upstream_request_id = _find_request_id(upstream.headers)
            return await self._relay_answer(way, upstream)
        finally:
            await upstream.close()

    def _name_upstream(self, target: Target) -> None:
        self.exchange.upstream = target.upstream.name
        self.exchange.actual_model = target.upstream.actual_model

    async def _relay_answer(self, way: Way, upstream: UpstreamExchange) -> ProxyError | None:
        if not 200 <= upstream.status < 300:
            error = await read_refusal(upstream, ERROR_BYTES_MAX)
        elif upstream.headers.get("content-encoding", "identity") != "identity":
            error = UpstreamFailed("The provider sent a compressed answer that was not asked for.", is_retryable=False)
        elif self._request.is_streaming and _may_be_stream(upstream.headers.get("content-type", "")):
            return await self._relay_stream(way, upstream)
        else:
            return await self._relay_body(way, upstream)
        self._bill.write(NOTHING_READ, Outcome.UPSTREAM_ERROR)
        return error

    async def _relay_body(self, way: Way, upstream: UpstreamExchange) -> ProxyError | None:
        try:
            body, is_whole = await upstream.read(ANSWER_BYTES_MAX)
        except UpstreamError as error:
            self._bill.write(NOTHING_READ, Outcome.INTERRUPTED)
            return error
        self._note_first_byte()
        if not is_whole:
            self._bill.write(NOTHING_READ, Outcome.UPSTREAM_ERROR)
            return UpstreamFailed("The provider's answer is larger than this proxy takes.", is_retryable=False)
        answer = way.target.spoken.read_answer(body)
        self.exchange.answer_id = answer.id
        if answer.error is not None or self._request.is_streaming:
            self._bill.write(answer.reading, Outcome.UPSTREAM_ERROR)
            return UpstreamFailed(
                answer.error or "The provider did not stream, though it was asked to.", is_retryable=False
            )
        self._bill.write(answer.reading, Outcome.NO_USAGE)
        balance = await self._settle()
        rendered = way.render_answer(body, answer)
        self._give(Answer(rendered, "application/json", self.exchange.cost, balance))
        return None

    # --- streams --------------------------------------------------------------------------------------

    async def _relay_stream(self, way: Way, upstream: UpstreamExchange) -> ProxyError | None:
        passage = self._passage = way.open_passage(self._put, self._begin)
        error: ProxyError | None = None
        chunks = upstream.chunks()
        try:
            await passage.run(chunks)
        except UpstreamError as broken:
            error = broken
        else:
            error = passage.failure
            if not passage.has_failed and not passage.is_complete:
                error = StreamInterrupted("The provider's answer ended before it was complete.")
            elif passage.has_told_failure or (passage.has_ended and not passage.has_failed):
                await passage.read_on(chunks)
        is_broken = error is not None or passage.has_failed
        reading = passage.reading(is_broken=is_broken)
        self._bill.write(reading, _unbilled(error, passage), is_broken=is_broken)
        if error is not None:
            return error
        if is_broken:
            self.exchange.error_code = self.exchange.error_code or UpstreamFailed.code
            return None
        closing, terminal = passage.end(reading.usage)
        self._begin()
        await self._put(closing)
        await self._settle()
        await self._put(terminal)
        return None

    def _begin(self) -> None:
        """The client gets the answer's first bytes: from here on no other upstream can answer."""
        self._has_begun = True
        self._note_first_byte()
        self._give(None)

    async def _put(self, data: bytes) -> None:
        if data:
            await self.outbox.put(data, stall_s=WRITE_STALL_S)

    # --- the end --------------------------------------------------------------------------------------

    def _bill_known(self, otherwise: Outcome) -> None:
        """Bill what a stream that breaks off here has told in all."""
        known = NOTHING_READ if self._passage is None else self._passage.reading(is_broken=True)
        self._bill.write(known, otherwise, is_broken=True)

    async def _settle(self) -> Decimal:
        """Make the row durable, once; the hold ends with it. Tells the balance after it."""
        exchange = self.exchange
        if exchange.duration_ms is not None:
            return self._hold.account.balance
        # From here on nothing may cut in: the charge is on its way.
        limit, self._limit = self._limit, None
        if limit is not None and not limit.expired():
            limit.reschedule(None)
        if self._passage is not None:
            exchange.answer_id = self._passage.answer_id
        exchange.duration_ms = self._elapsed_ms()
        return await self._bill.settle()

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
        # It knows this relay: a ring that only the collector would take apart.
        self._passage = None
        self._context.metrics.count_exchange(self.exchange)
        self._context.health.count(self.exchange)
        write_event("request", self.exchange.tell())

    def _give(self, head: Answer | None) -> None:
        if not self.head.done():
            self.head.set_result(head)

    def _note_first_byte(self) -> None:
        if self.exchange.first_byte_ms is None:
            self.exchange.first_byte_ms = self._elapsed_ms()

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._begun) * 1000)


def _find_request_id(headers: Mapping[str, str]) -> str | None:
    """What the provider calls this call, for asking it about it."""
    return headers.get("x-request-id") or headers.get("request-id")


def _may_be_stream(content_type: str) -> bool:
    """Some providers name the type of their streams wrongly; a document is no stream."""
    return "event-stream" in content_type or not ("json" in content_type or "html" in content_type)


def _unbilled(error: ProxyError | None, passage: Passage) -> Outcome:
    """Why a stream without usage costs nothing."""
    if passage.has_failed:
        return Outcome.UPSTREAM_ERROR
    return Outcome.NO_USAGE if error is None else Outcome.INTERRUPTED
