"""Answers in OpenAI's Responses format, whole and streamed: read from upstreams, and written for clients."""

import json
import random
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from typing import Any

import httpx
import openai
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent

from quart_proxy.core.chat import (
    AnswerPart,
    Chat,
    ChatAnswer,
    ChatFrame,
    Citation,
    OutputShape,
    Reasoning,
    Refusal,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolMode,
)
from quart_proxy.core.chat_events import ChatEvent, PartGrew, Stopped, collect_answer, list_events
from quart_proxy.core.formats import FORMATS
from quart_proxy.core.formats.openai_responses.native_tools import NATIVE_TOOLS
from quart_proxy.core.seals import Seal
from quart_proxy.core.sse import Event, SseParser, encode_event
from quart_proxy.core.usage import Dimension, Usage

FORMAT = FORMATS["openai_responses"]
assert FORMAT.client_chat is not None and FORMAT.upstream_chat is not None
CLIENT, UPSTREAM = FORMAT.client_chat, FORMAT.upstream_chat
SEAL = Seal("anthropic", "EqQB", "signature")
CITED = Text("It is so.", citations=(Citation("https://x.test", "X", start=0, end=5), Citation(title="Report")))
NATIVES = tuple(
    Tool(tool.type, f"tools[{index}]", description=tool.description, schema=tool.schema, native=tool.type)
    for index, tool in enumerate(NATIVE_TOOLS.values())
)
TOOLS = (
    Tool("save", "tools[0]", schema={"type": "object", "properties": {}}, strict=True),
    Tool("patch", "tools[1]", ToolKind.CUSTOM, grammar={"syntax": "lark", "definition": "start: /.+/"}),
    Tool("now", "tools[2]", namespace="clock"),
    Tool("web_search", "tools[3]", ToolKind.HOSTED),
)
CHAT = Chat(messages=(), tools=TOOLS)
FRAME = ChatFrame(CHAT, "our-name", "abc", 1700000000)
USAGE = Usage({Dimension.INPUT: 7, Dimension.CACHED_INPUT: 3, Dimension.CACHE_WRITE: 2, Dimension.OUTPUT: 5}, 4)
ALL = ChatAnswer(
    (
        Thinking("I think.", seal=SEAL),
        Text("I look."),
        ToolCall("call_a", "save", '{"a":1}'),
        ToolCall("call_b", "patch", '*** "x"', kind=ToolKind.CUSTOM),
        ToolCall("call_c", "now", '{"b":2}', namespace="clock"),
    ),
    Stop.TOOL_CALLS,
)


def write(events: Iterable[ChatEvent], frame: ChatFrame = FRAME, usage: Usage | None = USAGE) -> bytes:
    writer = CLIENT.open_writer(frame)
    written = writer.begin(Usage({})) + b"".join(writer.write(event) for event in events)
    return written + b"".join(writer.end(usage))


def parse(stream: bytes) -> list[Event]:
    parser = SseParser()
    events = parser.feed(stream)
    assert parser.close() is None
    return events


def read(stream: bytes, frame: ChatFrame = FRAME) -> ChatAnswer:
    reader = UPSTREAM.open_reader(frame)
    events = [told for event in parse(stream) for told in reader.read(event)]
    return collect_answer([*events, *reader.end()])


def documents(stream: bytes) -> list[dict[str, Any]]:
    return [json.loads(event.data) for event in parse(stream)]


def stream_of(*events: dict[str, Any]) -> bytes:
    return b"".join(encode_event(json.dumps(event).encode(), event["type"]) for event in events)


def render(answer: ChatAnswer, frame: ChatFrame = FRAME, usage: Usage | None = USAGE) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(CLIENT.render_answer(answer, usage, frame)))
    return document


def parse_output(*items: Any, **members: Any) -> ChatAnswer:
    return UPSTREAM.parse_answer({"status": "completed", "output": list(items), **members}, FRAME)


def message(*content: Any) -> dict[str, Any]:
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": list(content)}


# --- Whole answers for clients --------------------------------------------------------------------------------


