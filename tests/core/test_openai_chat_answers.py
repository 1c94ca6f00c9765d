"""What a provider of Chat Completions answers is a chat's answer, and such an answer is one that clients' SDKs read."""

import json
from itertools import zip_longest
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import TypeAdapter

from quart_proxy.core.chat import (
    Chat,
    ChatAnswer,
    ChatFrame,
    Citation,
    Message,
    Reasoning,
    Refusal,
    Role,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolKind,
)
from quart_proxy.core.chat_events import ChatEvent, PartBegan, PartEnded, PartGrew, Stopped, collect_answer, list_events
from quart_proxy.core.formats import FORMATS, StreamStep
from quart_proxy.core.formats.openai.answers import parse_answer, render_answer
from quart_proxy.core.formats.openai.reading import Reader
from quart_proxy.core.formats.openai.streams import Writer
from quart_proxy.core.seals import Seal
from quart_proxy.core.sse import Event, SseParser, encode_event
from quart_proxy.core.usage import Dimension, Usage

FORMAT = FORMATS["openai"]
CHUNK: TypeAdapter[ChatCompletionChunk] = TypeAdapter(ChatCompletionChunk)
WHOLE: TypeAdapter[ChatCompletion] = TypeAdapter(ChatCompletion)
NO_USAGE = Usage({})
USAGE = Usage(
    {Dimension.INPUT: 10, Dimension.CACHED_INPUT: 5, Dimension.CACHE_WRITE: 3, Dimension.OUTPUT: 7}, reasoning=2
)
ASK = Chat(messages=(Message(Role.USER, (Text("Hi"),)),))
OWN = Seal("openai", "", "content")


def frame(chat: Chat = ASK, **more: Any) -> ChatFrame:
    return ChatFrame(chat, "our-name", "0" * 32, 1_700_000_000, **more)


def with_tools(*tools: Tool) -> Chat:
    return Chat(messages=ASK.messages, tools=tools)


# --- providers' answers -------------------------------------------------------------------------------


def answer(message: dict[str, Any], finish_reason: str | None = "stop", chat: Chat = ASK, **more: Any) -> ChatAnswer:
    choice = {"index": 0, "message": message, "finish_reason": finish_reason, **more}
    return parse_answer({"choices": [choice]}, frame(chat))


def stream(*deltas: dict[str, Any], finish_reason: str | None = "stop", chat: Chat = ASK) -> list[ChatEvent]:
    """The events of a stream of these deltas and a last chunk that says why it ended."""
    reader = Reader(frame(chat))
    events: list[ChatEvent] = []
    chunks = [{"delta": delta, "finish_reason": None, "index": 0} for delta in deltas]
    for choice in [*chunks, {"delta": {}, "finish_reason": finish_reason, "index": 0}]:
        data = orjson.dumps({"choices": [choice]})
        events += reader.read(Event(encode_event(data), None, data))
    return [*events, *reader.end()]


def call_delta(index: int | None, call_id: str | None, name: str | None, arguments: str | None) -> dict[str, Any]:
    said = {"index": index, "id": call_id, "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [{name: value for name, value in said.items() if value is not None}]}


def test_a_whole_answer_is_read() -> None:
    function = {"name": "f", "arguments": '{"x":1}'}
    found = answer(
        {
            "role": "assistant",
            "reasoning_content": "hm",
            "content": "well",
            "tool_calls": [{"id": "a", "type": "function", "function": function}],
        },
        "tool_calls",
    )
    assert found == ChatAnswer((Thinking("hm", seal=OWN), Text("well"), ToolCall("a", "f", '{"x":1}')), Stop.TOOL_CALLS)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("stop", Stop.END),
        ("length", Stop.LENGTH),
        ("model_length", Stop.LENGTH),
        ("tool_calls", Stop.TOOL_CALLS),
        ("content_filter", Stop.REFUSED),
        ("sensitive", Stop.REFUSED),
        ("eos", Stop.END),
        (None, Stop.END),
    ],
)
def test_why_an_answer_ended_is_read(reason: str | None, stop: Stop) -> None:
    assert answer({"content": "a"}, reason).stop is stop
    assert stream({"content": "a"}, finish_reason=reason)[-1] == Stopped(stop)


