"""The way of one stream's events from the provider to the client: read for usage, renamed, passed on.

The event that ends a complete stream is held back in `terminal`; the relay sends it when the charge is durable.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from quart_proxy.core.errors import UpstreamError
from quart_proxy.core.event_shape import EventShape
from quart_proxy.core.formats import Format, StreamStep, find_answer_id
from quart_proxy.core.sse import Event, SseParser, end_event
from quart_proxy.core.usage import NOTHING_READ, Reading
from quart_proxy.core.usage_fields import is_json, load_lenient

TAIL_SILENCE_S = 0.2
"""After its last event a provider owes only the end of its body, which comes with it. Reading it saves the connection,
and a gateway that glues a second answer behind the first bills the last. This much silence ends the wait."""
TAIL_TIMEOUT_S = 5.0
NAMELESS_EVENTS_MAX = 3
"""A provider names its answer in the first event, or soon after one that has no name yet."""


class Passage:
    """`run()` it over the provider's chunks. `put` takes bytes for the client; `on_first` is called when the first
    chunk is there, before anything is put."""

    def __init__(
        self,
        format: Format,
        *,
        model: str,
        wants_usage: bool,
        put: Callable[[bytes], Awaitable[None]],
        on_first: Callable[[], None],
    ) -> None:
        self.terminal: bytes | None = None
        self.has_failed = False
        """The provider reported a failure inside the stream. Then only failures are passed on; usage still counts."""
        self.is_inside_event = False
        """The client has got a part of an event, and may get nothing of ours before the rest."""
        self.events = 0
        """How many the provider has sent."""
        self.answer_id: str | None = None
        self._may_name = True
        self._format = format
        self._model = model
        self._wants_usage = wants_usage
        self._put = put
        self._on_first: Callable[[], None] | None = on_first
        self._reader = format.open_stream()
        self._parser = SseParser()
        self._shape = EventShape()
        self._total: Reading | None = None

    @property
    def is_complete(self) -> bool:
        """Whether the stream told all it had to tell, with a terminal event or in its own way without one."""
        return self.terminal is not None or self._reader.is_complete_without_terminal()

    def reading(self, *, is_broken: bool) -> Reading:
        """The usage. Of an answer that broke only a total counts, not what was said at its start."""
        if self._reader.is_usage_final():
            return self._reader.reading()
        if self._total is not None:
            return self._total
        return NOTHING_READ if is_broken else self._reader.reading()

    async def run(self, chunks: AsyncIterator[bytes]) -> None:
        """Pass events on until the terminal one, or until the stream ends. Raises UpstreamError when it breaks."""
        async for chunk in chunks:
            if self._on_first is not None:
                self._on_first()
                self._on_first = None
            events = self._parser.feed(chunk)
            self.events += len(events)
            if self._may_name:
                self._look_for_name(events)
            parts: list[bytes] = []
            taken = self._take(events, parts)
            # A terminal event in pieces has begun at the client, and its last piece is still here.
            self.is_inside_event = self._parser.is_inside_event or (self.terminal is not None and self.is_inside_event)
            if parts:
                await self._put(b"".join(parts))
            if self.terminal is not None:
                self._total = self._reader.reading()
                self._listen(events[taken:])
                return
        await self._take_unended()

    async def read_on(self, chunks: AsyncIterator[bytes]) -> None:
        """Read what follows the terminal event, for its usage alone: the client has the end of its answer."""
        loop = asyncio.get_running_loop()
        end = loop.time() + TAIL_TIMEOUT_S
        try:
            async with asyncio.timeout(TAIL_SILENCE_S) as limit:
                async for chunk in chunks:
                    self._listen(self._parser.feed(chunk))
                    limit.reschedule(min(loop.time() + TAIL_SILENCE_S, end))
        except (TimeoutError, UpstreamError):
            pass  # All that was owed is here; the connection is not kept.

    def _take(self, events: list[Event], parts: list[bytes]) -> int:
        """Collect what to pass on in `parts`, up to a terminal event. Returns how many events were taken."""
        shape, reader = self._shape, self._reader
        for number, event in enumerate(events, 1):
            if not self.has_failed and (known := shape.match(event.raw)) is not None:
                parts.append(known)
                continue
            step, renamed = reader.read(event), self._format.rename_event(event, self._model)
            if step is StreamStep.TERMINAL:
                self.terminal = renamed
                return number
            if step is StreamStep.FORWARD:
                shape.learn(event.raw, renamed)
            if self._is_passed(step):
                parts.append(renamed)
        return len(events)

    async def _take_unended(self) -> None:
        """The provider forgot the blank line that ends its last event, and without one the client would drop it; or the
        network cut the event in two, and then it is not JSON."""
        last = self._parser.close()
        if last is None:
            return
        step, data = self._reader.read(last), end_event(self._format.rename_event(last, self._model))
        if step is StreamStep.TERMINAL:
            self.terminal = data
        elif self._is_passed(step) and (step is StreamStep.ERROR or self.is_inside_event or is_json(last.data)):
            await self._put(data)
            self.is_inside_event = False

    def _is_passed(self, step: StreamStep) -> bool:
        if step is StreamStep.ERROR:
            self.has_failed = True
            return True
        return not self.has_failed and (step is not StreamStep.USAGE_ONLY or self._wants_usage)

    def _look_for_name(self, events: list[Event]) -> None:
        for event in events[:NAMELESS_EVENTS_MAX]:
            if self.answer_id is None and event.is_whole:
                self.answer_id = find_answer_id(load_lenient(event.data), self._format.answer_member)
        self._may_name = self.answer_id is None and self.events < NAMELESS_EVENTS_MAX

    def _listen(self, events: list[Event]) -> None:
        for event in events:
            self._reader.read(event)
