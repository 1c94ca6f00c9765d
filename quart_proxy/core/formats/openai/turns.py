"""The turns of a chat in the order that providers of Chat Completions demand: each result right behind its call, with
nothing between them, and a medium that came with a result in the user's turn after it."""

from collections import defaultdict, deque
from collections.abc import Iterable
from itertools import groupby
from typing import Any

import orjson

from quart_proxy.core.chat import (
    Audio,
    Chat,
    Document,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
    ToolResult,
    untranslatable,
)
from quart_proxy.core.formats.openai.reasoning import EXTRA, NAME, find_extra, render_thinking
from quart_proxy.core.media import find_text, render_url
from quart_proxy.core.tool_names import fit_call_id, fit_name

NAME_CHARACTERS_MAX = 64
CALL_ID_CHARACTERS_MAX = 40
_BETWEEN = "\n\n"
"""Stands between texts that were parts of their own."""


def render_messages(chat: Chat) -> list[dict[str, Any]]:
    """Every message of the chat. Raises Untranslatable."""
    last = chat.messages[-1] if chat.messages else None
    if last is not None and last.role is Role.ASSISTANT:
        why = "it cannot go on from words of the assistant; end with the user's"
        raise untranslatable(last.at, NAME, why)
    turns = _Turns(chat.messages)
    turns.say_system(chat.system)
    for message in _join_assistant(chat.messages):
        match message.role:
            case Role.SYSTEM:
                turns.say_system(message.parts)
            case Role.USER:
                turns.say_user(message)
            case Role.ASSISTANT:
                turns.say_assistant(message.parts)
    turns.show_media()
    return turns.said


def _join_assistant(messages: Iterable[Message]) -> list[Message]:
    """The messages, where neighbours of the assistant are one: all calls of a turn stand before all results."""
    joined: list[Message] = []
    for role, neighbours in groupby(messages, key=lambda message: message.role):
        if role is Role.ASSISTANT:
            turn = list(neighbours)
            joined.append(Message(role, tuple(part for message in turn for part in message.parts), turn[0].at))
        else:
            joined += neighbours
    return joined


class _Turns:
    """What was said so far. Media of results wait until all results of the turn are told."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self.said: list[dict[str, Any]] = []
        self._media: list[dict[str, Any]] = []
        self._results: defaultdict[str, deque[ToolResult]] = defaultdict(deque)
        self._told: set[int] = set()
        for message in messages:
            for part in message.parts:
                if isinstance(part, ToolResult):
                    self._results[part.call_id].append(part)

    def say_system(self, parts: Iterable[Part]) -> None:
        self.show_media()
        if text := _join(parts):
            self.said.append({"role": "system", "content": text})

    def say_user(self, message: Message) -> None:
        for part in message.parts:
            if isinstance(part, ToolResult) and id(part) not in self._told:
                self._tell(part)
        parts = [part for part in message.parts if not isinstance(part, ToolResult)]
        if not parts:
            return
        media, self._media = self._media, []
        if media or not all(isinstance(part, Text) for part in parts):
            self.said.append({"role": "user", "content": [*media, *map(_render_part, _without_empty(parts))]})
        else:
            self.said.append({"role": "user", "content": _join(parts)})

    def say_assistant(self, parts: Iterable[Part]) -> None:
        self.show_media()
        parts = list(parts)
        calls = [part for part in parts if isinstance(part, ToolCall)]
        said: dict[str, Any] = {"role": "assistant", "content": _join(parts) or None}
        said |= render_thinking(part for part in parts if isinstance(part, Thinking))
        if calls:
            said["tool_calls"] = _render_calls(parts)
        # Nothing is left of a turn of thinking that was another provider's.
        if calls or said["content"] is not None:
            self.said.append(said)
        for call in calls:
            if waiting := self._results.get(call.id):
                self._tell(waiting[0])

    def show_media(self) -> None:
        """What came with results, as the user's own."""
        if self._media:
            self.said.append({"role": "user", "content": self._media})
            self._media = []

    def _tell(self, result: ToolResult) -> None:
        self._told.add(id(result))
        self._results[result.call_id].popleft()
        texts = []
        for part in result.parts:
            text = part.text if isinstance(part, Text) else _find_document_text(part)
            texts.append(self._set_aside(part) if text is None else text)
        content = _BETWEEN.join(texts)
        call_id = fit_call_id(result.call_id, CALL_ID_CHARACTERS_MAX)
        text = f"Error: {content}" if result.is_error else content
        self.said.append({"role": "tool", "tool_call_id": call_id, "content": text})

    def _set_aside(self, part: Part) -> str:
        """Keep a medium for the user's next turn; what its result says of it."""
        what = "image" if isinstance(part, Image) else "document"
        # Each has its title before it.
        number = 1 + len(self._media) // 2
        self._media += ({"type": "text", "text": f"[{what} {number}]"}, _render_part(part))
        return f"[{what} {number} is in the next message]"


def _join(parts: Iterable[Part]) -> str:
    """All that is said in words. A refusal is the model's own words too, and not every provider has a place for it."""
    return _BETWEEN.join(part.text for part in parts if isinstance(part, Text | Refusal) and part.text)


def _without_empty(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if not (isinstance(part, Text) and not part.text)]


def _render_calls(parts: Iterable[Part]) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    extra = None
    for part in parts:
        if isinstance(part, ToolCall):
            calls.append(_render_call(part) | ({} if extra is None else {EXTRA: extra}))
        extra = find_extra(part) if isinstance(part, Thinking) else None
    return calls


def _render_call(call: ToolCall) -> dict[str, Any]:
    arguments = orjson.dumps({"input": call.arguments}).decode() if call.kind is ToolKind.CUSTOM else call.arguments
    return {
        "id": fit_call_id(call.id, CALL_ID_CHARACTERS_MAX),
        "type": "function",
        "function": {
            "name": fit_name(call.name, call.namespace, NAME_CHARACTERS_MAX),
            "arguments": arguments or "{}",
        },
    }


# --- parts --------------------------------------------------------------------------------------------


def _render_part(part: Part) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            return {"type": "image_url", "image_url": _render_image(part)}
        case Audio():
            return {"type": "input_audio", "input_audio": {"data": part.base64, "format": part.encoding}}
        case Document():
            return _render_document(part)
        case _:
            raise untranslatable(part.at, NAME, "a user cannot say it")


def _render_image(image: Image) -> dict[str, Any]:
    url = render_url(image.source, "image/png")
    if url is None:
        raise untranslatable(image.at, NAME, "a file is kept at one provider; send the image itself")
    return {"url": url} if image.detail is None else {"url": url, "detail": image.detail}


def _render_document(document: Document) -> dict[str, Any]:
    text = _find_document_text(document)
    if text is not None:
        return {"type": "text", "text": text}
    source = document.source
    if source.base64 is None:
        why = "it has no links to documents" if source.url is not None else "a file is kept at one provider"
        raise untranslatable(document.at, NAME, f"{why}; send the document itself")
    data = render_url(source, "application/pdf")
    return {"type": "file", "file": {"filename": document.title or "document.pdf", "file_data": data}}


def _find_document_text(part: Part) -> str | None:
    """A document that is plain text, with its title; None for all else."""
    text = find_text(part.source) if isinstance(part, Document) else None
    if text is None or not isinstance(part, Document):
        return None
    title = f' title="{part.title}"' if part.title else ""
    return f"<document{title}>\n{text}\n</document>"
