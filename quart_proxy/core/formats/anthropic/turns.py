"""A conversation as Anthropic takes it: user and assistant in turns, and the results of calls right behind them.

Neighbours of one role become one message. In a user's message results stand first, whatever stood between them and
their calls. What the operator says in the midst becomes a user's text in `<system>` tags. Empty texts are left out,
since they are refused.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from quart_proxy.core.chat import (
    Audio,
    Chat,
    Document,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    parse_arguments,
    untranslatable,
)
from quart_proxy.core.media import find_text
from quart_proxy.core.seals import Seal
from quart_proxy.core.tool_names import fit_call_id, fit_name

API_FORMAT = "anthropic"
NAME_CHARACTERS_MAX = 128
OPENING = "Begin."
"""What the user says where the client's conversation has no user's message at its head: there must be one."""

Block = dict[str, Any]

_NO_FILES = "a file is known only to the provider that keeps it; send its bytes"
_IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_IMAGE_STARTS = {"/9j/": "image/jpeg", "iVBORw0KGgo": "image/png", "R0lGOD": "image/gif", "UklGR": "image/webp"}
"""How base64 of each begins, for a client that did not say the type."""


def render_turns(chat: Chat) -> list[dict[str, Any]]:
    """Raises Untranslatable for parts that this format has no blocks for."""
    turns = _Turns(chat.messages)
    for message in chat.messages:
        turns.add(message)
    return turns.finish()


class _Turns:
    """The messages as they are put together."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._results: dict[str, list[ToolResult]] = {}
        for message in messages:
            for part in message.parts:
                if isinstance(part, ToolResult):
                    self._results.setdefault(part.call_id, []).append(part)
        self._called: list[str] = []
        self._turns: list[dict[str, Any]] = []

    def add(self, message: Message) -> None:
        if message.role is Role.ASSISTANT:
            self._append("assistant", (block for part in message.parts for block in _render_said(part)))
            self._called += (part.id for part in message.parts if isinstance(part, ToolCall))
            return
        self._answer_calls()
        parts = (part for part in message.parts if not isinstance(part, ToolResult) or self._take(part))
        blocks = (block for part in parts for block in _render_part(part))
        if message.role is Role.SYSTEM:
            blocks = (_in_system_tags(block) for block in blocks)
        self._append("user", blocks)

    def finish(self) -> list[dict[str, Any]]:
        self._answer_calls()
        if not self._turns or self._turns[0]["role"] != "user":
            self._turns.insert(0, {"role": "user", "content": [{"type": "text", "text": OPENING}]})
        for turn in self._turns:
            if turn["role"] == "user":
                turn["content"].sort(key=lambda block: block["type"] != "tool_result")
        _trim_prefill(self._turns[-1])
        return self._turns

    def _answer_calls(self) -> None:
        """The results of the calls just made, in the order of the calls."""
        called, self._called = self._called, []
        # Some clients use an id again in a later turn: each call takes the first result that is left.
        waiting = (self._results.get(call_id) for call_id in called)
        results = [results.pop(0) for results in waiting if results]
        self._append("user", (_render_result(result) for result in results))

    def _take(self, result: ToolResult) -> bool:
        """Whether a result still waits to be said; one without a call stays where it stood."""
        waiting = self._results[result.call_id]
        for number, other in enumerate(waiting):
            if other is result:
                del waiting[number]
                return True
        return False

    def _append(self, role: str, blocks: Iterable[Block]) -> None:
        added = list(blocks)
        if not added:
            return
        if self._turns and self._turns[-1]["role"] == role:
            self._turns[-1]["content"] += added
        else:
            self._turns.append({"role": role, "content": added})


def render_system(texts: Iterable[Text]) -> list[Block]:
    return [_marked({"type": "text", "text": text.text}, text.cache_ttl) for text in texts if text.text.strip()]


def render_cache_control(ttl: str | None) -> dict[str, Any]:
    if ttl is None:
        return {}
    return {"cache_control": {"type": "ephemeral", "ttl": "1h"} if ttl == "1h" else {"type": "ephemeral"}}


def _in_system_tags(block: Block) -> Block:
    return {**block, "text": f"<system>\n{block['text']}\n</system>"}