def test_calls_and_refusals_are_told_though_the_provider_only_says_stop() -> None:
    assert answer({"tool_calls": [{"id": "a", "function": {"name": "f"}}]}).stop is Stop.TOOL_CALLS
    assert answer({"refusal": "no"}) == ChatAnswer((Refusal("no"),), Stop.REFUSED)


def test_the_stop_sequence_is_told_where_the_provider_names_it() -> None:
    chat = Chat(messages=ASK.messages, stop=("END",))
    found = answer({"content": "a"}, chat=chat, stop_reason="END")
    assert (found.stop, found.stop_sequence) == (Stop.SEQUENCE, "END")
    assert answer({"content": "a"}, chat=chat, stop_reason=128009).stop is Stop.END


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"choices": None},
        {"choices": []},
        {"choices": ["x"]},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {"content": 7, "tool_calls": [None, {}], "reasoning_details": [1], "images": 1}}]},
        {"choices": [{"message": {"annotations": {"a": 1}, "tool_calls": {"a": 1}, "reasoning_details": {}}}]},
    ],
)
def test_what_cannot_be_read_is_not_there(document: dict[str, Any]) -> None:
    assert parse_answer(document, frame()).parts == ()


def test_a_tool_has_the_clients_name_again() -> None:
    long, custom = Tool("n" * 80, "tools[0]"), Tool("patch", "tools[1]", ToolKind.CUSTOM)
    grouped = Tool("go", "tools[2]", namespace="server")
    names = [
        tool["function"]["name"]
        for tool in FORMAT.upstream_chat.render_chat(  # type: ignore[union-attr]
            with_tools(long, custom, grouped), actual_model="m", max_tokens_default=1
        )["tools"]
    ]
    calls = [{"id": name, "function": {"name": name, "arguments": '{"input":"x"}'}} for name in names]
    found = answer({"tool_calls": calls}, chat=with_tools(long, custom, grouped)).parts
    assert found == (
        ToolCall(names[0], long.name, '{"input":"x"}'),
        ToolCall("patch", "patch", "x", kind=ToolKind.CUSTOM),
        ToolCall("server__go", "go", '{"input":"x"}', namespace="server"),
    )


def test_calls_without_ids_get_ids_of_their_own() -> None:
    calls = [{"function": {"name": "f", "arguments": {"x": 1}}}, {"function": {"name": "f", "arguments": "{}"}}]
    one, two = answer({"tool_calls": calls}).parts
    assert isinstance(one, ToolCall)
    assert isinstance(two, ToolCall)
    assert json.loads(one.arguments) == {"x": 1}
    assert one.id != two.id
    assert one.id.startswith("call_")


def test_a_tokens_text_is_told_when_it_comes() -> None:
    assert stream({"role": "assistant", "content": ""}, {"content": "a"}, {"content": "b"}) == [
        PartBegan(Text("")),
        PartGrew("a"),
        PartGrew("b"),
        PartEnded(Text("ab")),
        Stopped(Stop.END),
    ]


def test_thinking_ends_where_the_answer_begins() -> None:
    for member, kind in (("reasoning_content", "content"), ("reasoning", "reasoning")):
        events = stream({member: "h"}, {member: "m", "content": ""}, {member: None, "content": "a"})
        assert collect_answer(events).parts == (Thinking("hm", seal=Seal("openai", "", kind)), Text("a"))


def test_details_of_thinking_are_sealed_with_all_their_pieces() -> None:
    piece = {"type": "reasoning.text", "index": 0, "format": "anthropic-claude-v1"}
    events = stream(
        {"reasoning": "h", "reasoning_details": [{**piece, "text": "h"}]},
        {"reasoning": "m", "reasoning_details": [{**piece, "text": "m"}]},
        {"reasoning_details": [{**piece, "signature": "S"}]},
        {"content": "a"},
    )
    thinking, _ = collect_answer(events).parts
    assert isinstance(thinking, Thinking)
    assert thinking.text == "hm"
    assert thinking.seal is not None
    assert json.loads(thinking.seal.data) == [{**piece, "signature": "S"}]


