"""An answer as it comes: its parts strictly one after another, whatever order the provider streams them in.

The grammar of the events is `(PartBegan (PartGrew | Cited)* PartEnded)* Stopped`; nothing else is ever seen by a
writer. Readers of formats that number their parts, and may grow two at once, put them through `PartSequence`.
"""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace
from typing import Protocol

import orjson

from quart_proxy.core.chat import (
    AnswerPart,
    ChatAnswer,
    Citation,
    Refusal,
    Stop,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
)
from quart_proxy.core.seals import Seal
from quart_proxy.core.sse import Event
from quart_proxy.core.usage import Usage


@dataclass(frozen=True, slots=True)
class PartBegan:
    """`part` is empty yet: a text, thinking, refusal without words, a tool call without arguments."""

    part: AnswerPart


@dataclass(frozen=True, slots=True)
class PartGrew:
    """More of the part's text, or of its arguments. Never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class Cited:
    citation: Citation


@dataclass(frozen=True, slots=True)
class PartEnded:
    """`part` is whole: all its text, citations, and its seal."""

    part: AnswerPart


@dataclass(frozen=True, slots=True)
class Stopped:
    stop: Stop
    sequence: str | None = None
    """Which stop sequence; None when the provider did not say, or it was none."""


ChatEvent = PartBegan | PartGrew | Cited | PartEnded | Stopped


class ChatReader(Protocol):
    """Reads one stream of an upstream for what it says. Its usage is read beside, by the format's StreamReader."""

    def read(self, event: Event) -> list[ChatEvent]:
        """What one event said; most events say one thing, some nothing. Never raises."""

    def end(self) -> list[ChatEvent]:
        """What is still owed when the stream is complete: open parts end, and the answer stops if it did not."""


class ChatWriter(Protocol):
    """Writes one stream for a client."""

    def begin(self, usage: Usage) -> bytes:
        """The events that open the answer. `usage` is what is known of the input at the start."""

    def write(self, event: ChatEvent) -> bytes:
        """The bytes for one event; may be empty."""

    def end(self, usage: Usage | None) -> tuple[bytes, bytes]:
        """The events that close the answer, and behind them the terminal one, which is sent when the charge is
        durable. `usage` None: the provider told none."""


def collect_answer(events: Iterable[ChatEvent]) -> ChatAnswer:
    """The whole answer that these events make."""
    parts: list[AnswerPart] = []
    stopped = Stopped(Stop.END)
    for event in events:
        if isinstance(event, PartEnded):
            parts.append(event.part)
        elif isinstance(event, Stopped):
            stopped = event
    return ChatAnswer(tuple(parts), stopped.stop, stopped.sequence)


def list_events(answer: ChatAnswer) -> list[ChatEvent]:
    """The events of a whole answer: `collect_answer` undoes it."""
    events: list[ChatEvent] = []
    for part in answer.parts:
        events.append(PartBegan(empty(part)))
        text = part.arguments if isinstance(part, ToolCall) else part.text
        if text:
            events.append(PartGrew(text))
        if isinstance(part, Text):
            events += (Cited(citation) for citation in part.citations)
        events.append(PartEnded(part))
    return [*events, Stopped(answer.stop, answer.stop_sequence)]


def empty(part: AnswerPart) -> AnswerPart:
    """The part as it begins."""
    match part:
        case ToolCall():
            return replace(part, arguments="")
        case Text():
            return Text("")
        case Refusal():
            return Refusal("")
        case Thinking():
            return Thinking("")


@dataclass(slots=True)
class _Growing:
    """A part that is not whole yet. `written` are the pieces so far."""

    part: AnswerPart
    pieces: list[str] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    is_wrapped: bool = False
    """The arguments are an object that holds a custom tool's text: they say nothing until they are whole."""
    is_over: bool = False

    def whole(self) -> AnswerPart:
        text = "".join(self.pieces)
        match self.part:
            case ToolCall():
                return replace(self.part, arguments=_unwrap(text) if self.is_wrapped else text)
            case Text():
                return replace(self.part, text=text, citations=tuple(self.citations))
            case _:
                return replace(self.part, text=text)


