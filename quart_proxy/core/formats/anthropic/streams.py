"""Streams: a provider's events as what they say, and what was said as the events that a client expects.

A client's SDK wants one block after the other, each begun, grown and ended under its number.
"""

from typing import Any

import orjson

from quart_proxy.core.chat import AnswerPart, ChatFrame, Refusal, Stop, Text, Thinking, ToolCall
from quart_proxy.core.chat_events import (
    ChatEvent,
    Cited,
    PartBegan,
    PartEnded,
    PartGrew,
    PartSequence,
    Stopped,
    empty,
)
from quart_proxy.core.formats.anthropic.answers import (
    BlockParser,
    find_explanation,
    make_seal,
    parse_citation,
    parse_stop,
    render_call,
    render_citation,
    render_message,
    render_stop,
    render_thinking,
    render_usage,
)
from quart_proxy.core.nesting import dump_arguments
from quart_proxy.core.sse import Event, encode_event
from quart_proxy.core.usage import Usage
from quart_proxy.core.usage_fields import load_lenient

_TERMINAL = encode_event(b'{"type":"message_stop"}', "message_stop")


class Reader:
    """Reads a provider's stream."""

    __slots__ = ("_given", "_parse", "_parts", "_signature", "_stopped")

    def __init__(self, frame: ChatFrame) -> None:
        self._parse = BlockParser(frame)
        self._parts = PartSequence()
        self._given: dict[int | None, str] = {}
        self._signature = ""
        self._stopped: Stopped | None = None

    def read(self, event: Event) -> list[ChatEvent]:
        document = load_lenient(event.data) if event.is_whole else None
        if not isinstance(document, dict):
            return []
        index = document.get("index")
        if not isinstance(index, int):
            index = None
        match document.get("type") or event.name:
            case "content_block_start":
                self._begin(index, document.get("content_block"))
            case "content_block_delta":
                self._grow(index, document.get("delta"))
            case "content_block_stop":
                self._end(index)
            case "message_delta":
                self._stop(document.get("delta"))
        return self._parts.take()

    def end(self) -> list[ChatEvent]:
        for index in list(self._given):
            self._end(index)
        return [*self._parts.take(), self._stopped or Stopped(Stop.END)]

    def _begin(self, index: int | None, block: object) -> None:
        part = self._parse(block)
        if part is None or index is None:
            return
        self._parts.begin(index, empty(part), is_wrapped=True)
        self._signature = ""
        # Most blocks begin empty; a call that a program makes comes whole. What follows in pieces overrules it.
        given = block.get("input") if isinstance(block, dict) else None
        self._given[index] = dump_arguments(given)
        if isinstance(part, Thinking) and part.seal is not None:
            self._parts.seal(index, part.seal)
        if not isinstance(part, ToolCall):
            self._parts.grow(index, part.text)
        if isinstance(part, Text):
            for citation in part.citations:
                self._parts.cite(index, citation)

    def _grow(self, index: int | None, delta: object) -> None:
        if not isinstance(delta, dict) or index not in self._parts:
            return
        match delta:
            case {"type": "text_delta", "text": str(text)} | {"type": "thinking_delta", "thinking": str(text)}:
                self._parts.grow(index, text)
            case {"type": "input_json_delta", "partial_json": str(text)}:
                if text:
                    self._given[index] = ""
                self._parts.grow(index, text)
            case {"type": "signature_delta", "signature": str(text)}:
                self._signature += text
                if (seal := make_seal(self._signature)) is not None:
                    self._parts.seal(index, seal)
            case {"type": "citations_delta", "citation": dict(citation)}:
                self._parts.cite(index, parse_citation(citation))

    def _end(self, index: int | None) -> None:
        self._parts.grow(index, self._given.pop(index, ""))
        self._parts.end(index)

    def _stop(self, delta: object) -> None:
        if not isinstance(delta, dict) or delta.get("stop_reason") is None:
            return
        for index in list(self._given):
            self._end(index)
        explanation = find_explanation(delta)
        if explanation is not None and self._stopped is None:
            self._parts.begin("refusal", Refusal(""))
            self._parts.grow("refusal", explanation)
            self._parts.end("refusal")
        self._stopped = Stopped(*parse_stop(delta))