def test_a_seal_on_a_call_is_thinking_before_it() -> None:
    extra = {"google": {"thought_signature": "G"}}
    found = answer({"tool_calls": [{"id": "a", "function": {"name": "f"}, "extra_content": extra}]})
    assert found.parts == (Thinking("", seal=Seal("openai", orjson.dumps(extra).decode(), "extra")), ToolCall("a", "f"))


def test_content_in_chunks_is_thinking_and_text() -> None:
    content = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "reference", "reference_ids": [1]},
        {"type": "text", "text": "a"},
    ]
    assert answer({"content": content}).parts == (Thinking("hm"), Text("a"))


def test_citations_are_kept_even_before_the_text() -> None:
    cited = {"type": "url_citation", "url_citation": {"url": "https://x", "title": "X", "start_index": 0}}
    placed = {"type": "url_citation", "url_citation": {"url": "https://y", "start_index": 1, "end_index": 2}}
    events = stream({"content": "", "annotations": [cited]}, {"content": "abc"}, {"annotations": [placed]})
    (text,) = collect_answer(events).parts
    assert text == Text("abc", citations=(Citation("https://x", "X"), Citation("https://y", None, None, 1, 2)))


def test_images_made_are_links_in_the_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    assert answer({"content": "a ", "images": [image]}).parts == (Text("a ![image](data:image/png;base64,AA==)"),)


@pytest.mark.parametrize(
    "deltas",
    [
        # As OpenAI streams them.
        [
            call_delta(0, "a", "f", ""),
            call_delta(0, None, None, '{"x"'),
            call_delta(0, None, None, ":1}"),
            call_delta(1, "b", "g", ""),
            call_delta(1, None, None, "{}"),
        ],
        # Two at once.
        [
            call_delta(0, "a", "f", '{"x"'),
            call_delta(1, "b", "g", "{"),
            call_delta(0, None, None, ":1}"),
            call_delta(1, None, None, "}"),
        ],
        # Whole, under one number.
        [call_delta(0, "a", "f", '{"x":1}'), call_delta(0, "b", "g", "{}")],
        # Without numbers.
        [call_delta(None, "a", "f", '{"x"'), call_delta(None, None, None, ":1}"), call_delta(None, "b", "g", "{}")],
        # The id and the name again in each piece.
        [call_delta(0, "a", "f", '{"x"'), call_delta(0, "a", "f", ":1}"), call_delta(1, "b", "g", "{}")],
    ],
    ids=["one by one", "at once", "one number", "no numbers", "repeated"],
)
def test_calls_are_told_apart(deltas: list[dict[str, Any]]) -> None:
    events = stream({"content": "well"}, *deltas)
    assert collect_answer(events).parts == (Text("well"), ToolCall("a", "f", '{"x":1}'), ToolCall("b", "g", "{}"))


def test_calls_without_ids_and_numbers_are_told_apart_by_their_names() -> None:
    events = stream(call_delta(None, None, "f", '{"x":1}'), call_delta(None, None, "f", '{"x":2}'))
    calls = [part for part in collect_answer(events).parts if isinstance(part, ToolCall)]
    assert [call.arguments for call in calls] == ['{"x":1}', '{"x":2}']
    events = stream(call_delta(0, None, "f", '{"x":1}'), call_delta(0, None, "f", '{"x":2}'))
    assert len(collect_answer(events).parts) == 2


def test_only_the_first_choice_is_read() -> None:
    reader = Reader(frame())
    events = []
    for index, text in ((0, "a"), (1, "x"), (0, "b")):
        data = orjson.dumps({"choices": [{"index": index, "delta": {"content": text}}]})
        events += reader.read(Event(encode_event(data), None, data))
    assert collect_answer([*events, *reader.end()]).parts == (Text("ab"),)


# --- answers for clients ------------------------------------------------------------------------------