def test_a_whole_answer_is_what_openais_own_type_demands() -> None:
    document = render(ALL)
    Response.model_validate(document, strict=True)
    assert (document["id"], document["model"], document["created_at"]) == ("resp_abc", "our-name", 1700000000)
    assert (document["status"], document["error"], document["incomplete_details"]) == ("completed", None, None)
    assert [item["type"] for item in document["output"]] == [
        "reasoning", "message", "function_call", "custom_tool_call", "function_call",
    ]  # fmt: skip
    assert len({item["id"] for item in document["output"]}) == 5
    assert document["output"][0]["encrypted_content"] == str(SEAL)
    assert document["output"][4]["namespace"] == "clock"


def test_settings_of_the_request_are_repeated_and_its_instructions_are_not() -> None:
    chat = replace(
        CHAT,
        system=(Text("a secret of the operator"),),
        temperature=0.5,
        max_tokens=99,
        parallel_tool_calls=False,
        reasoning=Reasoning("reasoning", effort="high"),
        output=OutputShape("text.format", {"type": "object"}, "n"),
        tool_choice=ToolChoice(ToolMode.ONE, "tool_choice", "patch"),
    )
    document = render(ALL, replace(FRAME, chat=chat))
    Response.model_validate(document, strict=True)
    assert "a secret of the operator" not in json.dumps(document)
    assert (document["temperature"], document["max_output_tokens"], document["parallel_tool_calls"]) == (0.5, 99, False)
    assert document["tool_choice"] == {"type": "custom", "name": "patch"}
    assert [(tool["type"], tool["name"]) for tool in document["tools"]] == [
        ("function", "save"), ("custom", "patch"), ("namespace", "clock"),
    ]  # fmt: skip
    assert document["text"]["format"]["schema"] == {"type": "object"}


def test_texts_in_a_row_are_one_message() -> None:
    (item,) = render(ChatAnswer((Text("a"), CITED, Refusal("no"))))["output"]
    assert [part["type"] for part in item["content"]] == ["output_text", "output_text", "refusal"]
    assert item["content"][1]["annotations"] == [
        {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 5},
        {"type": "file_citation", "file_id": "Report", "filename": "Report", "index": 9},
    ]


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        (Stop.END, "completed", None),
        (Stop.SEQUENCE, "completed", None),
        (Stop.TOOL_CALLS, "completed", None),
        (Stop.PAUSED, "completed", None),
        (Stop.LENGTH, "incomplete", "max_output_tokens"),
        (Stop.REFUSED, "incomplete", "content_filter"),
    ],
)
def test_why_an_answer_ended(stop: Stop, status: str, reason: str | None) -> None:
    answer = ChatAnswer((Text("a"),), stop)
    whole, last = render(answer), documents(write(list_events(answer)))[-1]
    assert whole["status"] == status
    assert (whole["incomplete_details"] or {}).get("reason") == reason
    assert (last["type"], last["response"]) == (f"response.{status}", whole)


def test_a_refusal_in_words_is_a_complete_answer() -> None:
    assert render(ChatAnswer((Refusal("no"),), Stop.REFUSED))["status"] == "completed"


@pytest.mark.parametrize("usage", [USAGE, Usage({Dimension.CACHE_WRITE_1H: 2, Dimension.OUTPUT: 1}, 0)])
def test_usage_is_read_back_as_it_was(usage: Usage) -> None:
    told = render(ALL, usage=usage)
    found = FORMAT.read_answer(json.dumps(told).encode()).reading.usage
    assert found is not None
    written = usage.count(Dimension.CACHE_WRITE) + usage.count(Dimension.CACHE_WRITE_1H)
    assert (found.count(Dimension.INPUT), found.count(Dimension.CACHED_INPUT), found.count(Dimension.CACHE_WRITE)) == (
        usage.count(Dimension.INPUT), usage.count(Dimension.CACHED_INPUT), written,
    )  # fmt: skip
    assert (found.count(Dimension.OUTPUT), found.reasoning) == (usage.count(Dimension.OUTPUT), usage.reasoning)
    assert told["usage"]["total_tokens"] == usage.input_total + usage.count(Dimension.OUTPUT)


def test_usage_that_nobody_told_is_null() -> None:
    assert render(ALL, usage=None)["usage"] is None
    assert documents(write(list_events(ALL), usage=None))[-1]["response"]["usage"] is None


