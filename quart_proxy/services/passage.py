"""The way of one stream's events from the provider to the client: read for usage, and passed on as they are or in
another format.

The event that ends a complete stream is held back; the relay sends what `end()` gives when the charge is durable.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import ClassVar

from quart_proxy.core.chat_events import ChatReader, ChatWriter
from quart_proxy.core.errors import InternalError, ProxyError, UpstreamError, UpstreamFailed
from quart_proxy.core.event_shape import EventShape
from quart_proxy.core.formats import Format, StreamStep, UpstreamFormat, find_answer_id
from quart_proxy.core.provider_errors import read_error_message
from quart_proxy.core.sse import Event, SseParser, end_event
from quart_proxy.core.usage import NOTHING_READ, Dimension, Reading, Usage
from quart_proxy.core.usage_fields import is_json, load_lenient
from quart_proxy.services.refusals import failure_of

TAIL_SILENCE_S = 0.2
"""After its last event a provider owes only the end of its body, which comes with it. Reading it saves the connection,
and a gateway that glues a second answer behind the first bills the last. This much silence ends the wait."""
TAIL_TIMEOUT_S = 5.0
NAMELESS_EVENTS_MAX = 3
"""A provider names its answer in the first event, or soon after one that has no name yet."""
FAULTS_OF_OURS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)

logger = logging.getLogger(__name__)


class Passage(ABC):
    """`run()` it over the provider's chunks. `put` takes bytes for the client; `on_first` is called once, before
    anything is put. What becomes of the events is a subclass's matter."""

    _gives_pieces: ClassVar[bool]
    """Whether the client gets the pieces of a large event as they come."""

    def __init__(
        self,
        spoken: UpstreamFormat,
        *,
        put: Callable[[bytes], Awaitable[None]],
        on_first: Callable[[], None],
    ) -> None:
        self.has_ended = False
        """The provider sent its terminal event."""
        self.has_failed = False
        """The provider reported a failure inside the stream. Usage still counts."""
        self.has_told_failure = False
        """The provider has said that it failed, and the client is still to be told: it owes nothing more but usage."""
        self.failure: ProxyError | None = None
        """The failure, where the client is still to be told of it."""
        self.is_inside_event = False
        """The client has got a part of an event, and may get nothing of ours before the rest."""
        self.events = 0
        """How many the provider has sent."""
        self.answer_id: str | None = None
        self._may_name = True
        self._answer_member, self._id_member = spoken.answer_member, spoken.id_member
        self._put_bytes = put
        self._on_first: Callable[[], None] | None = on_first
        self._reader = spoken.open_stream()
        self._parser = SseParser()
        self._total: Reading | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the stream told all it had to tell, with a terminal event or in its own way without one."""
        return self.has_ended or self._reader.is_complete_without_terminal()

    def reading(self, *, is_broken: bool) -> Reading:
        """The usage. Of an answer that broke only a total counts, not what was said at its start."""
        if self._reader.is_usage_final():
            return self._reader.reading()
        if self._total is not None:
            return self._total
        return NOTHING_READ if is_broken else self._reader.reading()

    async def run(self, chunks: AsyncIterator[bytes]) -> None:
        """Pass events on until the terminal one, or until the stream ends. Raises UpstreamError when it breaks, and
        when it reports a failure before the client has seen anything of it."""
        async for chunk in chunks:
            events = self._parser.feed(chunk)
            self.events += len(events)
            if self._may_name:
                self._look_for_name(events)
            parts: list[bytes] = []
            taken = self._take(events, parts)
            if self._gives_pieces:
                # A terminal event in pieces has begun at the client, and its last piece is still here.
                self.is_inside_event = self._parser.is_inside_event or (self.has_ended and self.is_inside_event)
            if parts:
                await self._put(b"".join(parts))
            if self.has_ended:
                self._total = self._reader.reading()
            if self.has_ended or self.has_told_failure:
                self._listen(events[taken:])
                return
        last = self._parser.close()
        if last is not None:
            await self._take_unended(last)

    async def read_on(self, chunks: AsyncIterator[bytes]) -> None:
        """Read what follows the terminal event, or a failure, for its usage alone: nothing else is owed."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TAIL_TIMEOUT_S
        try:
            async with asyncio.timeout(TAIL_SILENCE_S) as limit:
                async for chunk in chunks:
                    self._listen(self._parser.feed(chunk))
                    limit.reschedule(min(loop.time() + TAIL_SILENCE_S, end))
        except (TimeoutError, UpstreamError):
            pass  # All that was owed is here; the connection is not kept.

    @abstractmethod
    def end(self, usage: Usage | None) -> tuple[bytes, bytes]:
        """What ends a complete stream: what may be sent now, and the terminal event, for when the charge is durable."""

    @abstractmethod
    def _take(self, events: list[Event], parts: list[bytes]) -> int:
        """Collect what to pass on in `parts`, up to a terminal event. Returns how many events were taken. Raises
        UpstreamError for a failure that the provider reports before the client has seen anything."""

    @abstractmethod
    async def _take_unended(self, last: Event) -> None:
        """The provider forgot the blank line that ends its last event, and without one the client would drop it; or the
        network cut the event in two, and then it is not JSON."""

    async def _put(self, data: bytes) -> None:
        if self._on_first is not None:
            self._on_first()
            self._on_first = None
        await self._put_bytes(data)

    def _look_for_name(self, events: list[Event]) -> None:
        for event in events[:NAMELESS_EVENTS_MAX]:
            if self.answer_id is None and event.is_whole:
                self.answer_id = find_answer_id(load_lenient(event.data), self._answer_member, self._id_member)
        self._may_name = self.answer_id is None and self.events < NAMELESS_EVENTS_MAX

    def _listen(self, events: list[Event]) -> None:
        for event in events:
            self._reader.read(event)