def test_a_whole_answer_is_said() -> None:
    document = render_answer(
        ChatAnswer((Thinking("hm", seal=Seal("anthropic", "S")), Text("a"), Text("b")), Stop.LENGTH), USAGE, frame()
    )
    WHOLE.validate_python(document)
    assert "system_fingerprint" not in document
    assert (document["model"], document["created"]) == ("our-name", 1_700_000_000)
    choice = document["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"] == {
        "role": "assistant",
        "content": "ab",
        "refusal": None,
        "reasoning_content": "hm",
        "reasoning_details": [
            {"type": "reasoning.text", "text": "hm", "signature": "qpseal1.anthropic.signature.S", "index": 0}
        ],
    }
    assert FORMAT.read_answer(orjson.dumps(document)).reading.usage == USAGE


def test_usage_that_was_not_told_is_not_there() -> None:
    assert "usage" not in render_answer(ChatAnswer((Text("a"),)), None, frame())


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        (Stop.END, "stop"),
        (Stop.SEQUENCE, "stop"),
        (Stop.LENGTH, "length"),
        (Stop.TOOL_CALLS, "tool_calls"),
        (Stop.REFUSED, "content_filter"),
        (Stop.PAUSED, "stop"),
    ],
)
def test_why_an_answer_ended_is_said(stop: Stop, reason: str) -> None:
    assert render_answer(ChatAnswer((Text("a"),), stop), None, frame())["choices"][0]["finish_reason"] == reason
    assert completion_of(ChatAnswer((Text("a"),), stop)).choices[0].finish_reason == reason


def test_calls_are_said_with_their_kind() -> None:
    parts = (ToolCall("a", "f"), ToolCall("b", "patch", "x", kind=ToolKind.CUSTOM))
    document = render_answer(ChatAnswer(parts, Stop.TOOL_CALLS), None, frame())
    WHOLE.validate_python(document)
    message = document["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "x"}},
    ]
    assert document["choices"][0]["finish_reason"] == "tool_calls"


def test_a_client_of_functions_gets_a_function_call() -> None:
    legacy = frame(with_tools(Tool("f", "functions[0]")))
    made = ChatAnswer((ToolCall("a", "f", '{"x":1}'), ToolCall("b", "f")), Stop.TOOL_CALLS)
    choice = render_answer(made, None, legacy)["choices"][0]
    assert choice["message"]["function_call"] == {"name": "f", "arguments": '{"x":1}'}
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "function_call"
    streamed = completion_of(made, legacy).choices[0]
    assert streamed.message.function_call is not None
    assert streamed.message.function_call.arguments == '{"x":1}'
    assert streamed.finish_reason == "function_call"


def test_a_refusal_has_its_own_place() -> None:
    refused = ChatAnswer((Refusal("no"),), Stop.REFUSED)
    choice = render_answer(refused, None, frame())["choices"][0]
    assert (choice["message"]["refusal"], choice["message"]["content"], choice["finish_reason"]) == ("no", None, "stop")
    assert completion_of(refused).choices[0].message.refusal == "no"


def test_citations_are_annotations_placed_in_the_whole_content() -> None:
    cited = (Citation("https://x", "X", "q"), Citation(None, "a.pdf"), Citation("https://y", start=1, end=2))
    found = ChatAnswer((Text("ab"), Text("cde", citations=cited)))
    document = render_answer(found, None, frame())
    WHOLE.validate_python(document)
    notes = [note["url_citation"] for note in document["choices"][0]["message"]["annotations"]]
    assert notes == [
        {"url": "https://x", "title": "X", "start_index": 2, "end_index": 5},
        {"url": "https://y", "title": "https://y", "start_index": 3, "end_index": 4},
    ]
    assert [note["url_citation"] for note in extra_of(completion_of(found))["annotations"]] == notes


def test_a_client_that_excludes_thinking_gets_its_seal_alone() -> None:
    hidden = frame(Chat(messages=ASK.messages, reasoning=Reasoning("reasoning", "low", is_shown=False)))
    found = ChatAnswer((Thinking("hm"), Thinking("so", seal=Seal("anthropic", "S")), Text("a")))
    message = render_answer(found, None, hidden)["choices"][0]["message"]
    assert "reasoning_content" not in message
    assert len(message["reasoning_details"]) == 1
    assert b"reasoning_content" not in written(found, hidden)