@pytest.mark.parametrize(
    ("name", "arguments", "item"),
    [
        ("local_shell", '{"command":["ls"]}',
         {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"], "env": {}}}),
        ("shell", '{"commands":["ls"],"timeout_ms":5}',
         {"type": "shell_call", "environment": {"type": "local"},
          "action": {"commands": ["ls"], "timeout_ms": 5, "max_output_length": None}}),
        ("apply_patch", '{"type":"delete_file","path":"a"}',
         {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}}),
        ("tool_search", '{"query":"x"}',
         {"type": "tool_search_call", "execution": "client", "arguments": {"query": "x"}}),
    ],
)  # fmt: skip
def test_a_call_of_a_tool_that_openai_builds_in_comes_in_its_own_form(name: str, arguments: str, item: Any) -> None:
    frame = replace(FRAME, chat=Chat(messages=(), tools=NATIVES))
    answer = ChatAnswer((ToolCall("call_a", name, arguments),), Stop.TOOL_CALLS)
    document = render(answer, frame)
    Response.model_validate(document, strict=True)
    (made,) = document["output"]
    assert {key: made[key] for key in item} == item
    assert (made["call_id"], made["status"]) == ("call_a", "completed")
    assert documents(write(list_events(answer), frame))[-1]["response"]["output"] == [made]


@pytest.mark.parametrize("arguments", ["{}", "[1]", '{"comm', ""])
def test_a_call_without_what_its_own_form_needs_is_told_as_a_functions(arguments: str) -> None:
    frame = replace(FRAME, chat=Chat(messages=(), tools=NATIVES))
    (made,) = render(ChatAnswer((ToolCall("call_a", "shell", arguments),)), frame)["output"]
    assert (made["type"], made["name"], made["id"][:3]) == ("function_call", "shell", "fc_")


# --- Streams for clients --------------------------------------------------------------------------------------


def test_events_come_in_openais_order_and_are_numbered() -> None:
    told = documents(write(list_events(ALL)))
    assert [document["sequence_number"] for document in told] == list(range(len(told)))
    assert [document["type"].removeprefix("response.") for document in told] == [
        "created", "in_progress",
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta",
        "reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done",
        "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done",
        "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done",
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done",
        "completed",
    ]  # fmt: skip


def test_every_event_is_what_openais_own_type_demands_and_carries_its_name() -> None:
    answer = ChatAnswer((*ALL.parts, CITED, Refusal("no"), Text("b")), Stop.END)
    event_type: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(ResponseStreamEvent)
    for event in parse(write(list_events(answer))):
        document = json.loads(event.data)
        assert event.name == document["type"]
        assert event_type.validate_python(document).type == event.name


def test_the_last_event_of_a_stream_is_the_whole_answer() -> None:
    last = documents(write(list_events(ALL)))[-1]
    assert last["response"] == render(ALL)


def test_the_terminal_event_alone_waits_for_the_charge() -> None:
    writer = CLIENT.open_writer(FRAME)
    writer.begin(Usage({}))
    for event in list_events(ChatAnswer((Text("a"),))):
        writer.write(event)
    closing, terminal = writer.end(USAGE)
    assert [document["type"] for document in documents(closing)] == ["response.output_item.done"]
    assert [document["type"] for document in documents(terminal)] == ["response.completed"]


def test_a_call_without_arguments_is_told_with_an_empty_object() -> None:
    told = documents(write(list_events(ChatAnswer((ToolCall("call_a", "save"),)))))
    assert [document.get("delta") or document.get("arguments") for document in told[3:5]] == ["{}", "{}"]
    assert told[-1]["response"]["output"][0]["arguments"] == "{}"


def test_openais_sdk_rebuilds_the_answer_from_the_stream() -> None:
    stream = write(list_events(replace(ALL, parts=(*ALL.parts, Text('Done: "é"\n')))))
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, content=stream, headers={"content-type": "text/event-stream"})
    )
    client = openai.OpenAI(base_url="http://x.test", api_key="k", http_client=httpx.Client(transport=transport))
    with client, client.responses.stream(model="our-name", input="hi") as events:
        deltas = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        response = events.get_final_response()
    assert response.output_text == deltas == 'I look.Done: "é"\n'
    reasoning, _, function, custom, grouped, _ = response.output
    assert reasoning.type == "reasoning" and reasoning.summary[0].text == "I think."
    assert reasoning.encrypted_content == str(SEAL)
    assert function.type == "function_call" and (function.name, function.arguments) == ("save", '{"a":1}')
    assert custom.type == "custom_tool_call" and custom.input == '*** "x"'
    assert grouped.type == "function_call" and grouped.namespace == "clock"
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens) == (12, 5)
    assert response.usage.output_tokens_details.reasoning_tokens == 4