def _trim_prefill(last: dict[str, Any]) -> None:
    """The beginning of the answer may not end in white space."""
    block = last["content"][-1]
    if last["role"] == "assistant" and block["type"] == "text":
        block["text"] = block["text"].rstrip()


def _marked(block: Block, ttl: str | None) -> Block:
    return {**block, **render_cache_control(ttl)}


# --- Parts --------------------------------------------------------------------------------------------


def _render_said(part: Part) -> Iterator[Block]:
    """A part of what the model said. Citations go by: they name places in what an answer was given."""
    match part:
        case Thinking():
            yield from _render_thinking(part.text, part.seal)
        case ToolCall():
            name = fit_name(part.name, part.namespace, NAME_CHARACTERS_MAX)
            block = {"type": "tool_use", "id": fit_call_id(part.id), "name": name, "input": parse_arguments(part)}
            yield _marked(block, part.cache_ttl)
        case Text() | Refusal():
            yield from _render_text(part)
        case Image() | Document() | Audio() | ToolResult():
            raise untranslatable(part.at, API_FORMAT, "an assistant's message holds texts, thinking and tool calls")


def _render_thinking(text: str, seal: Seal | None) -> Iterator[Block]:
    if seal is None or seal.api_format != API_FORMAT or not seal.data:
        return
    if seal.kind == "redacted":
        yield {"type": "redacted_thinking", "data": seal.data}
    else:
        yield {"type": "thinking", "thinking": text, "signature": seal.data}


def _render_text(part: Text | Refusal) -> Iterator[Block]:
    if part.text.strip():
        yield _marked({"type": "text", "text": part.text}, part.cache_ttl if isinstance(part, Text) else None)


def _render_part(part: Part) -> Iterator[Block]:
    """A part of what the model is told."""
    match part:
        case Text():
            yield from _render_text(part)
        case Image():
            yield _marked({"type": "image", "source": _render_image(part.source, part.at)}, part.cache_ttl)
        case Document():
            yield _render_document(part)
        case ToolResult():
            yield _render_result(part)
        case Audio():
            raise untranslatable(part.at, API_FORMAT, "it takes no audio")
        case Thinking() | ToolCall() | Refusal():
            raise untranslatable(part.at, API_FORMAT, "it stands in an assistant's message alone")


def _render_result(result: ToolResult) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": fit_call_id(result.call_id)}
    if content := [block for part in result.parts for block in _render_part(part)]:
        block["content"] = content
    if result.is_error:
        block["is_error"] = True
    return _marked(block, result.cache_ttl)


def _render_image(source: Source, at: str) -> dict[str, Any]:
    if source.url is not None:
        return {"type": "url", "url": source.url}
    if source.base64 is None:
        raise untranslatable(at, API_FORMAT, "a file is known to the provider alone that keeps it; send its bytes")
    data = source.base64
    media_type = source.media_type or next(
        (kind for start, kind in _IMAGE_STARTS.items() if data.startswith(start)), ""
    )
    if media_type not in _IMAGE_TYPES:
        raise untranslatable(at, API_FORMAT, "an image must be a JPEG, PNG, GIF or WebP")
    return {"type": "base64", "media_type": media_type, "data": data}


def _render_document(document: Document) -> Block:
    block: Block = {"type": "document", "source": _render_document_source(document.source, document.at)}
    if document.title:
        block["title"] = document.title
    if document.wants_citations:
        block["citations"] = {"enabled": True}
    return _marked(block, document.cache_ttl)


def _render_document_source(source: Source, at: str) -> dict[str, Any]:
    text = find_text(source)
    if text is not None:
        return {"type": "text", "media_type": "text/plain", "data": text}
    if source.url is not None:
        return {"type": "url", "url": source.url}
    if source.base64 is not None and source.media_type in (None, "application/pdf"):
        return {"type": "base64", "media_type": "application/pdf", "data": source.base64}
    if source.file_id is not None:
        raise untranslatable(at, API_FORMAT, _NO_FILES)
    raise untranslatable(at, API_FORMAT, "a document must be a PDF, or a text in UTF-8")
