"""Whole answers of upstreams: what their items say."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from quart_proxy.core.chat import (
    AnswerPart,
    ChatAnswer,
    ChatFrame,
    Refusal,
    Stop,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
)
from quart_proxy.core.chat_events import PartSequence, collect_answer, empty
from quart_proxy.core.formats.openai_responses.bodies import NAME_CHARACTERS_MAX
from quart_proxy.core.formats.openai_responses.contents import list_citations
from quart_proxy.core.formats.openai_responses.thoughts import parse_reasoning
from quart_proxy.core.tool_names import ToolNames

Item = Mapping[str, Any]


def parse_answer(document: Mapping[str, Any], frame: ChatFrame) -> ChatAnswer:
    """Never raises: what cannot be read is not there."""
    reader, sequence = ItemReader(frame), PartSequence()
    output = document.get("output")
    for item in output if isinstance(output, list) else []:
        if isinstance(item, dict):
            reader.put(item, sequence)
    answer = collect_answer(sequence.take())
    return ChatAnswer(answer.parts, find_stop(document, answer.parts))


class ItemReader:
    """Reads the items of one answer."""

    __slots__ = ("_calls", "_frame", "_names")

    def __init__(self, frame: ChatFrame) -> None:
        self._frame = frame
        self._names = ToolNames(frame.chat.tools, NAME_CHARACTERS_MAX)
        self._calls = 0

    def open_call(self, item: Item) -> ToolCall:
        """A call without its arguments."""
        self._calls += 1
        call_id, name = item.get("call_id") or item.get("id"), item.get("name")
        found = call_id if isinstance(call_id, str) and call_id else self._frame.make_id("call_", self._calls)
        call = self._names.open_call(found, name if isinstance(name, str) else "")
        return replace(call, kind=ToolKind.CUSTOM) if item.get("type") == "custom_tool_call" else call

    def put(self, item: Item, sequence: PartSequence) -> None:
        """An item that came as a whole. What the provider's own tools did says nothing, but for the images made."""
        match item.get("type"):
            case "message":
                for part in _list_said(item.get("content")):
                    put_part(part, sequence)
            case "reasoning":
                if thinking := parse_reasoning(item):
                    put_part(thinking, sequence)
            case "function_call" | "custom_tool_call" as kind:
                call = replace(self.open_call(item), arguments=find_arguments(item))
                put_part(call, sequence, is_wrapped=kind == "function_call")
            case "image_generation_call":
                if image := _find_picture(item):
                    put_part(image, sequence)


def put_part(part: AnswerPart, sequence: PartSequence, *, is_wrapped: bool = False) -> None:
    key = object()
    sequence.begin(key, empty(part), is_wrapped=is_wrapped)
    sequence.grow(key, part.arguments if isinstance(part, ToolCall) else part.text)
    if isinstance(part, Text):
        for citation in part.citations:
            sequence.cite(key, citation)
    if isinstance(part, Thinking) and part.seal is not None:
        sequence.seal(key, part.seal)
    sequence.end(key)


def find_arguments(item: Item) -> str:
    """The arguments of a call, or a custom tool's text."""
    found = item.get("arguments", item.get("input"))
    return found if isinstance(found, str) else ""


def _list_said(content: object) -> Iterator[Text | Refusal]:
    for part in content if isinstance(content, list) else []:
        if isinstance(part, dict) and (found := find_said(part)):
            yield found


def find_said(part: Item) -> Text | Refusal | None:
    """What a part of a message says; None: there are no words in it."""
    is_refusal = part.get("type") == "refusal"
    words = part.get("refusal" if is_refusal else "text")
    if not isinstance(words, str) or not words:
        return None
    return Refusal(words) if is_refusal else Text(words, citations=tuple(list_citations(part.get("annotations"))))


def _find_picture(item: Item) -> Text | None:
    data, kind = item.get("result"), item.get("output_format")
    if not isinstance(data, str) or not data:
        return None
    return Text(f"![image](data:image/{kind if isinstance(kind, str) else 'png'};base64,{data})")


_STOPS = {"content_filter": Stop.REFUSED, "steered": Stop.END}
"""By the reason for an incomplete answer; any other is a limit."""


def find_stop(response: Mapping[str, Any], parts: tuple[AnswerPart, ...]) -> Stop:
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        return _STOPS.get(str(reason), Stop.LENGTH)
    if any(isinstance(part, ToolCall) for part in parts):
        return Stop.TOOL_CALLS
    return Stop.REFUSED if any(isinstance(part, Refusal) for part in parts) else Stop.END