# --- Whole answers of upstreams -------------------------------------------------------------------------------


def test_the_parts_of_an_answer_are_read() -> None:
    cited = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 5}
    answer = parse_output(
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": t} for t in "ab"],
         "encrypted_content": "gAAA"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        message({"type": "output_text", "text": "It is so.", "annotations": [cited]}),
        message({"type": "refusal", "refusal": "no"}),
        {"type": "function_call", "id": "fc_1", "call_id": "call_a", "name": "clock__now", "arguments": "{}"},
        {"type": "custom_tool_call", "id": "ctc_1", "call_id": "call_b", "name": "patch", "input": "x"},
    )  # fmt: skip
    assert answer == ChatAnswer(
        (
            Thinking("a\n\nb", seal=Seal("openai_responses", "rs_1.gAAA", "item")),
            Text("It is so.", citations=CITED.citations[:1]),
            Refusal("no"),
            ToolCall("call_a", "now", "{}", namespace="clock"),
            ToolCall("call_b", "patch", "x", kind=ToolKind.CUSTOM),
        ),
        Stop.TOOL_CALLS,
    )


def test_a_custom_tool_that_was_called_as_a_function_gets_its_text() -> None:
    item = {"type": "function_call", "call_id": "a", "name": "patch", "arguments": '{"input":"*** x"}'}
    assert parse_output(item).parts == (ToolCall("a", "patch", "*** x", kind=ToolKind.CUSTOM),)


def test_open_models_show_their_reasoning_itself() -> None:
    item = {"type": "reasoning", "id": "r", "summary": [], "content": [{"type": "reasoning_text", "text": "hm"}]}
    assert parse_output(item).parts == (Thinking("hm"),)


def test_a_generated_image_is_a_picture_in_the_text() -> None:
    item = {
        "type": "image_generation_call",
        "id": "ig",
        "status": "completed",
        "result": "aGk=",
        "output_format": "webp",
    }
    assert parse_output(item).parts == (Text("![image](data:image/webp;base64,aGk=)"),)


def test_a_call_without_an_id_gets_one() -> None:
    calls = parse_output(*[{"type": "function_call", "name": "save", "arguments": "{}"}] * 2).parts
    assert [call.id for call in calls if isinstance(call, ToolCall)] == ["call_abc01", "call_abc02"]


@pytest.mark.parametrize(
    ("members", "stop"),
    [
        ({}, Stop.END),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, Stop.LENGTH),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, Stop.REFUSED),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, Stop.END),
        ({"status": "incomplete"}, Stop.LENGTH),
        ({"output": [message({"type": "refusal", "refusal": "no"})]}, Stop.REFUSED),
        ({"output": [{"type": "function_call", "name": "x"}]}, Stop.TOOL_CALLS),
    ],
)
def test_why_an_upstreams_answer_ended(members: Any, stop: Stop) -> None:
    assert parse_output(**members).stop is stop


@pytest.mark.parametrize(
    "output",
    [
        None,
        {},
        [None, 1, "x", {}],
        [message()],
        [{"type": "message", "content": "x"}],
        [{"type": "message", "content": [None, {"text": 1}, {"text": ""}, {"type": "refusal"}]}],
        [{"type": "reasoning", "summary": None, "content": [1], "encrypted_content": 1}],
    ],
    ids=count(),
)
def test_what_cannot_be_read_is_not_there(output: Any) -> None:
    assert UPSTREAM.parse_answer({"output": output}, FRAME).parts == ()


# --- Streams of upstreams -------------------------------------------------------------------------------------