def test_a_seal_says_which_call_it_led_to() -> None:
    found = ChatAnswer((Text("a"), Thinking("", seal=Seal("gemini", "G")), ToolCall("c", "f")))
    for message in (render_answer(found, None, frame())["choices"][0]["message"], extra_of(completion_of(found))):
        assert message["reasoning_details"] == [
            {"type": "reasoning.encrypted", "data": "qpseal1.gemini.signature.G", "id": "c", "index": 0}
        ]


# --- streams for clients ------------------------------------------------------------------------------


def written(made: ChatAnswer, framed: ChatFrame | None = None, usage: Usage | None = None) -> bytes:
    writer = Writer(framed or frame())
    events = b"".join(writer.write(event) for event in list_events(made))
    last, terminal = writer.end(usage)
    return writer.begin(NO_USAGE) + events + last + terminal


def chunks_of(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(event.data) for event in SseParser().feed(text) if event.data != b"[DONE]"]


def completion_of(made: ChatAnswer, framed: ChatFrame | None = None, usage: Usage | None = None) -> Any:
    """What the SDK puts together from the stream of an answer."""
    state = ChatCompletionStreamState()
    for chunk in chunks_of(written(made, framed, usage)):
        for _ in state.handle_chunk(CHUNK.validate_python(chunk)):
            pass
    return state.current_completion_snapshot


def extra_of(completion: Any) -> dict[str, Any]:
    """The message as the SDK has it, members that it does not know included."""
    found: dict[str, Any] = completion.choices[0].message.to_dict()
    return found


def test_a_stream_begins_with_the_role_and_ends_with_usage() -> None:
    chunks = chunks_of(written(ChatAnswer((Text("a"),)), usage=USAGE))
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert chunks[-1]["choices"] == []
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all("system_fingerprint" not in chunk for chunk in chunks)
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None, None, "stop"]


def test_a_client_that_did_not_ask_for_usage_gets_none() -> None:
    assert all("usage" not in chunk for chunk in chunks_of(written(ChatAnswer(()), frame(wants_usage=False), USAGE)))


def test_the_sdk_puts_a_stream_together() -> None:
    made = ChatAnswer(
        (
            Thinking("hm", seal=Seal("anthropic", "S")),
            Text("well"),
            ToolCall("a", "f", '{"x":1}'),
            ToolCall("b", "g"),
            Thinking("", seal=Seal("anthropic", "R", "redacted")),
            ToolCall("c", "h", "{}"),
        ),
        Stop.TOOL_CALLS,
    )
    completion = completion_of(made, usage=USAGE)
    message = extra_of(completion)
    whole = render_answer(made, USAGE, frame())["choices"][0]["message"]
    for calls in (message["tool_calls"], whole["tool_calls"]):
        for number, call in enumerate(calls):
            assert call.pop("index", number) == number
            call.get("function", {}).pop("parsed_arguments", None)
    assert {name: value for name, value in message.items() if value is not None} == {
        name: value for name, value in whole.items() if value is not None
    }
    assert completion.choices[0].finish_reason == "tool_calls"
    assert completion.usage.completion_tokens == 7


def test_a_custom_call_grows_by_its_input() -> None:
    made = ChatAnswer((ToolCall("c", "patch", "raw", kind=ToolKind.CUSTOM),), Stop.TOOL_CALLS)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks_of(written(made))]
    begun = {"index": 0, "id": "c", "type": "custom", "custom": {"name": "patch", "input": ""}}
    assert deltas[1:3] == [{"tool_calls": [begun]}, {"tool_calls": [{"index": 0, "custom": {"input": "raw"}}]}]


def test_the_stream_is_read_as_complete_with_its_usage() -> None:
    reader = FORMAT.open_stream()
    steps = [reader.read(event) for event in SseParser().feed(written(ChatAnswer((Text("a"),)), usage=USAGE))]
    assert steps == [*[StreamStep.FORWARD] * 3, StreamStep.USAGE_ONLY, StreamStep.TERMINAL]
    assert reader.reading().usage == USAGE
    assert reader.is_usage_final()


