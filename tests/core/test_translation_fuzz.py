"""Whatever a client or a provider writes, it becomes a request, an answer, or a refusal that names its field."""

import copy
import json
from itertools import product
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.core.chat import Chat, ChatFrame
from quart_proxy.core.chat_events import ChatWriter, PartEnded, list_events
from quart_proxy.core.errors import ClientError, InvalidRequest, Untranslatable
from quart_proxy.core.formats import CLIENT_FORMATS, UPSTREAM_FORMATS
from quart_proxy.core.sse import SseParser
from quart_proxy.core.usage import Dimension, Usage

CLIENTS = {name: each.client_chat for name, each in CLIENT_FORMATS.items() if each.client_chat is not None}
UPSTREAMS = {name: each.upstream_chat for name, each in UPSTREAM_FORMATS.items() if each.upstream_chat is not None}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}

REQUESTS: dict[str, dict[str, Any]] = {
    "openai": {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
                {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
            ]},
            {"role": "assistant", "content": "Let me look.", "reasoning_content": "Hm.", "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"city":"Oslo"}'}}
            ]},
            {"role": "tool", "tool_call_id": "call_1", "content": "a dot"},
            {"role": "user", "content": "Thanks."},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "description": "Looks.", "parameters": SCHEMA}}],
        "tool_choice": {"type": "function", "function": {"name": "look"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}},
        "max_completion_tokens": 100, "temperature": 0.5, "top_p": 0.9, "stop": ["END"], "reasoning_effort": "low",
        "metadata": {"a": "b"}, "user": "someone", "parallel_tool_calls": True,
    },
    "anthropic": {
        "model": "m", "max_tokens": 2000,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                {"type": "document", "title": "A", "citations": {"enabled": True},
                 "source": {"type": "text", "media_type": "text/plain", "data": "Words."}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
                {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Oslo"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": True,
                 "content": [{"type": "text", "text": "a dot"}]},
            ]},
        ],
        "tools": [{"name": "look", "description": "Looks.", "input_schema": SCHEMA}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
        "metadata": {"user_id": "someone"}, "stop_sequences": ["END"], "service_tier": "auto",
    },
    "openai_responses": {
        "model": "m", "instructions": "Be brief.",
        "input": [
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_image", "image_url": PIXEL, "detail": "auto"},
                {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="},
            ]},
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}],
             "encrypted_content": "gAAAA"},
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"city":"Oslo"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": "a dot"},
            {"type": "custom_tool_call", "call_id": "call_2", "name": "patch", "input": "*** Begin"},
            {"type": "custom_tool_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "ok"}]},
            {"role": "user", "content": "Thanks."},
        ],
        "tools": [
            {"type": "function", "name": "look", "parameters": SCHEMA, "strict": False},
            {"type": "custom", "name": "patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
            {"type": "namespace", "name": "more", "tools": [{"type": "function", "name": "wait"}]},
            {"type": "web_search"},
        ],
        "tool_choice": "auto", "parallel_tool_calls": False, "max_output_tokens": 100, "store": False,
        "reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"],
        "text": {"format": {"type": "text"}, "verbosity": "low"}, "prompt_cache_key": "k",
    },
    "openai_completions": {"model": "m", "prompt": "Once upon", "max_tokens": 5, "temperature": 1, "stop": "\n"},
}  # fmt: skip

ANSWERS: dict[str, dict[str, Any]] = {
    "openai": {
        "id": "chatcmpl-1", "object": "chat.completion", "model": "x",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "Look.", "refusal": None, "reasoning_content": "Hm.",
            "annotations": [{"type": "url_citation", "url_citation": {"url": "https://x.test", "title": "X",
                                                                     "start_index": 0, "end_index": 2}}],
            "tool_calls": [{"id": "call_1", "type": "function",
                            "function": {"name": "look", "arguments": '{"city":"Oslo"}'}}]}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    },
    "anthropic": {
        "id": "msg_1", "type": "message", "role": "assistant", "model": "x", "stop_reason": "tool_use",
        "stop_sequence": None,
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
            {"type": "text", "text": "Look.", "citations": [
                {"type": "char_location", "cited_text": "W", "document_index": 0, "document_title": "A",
                 "start_char_index": 0, "end_char_index": 1}]},
            {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"city": "Oslo"}},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    },
    "openai_responses": {
        "id": "resp_1", "object": "response", "status": "completed", "model": "x",
        "output": [
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}],
             "encrypted_content": "gAAAA"},
            {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": "Look.", "annotations": []}, {"type": "refusal", "refusal": "No."}]},
            {"type": "function_call", "id": "fc", "call_id": "call_1", "name": "look", "arguments": "{}"},
            {"type": "custom_tool_call", "id": "ct", "call_id": "call_2", "name": "patch", "input": "x"},
        ],
        "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7},
    },
    "gemini": {
        "responseId": "r1", "modelVersion": "x",
        "candidates": [{"index": 0, "finishReason": "STOP", "content": {"role": "model", "parts": [
            {"text": "Hm.", "thought": True}, {"text": "Look.", "thoughtSignature": "c2ln"},
            {"functionCall": {"id": "f1", "name": "look", "args": {"city": "Oslo"}}, "thoughtSignature": "c2ln"}]}}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7},
    },
}  # fmt: skip

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**40), 2**40), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "auto", "text", "function", "user", "tool", "system", "\x00\ud83d", "data:,", "é" * 70]),
)  # fmt: skip
junk = st.one_of(
    scalars, st.lists(scalars, max_size=2), st.dictionaries(st.sampled_from(["type", "text", "x"]), scalars, max_size=2)
)


