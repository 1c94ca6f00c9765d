"""What is not as it should be: a provider's is passed over, a client's refused by name. Nothing else is raised."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from translating import BOTH, CLIENTS, UPSTREAMS, cut_events, make_frame, read_stream, write_stream, write_upstream

from quart_proxy.core.chat import (
    Chat,
    ChatAnswer,
    Citation,
    Message,
    Refusal,
    Role,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
)
from quart_proxy.core.chat_events import collect_answer, list_events
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats import CLIENT_FORMATS
from quart_proxy.core.seals import Seal
from quart_proxy.core.sse import encode_event
from quart_proxy.core.usage import Dimension, Usage

SOME = settings(max_examples=60)
JUNK: st.SearchStrategy[Any] = st.sampled_from(
    (None, True, 5, -1, 0.5, "", "x", [], [None], [[]], ["x"], [{}], {}, {"type": 5}, {"type": "x"}, {"text": []})
)
WEB = Citation("https://h.example", "Title", "quoted", 0, 2)
ANSWER = ChatAnswer(
    (
        Thinking("Let me see.", seal=Seal("gemini", "abc")),
        Text("I looked.", citations=(WEB,)),
        ToolCall("call_1", "weather", '{"at":"x"}'),
        ToolCall("call_2", "now"),
        Refusal("No."),
    ),
    Stop.TOOL_CALLS,
)
USAGE = Usage({Dimension.INPUT: 5, Dimension.OUTPUT: 7}, 2)
FRAME = make_frame(
    Chat(
        messages=(Message(Role.USER, (Text("Hi"),)),),
        tools=(Tool("weather", "", schema={"type": "object"}), Tool("now", "")),
        is_streaming=True,
    )
)

PNG = "data:image/png;base64,iVBORw0="
SCHEMA = {"type": "object", "properties": {}}
REQUESTS: dict[str, dict[str, Any]] = {
    "openai": {
        "model": "ours",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Hi"}, {"type": "image_url", "image_url": {"url": PNG}}],
            },
            {
                "role": "assistant",
                "content": "I look.",
                "reasoning_details": [{"type": "reasoning.text", "text": "Hm", "signature": "s", "index": 0}],
                "tool_calls": [{"id": "c", "type": "function", "function": {"name": "weather", "arguments": "{}"}}],
            },
            {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "sun"}]},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}},
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 5,
        "temperature": 0.5,
        "stop": ["x"],
        "reasoning_effort": "low",
    },
    "anthropic": {
        "model": "ours",
        "max_tokens": 5000,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "Hi"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="}},
                    {
                        "type": "document",
                        "title": "t",
                        "source": {"type": "text", "media_type": "text/plain", "data": "d"},
                    },
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "s"},
                    {"type": "tool_use", "id": "c", "name": "weather", "input": {"at": "x"}},
                ],
            },
            {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "sun"}]}],
            },
        ],
        "tools": [{"name": "weather", "description": "d", "input_schema": SCHEMA}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 2048},
        "output_config": {"effort": "high"},
        "metadata": {"user_id": "u"},
        "stop_sequences": ["x"],
        "stream": True,
    },
    "openai_completions": {
        "model": "ours",
        "prompt": ["Hi"],
        "max_tokens": 5,
        "temperature": 0.5,
        "stop": "x",
        "echo": False,
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "openai_responses": {
        "model": "ours",
        "instructions": "Be brief.",
        "input": [
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image", "image_url": PNG}],
            },
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "Hm"}],
                "encrypted_content": "s",
            },
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "I look.", "annotations": []}],
            },
            {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "sun"},
            {"type": "custom_tool_call", "call_id": "d", "name": "patch", "input": "x"},
            {"type": "custom_tool_call_output", "call_id": "d", "output": "done"},
        ],
        "tools": [
            {"type": "function", "name": "weather", "description": "d", "parameters": SCHEMA, "strict": False},
            {
                "type": "custom",
                "name": "patch",
                "format": {"type": "grammar", "syntax": "lark", "definition": "start: x"},
            },
        ],
        "tool_choice": "auto",
        "text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"},
        "max_output_tokens": 5,
        "store": False,
        "stream": True,
    },
}


@st.composite
def spoilt(draw: st.DrawFn, document: Any) -> Any:
    """The document with junk in the place of one or two of its values, or without them."""
    document = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 2))):
        holders = list(_list_holders(document))
        if not holders:
            break
        holder = draw(st.sampled_from(range(len(holders))).map(holders.__getitem__))
        key = draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
        if isinstance(holder, dict) and draw(st.integers(0, 4)) == 0:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(draw(JUNK))
    return document


def _list_holders(value: Any) -> Any:
    if isinstance(value, dict | list) and value:
        yield value
        for each in value.values() if isinstance(value, dict) else value:
            yield from _list_holders(each)


def documents_of(name: str) -> list[tuple[str | None, Any]]:
    """The events of a good stream of a provider."""
    body = write_upstream(name, ANSWER, USAGE, FRAME)
    return [(event.name, orjson.loads(event.data)) for event in cut_events(body) if event.data != b"[DONE]"]


@pytest.mark.parametrize("name", sorted(UPSTREAMS))
@SOME
@given(st.data())
def test_no_event_of_a_provider_breaks_the_reading_of_a_stream(name: str, data: st.DataObject) -> None:
    events = documents_of(name)
    at = data.draw(st.integers(0, len(events) - 1))
    events[at] = (events[at][0], data.draw(spoilt(events[at][1])))
    reader = UPSTREAMS[name].open_reader(FRAME)
    body = b"".join(encode_event(orjson.dumps(document), kind) for kind, document in events)
    said = [each for event in cut_events(body) for each in reader.read(event)]
    said += reader.end()
    for client in CLIENTS:
        assert write_stream(client, said, USAGE, FRAME)
    assert CLIENTS["openai"].render_answer(collect_answer(said), USAGE, FRAME)


@pytest.mark.parametrize("name", BOTH)
@SOME
@given(st.data())
def test_no_answer_of_a_provider_breaks_its_reading(name: str, data: st.DataObject) -> None:
    good = orjson.loads(orjson.dumps(CLIENTS[name].render_answer(ANSWER, USAGE, FRAME)))
    answer = UPSTREAMS[name].parse_answer(data.draw(spoilt(good)), FRAME)
    for client in CLIENTS.values():
        assert orjson.dumps(client.render_answer(answer, USAGE, FRAME))
    for client_name in CLIENTS:
        assert write_stream(client_name, list_events(answer), USAGE, FRAME)


@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_the_good_request_is_said_to_every_upstream(name: str) -> None:
    chat = CLIENTS[name].parse_chat(REQUESTS[name])
    for upstream in UPSTREAMS.values():
        try:
            assert upstream.render_chat(chat, actual_model="theirs", max_tokens_default=5)
        except Untranslatable as refusal:
            assert refusal.param in ("stop", "stop_sequences", "temperature")  # noqa: PT017


DEEP = f'{{"at":{"[" * 400}{"]" * 400}}}'


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_arguments_that_nest_too_deep_break_no_answer(client: str) -> None:
    """A model can be talked into them: what they would break would not be billed."""
    tools = tuple(Tool(name, "", native=name) for name in ("local_shell", "shell", "apply_patch", "tool_search"))
    for tool in (Tool("weather", ""), *tools):
        required = '{"action":[],"commands":[],"call_id":"x","operation":{},"arguments":{},"query":"x",'
        call = ToolCall("call_1", tool.name, required + DEEP[1:])
        frame = make_frame(Chat(messages=FRAME.chat.messages, tools=(tool,)))
        answer = ChatAnswer((Text("Hi."), call), Stop.TOOL_CALLS)
        assert orjson.dumps(CLIENTS[client].render_answer(answer, None, frame))
        assert write_stream(client, list_events(answer), None, frame)


@pytest.mark.parametrize(
    ("name", "document"),
    [
        (
            "gemini",
            {"candidates": [{"content": {"parts": [{"functionCall": {"name": "x", "args": orjson.loads(DEEP)}}]}}]},
        ),
        ("anthropic", {"content": [{"type": "tool_use", "id": "c", "name": "x", "input": orjson.loads(DEEP)}]}),
        (
            "openai",
            {"choices": [{"message": {"tool_calls": [{"function": {"name": "x", "arguments": orjson.loads(DEEP)}}]}}]},
        ),
    ],
)
def test_arguments_that_come_too_deep_are_none(name: str, document: dict[str, Any]) -> None:
    (call,) = UPSTREAMS[name].parse_answer(document, FRAME).parts
    assert isinstance(call, ToolCall) and call.arguments in ("", "{}")


@pytest.mark.parametrize("name", sorted(UPSTREAMS))
def test_half_of_a_character_breaks_no_answer(name: str) -> None:
    """Providers cut texts anywhere; no encoder takes half a surrogate pair, and what breaks there is not billed."""
    body = write_upstream(name, ANSWER, USAGE, FRAME).replace(b"I looked.", b"Half: \\ud83d.")
    events, usage, is_good = read_stream(name, body, FRAME)
    assert is_good and usage is not None
    for client in CLIENTS:
        assert "Half: \ufffd." in write_stream(client, events, usage, FRAME).decode()


def nest(depth: int) -> bytes:
    good = {"model": "ours", "input": "x", "prompt": "x", "messages": [{"role": "user", "content": "x"}]}
    return orjson.dumps(good)[:-1] + b',"x":%b%b}' % (b"[" * depth, b"]" * depth)


@pytest.mark.parametrize("name", sorted(CLIENT_FORMATS))
def test_a_body_nests_no_deeper_than_it_can_be_passed_on(name: str) -> None:
    assert orjson.dumps([CLIENT_FORMATS[name].parse_request(nest(225)).body])
    for depth in (250, 1000, 100_000):
        with pytest.raises(InvalidRequest, match=r"deep|depth"):
            CLIENT_FORMATS[name].parse_request(nest(depth))


@pytest.mark.parametrize("name", sorted(CLIENTS))
@settings(max_examples=150)
@given(st.data())
def test_a_request_that_is_wrong_is_refused_by_name_or_said(name: str, data: st.DataObject) -> None:
    body = data.draw(spoilt(REQUESTS[name]))
    try:
        chat = CLIENTS[name].parse_chat(body)
        for upstream in UPSTREAMS.values():
            assert orjson.dumps(upstream.render_chat(chat, actual_model="theirs", max_tokens_default=5))
    except (InvalidRequest, Untranslatable) as refusal:
        assert refusal.param and refusal.message.count("`") >= 2  # noqa: PT017
