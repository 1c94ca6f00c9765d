"""Driving translations as a relay does, and making the chats and answers that are driven through them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import strategies as st

from quart_proxy.core.chat import (
    AnswerPart,
    Chat,
    ChatAnswer,
    ChatFrame,
    Message,
    Refusal,
    Role,
    Stop,
    Text,
    Thinking,
    ToolCall,
)
from quart_proxy.core.chat_events import ChatEvent, list_events
from quart_proxy.core.formats import CLIENT_FORMATS, UPSTREAM_FORMATS, ClientChat, StreamStep, UpstreamChat
from quart_proxy.core.seals import Seal
from quart_proxy.core.sse import Event, SseParser, encode_event
from quart_proxy.core.usage import Dimension, Usage

CLIENTS: Mapping[str, ClientChat] = {
    name: each.client_chat for name, each in CLIENT_FORMATS.items() if each.client_chat is not None
}
UPSTREAMS: Mapping[str, UpstreamChat] = {
    name: each.upstream_chat for name, each in UPSTREAM_FORMATS.items() if each.upstream_chat is not None
}
BOTH = sorted(CLIENTS.keys() & UPSTREAMS.keys())
"""Formats whose streams can be written here, and read again."""

HELLO = (Message(Role.USER, (Text("Hello"),)),)


def make_frame(chat: Chat | None = None, **fields: Any) -> ChatFrame:
    return ChatFrame(chat or Chat(messages=HELLO, is_streaming=True), "ours", "0a1b2c", 1_700_000_000, **fields)


def cut_events(body: bytes) -> list[Event]:
    parser = SseParser()
    events = parser.feed(body)
    rest = parser.close()
    return [event for event in (*events, *((rest,) if rest else ())) if event.data]


# --- Streams, written and read ------------------------------------------------------------------------


def write_stream(name: str, events: Iterable[ChatEvent], usage: Usage | None, frame: ChatFrame) -> bytes:
    """What a client of a format is sent."""
    writer = CLIENTS[name].open_writer(frame)
    begun = writer.begin(usage or Usage({}))
    written = b"".join(writer.write(event) for event in events)
    rest, terminal = writer.end(usage)
    return begun + written + rest + terminal


def read_stream(name: str, body: bytes, frame: ChatFrame) -> tuple[list[ChatEvent], Usage | None, bool]:
    """What an upstream's stream says, its usage, and whether it is complete and reports no failure."""
    reader, chat_reader = UPSTREAM_FORMATS[name].open_stream(), UPSTREAMS[name].open_reader(frame)
    events: list[ChatEvent] = []
    has_failed = has_terminal = False
    for event in cut_events(body):
        step = reader.read(event)
        has_failed = has_failed or step is StreamStep.ERROR
        if not has_failed and not has_terminal:
            events += chat_reader.read(event)
        has_terminal = has_terminal or step is StreamStep.TERMINAL
    is_good = not has_failed and (has_terminal or reader.is_complete_without_terminal())
    return [*events, *chat_reader.end()], reader.reading().usage, is_good


def write_upstream(name: str, answer: ChatAnswer, usage: Usage, frame: ChatFrame) -> bytes:
    """A provider's stream that says this, as far as its format can."""
    if name == "gemini":
        return _write_gemini(answer, usage)
    return write_stream(name, list_events(answer), usage, frame)


_FINISHES = {Stop.LENGTH: "MAX_TOKENS", Stop.REFUSED: "SAFETY"}


def _write_gemini(answer: ChatAnswer, usage: Usage) -> bytes:
    chunks = [{"candidates": [{"content": {"parts": [part]}}]} for part in _list_gemini(answer.parts)]
    counts = {
        "promptTokenCount": usage.input_total,
        "cachedContentTokenCount": usage.count(Dimension.CACHED_INPUT),
        "candidatesTokenCount": usage.count(Dimension.OUTPUT) - (usage.reasoning or 0),
        "thoughtsTokenCount": usage.reasoning or 0,
    }
    last = {"candidates": [{"finishReason": _FINISHES.get(answer.stop, "STOP")}], "usageMetadata": counts}
    return b"".join(encode_event(json.dumps(chunk).encode()) for chunk in (*chunks, last))


def _list_gemini(parts: Iterable[AnswerPart]) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = []
    for part in parts:
        match part:
            case Thinking():
                listed.append({"text": part.text, "thought": True})
            case Text() | Refusal():
                listed.append({"text": part.text})
            case ToolCall():
                listed.append(
                    {"functionCall": {"id": part.id, "name": part.name, "args": json.loads(part.arguments or "{}")}}
                )
    return listed


# --- Answers of all sorts -----------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
ARGUMENTS = st.dictionaries(st.sampled_from(("at", "ä", 'quo"te')), WORDS | st.integers(-5, 5) | st.none(), max_size=2)
NAMES = st.sampled_from(("weather", "now", "edit_file"))


@st.composite
def calls(draw: st.DrawFn) -> ToolCall:
    arguments = json.dumps(draw(ARGUMENTS), ensure_ascii=False, separators=(",", ":"))
    return ToolCall(f"call_{draw(st.integers(0, 10**6))}", draw(NAMES), arguments)


SEALS = st.builds(
    Seal,
    st.sampled_from(("openai", "anthropic", "openai_responses", "gemini")),
    st.text("abcXYZ019+/=", min_size=1, max_size=12),
)
PARTS: st.SearchStrategy[AnswerPart] = st.one_of(
    st.builds(Text, WORDS), st.builds(Thinking, WORDS), st.builds(Refusal, WORDS), calls()
)


@st.composite
def answers(draw: st.DrawFn) -> ChatAnswer:
    """An answer that a model may give: calls have ids of their own, and the stop fits what was said."""
    by_id: dict[str, AnswerPart] = {}
    for number, part in enumerate(draw(st.lists(PARTS, max_size=5))):
        by_id.setdefault(part.id if isinstance(part, ToolCall) else str(number), part)
    parts = tuple(by_id.values())
    if any(isinstance(part, ToolCall) for part in parts):
        return ChatAnswer(parts, Stop.TOOL_CALLS)
    if any(isinstance(part, Refusal) for part in parts):
        return ChatAnswer(parts, Stop.REFUSED)
    return ChatAnswer(parts, draw(st.sampled_from((Stop.END, Stop.LENGTH, Stop.REFUSED))))


COUNTS = st.integers(0, 10**6)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    tokens = {dimension: draw(COUNTS) for dimension in Dimension}
    return Usage(tokens, draw(st.none() | st.integers(0, tokens[Dimension.OUTPUT])))