words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
tool_calls = st.builds(ToolCall, st.uuids().map(str), words, st.just('{"x":1}'))
parts = st.one_of(st.builds(Text, words), st.builds(Refusal, words), tool_calls)


@settings(max_examples=60, deadline=None)
@given(st.lists(parts, max_size=5), st.sampled_from([Stop.END, Stop.LENGTH]), st.data())
def test_a_stream_that_is_written_and_read_is_the_same_answer(
    drawn: list[Any], stop: Stop, data: st.DataObject
) -> None:
    # Neighbours of one kind are one; they cannot be told apart.
    made = [part for part, after in zip_longest(drawn, drawn[1:]) if type(part) is not type(after)]
    text = written(ChatAnswer(tuple(made), stop), usage=USAGE)
    cut = data.draw(st.integers(0, len(text)))
    parser, reader = SseParser(), Reader(frame())
    events = [
        found for piece in (text[:cut], text[cut:]) for event in parser.feed(piece) for found in reader.read(event)
    ]
    found = collect_answer([*events, *reader.end()])
    assert found.parts == tuple(made)
    assert (found.stop is Stop.LENGTH) is (stop is Stop.LENGTH)


counts = st.integers(0, 10_000)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(Dimension), counts), st.none() | counts)
def test_usage_that_is_said_and_read_is_the_same(tokens: dict[Dimension, int], reasoning: int | None) -> None:
    usage = Usage(tokens, reasoning)
    read = FORMAT.read_answer(orjson.dumps(render_answer(ChatAnswer(()), usage, frame()))).reading.usage
    assert read is not None
    written_tokens = usage.count(Dimension.CACHE_WRITE) + usage.count(Dimension.CACHE_WRITE_1H)
    assert read.count(Dimension.CACHE_WRITE) == written_tokens
    for dimension in (Dimension.INPUT, Dimension.CACHED_INPUT, Dimension.OUTPUT):
        assert read.count(dimension) == usage.count(dimension)
    if reasoning is not None:
        assert read.reasoning == min(reasoning, usage.count(Dimension.OUTPUT))


# --- recorded traffic ---------------------------------------------------------------------------------


def recorded_texts(documents: list[dict[str, Any]], member: str) -> str:
    """What the first choices say as text, put together."""
    texts = []
    for document in documents:
        for choice in (document.get("choices") or [])[:1]:
            content = (choice.get(member) or {}).get("content") if choice.get("index") in (0, None) else None
            chunks = content if isinstance(content, list) else [{"type": "text", "text": content}]
            texts += [chunk["text"] for chunk in chunks if chunk["type"] == "text" and chunk["text"]]
    return "".join(texts)


def recorded_names(documents: list[dict[str, Any]], member: str) -> list[str]:
    return [
        call["function"]["name"]
        for document in documents
        for choice in (document.get("choices") or [])[:1]
        for call in (choice.get(member) or {}).get("tool_calls") or []
        if choice.get("index") in (0, None) and call["function"].get("name")
    ]


def said_in(found: ChatAnswer) -> tuple[str, list[str]]:
    names = [part.name for part in found.parts if isinstance(part, ToolCall)]
    return "".join(part.text for part in found.parts if isinstance(part, Text)), names


def test_a_recorded_stream_loses_no_text_and_no_call(chat_stream: dict[str, Any]) -> None:
    events = SseParser().feed(chat_stream["response"]["body"].encode())
    documents = [json.loads(event.data) for event in events if event.data.startswith(b"{")]
    reader = Reader(frame())
    found = collect_answer([*(said for event in events for said in reader.read(event)), *reader.end()])
    assert said_in(found) == (recorded_texts(documents, "delta"), recorded_names(documents, "delta"))
    for part in found.parts:
        if isinstance(part, ToolCall):
            assert part.id
            json.loads(part.arguments or "{}")


def test_a_recorded_answer_loses_no_text_and_no_call(whole_answer: dict[str, Any]) -> None:
    if whole_answer["endpoint"] != "chat.completions":
        return
    document = json.loads(whole_answer["response"]["body"])
    found = parse_answer(document, frame())
    assert said_in(found) == (recorded_texts([document], "message"), recorded_names([document], "message"))