class Writer:
    """Writes a stream for a client. A block of words is begun with its first one: clients send blocks back, and an
    empty one is refused. A thinking without words is held until something follows it, see `render_content`."""

    __slots__ = ("_frame", "_has_calls", "_has_refusal", "_head", "_held", "_index", "_is_open", "_part", "_stopped")

    def __init__(self, frame: ChatFrame) -> None:
        self._frame = frame
        self._index = -1
        self._is_open = False
        self._held: list[dict[str, Any]] = []
        self._part: AnswerPart = Text("")
        self._head = b""
        """What stands before the words in every event of the open block."""
        self._has_calls = self._has_refusal = False
        self._stopped = Stopped(Stop.END)

    def begin(self, usage: Usage) -> bytes:
        return _encode("message_start", {"message": {**render_message(self._frame), "usage": render_usage(usage)}})

    def write(self, event: ChatEvent) -> bytes:
        match event:
            case PartGrew():
                opened = b"" if self._is_open else self._open(_render_empty(self._part))
                return opened + self._head + orjson.dumps(event.text) + b"}}\n\n"
            case PartBegan():
                return self._begin(event.part)
            case Cited():
                opened = b"" if self._is_open else self._open(_render_empty(self._part))
                delta = {"type": "citations_delta", "citation": render_citation(event.citation)}
                return opened + self._encode_delta(delta)
            case PartEnded():
                return self._end_part(event.part)
            case Stopped():
                self._stopped = event
                return b""

    def end(self, usage: Usage | None) -> tuple[bytes, bytes]:
        stop, sequence = self._stopped.stop, self._stopped.sequence
        delta = render_stop(stop, sequence, has_calls=self._has_calls, has_refusal=self._has_refusal)
        return _encode("message_delta", {"delta": delta, "usage": render_usage(usage)}), _TERMINAL

    def _begin(self, part: AnswerPart) -> bytes:
        self._part = part
        self._has_refusal |= isinstance(part, Refusal)
        if not isinstance(part, ToolCall):
            return b""
        self._has_calls = True
        return self._open(_render_empty(part))

    def _open(self, block: dict[str, Any]) -> bytes:
        held = self._release()
        self._index += 1
        self._is_open = True
        kind, member = _DELTAS.get(block["type"], ("", ""))
        self._head = (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
        ) % (self._index, kind.encode(), member.encode())
        return held + _encode("content_block_start", {"index": self._index, "content_block": block})

    def _release(self) -> bytes:
        """The blocks that were held back."""
        released = b""
        for block in self._held:
            self._index += 1
            released += _encode("content_block_start", {"index": self._index, "content_block": block})
            released += _encode("content_block_stop", {"index": self._index})
        self._held.clear()
        return released

    def _end_part(self, part: AnswerPart) -> bytes:
        written = b""
        if isinstance(part, Thinking):
            written = self._seal(part)
        if not self._is_open:
            return written
        self._is_open = False
        return written + _encode("content_block_stop", {"index": self._index})

    def _seal(self, part: Thinking) -> bytes:
        block = render_thinking(part)
        if block is None:
            return b""
        if block["type"] == "redacted_thinking":
            if self._index < 0:
                return self._open(block)
            self._held.append(block)
            return b""
        opened = b"" if self._is_open else self._open(_render_empty(part))
        return opened + self._encode_delta({"type": "signature_delta", "signature": block["signature"]})

    def _encode_delta(self, delta: dict[str, Any]) -> bytes:
        return _encode("content_block_delta", {"index": self._index, "delta": delta})


_DELTAS = {
    "text": ("text_delta", "text"),
    "thinking": ("thinking_delta", "thinking"),
    "tool_use": ("input_json_delta", "partial_json"),
}
"""In which event the words of each block come, and under which name."""


def _render_empty(part: AnswerPart) -> dict[str, Any]:
    """The block as it begins."""
    match part:
        case ToolCall():
            return render_call(part)
        case Thinking():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case Text() | Refusal():
            return {"type": "text", "text": ""}


def _encode(name: str, members: dict[str, Any]) -> bytes:
    return encode_event(orjson.dumps({"type": name, **members}), name)
