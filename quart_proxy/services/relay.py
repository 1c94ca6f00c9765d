"""One proxied exchange, and the object that owns it.

The relay is a task of its own, which the web server never cancels: a client that hangs up stops reading, and
the answer is read to its end and billed all the same. What the client gets lies in `outbox`; the event that
ends a stream is put there only when the charge is durable.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from quart_proxy.core.errors import (
    InternalError,
    ProxyError,
    StreamInterrupted,
    UpstreamError,
    UpstreamFailed,
)
from quart_proxy.core.formats import ClientRequest, Format
from quart_proxy.core.limits import Allowances
from quart_proxy.core.pricing import charge
from quart_proxy.core.record import Exchange, Outcome, clean_text
from quart_proxy.core.usage import NOTHING_READ, Reading
from quart_proxy.logs import write_event
from quart_proxy.metrics import Metrics
from quart_proxy.services.admission import Admission, Hold
from quart_proxy.services.billing import Settler
from quart_proxy.services.health import Health
from quart_proxy.services.outbox import Outbox
from quart_proxy.services.passage import Passage
from quart_proxy.services.refusals import read_refusal
from quart_proxy.services.routing import Route
from quart_proxy.settings import (
    ANSWER_BYTES_MAX,
    DRAIN_TIMEOUT_S,
    ERROR_BYTES_MAX,
    OUTBOX_BYTES_MAX,
    WRITE_STALL_S,
)
from quart_proxy.upstream.client import UpstreamClient, UpstreamExchange

logger = logging.getLogger(__name__)


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
    health: Health


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
        self._context = context
        self._request = request
        self._route = route
        self._hold = hold
        self._begun = time.monotonic()
        self._limit: asyncio.Timeout | None = None
        self._cut_at_s: float | None = None
        self._passage: Passage | None = None

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
            known = NOTHING_READ if self._passage is None else self._passage.reading(is_broken=True)
            self._bill(known, Outcome.ABORTED_UNMETERED, is_broken=True)
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
            self.exchange.upstream_request_id = _find_request_id(upstream.headers)
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
        self.exchange.answer_id = answer.id
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
        passage = self._passage = Passage(
            self.format,
            model=self._request.model,
            wants_usage=self._request.wants_usage,
            put=self._put,
            on_first=self._begin,
        )
        error: ProxyError | None = None
        chunks = upstream.chunks()
        try:
            await passage.run(chunks)
        except UpstreamError as broken:
            error = broken
        else:
            if not passage.has_failed and not passage.is_complete:
                error = StreamInterrupted("The provider's answer ended before it was complete.")
            elif passage.terminal is not None:
                await passage.read_on(chunks)
        is_broken = error is not None or passage.has_failed
        self._bill(passage.reading(is_broken=is_broken), _unbilled(error, passage), is_broken=is_broken)
        if is_broken:
            self.exchange.error_code = self.exchange.error_code or (error or UpstreamFailed).code
        await self._settle()
        if not is_broken:
            await self._put(passage.terminal or self.format.terminal or b"")
        return error

    def _begin(self) -> None:
        self._note_first_byte()
        self._give(None)

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
        if self._passage is not None:
            exchange.answer_id = self._passage.answer_id
        exchange.duration_ms = self._elapsed_ms()
        exchange.status = exchange.status or 200
        try:
            await self._context.settler.settle(exchange)
        finally:
            self._context.admission.release(self._hold, cost=exchange.cost, tokens=exchange.tokens)

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
        write_event("request", log_fields(self.exchange))

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
    if error is not None:
        return Outcome.INTERRUPTED
    return Outcome.UPSTREAM_ERROR if passage.has_failed else Outcome.NO_USAGE


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