class PartSequence:
    """Parts that a provider grows under keys of its own, in a row.

    The first part that is not over is told as it grows; what comes for later ones waits. A key is free again when its
    part is over.
    """

    __slots__ = ("_by_key", "_events", "_row")

    def __init__(self) -> None:
        self._by_key: dict[Hashable, _Growing] = {}
        self._row: list[_Growing] = []
        self._events: list[ChatEvent] = []

    def __contains__(self, key: Hashable) -> bool:
        """Whether a part under this key has begun and is not over."""
        return key in self._by_key

    def begin(self, key: Hashable, part: AnswerPart, *, is_wrapped: bool = False) -> None:
        """A part begins, empty. `is_wrapped`: it is a custom tool's call that the upstream makes as a function's."""
        growing = _Growing(part, is_wrapped=is_wrapped and isinstance(part, ToolCall) and part.kind is ToolKind.CUSTOM)
        self._by_key[key] = growing
        self._row.append(growing)
        if len(self._row) == 1:
            self._events.append(PartBegan(part))

    def grow(self, key: Hashable, text: str) -> None:
        """Nothing happens for a key without a part, and for no text."""
        growing = self._by_key.get(key)
        if growing is None or not text:
            return
        growing.pieces.append(text)
        if growing is self._row[0] and not growing.is_wrapped:
            self._events.append(PartGrew(text))

    def cite(self, key: Hashable, citation: Citation) -> None:
        growing = self._by_key.get(key)
        if growing is None:
            return
        growing.citations.append(citation)
        if growing is self._row[0]:
            self._events.append(Cited(citation))

    def seal(self, key: Hashable, seal: Seal) -> None:
        growing = self._by_key.get(key)
        if growing is not None and isinstance(growing.part, Thinking):
            growing.part = replace(growing.part, seal=seal)

    def end(self, key: Hashable) -> None:
        growing = self._by_key.pop(key, None)
        if growing is not None:
            growing.is_over = True
            self._tell()

    def end_all(self) -> None:
        for key in list(self._by_key):
            self.end(key)

    def has_whole_arguments(self, key: Hashable) -> bool:
        """Whether the tool call under this key has all its arguments: the JSON text of an object cannot go on."""
        growing = self._by_key.get(key)
        if growing is None:
            return True
        # Most pieces do not end an object: it is not put together, and parsed, again and again.
        last = next((piece for piece in map(str.rstrip, reversed(growing.pieces)) if piece), "")
        if not last.endswith("}"):
            return False
        try:
            orjson.loads("".join(growing.pieces))
        except orjson.JSONDecodeError:
            return False
        return True

    def take(self) -> list[ChatEvent]:
        """What happened since it was last asked."""
        events, self._events = self._events, []
        return events

    def _tell(self) -> None:
        """End the parts at the head of the row that are over, and tell what the next one has by now."""
        while self._row and self._row[0].is_over:
            ended = self._row.pop(0)
            whole = ended.whole()
            if ended.is_wrapped and isinstance(whole, ToolCall) and whole.arguments:
                self._events.append(PartGrew(whole.arguments))
            self._events.append(PartEnded(whole))
            if self._row:
                self._catch_up(self._row[0])

    def _catch_up(self, growing: _Growing) -> None:
        self._events.append(PartBegan(empty(growing.part)))
        if growing.pieces and not growing.is_wrapped:
            self._events.append(PartGrew("".join(growing.pieces)))
        self._events += (Cited(citation) for citation in growing.citations)


def _unwrap(arguments: str) -> str:
    """The text in a custom tool's object; the arguments as they are when the model did not make one."""
    try:
        found = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        return arguments
    text = found.get("input") if isinstance(found, dict) else None
    return text if isinstance(text, str) else arguments