def added(index: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": index, "item": item}


def done(index: int, **item: Any) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": index, "item": item}


def delta(kind: str, text: str, index: int = 0, **more: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "output_index": index, "delta": text, **more}


COMPLETED = {"type": "response.completed", "response": {"status": "completed", "output": []}}


def test_words_are_told_as_they_come() -> None:
    reader = UPSTREAM.open_reader(FRAME)
    grown = [reader.read(event) for event in parse(stream_of(*(delta("output_text", text) for text in ("a", "b"))))]
    assert [event for events in grown for event in events if isinstance(event, PartGrew)] == [
        PartGrew("a"),
        PartGrew("b"),
    ]


def test_pieces_of_a_summary_are_paragraphs() -> None:
    answer = read(
        stream_of(
            added(0, type="reasoning", id="rs_1", summary=[]),
            delta("reasoning_summary_text", "one", summary_index=0),
            delta("reasoning_summary_text", "two", summary_index=1),
            done(0, type="reasoning", id="rs_1", summary=[], encrypted_content="gAAA"),
            COMPLETED,
        )
    )
    assert answer.parts == (Thinking("one\n\ntwo", seal=Seal("openai_responses", "rs_1.gAAA", "item")),)


def test_reasoning_that_is_told_twice_is_read_once() -> None:
    answer = read(
        stream_of(
            delta("reasoning_text", "raw", content_index=0),
            delta("reasoning_summary_text", "summary", summary_index=0),
            done(0, type="reasoning", id="rs_1", summary=[{"text": "summary"}], content=[{"text": "raw"}]),
            COMPLETED,
        )
    )
    assert answer.parts == (Thinking("raw"),)


def test_a_sealed_thought_without_words_is_kept_and_an_empty_one_is_not() -> None:
    answer = read(
        stream_of(
            added(0, type="reasoning", id="rs_1", summary=[]),
            done(0, type="reasoning", id="rs_1", summary=[]),
            done(1, type="reasoning", id="rs_2", summary=[], encrypted_content="gAAA"),
            COMPLETED,
        )
    )
    assert answer.parts == (Thinking("", seal=Seal("openai_responses", "rs_2.gAAA", "item")),)


def test_calls_that_grow_at_once_are_told_one_after_another() -> None:
    answer = read(
        stream_of(
            added(0, type="function_call", call_id="a", name="save", arguments=""),
            added(1, type="function_call", call_id="b", name="save", arguments=""),
            delta("function_call_arguments", '{"n":', 0),
            delta("function_call_arguments", '{"n":', 1),
            delta("function_call_arguments", "1}", 0),
            delta("function_call_arguments", "2}", 1),
            done(1, type="function_call", call_id="b", name="save", arguments='{"n":2}'),
            done(0, type="function_call", call_id="a", name="save", arguments='{"n":1}'),
            COMPLETED,
        )
    )
    assert answer == ChatAnswer((ToolCall("a", "save", '{"n":1}'), ToolCall("b", "save", '{"n":2}')), Stop.TOOL_CALLS)


@pytest.mark.parametrize(
    "events",
    [
        [done(0, **message({"type": "output_text", "text": "all"}))],
        [{"type": "response.content_part.done", "output_index": 0, "content_index": 0,
          "part": {"type": "output_text", "text": "all"}}, done(0, **message({"type": "output_text", "text": "all"}))],
        [delta("output_text", "all", item_id="msg_1", content_index=0)],
        [delta("output_text", "all", content_index=0), done(0, **message())],
        [{"type": "response.completed", "response": {"output": [message({"type": "output_text", "text": "all"})]}}],
    ],
    ids=["item-alone", "part-alone", "delta-alone", "item-without-content", "last-event-alone"],
)  # fmt: skip
def test_a_text_is_read_once_from_whatever_tells_it(events: list[Any]) -> None:
    last = [] if events[-1]["type"] == "response.completed" else [COMPLETED]
    assert read(stream_of(*events, *last)).parts == (Text("all"),)


def test_items_that_are_not_numbered_are_known_by_their_ids() -> None:
    def unnumbered(event: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {key: value for key, value in event.items() if key != "output_index"} | more

    answer = read(
        stream_of(
            unnumbered(delta("output_text", "a"), item_id="m1"),
            unnumbered(done(0, **{**message({"type": "output_text", "text": "a"}), "id": "m1"})),
            unnumbered(delta("output_text", "b"), item_id="m2"),
            unnumbered(done(0, **{**message({"type": "output_text", "text": "b"}), "id": "m2"})),
            unnumbered(added(0, type="function_call", id="f1", call_id="c", name="save", arguments="")),
            unnumbered(delta("function_call_arguments", "{}"), item_id="f1"),
            unnumbered(done(0, type="function_call", id="f1", call_id="c", name="save", arguments="{}")),
            COMPLETED,
        )
    )
    assert answer.parts == (Text("a"), Text("b"), ToolCall("c", "save", "{}"))


def test_citations_are_read_once() -> None:
    cited = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 5}
    whole = {"type": "output_text", "text": "It is so.", "annotations": [cited]}
    announced = {
        "type": "response.output_text.annotation.added",
        "output_index": 0,
        "content_index": 0,
        "annotation": cited,
    }
    start = delta("output_text", "It is so.", content_index=0)
    expected = (Text("It is so.", citations=CITED.citations[:1]),)
    assert read(stream_of(start, announced, done(0, **message(whole)), COMPLETED)).parts == expected
    assert read(stream_of(start, done(0, **message(whole)), COMPLETED)).parts == expected


def test_an_incomplete_stream_tells_why() -> None:
    last = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    answer = read(stream_of(delta("output_text", "so"), {"type": "response.incomplete", "response": last}))
    assert answer == ChatAnswer((Text("so"),), Stop.LENGTH)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"type":1}', b'{"type":"response.output_item.done","item":[]}'])
