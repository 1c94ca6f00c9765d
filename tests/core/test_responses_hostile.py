"""Bodies and answers with anything anywhere: what is wrong is refused by name, or not there, and nothing breaks."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.core.chat import Chat, ChatFrame, Tool, ToolKind
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats import FORMATS
from quart_proxy.core.sse import Event
from quart_proxy.core.usage import Usage

FORMAT = FORMATS["openai_responses"]
assert FORMAT.client_chat is not None and FORMAT.upstream_chat is not None
CLIENT, UPSTREAM = FORMAT.client_chat, FORMAT.upstream_chat
TOOLS = (
    Tool("save", "tools[0]"),
    Tool("patch", "tools[1]", ToolKind.CUSTOM),
    Tool("shell", "tools[2]", native="shell"),
)
FRAME = ChatFrame(Chat(messages=(), tools=TOOLS), "our-name", "abc", 1700000000)
CITED = {"type": "url_citation", "url": "u", "title": "t", "end_index": 1}
SEALED = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"text": "hm"}],
    "content": [{"text": "x"}],
    "encrypted_content": "g",
}
FUNCTION = {"type": "function", "name": "save", "parameters": {"type": "object"}, "strict": False}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
BODY: dict[str, Any] = {
    "model": "m",
    "instructions": "be brief",
    "input": [
        {"type": "additional_tools", "role": "developer", "tools": [{**FUNCTION, "name": "b"}]},
        {"role": "developer", "content": [{"type": "input_text", "text": "a"}]},
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "low"},
                {
                    "type": "input_file",
                    "filename": "a.txt",
                    "file_data": "aGk=",
                    "prompt_cache_breakpoint": {"ttl": "12h"},
                },
            ],
        },
        {"type": "agent_message", "content": [{"type": "encrypted_content", "encrypted_content": "go"}]},
        {"type": "configuration_update", "reasoning": {"effort": "low"}, "text": {"format": {"type": "text"}}},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "x",
        },
        {
            "role": "assistant",
            "content": [
                {
                    "type": "output_text",
                    "text": "so",
                    "annotations": [CITED],
                },
                {"type": "refusal", "refusal": "no"},
            ],
        },
        {"type": "function_call", "call_id": "a", "name": "save", "arguments": "{}", "namespace": "n"},
        {"type": "custom_tool_call", "call_id": "b", "name": "patch", "input": "x"},
        {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
        {"type": "tool_search_call", "call_id": "d", "execution": "client", "arguments": {"query": "x"}},
        {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "ok"}]},
        {"type": "apply_patch_call_output", "call_id": "b", "status": "failed", "output": "no"},
        {"type": "local_shell_call_output", "id": "c", "output": "ok"},
        {"type": "tool_search_output", "call_id": "d", "execution": "client", "tools": [{**FUNCTION, "name": "c"}]},
    ],
    "tools": [
        FUNCTION,
        {"type": "custom", "name": "patch", "format": GRAMMAR},
        {"type": "namespace", "name": "n", "tools": [FUNCTION]},
        {"type": "shell", "environment": {"type": "local"}},
        {"type": "tool_search", "execution": "client", "parameters": {"type": "object"}},
        {"type": "web_search"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "save"}]},
    "reasoning": {"effort": "low", "summary": "auto"},
    "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
    "temperature": 1.0,
    "max_output_tokens": 5,
}
MESSAGE = {
    "type": "message",
    "id": "m",
    "content": [{"type": "output_text", "text": "so", "annotations": [CITED]}],
}
CALL = {"type": "function_call", "id": "f", "call_id": "a", "name": "shell", "arguments": '{"commands":["ls"]}'}
ANSWER: dict[str, Any] = {
    "status": "incomplete",
    "incomplete_details": {"reason": "max_output_tokens"},
    "output": [
        {
            "type": "reasoning",
            "id": "rs",
            "summary": [{"text": "hm"}],
            "content": [{"text": "x"}],
            "encrypted_content": "g",
        },
        MESSAGE,
        CALL,
        {"type": "custom_tool_call", "call_id": "b", "name": "patch", "input": "x"},
        {"type": "image_generation_call", "result": "aGk=", "output_format": "png"},
    ],
}
EVENTS: list[dict[str, Any]] = [
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning", "id": "rs"}},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "hm"},
    {"type": "response.reasoning_text.delta", "output_index": 0, "content_index": 0, "delta": "hm"},
    {"type": "response.output_item.done", "output_index": 0, "item": ANSWER["output"][0]},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "so"},
    {"type": "response.output_text.annotation.added", "output_index": 1, "content_index": 0,
     "annotation": CITED},
    {"type": "response.content_part.done", "output_index": 1, "content_index": 0, "part": MESSAGE["content"][0]},
    {"type": "response.refusal.delta", "output_index": 1, "content_index": 1, "delta": "no"},
    {"type": "response.output_item.done", "output_index": 1, "item": MESSAGE},
    {"type": "response.output_item.added", "output_index": 2, "item": {**CALL, "arguments": ""}},
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": "{}"},
    {"type": "response.output_item.done", "output_index": 2, "item": CALL},
    {"type": "response.incomplete", "response": ANSWER},
]  # fmt: skip
ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**40),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(
        ["", "x", "message", "function", "namespace", "shell", "gAAAAAB", "data:,", "qpseal1.anthropic.a.b", "\0"]
    ),
    st.sampled_from([[], {}, [[]], [{}], {"type": {}}, {"type": "text"}, [None, 1, "x"], {"a": [{}]}]),
)


def list_places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in children:
        yield (*place, key)
        yield from list_places(child, (*place, key))


def change(document: Any, changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    """The document with something else at some places; a place that is gone stays gone."""
    # What stands at two places of the original is two things here.
    changed = json.loads(json.dumps(document))
    for place, value in changes:
        owner = changed
        try:
            for key in place[:-1]:
                owner = owner[key]
            owner[place[-1]] = json.loads(json.dumps(value))
        except (KeyError, IndexError, TypeError):
            continue
    return changed


def broken(document: Any) -> st.SearchStrategy[Any]:
    places = st.sampled_from(sorted(list_places(document), key=str))
    return st.lists(st.tuples(places, ANYTHING), min_size=1, max_size=3).map(lambda changes: change(document, changes))


def test_the_body_is_a_good_one_before_it_is_broken() -> None:
    UPSTREAM.render_chat(CLIENT.parse_chat(BODY), actual_model="m", max_tokens_default=1)


@settings(max_examples=300, deadline=None)
@given(broken(BODY))
def test_a_broken_body_is_refused_by_the_name_of_a_field_or_understood(body: dict[str, Any]) -> None:
    refused: InvalidRequest | Untranslatable | None = None
    try:
        json.dumps(UPSTREAM.render_chat(CLIENT.parse_chat(body), actual_model="m", max_tokens_default=1))
    except (InvalidRequest, Untranslatable) as error:
        refused = error
    assert refused is None or (refused.param and f"`{refused.param}`" in refused.message)


@settings(max_examples=150, deadline=None)
@given(broken(ANSWER))
def test_a_broken_answer_is_read_as_far_as_it_can_be(document: dict[str, Any]) -> None:
    answer = UPSTREAM.parse_answer(document, FRAME)
    json.dumps(CLIENT.render_answer(answer, None, FRAME))


@settings(max_examples=150, deadline=None)
@given(broken(EVENTS))
def test_a_broken_stream_is_read_as_far_as_it_can_be(events: list[Any]) -> None:
    reader, writer = UPSTREAM.open_reader(FRAME), CLIENT.open_writer(FRAME)
    writer.begin(Usage({}))
    for event in events:
        for told in reader.read(Event(b"", None, json.dumps(event).encode())):
            writer.write(told)
    for told in reader.end():
        writer.write(told)
    assert b'"type":"response.' in writer.end(None)[1]
