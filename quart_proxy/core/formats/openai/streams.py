"""An answer as it comes, as the chunks of Chat Completions that a client's SDK puts together again."""

from typing import Any

import orjson

from quart_proxy.core.chat import AnswerPart, ChatFrame, Refusal, Text, Thinking, ToolCall, ToolKind
from quart_proxy.core.chat_events import ChatEvent, PartBegan, PartEnded, PartGrew, Stopped
from quart_proxy.core.formats.openai.answers import is_thinking_shown, list_annotations, render_head
from quart_proxy.core.formats.openai.reasoning import DETAILS, render_detail
from quart_proxy.core.formats.openai.stops import find_reason
from quart_proxy.core.formats.openai.tools import is_legacy
from quart_proxy.core.openai_usage import render_chat_usage
from quart_proxy.core.usage import Usage

DONE = b"data: [DONE]\n\n"


class Writer:
    """Writes one stream. What goes around a text is made when its part begins: a token costs one small dump."""

    def __init__(self, frame: ChatFrame) -> None:
        self._frame = frame
        self._is_legacy = is_legacy(frame.chat.tools)
        self._is_thinking_shown = is_thinking_shown(frame.chat)
        self._head = b"data: " + orjson.dumps(render_head(frame, "chat.completion.chunk"))[:-1]
        self._before = self._head + b',"choices":[{"index":0,"delta":'
        # Who wants the usage at the end gets a place for it in every chunk.
        self._behind = (b',"usage":null' if frame.wants_usage else b"") + b"}\n\n"
        self._after = b',"logprobs":null,"finish_reason":null}]' + self._behind
        self._around: tuple[bytes, bytes] | None = None
        self._characters = 0
        self._calls = 0
        self._has_refusal = False
        self._details = 0
        self._thought: Thinking | None = None
        self._annotations: list[dict[str, Any]] = []

    def begin(self, usage: Usage) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def write(self, event: ChatEvent) -> bytes:
        match event:
            case PartGrew():
                return self._grow(event.text)
            case PartBegan():
                return self._begin(event.part)
            case PartEnded():
                return self._end(event.part)
            case Stopped():
                return self._stop(event)
        return b""

    def end(self, usage: Usage | None) -> tuple[bytes, bytes]:
        if usage is None or not self._frame.wants_usage:
            return b"", DONE
        told = orjson.dumps(render_chat_usage(usage))
        return self._head + b',"choices":[],"usage":' + told + b"}\n\n", DONE

    def _chunk(self, delta: dict[str, Any]) -> bytes:
        return self._before + orjson.dumps(delta) + self._after

    def _grow(self, text: str) -> bytes:
        if self._around is None:
            return b""
        before, after = self._around
        return before + orjson.dumps(text) + after

    def _begin(self, part: AnswerPart) -> bytes:
        detail = self._tell_detail(part.id if isinstance(part, ToolCall) else None)
        match part:
            case Text():
                self._surround(b'{"content":', b"}")
            case Thinking():
                self._surround(b'{"reasoning_content":', b"}")
                if not self._is_thinking_shown:
                    self._around = None
            case Refusal():
                self._has_refusal = True
                self._surround(b'{"refusal":', b"}")
            case ToolCall():
                return detail + self._begin_call(part)
        return detail

    def _begin_call(self, call: ToolCall) -> bytes:
        number, self._calls = self._calls, self._calls + 1
        if self._is_legacy and number > 0:
            # There is room for one.
            self._around = None
            return b""
        if self._is_legacy:
            self._surround(b'{"function_call":{"arguments":', b"}}")
            return self._chunk({"function_call": {"name": call.name, "arguments": ""}})
        is_custom = call.kind is ToolKind.CUSTOM
        kind, member = ("custom", "input") if is_custom else ("function", "arguments")
        self._surround(b'{"tool_calls":[{"index":%d,"%b":{"%b":' % (number, kind.encode(), member.encode()), b"}}]}")
        begun = {"index": number, "id": call.id, "type": kind, kind: {"name": call.name, member: ""}}
        return self._chunk({"tool_calls": [begun]})

    def _surround(self, before: bytes, after: bytes) -> None:
        self._around = self._before + before, after + self._after

    def _end(self, part: AnswerPart) -> bytes:
        match part:
            case Text():
                self._annotations += list_annotations(part, self._characters)
                self._characters += len(part.text)
            case Thinking():
                # What it led to is told with it, and not known yet.
                self._thought = part
            case ToolCall() if not part.arguments and part.kind is ToolKind.FUNCTION:
                return self._grow("{}")
        return b""

    def _tell_detail(self, call_id: str | None) -> bytes:
        thought, self._thought = self._thought, None
        if thought is None or thought.seal is None:
            return b""
        number, self._details = self._details, self._details + 1
        return self._chunk({DETAILS: [render_detail(thought, number, call_id)]})

    def _stop(self, stopped: Stopped) -> bytes:
        told = self._tell_detail(None)
        if self._annotations:
            # All at once: the SDK cannot join lists whose entries have no number.
            told += self._chunk({"annotations": self._annotations})
        reason = find_reason(
            stopped.stop, has_calls=self._calls > 0, has_refusal=self._has_refusal, is_legacy=self._is_legacy
        )
        finish = b'{},"logprobs":null,"finish_reason":"%b"}]' % reason.encode()
        return told + self._before + finish + self._behind