def list_paths(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, inner in items:
        found += list_paths(inner, (*path, key))
    return found


@st.composite
def spoiled(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """The document with one to three of its nodes replaced by anything, or taken out."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(list_paths(document)))
        holder: Any = document
        for key in way:
            holder = holder[key]
        if isinstance(holder, dict) and draw(st.booleans()):
            del holder[last]
        else:
            holder[last] = draw(junk)
    return document


def frame_of(chat: Chat) -> ChatFrame:
    return ChatFrame(chat=chat, model="shown", request_id="0a1b2c", created_s=1_750_000_000)


PLAIN = Chat(messages=())


@pytest.mark.parametrize("client", REQUESTS)
@settings(max_examples=150)
@given(data=st.data())
def test_a_request_of_any_shape_is_said_or_refused_by_its_field(client: str, data: st.DataObject) -> None:
    body = data.draw(spoiled(REQUESTS[client]))
    refusals: list[ClientError] = []
    chats: list[Chat] = []
    try:
        chats.append(CLIENTS[client].parse_chat(body))
    except (InvalidRequest, Untranslatable) as refusal:
        refusals.append(refusal)
    for chat, upstream in product(chats, UPSTREAMS.values()):
        try:
            rendered = upstream.render_chat(chat, actual_model="real", max_tokens_default=100)
        except Untranslatable as refusal:
            refusals.append(refusal)
        else:
            assert orjson.loads(orjson.dumps(rendered))
    assert all(refusal.param and refusal.message for refusal in refusals)


@pytest.mark.parametrize("client", REQUESTS)
def test_the_whole_request_can_be_said_somewhere(client: str) -> None:
    """The bodies above are requests, not junk: each field of theirs is understood."""
    chat = CLIENTS[client].parse_chat(REQUESTS[client])
    assert chat.messages


def written(writer: ChatWriter, events: list[Any]) -> bytes:
    body = writer.begin(Usage({Dimension.INPUT: 3}))
    body += b"".join(map(writer.write, events))
    return body + b"".join(writer.end(Usage({Dimension.INPUT: 3, Dimension.OUTPUT: 4})))


@pytest.mark.parametrize("upstream", ANSWERS)
@settings(max_examples=150)
@given(data=st.data())
def test_an_answer_of_any_shape_reaches_every_client(upstream: str, data: st.DataObject) -> None:
    document = data.draw(spoiled(ANSWERS[upstream]))
    answer = UPSTREAMS[upstream].parse_answer(document, frame_of(PLAIN))
    for client in CLIENTS.values():
        rendered = client.render_answer(answer, Usage({Dimension.OUTPUT: 4}), frame_of(PLAIN))
        assert orjson.loads(orjson.dumps(rendered))


@pytest.mark.parametrize("upstream", ANSWERS)
def test_the_whole_answer_is_read(upstream: str) -> None:
    answer = UPSTREAMS[upstream].parse_answer(ANSWERS[upstream], frame_of(PLAIN))
    assert len(answer.parts) >= 3


def stream_of(upstream: str) -> list[tuple[str | None, dict[str, Any]]]:
    """A stream of the format, as (event name, document): written by the product's own hand where it can be."""
    if upstream == "gemini":
        return [(None, ANSWERS["gemini"])]
    answer = UPSTREAMS[upstream].parse_answer(ANSWERS[upstream], frame_of(PLAIN))
    body = written(CLIENTS[upstream].open_writer(frame_of(PLAIN)), list_events(answer))
    events = SseParser().feed(body)
    return [(event.name, orjson.loads(event.data)) for event in events if event.data != b"[DONE]"]


@pytest.mark.parametrize("upstream", ANSWERS)
@settings(max_examples=150)
@given(data=st.data())
def test_a_stream_of_any_shape_reaches_every_client(upstream: str, data: st.DataObject) -> None:
    spoken = UPSTREAM_FORMATS[upstream]
    reader, usage_reader = UPSTREAMS[upstream].open_reader(frame_of(PLAIN)), spoken.open_stream()
    said: list[Any] = []
    for name, document in stream_of(upstream):
        changed = data.draw(spoiled(document)) if data.draw(st.booleans()) else document
        head = f"event: {name}\n" if name else ""
        raw = head.encode() + b"data: " + json.dumps(changed).encode() + b"\n\n"
        (event,) = SseParser().feed(raw)
        usage_reader.read(event)
        said += reader.read(event)
    said += reader.end()
    assert isinstance(said[-1].stop, str)
    began = sum(type(event).__name__ == "PartBegan" for event in said)
    assert began == sum(isinstance(event, PartEnded) for event in said)
    for client in CLIENTS.values():
        assert written(client.open_writer(frame_of(PLAIN)), said)