class SameFormatPassage(Passage):
    """Every byte as it came, but for the model's name and for usage that the client did not ask for."""

    _gives_pieces = True

    def __init__(
        self,
        spoken: Format,
        *,
        model: str,
        wants_usage: bool,
        put: Callable[[bytes], Awaitable[None]],
        on_first: Callable[[], None],
    ) -> None:
        super().__init__(spoken, put=put, on_first=on_first)
        self._format = spoken
        self._model = model
        self._wants_usage = wants_usage
        self._shape = EventShape()
        self._terminal: bytes | None = None

    def end(self, usage: Usage | None) -> tuple[bytes, bytes]:
        return b"", self._terminal or self._format.terminal or b""

    def _take(self, events: list[Event], parts: list[bytes]) -> int:
        shape, reader = self._shape, self._reader
        for number, event in enumerate(events, 1):
            if not self.has_failed and (known := shape.match(event.raw)) is not None:
                parts.append(known)
                continue
            step, renamed = reader.read(event), self._format.rename_event(event, self._model)
            if step is StreamStep.TERMINAL:
                self._terminal, self.has_ended = renamed, True
                return number
            if step is StreamStep.FORWARD:
                shape.learn(event.raw, renamed)
            if self._is_passed(step, event):
                parts.append(renamed)
        return len(events)

    async def _take_unended(self, last: Event) -> None:
        step, data = self._reader.read(last), end_event(self._format.rename_event(last, self._model))
        if step is StreamStep.TERMINAL:
            self._terminal, self.has_ended = data, True
        elif self._is_passed(step, last) and (step is StreamStep.ERROR or self.is_inside_event or is_json(last.data)):
            await self._put(data)
            self.is_inside_event = False

    def _is_passed(self, step: StreamStep, event: Event) -> bool:
        """After a failure only failures are passed on. Raises one that the client has seen nothing before."""
        if step is StreamStep.ERROR:
            self.has_failed = True
            if self._on_first is not None and not self._reader.is_usage_final():
                raise failure_of(read_error_message(event.data))
            return True
        return not self.has_failed and (step is not StreamStep.USAGE_ONLY or self._wants_usage)


class TranslatedPassage(Passage):
    """The answer in the client's own format, made of what the upstream says in another."""

    _gives_pieces = False

    def __init__(
        self,
        spoken: UpstreamFormat,
        *,
        reader: ChatReader,
        writer: ChatWriter,
        input_tokens_estimated: Callable[[], int],
        put: Callable[[bytes], Awaitable[None]],
        on_first: Callable[[], None],
    ) -> None:
        super().__init__(spoken, put=put, on_first=on_first)
        self._chat_reader = reader
        self._writer = writer
        self._estimate = input_tokens_estimated
        self._has_begun = False

    def end(self, usage: Usage | None) -> tuple[bytes, bytes]:
        parts = [self._begin(), *map(self._writer.write, self._chat_reader.end())]
        closing, terminal = self._writer.end(usage)
        return b"".join((*parts, closing)), terminal

    def _take(self, events: list[Event], parts: list[bytes]) -> int:
        for number, event in enumerate(events, 1):
            step = self._reader.read(event)
            if step is StreamStep.ERROR:
                self._take_failure(failure_of(read_error_message(event.data)))
                self.has_told_failure = True
                return number
            if not event.is_whole:
                self._fail(UpstreamFailed("The provider sent an event that is too large to be translated."))
            elif not self.has_failed:
                self._try_translating(event, parts)
            if step is StreamStep.TERMINAL:
                self.has_ended = True
                return number
        return len(events)

    async def _take_unended(self, last: Event) -> None:
        if is_json(last.data) or last.data.strip() == b"[DONE]":
            parts: list[bytes] = []
            self._take([last], parts)
            if parts:
                await self._put(b"".join(parts))

    def _try_translating(self, event: Event, parts: list[bytes]) -> None:
        """A fault of ours in a translation must not make an answer free: what is left is read for its usage."""
        try:
            self._translate(event, parts)
        except FAULTS_OF_OURS:
            logger.exception("translation_failed")
            self._fail(InternalError("This answer could not be translated here; the operator finds it by its id."))

    def _translate(self, event: Event, parts: list[bytes]) -> None:
        said = self._chat_reader.read(event)
        if said:
            if not self._has_begun:
                parts.append(self._begin())
            parts += map(self._writer.write, said)

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        known = self._reader.reading().usage
        return self._writer.begin(known or Usage({Dimension.INPUT: self._estimate()}))

    def _take_failure(self, failure: UpstreamError) -> None:
        is_first = self.failure is None
        self._fail(failure)
        if is_first and self._on_first is not None:
            raise failure

    def _fail(self, failure: ProxyError) -> None:
        self.has_failed = True
        self.failure = self.failure or failure