def test_an_event_that_cannot_be_read_says_nothing(data: bytes) -> None:
    reader = UPSTREAM.open_reader(FRAME)
    assert reader.read(Event(b"", "response.output_text.delta", data)) == []
    assert reader.end() == [Stopped(Stop.END)]


# --- Laws -----------------------------------------------------------------------------------------------------

TEXTS = st.text(min_size=1, max_size=20)
PARTS: st.SearchStrategy[AnswerPart] = st.one_of(
    TEXTS.map(Text),
    st.just(CITED),
    TEXTS.map(Refusal),
    st.builds(Thinking, TEXTS, seal=st.sampled_from([None, SEAL, Seal("gemini", "", "thought")])),
    st.just(Thinking("", seal=SEAL)),
    st.sampled_from(ALL.parts[2:4]),
)
ANSWERS = st.lists(PARTS, max_size=5).map(lambda parts: ChatAnswer(tuple(parts)))


def regrow(answer: ChatAnswer, rng: random.Random) -> list[ChatEvent]:
    """The events of the answer with its texts in other pieces."""
    events: list[ChatEvent] = []
    for event in list_events(answer):
        if isinstance(event, PartGrew):
            cut = rng.randrange(len(event.text))
            events += (PartGrew(text) for text in (event.text[:cut], event.text[cut:]) if text)
        else:
            events.append(event)
    return events


@settings(max_examples=60, deadline=None)
@given(ANSWERS, st.randoms(use_true_random=False))
def test_what_is_written_is_read_again_streamed_or_whole(answer: ChatAnswer, rng: random.Random) -> None:
    assert UPSTREAM.parse_answer(render(answer), FRAME).parts == answer.parts
    assert read(write(regrow(answer, rng))).parts == answer.parts


# --- Recorded traffic -----------------------------------------------------------------------------------------


def recorded_output(exchange: dict[str, Any]) -> list[dict[str, Any]]:
    body: str = exchange["response"]["body"]
    if not exchange["stream"]:
        return json.loads(body).get("output") or []
    found = [json.loads(event.data) for event in parse(body.encode()) if event.data.startswith(b"{")]
    return [document["item"] for document in found if document.get("type") == "response.output_item.done"]


def words_of(output: list[dict[str, Any]]) -> str:
    messages = [item for item in output if item["type"] == "message"]
    return "".join(part.get("text") or part.get("refusal") or "" for item in messages for part in item["content"])


def test_recorded_answers_lose_neither_words_nor_calls(response_answer: dict[str, Any]) -> None:
    body: str = response_answer["response"]["body"]
    frame = ChatFrame(Chat(messages=()), "m", "abc", 0)
    if response_answer["stream"]:
        answer = read(body.encode(), frame)
    else:
        answer = UPSTREAM.parse_answer(json.loads(body), frame)
    output = recorded_output(response_answer)
    assert "".join(part.text for part in answer.parts if isinstance(part, Text | Refusal)) == words_of(output)
    calls = [(item["call_id"], item["name"], item["arguments"]) for item in output if item["type"] == "function_call"]
    assert [(call.id, call.name, call.arguments) for call in answer.parts if isinstance(call, ToolCall)] == calls
    thoughts = [item for item in output if item["type"] == "reasoning" and item.get("encrypted_content")]
    assert len([part for part in answer.parts if isinstance(part, Thinking) and part.seal]) == len(thoughts)
