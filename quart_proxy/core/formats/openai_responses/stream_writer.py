"""Writes a client's stream: items strictly one after another, each event with its number."""

from typing import Any

import orjson

from quart_proxy.core.chat import ChatFrame, Refusal, Stop, Text, Thinking, ToolCall, ToolKind
from quart_proxy.core.chat_events import ChatEvent, PartBegan, PartEnded, PartGrew, Stopped
from quart_proxy.core.formats.openai_responses.responses import (
    COMPLETED,
    IN_PROGRESS,
    Item,
    ItemWriter,
    find_reason,
    render_response,
    render_said,
)
from quart_proxy.core.usage import Usage


class Writer:
    """Texts and refusals in a row are the parts of one message; every other part is an item of its own."""

    __slots__ = ("_content", "_delta", "_frame", "_has_words", "_id", "_items", "_number", "_output", "_stop", "_where")

    def __init__(self, frame: ChatFrame) -> None:
        self._frame = frame
        self._items = ItemWriter(frame)
        self._number = 0
        self._output: list[Item] = []
        self._content: list[Item] | None = None
        """The parts of the message that is open; None: none is."""
        self._id = ""
        self._where: dict[str, Any] = {}
        """What the events of the open part have in common."""
        self._delta: bytes | None = None
        """The constant beginning of the events by which the open part grows; None: it is told when it is whole."""
        self._has_words = False
        self._stop = Stop.END

    def begin(self, usage: Usage) -> bytes:
        """OpenAI's opening events tell no usage."""
        response = render_response(self._frame, [], None, None, is_over=False)
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def write(self, event: ChatEvent) -> bytes:
        match event:
            case PartGrew(text):
                return self._grow(text)
            case PartBegan(Text() | Refusal() as part):
                return self._begin_said(part)
            case PartBegan(Thinking() | ToolCall() as part):
                return self._close_message() + self._begin_item(part)
            case PartEnded(Text() | Refusal() as part):
                return self._end_said(part)
            case PartEnded(Thinking() as part):
                return self._end_thinking(part) + self._end_item(part)
            case PartEnded(ToolCall() as part):
                return self._end_call(part) + self._end_item(part)
            case Stopped(stop):
                self._stop = stop
        # What is cited is told with the whole text: only then is it known where the text ends.
        return b""

    def end(self, usage: Usage | None) -> tuple[bytes, bytes]:
        closing = self._close_message()
        reason = find_reason(self._stop, self._output)
        response = render_response(self._frame, self._output, usage, reason)
        return closing, self._event("response.incomplete" if reason else "response.completed", response=response)

    # --- Events ---------------------------------------------------------------------------------------

    def _event(self, kind: str, **members: Any) -> bytes:
        number, self._number = self._number, self._number + 1
        data = orjson.dumps({"type": kind, "sequence_number": number, **members})
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)

    def _prepare(self, kind: str, **where: Any) -> None:
        """The open part grows by events of this kind, which differ in their number and their text alone."""
        self._where = {"item_id": self._id, "output_index": len(self._output), **where}
        constant = orjson.dumps({"type": kind, **self._where})
        self._delta = b'event: %b\ndata: %b,"sequence_number":' % (kind.encode(), constant[:-1])

    def _grow(self, text: str) -> bytes:
        if self._delta is None:
            return b""
        opening = b""
        if not self._has_words:
            self._has_words = True
            opening = self._open_summary() if "summary_index" in self._where else b""
        number, self._number = self._number, self._number + 1
        return b'%b%b%d,"delta":%b}\n\n' % (opening, self._delta, number, orjson.dumps(text))

    # --- Messages -------------------------------------------------------------------------------------

    def _begin_said(self, part: Text | Refusal) -> bytes:
        opening = b""
        if self._content is None:
            self._content = []
            opening = self._add(self._items.render_message([], len(self._output), IN_PROGRESS))
        where = {"content_index": len(self._content)}
        if isinstance(part, Text):
            self._prepare("response.output_text.delta", **where, logprobs=[])
            del self._where["logprobs"]
        else:
            self._prepare("response.refusal.delta", **where)
        return opening + self._event("response.content_part.added", **self._where, part=render_said(part))

    def _end_said(self, part: Text | Refusal) -> bytes:
        said, where = render_said(part), self._where
        if isinstance(part, Refusal):
            told = self._event("response.refusal.done", **where, refusal=part.text)
        else:
            told = b"".join(
                self._event("response.output_text.annotation.added", **where, annotation_index=index, annotation=each)
                for index, each in enumerate(said["annotations"])
            ) + self._event("response.output_text.done", **where, text=part.text, logprobs=[])
        assert self._content is not None
        self._content.append(said)
        return told + self._event("response.content_part.done", **where, part=said)

    def _close_message(self) -> bytes:
        if self._content is None:
            return b""
        message = self._items.render_message(self._content, len(self._output), COMPLETED)
        self._content = None
        return self._done(message)

    # --- Other items ----------------------------------------------------------------------------------

    def _begin_item(self, part: Thinking | ToolCall) -> bytes:
        self._has_words = False
        self._delta = None
        if self._items.is_native(part):
            return b""
        opening = self._add(self._items.render(part, len(self._output), IN_PROGRESS))
        if isinstance(part, Thinking):
            self._prepare("response.reasoning_summary_text.delta", summary_index=0)
        elif part.kind is ToolKind.CUSTOM:
            self._prepare("response.custom_tool_call_input.delta")
        else:
            self._prepare("response.function_call_arguments.delta")
        return opening

    def _open_summary(self) -> bytes:
        empty = {"type": "summary_text", "text": ""}
        return self._event("response.reasoning_summary_part.added", **self._where, part=empty)

    def _end_thinking(self, part: Thinking) -> bytes:
        if not self._has_words:
            return b""
        where = self._where
        return self._event("response.reasoning_summary_text.done", **where, text=part.text) + self._event(
            "response.reasoning_summary_part.done", **where, part={"type": "summary_text", "text": part.text}
        )

    def _end_call(self, part: ToolCall) -> bytes:
        if self._delta is None:
            # Its item has no form before it is whole.
            return self._add(self._items.render(part, len(self._output), IN_PROGRESS))
        if part.kind is ToolKind.CUSTOM:
            return self._event("response.custom_tool_call_input.done", **self._where, input=part.arguments)
        missing = b"" if self._has_words else self._grow("{}")
        arguments = part.arguments or "{}"
        return missing + self._event(
            "response.function_call_arguments.done", **self._where, name=part.name, arguments=arguments
        )

    def _end_item(self, part: Thinking | ToolCall) -> bytes:
        return self._done(self._items.render(part, len(self._output), COMPLETED))

    def _add(self, item: Item) -> bytes:
        self._id = item["id"]
        return self._event("response.output_item.added", output_index=len(self._output), item=item)

    def _done(self, item: Item) -> bytes:
        told = self._event("response.output_item.done", output_index=len(self._output), item=item)
        self._output.append(item)
        return told
