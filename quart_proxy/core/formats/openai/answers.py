"""Whole answers of Chat Completions: a provider's as a chat's answer, and back for a client."""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from quart_proxy.core.chat import AnswerPart, Chat, ChatAnswer, ChatFrame, Refusal, Text, Thinking, ToolCall, ToolKind
from quart_proxy.core.chat_events import collect_answer
from quart_proxy.core.formats.openai.reading import Reader, find_choice
from quart_proxy.core.formats.openai.reasoning import DETAILS, render_detail
from quart_proxy.core.formats.openai.stops import find_reason
from quart_proxy.core.formats.openai.tools import is_legacy
from quart_proxy.core.openai_usage import render_chat_usage
from quart_proxy.core.usage import Usage


def parse_answer(document: Mapping[str, Any], frame: ChatFrame) -> ChatAnswer:
    reader = Reader(frame)
    choice = find_choice(document)
    if choice is not None:
        reader.take_in(choice, choice.get("message"))
    return collect_answer(reader.end())


def render_answer(answer: ChatAnswer, usage: Usage | None, frame: ChatFrame) -> dict[str, Any]:
    message = _render_message(answer, frame)
    reason = find_reason(
        answer.stop,
        has_calls="tool_calls" in message or "function_call" in message,
        has_refusal=message["refusal"] is not None,
        is_legacy=is_legacy(frame.chat.tools),
    )
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    document = {**render_head(frame, "chat.completion"), "choices": [choice]}
    return document if usage is None else {**document, "usage": render_chat_usage(usage)}


def render_head(frame: ChatFrame, kind: str) -> dict[str, Any]:
    return {
        "id": frame.make_id("chatcmpl-"),
        "object": kind,
        "created": frame.created_s,
        "model": frame.model,
    }


def is_thinking_shown(chat: Chat) -> bool:
    return chat.reasoning is None or chat.reasoning.is_shown


def _render_message(answer: ChatAnswer, frame: ChatFrame) -> dict[str, Any]:
    texts = [part for part in answer.parts if isinstance(part, Text)]
    refusals = [part.text for part in answer.parts if isinstance(part, Refusal)]
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(part.text for part in texts) or None,
        "refusal": "".join(refusals) or None,
    }
    thought = "".join(part.text for part in answer.parts if isinstance(part, Thinking))
    more = {
        "reasoning_content": thought if is_thinking_shown(frame.chat) else None,
        DETAILS: _list_details(answer.parts),
        "annotations": _annotate(texts),
        **_render_calls(answer.parts, frame.chat),
    }
    return message | {name: value for name, value in more.items() if value}


def _list_details(parts: tuple[AnswerPart, ...]) -> list[dict[str, Any]]:
    details: list[dict[str, Any]] = []
    for part, following in zip_longest(parts, parts[1:]):
        if isinstance(part, Thinking) and part.seal is not None:
            call_id = following.id if isinstance(following, ToolCall) else None
            details.append(render_detail(part, len(details), call_id))
    return details


def _annotate(texts: list[Text]) -> list[dict[str, Any]]:
    annotations: list[dict[str, Any]] = []
    offset = 0
    for text in texts:
        annotations += list_annotations(text, offset)
        offset += len(text.text)
    return annotations


def list_annotations(text: Text, offset: int) -> list[dict[str, Any]]:
    """What a text cites of the web, placed in a content that has `offset` characters before it. What rests on a
    client's own documents has no address, and no place here."""
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "url": citation.url,
                "title": citation.title or citation.url,
                "start_index": offset + (citation.start or 0),
                "end_index": offset + (len(text.text) if citation.end is None else citation.end),
            },
        }
        for citation in text.citations
        if citation.url is not None
    ]


def _render_calls(parts: tuple[AnswerPart, ...], chat: Chat) -> dict[str, Any]:
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls and is_legacy(chat.tools):
        return {"function_call": {"name": calls[0].name, "arguments": calls[0].arguments or "{}"}}
    return {"tool_calls": [_render_call(call) for call in calls]}


def _render_call(call: ToolCall) -> dict[str, Any]:
    if call.kind is ToolKind.CUSTOM:
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}}
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function}
