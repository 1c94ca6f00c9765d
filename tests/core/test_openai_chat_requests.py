"""What a client of Chat Completions asks is a chat, and what a chat asks is a body that such providers take."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionMessageParam
from openai.types.chat.completion_create_params import CompletionCreateParamsBase
from pydantic import TypeAdapter

from quart_proxy.core.chat import (
    CUSTOM_SCHEMA,
    Audio,
    Chat,
    Document,
    Image,
    Message,
    OutputShape,
    Reasoning,
    Refusal,
    Role,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolMode,
    ToolResult,
)
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats import FORMATS, ClientRequest
from quart_proxy.core.formats.openai.bodies import render_chat
from quart_proxy.core.formats.openai.requests import HINTS, SAYING_NOTHING, TRANSLATED, parse_chat
from quart_proxy.core.seals import Seal

ASK = [{"role": "user", "content": "Hi"}]
PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Now", "parameters": SCHEMA}}
ADAPTER: TypeAdapter[Any] = TypeAdapter(CompletionCreateParamsBase)


def parse(messages: Any = ASK, **more: Any) -> Chat:
    return parse_chat({"model": "m", "messages": messages, **more})


def parts_of(message: Mapping[str, Any]) -> tuple[Any, ...]:
    """The parts of a message that stands second."""
    return parse([*ASK, message]).messages[1].parts


def render(chat: Chat, actual_model: str = "llama", **more: Any) -> dict[str, Any]:
    body = render_chat(chat, actual_model=actual_model, max_tokens_default=1000)
    # A tuple or an enum would pass for JSON here and not at a provider.
    assert body == json.loads(orjson.dumps(body))
    ADAPTER.validate_python(body)
    return body


def said(*messages: Message, **more: Any) -> list[dict[str, Any]]:
    """The messages that a provider is sent."""
    found: list[dict[str, Any]] = render(Chat(messages=messages, **more))["messages"]
    return found


def user(*parts: Any) -> Message:
    return Message(Role.USER, parts or (Text("Hi"),))


def assistant(*parts: Any) -> Message:
    return Message(Role.ASSISTANT, parts)


# --- messages of clients ------------------------------------------------------------------------------


def test_system_and_developer_at_the_head_are_the_system() -> None:
    chat = parse(
        [
            {"role": "developer", "content": "A"},
            {"role": "system", "content": [{"type": "text", "text": "B", "cache_control": {"type": "ephemeral"}}]},
            *ASK,
            {"role": "system", "content": "C"},
        ]
    )
    assert chat.system == (Text("A", "messages[0].content"), Text("B", "messages[1].content[0]", "5m"))
    assert chat.messages == (
        Message(Role.USER, (Text("Hi", "messages[2].content"),), "messages[2]"),
        Message(Role.SYSTEM, (Text("C", "messages[3].content"),), "messages[3]"),
    )


@pytest.mark.parametrize(
    ("part", "parsed"),
    [
        ({"type": "text", "text": "a"}, Text("a")),
        (
            {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
            Text("a", cache_ttl="1h"),
        ),
        ({"type": "image_url", "image_url": {"url": "https://x/y"}}, Image(Source(url="https://x/y"))),
        ({"type": "image_url", "image_url": "https://x/y"}, Image(Source(url="https://x/y"))),
        (
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
            Image(Source(base64=PNG, media_type="image/png"), detail="low"),
        ),
        ({"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}, Audio("AA==", "wav")),
        (
            {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA==", "filename": "a.pdf"}},
            Document(Source(base64="AA==", media_type="application/pdf"), title="a.pdf"),
        ),
        (
            {"type": "file", "file": {"file_data": "data:text/plain;charset=utf-8;base64,w6Q=", "filename": "a"}},
            Document(Source(text="ä", media_type="text/plain"), title="a"),
        ),
        ({"type": "file", "file": {"file_id": "file-1"}}, Document(Source(file_id="file-1"))),
    ],
)
def test_parts_of_a_user_are_read(part: dict[str, Any], parsed: Any) -> None:
    (found,) = parts_of({"role": "user", "content": [part]})
    assert found == replace(parsed, at="messages[1].content[0]")


def test_calls_and_results_are_read() -> None:
    chat = parse(
        [
            *ASK,
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
                    {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "***"}},
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "one"},
            {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "two"}]},
        ]
    )
    _, calls, one, two = chat.messages
    assert calls.parts == (
        ToolCall("a", "f", '{"x":1}', "messages[1].tool_calls[0]"),
        ToolCall("b", "patch", "***", "messages[1].tool_calls[1]", ToolKind.CUSTOM),
    )
    assert one.parts == (ToolResult("a", (Text("one", "messages[2].content"),), "messages[2]"),)
    assert two.parts == (ToolResult("b", (Text("two", "messages[3].content[0]"),), "messages[3]"),)


def test_functions_of_before_tools_are_tools() -> None:
    chat = parse(
        [
            *ASK,
            {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": "{}"}},
            {"role": "function", "name": "weather", "content": "sun"},
        ],
        functions=[WEATHER["function"]],
        function_call={"name": "weather"},
    )
    (call,) = chat.messages[1].parts
    (result,) = chat.messages[2].parts
    assert isinstance(call, ToolCall)
    assert isinstance(result, ToolResult)
    assert call.id == result.call_id
    assert chat.tools == (Tool("weather", "functions[0]", description="Now", schema=SCHEMA),)
    assert chat.tool_choice == ToolChoice(ToolMode.ONE, "function_call", "weather")
    assert chat.parallel_tool_calls is False


def test_words_of_an_assistant_are_read() -> None:
    parts = parts_of(
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "b"}],
            "refusal": "c",
        }
    )
    at = "messages[1]"
    assert parts == (
        Text("a", f"{at}.content[0]"),
        Refusal("b", f"{at}.content[1]"),
        Refusal("c", f"{at}.refusal"),
    )
    assert parts_of({"role": "assistant", "content": "", "annotations": [], "audio": None, "parsed": {}}) == ()


def test_thinking_comes_back_to_where_it_was() -> None:
    call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    details = [
        {"type": "reasoning.text", "text": "hm", "signature": "qpseal1.anthropic.signature.S", "index": 0},
        {"type": "reasoning.encrypted", "data": "qpseal1.gemini.signature.G", "id": "c1", "index": 1},
        {"type": "reasoning.summary", "summary": "own", "data": "O", "index": 2},
    ]
    message = {"role": "assistant", "content": "x", "reasoning_content": "hm", "tool_calls": [call]}
    at = "messages[1].reasoning_details"
    assert parts_of({**message, "reasoning_details": details}) == (
        Thinking("hm", f"{at}[0]", Seal("anthropic", "S")),
        Thinking("own", f"{at}[2]", Seal("openai", "O")),
        Text("x", "messages[1].content"),
        Thinking("", f"{at}[1]", Seal("gemini", "G")),
        ToolCall("c1", "f", "{}", "messages[1].tool_calls[0]"),
    )
    assert parts_of(message)[0] == Thinking("hm", "messages[1].reasoning_content")
    assert parts_of({"role": "assistant", "content": "x", "reasoning": "hm"})[0].text == "hm"


# --- other fields of clients --------------------------------------------------------------------------


def test_plain_fields_are_read() -> None:
    chat = parse(
        stream=True,
        max_completion_tokens=5,
        max_tokens=9,
        temperature=0,
        top_p=0.5,
        top_k=3,
        seed=7,
        frequency_penalty=0.1,
        presence_penalty=-0.1,
        stop="END",
        parallel_tool_calls=True,
        verbosity="low",
        service_tier="flex",
        user="u",
        safety_identifier="s",
        prompt_cache_key="k",
    )
    assert (chat.max_tokens, chat.where("max_tokens")) == (5, "max_completion_tokens")
    assert (chat.temperature, chat.top_p, chat.top_k, chat.seed) == (0, 0.5, 3, 7)
    assert (chat.frequency_penalty, chat.presence_penalty, chat.stop) == (0.1, -0.1, ("END",))
    assert (chat.verbosity, chat.service_tier, chat.user, chat.cache_key) == ("low", "flex", "s", "k")
    assert chat.is_streaming
    assert chat.parallel_tool_calls is True
    assert parse(stop=["a", "", "b"]).stop == ("a", "b")
    assert parse(top_k=0) == parse(top_k=-1) == parse()
    assert parse(tool_choice="auto") == parse(tools=[], tool_choice="none") == parse()
    assert parse(max_tokens=9).where("max_tokens") == "max_tokens"


@pytest.mark.parametrize(
    ("fields", "reasoning"),
    [
        ({}, None),
        ({"reasoning_effort": "high"}, Reasoning("reasoning_effort", "high")),
        ({"reasoning_effort": "none"}, Reasoning("reasoning_effort", "none")),
        ({"reasoning": {"effort": "low", "exclude": True}}, Reasoning("reasoning", "low", is_shown=False)),
        ({"reasoning": {"max_tokens": 2000}}, Reasoning("reasoning", None, 2000)),
        ({"reasoning": {"enabled": False}}, Reasoning("reasoning", "none")),
        ({"reasoning": {"enabled": True}}, Reasoning("reasoning")),
    ],
)
def test_reasoning_is_read(fields: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert parse(**fields).reasoning == reasoning


@pytest.mark.parametrize(
    ("shape", "output"),
    [
        ({"type": "text"}, None),
        ({"type": "json_object"}, OutputShape("response_format")),
        (
            {"type": "json_schema", "json_schema": {"name": "w", "schema": SCHEMA, "strict": True, "description": "d"}},
            OutputShape("response_format", SCHEMA, "w", "d", True),
        ),
    ],
)
def test_shape_of_the_answer_is_read(shape: dict[str, Any], output: OutputShape | None) -> None:
    assert parse(response_format=shape).output == output


def test_tools_of_every_kind_are_read() -> None:
    grammar = {"syntax": "lark", "definition": "start: x"}
    chat = parse(
        tools=[
            {**WEATHER, "cache_control": {"type": "ephemeral"}},
            {
                "type": "custom",
                "custom": {"name": "patch", "description": "P", "format": {"type": "grammar", "grammar": grammar}},
            },
            {"type": "custom", "custom": {"name": "any", "format": {"type": "text"}}},
            {"type": "web_search_preview"},
        ],
        web_search_options={},
    )
    assert chat.tools == (
        Tool("weather", "tools[0]", description="Now", schema=SCHEMA, cache_ttl="5m"),
        Tool("patch", "tools[1]", ToolKind.CUSTOM, "P", grammar=grammar),
        Tool("any", "tools[2]", ToolKind.CUSTOM),
        Tool("web_search_preview", "tools[3]", ToolKind.HOSTED),
        Tool("web_search", "web_search_options", ToolKind.HOSTED),
    )


@pytest.mark.parametrize(
    ("choice", "mode", "name"),
    [
        ("auto", ToolMode.AUTO, None),
        ("none", ToolMode.NONE, None),
        ("required", ToolMode.REQUIRED, None),
        ({"type": "function", "function": {"name": "weather"}}, ToolMode.ONE, "weather"),
        ({"type": "custom", "custom": {"name": "patch"}}, ToolMode.ONE, "patch"),
    ],
)
def test_choice_of_a_tool_is_read(choice: Any, mode: ToolMode, name: str | None) -> None:
    chat = parse(tools=[WEATHER, {"type": "custom", "custom": {"name": "patch"}}], tool_choice=choice)
    assert chat.tool_choice == ToolChoice(mode, "tool_choice", name)


def test_tools_that_are_not_allowed_are_not_offered() -> None:
    other = {"type": "function", "function": {"name": "other"}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "other"}}]}
    chat = parse(tools=[WEATHER, other], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [tool.name for tool in chat.tools] == ["other"]
    assert chat.tool_choice == ToolChoice(ToolMode.REQUIRED, "tool_choice.allowed_tools")


# --- what is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field", ["logit_bias", "logprobs", "n", "audio", "modalities", "moderation", "top_logprobs", "min_p", "colour"]
)
def test_what_only_this_format_says_is_refused_by_name(field: str) -> None:
    with pytest.raises(Untranslatable, match=f"`{field}`") as refused:
        parse(**{field: {"logit_bias": {"1": 1}, "n": 2, "modalities": ["text", "audio"]}.get(field, True)})
    assert refused.value.param == field


@pytest.mark.parametrize("field", sorted({*TRANSLATED, *HINTS, *SAYING_NOTHING, "colour"} - {"model", "messages"}))
def test_null_says_nothing(field: str) -> None:
    assert parse(**{field: None}) == parse()


@pytest.mark.parametrize("field", sorted(HINTS))
def test_a_hint_changes_nothing(field: str) -> None:
    assert parse(**{field: {"a": 1}}) == parse()


@pytest.mark.parametrize(("field", "values"), SAYING_NOTHING.items(), ids=SAYING_NOTHING)
def test_asking_for_what_happens_anyway_is_no_fault(field: str, values: tuple[Any, ...]) -> None:
    for value in values:
        assert parse(**{field: value}) == parse()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 1}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "function", "name": "f", "content": "x"}]}, "messages[0]"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}]},
            "messages[0].tool_calls[0].function.name",
        ),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_completion_tokens": "9"}, "max_completion_tokens"),
        ({"temperature": "1"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"seed": 1.5}, "seed"),
        ({"stop": [1]}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"reasoning_effort": "huge"}, "reasoning_effort"),
        ({"reasoning": {"max_tokens": 0}}, "reasoning.max_tokens"),
        ({"response_format": {}}, "response_format.type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": "f", "strict": 1}}]}, "tools[0].function.strict"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tool_choice": "any"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "nobody"}}}, "tool_choice"),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_chat({"model": "m", "messages": ASK, **fields})
    assert refused.value.param == param
    assert f"`{param}`" in refused.value.message


def test_a_part_of_no_known_kind_is_refused_where_it_stands() -> None:
    with pytest.raises(Untranslatable) as refused:
        parts_of({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "video_url"}]})
    assert refused.value.param == "messages[1].content[1]"


# --- bodies for providers -----------------------------------------------------------------------------


def test_a_body_says_no_more_than_the_chat() -> None:
    assert render(Chat(messages=(user(),))) == {"model": "llama", "messages": [{"role": "user", "content": "Hi"}]}


def test_a_streaming_body_asks_for_usage() -> None:
    body = render(Chat(messages=(user(),), is_streaming=True))
    assert (body["stream"], body["stream_options"]) == (True, {"include_usage": True})


def test_plain_fields_are_said() -> None:
    body = render(
        Chat(
            messages=(user(),),
            max_tokens=5,
            temperature=0.0,
            top_p=0.5,
            seed=7,
            frequency_penalty=0.1,
            presence_penalty=0.2,
            stop=("a", "b"),
            service_tier="priority",
            cache_key="k",
            verbosity="low",
            user="u",
        )
    )
    del body["model"], body["messages"]
    assert body == {
        "max_tokens": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "seed": 7,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "stop": ["a", "b"],
    }


@pytest.mark.parametrize(
    ("actual_model", "name"),
    [
        ("gpt-5-2026-08-07", "max_completion_tokens"),
        ("openai/o4-mini", "max_completion_tokens"),
        ("gpt-4o", "max_tokens"),
        ("openai/gpt-oss-120b", "max_tokens"),
        ("deepseek-chat", "max_tokens"),
    ],
)
def test_the_limit_has_the_name_that_the_model_knows(actual_model: str, name: str) -> None:
    body = render(Chat(messages=(user(),), max_tokens=5), actual_model)
    assert {"max_tokens", "max_completion_tokens"} & body.keys() == {name}


def test_openais_own_models_get_the_hints_that_they_know() -> None:
    body = render(Chat(messages=(user(),), cache_key="k", verbosity="low", user="u" * 65), "gpt-5.1")
    assert (body["prompt_cache_key"], body["verbosity"]) == ("k", "low")
    assert "safety_identifier" not in body


@pytest.mark.parametrize(
    ("reasoning", "actual_model", "effort"),
    [
        (Reasoning("r", "minimal"), "gpt-5", "minimal"),
        (Reasoning("r", "max"), "llama", "max"),
        (Reasoning("r", None, 1024), "llama", "low"),
        (Reasoning("r", None, 10_000), "llama", "medium"),
        (Reasoning("r", None, 60_000), "llama", "high"),
        (Reasoning("r", "none"), "gpt-5.1", "none"),
        (Reasoning("r", "none"), "gpt-4o", None),
        (Reasoning("r"), "llama", None),
    ],
)
def test_effort_is_said_in_words_that_the_model_knows(
    reasoning: Reasoning, actual_model: str, effort: str | None
) -> None:
    assert render(Chat(messages=(user(),), reasoning=reasoning), actual_model).get("reasoning_effort") == effort


def test_system_texts_are_one_message_before_all_others() -> None:
    messages = said(user(), Message(Role.SYSTEM, (Text("C"),)), user(), system=(Text("A"), Text("B")))
    assert [(message["role"], message["content"]) for message in messages] == [
        ("system", "A\n\nB"),
        ("user", "Hi"),
        ("system", "C"),
        ("user", "Hi"),
    ]


def test_media_of_a_user_are_parts() -> None:
    (message,) = said(
        user(
            Text("see"),
            Text(""),
            Image(Source(url="https://x/y"), detail="high"),
            Image(Source(base64=PNG)),
            Audio("AA==", "mp3"),
            Document(Source(base64="AA==", media_type="application/pdf"), title="a.pdf"),
            Document(Source(text="words"), title="notes"),
            Document(Source(base64=base64.b64encode(b"csv").decode(), media_type="text/csv")),
        )
    )
    assert message["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "https://x/y", "detail": "high"}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "mp3"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AA=="}},
        {"type": "text", "text": '<document title="notes">\nwords\n</document>'},
        {"type": "text", "text": "<document>\ncsv\n</document>"},
    ]


def call(call_id: str, name: str = "f", arguments: str = "{}", **more: Any) -> ToolCall:
    return ToolCall(call_id, name, arguments, **more)


def result(call_id: str, *parts: Any, **more: Any) -> ToolResult:
    return ToolResult(call_id, parts or (Text(f"of {call_id}"),), **more)


def test_results_stand_right_behind_their_calls() -> None:
    messages = said(
        user(),
        assistant(Text("both"), call("a")),
        assistant(call("b")),
        user(Text("wait")),
        user(result("b"), Text("well")),
        user(result("a", is_error=True)),
    )
    assert [(message["role"], message["content"]) for message in messages] == [
        ("user", "Hi"),
        ("assistant", "both"),
        ("tool", "Error: of a"),
        ("tool", "of b"),
        ("user", "wait"),
        ("user", "well"),
    ]
    assert [each["id"] for each in messages[1]["tool_calls"]] == ["a", "b"]
    assert [message.get("tool_call_id") for message in messages[2:4]] == ["a", "b"]


def test_an_id_used_again_answers_the_call_before_it() -> None:
    messages = said(
        assistant(call("a")), user(result("a", Text("1"))), assistant(call("a")), user(result("a", Text("2")))
    )
    assert [message["content"] for message in messages] == [None, "1", None, "2"]


def test_an_image_in_a_result_is_in_the_users_next_message() -> None:
    image, document = Image(Source(base64=PNG)), Document(Source(base64="AA=="))
    messages = said(
        user(),
        assistant(call("a"), call("b")),
        user(result("a", Text("shot"), image), result("b", document)),
        user(Text("and?")),
    )
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    assert messages[2]["content"] == "shot\n\n[image 1 is in the next message]"
    assert messages[3]["content"] == "[document 2 is in the next message]"
    assert [part["type"] for part in messages[4]["content"]] == ["text", "image_url", "text", "file", "text"]
    assert [part.get("text") for part in messages[4]["content"]][::2] == ["[image 1]", "[document 2]", "and?"]


def test_an_image_of_a_result_comes_before_the_assistant_goes_on() -> None:
    image = Image(Source(base64=PNG))
    messages = said(user(), assistant(call("a")), user(result("a", image)), assistant(Text("seen")), user())
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "user", "assistant", "user"]


def test_tools_are_functions() -> None:
    grammar = {"syntax": "lark", "definition": "start: x"}
    chat = Chat(
        messages=(user(),),
        tools=(
            Tool("weather", "tools[0]", description="Now", schema=SCHEMA, strict=True),
            Tool("patch", "tools[1]", ToolKind.CUSTOM, "P", grammar=grammar),
            Tool("search", "tools[2]", ToolKind.HOSTED),
            Tool("go", "tools[3]", namespace="server"),
        ),
        tool_choice=ToolChoice(ToolMode.ONE, "tool_choice", "go", "server"),
        parallel_tool_calls=False,
    )
    body = render(chat)
    functions = [tool["function"] for tool in body["tools"]]
    assert functions[0] == {"name": "weather", "description": "Now", "parameters": SCHEMA, "strict": True}
    assert functions[1]["parameters"] == CUSTOM_SCHEMA
    assert "start: x" in functions[1]["description"]
    assert functions[2] == {"name": "server__go", "parameters": {"type": "object", "properties": {}}}
    assert body["tool_choice"] == {"type": "function", "function": {"name": "server__go"}}
    assert body["parallel_tool_calls"] is False


def test_a_custom_call_is_a_functions_call() -> None:
    messages = said(assistant(call("a", "patch", 'say "x"', kind=ToolKind.CUSTOM)), user(result("a")))
    assert messages[0]["tool_calls"][0]["function"] == {"name": "patch", "arguments": '{"input":"say \\"x\\""}'}


def test_long_ids_and_names_are_cut_alike_everywhere() -> None:
    messages = said(assistant(call("i" * 90, "n" * 90)), user(result("i" * 90)))
    (made,) = messages[0]["tool_calls"]
    assert len(made["id"]) == 40
    assert made["id"] == messages[1]["tool_call_id"]
    assert len(made["function"]["name"]) == 64


def test_the_answers_shape_is_said() -> None:
    body = render(Chat(messages=(user(),), output=OutputShape("response_format")))
    assert body["response_format"] == {"type": "json_object"}
    body = render(Chat(messages=(user(),), output=OutputShape("response_format", SCHEMA, "a name!", strict=True)))
    assert body["response_format"]["type"] == "json_schema"
    schema = body["response_format"]["json_schema"]
    assert (schema["schema"], schema["strict"]) == (SCHEMA, True)
    assert set("! ").isdisjoint(schema["name"])


def test_a_providers_own_thinking_goes_back_to_the_member_it_came_in() -> None:
    details = '[{"type":"reasoning.text","signature":"S","index":0}]'
    messages = said(
        assistant(Thinking("hm", seal=Seal("openai", "", "content")), call("a")),
        user(result("a")),
        assistant(Thinking("so", seal=Seal("openai", details, "details")), Text("x")),
        user(),
        assistant(Thinking("", seal=Seal("openai", '{"google":{"thought_signature":"G"}}', "extra")), call("b")),
        user(result("b")),
    )
    assert messages[0]["reasoning_content"] == "hm"
    assert messages[2]["reasoning_details"] == [{"type": "reasoning.text", "signature": "S", "index": 0, "text": "so"}]
    assert messages[4]["tool_calls"][0]["extra_content"] == {"google": {"thought_signature": "G"}}


def test_thinking_of_others_is_left_out() -> None:
    messages = said(
        user(),
        assistant(Thinking("hm", seal=Seal("anthropic", "S")), Thinking("unsealed")),
        assistant(Thinking("bad", seal=Seal("openai", "{", "details")), Text("x")),
        user(),
    )
    assert messages[1:2] == [{"role": "assistant", "content": "x"}]


@pytest.mark.parametrize(
    ("chat", "param"),
    [
        (Chat(messages=(user(),), top_k=5), "top_k"),
        (Chat(messages=(user(), Message(Role.ASSISTANT, (Text("{"),), "messages[1]"))), "messages[1]"),
        (Chat(messages=(user(Image(Source(file_id="f"), "messages[0].content[0]")),)), "messages[0].content[0]"),
        (Chat(messages=(user(Document(Source(url="https://x"), "input[0]")),)), "input[0]"),
        (Chat(messages=(user(),), tools=(Tool("web_search", "tools[0]", ToolKind.HOSTED),)), "tools[0]"),
    ],
)
def test_what_cannot_be_said_is_refused_by_the_clients_name(chat: Chat, param: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        render_chat(chat, actual_model="m", max_tokens_default=1)
    assert refused.value.param == param


# --- laws ---------------------------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
identifiers = st.text("abcdefgh_", min_size=1, max_size=8)
calls = st.builds(ToolCall, identifiers, identifiers, st.just('{"x":1}'))
turns = st.lists(
    st.one_of(
        st.builds(lambda text: Message(Role.USER, (Text(text),)), words),
        st.builds(lambda text: Message(Role.SYSTEM, (Text(text),)), words),
        st.builds(
            lambda text, made: [
                Message(Role.ASSISTANT, (Text(text), *made)),
                *(Message(Role.USER, (ToolResult(each.id, (Text(text),)),)) for each in made),
            ],
            words,
            st.lists(calls, max_size=3, unique_by=lambda each: each.id),
        ),
    ),
    max_size=4,
)


def strip(chat: Chat) -> Any:
    """The chat without the places where its parts stand."""
    return re.sub(r"\bat='[^']*'", "", repr(chat.messages)), re.sub(r"\bat='[^']*'", "", repr(chat.system))


@settings(max_examples=60, deadline=None)
@given(turns, st.lists(words, max_size=1))
def test_a_chat_that_is_said_and_read_is_the_same(drawn: list[Any], system: list[str]) -> None:
    messages: list[Message] = [Message(Role.USER, (Text("first"),))]
    for turn in drawn:
        new = turn if isinstance(turn, list) else [turn]
        # Two turns of the assistant in a row are one.
        if messages[-1].role is not new[0].role or new[0].role is not Role.ASSISTANT:
            messages += new
    messages.append(Message(Role.USER, (Text("last"),)))
    chat = Chat(messages=tuple(messages), system=tuple(map(Text, system)))
    assert strip(parse_chat(render(chat))) == strip(chat)


# --- passing through ----------------------------------------------------------------------------------


def pass_through(messages: list[Any]) -> list[Any]:
    body = {"model": "m", "messages": messages}
    request = ClientRequest(body, "m", False, False, None)
    rendered = FORMATS["openai"].render_request(request, actual_model="x", prompt=None)
    assert body == {"model": "m", "messages": messages}
    found: list[Any] = json.loads(rendered)["messages"]
    return found


def test_thinking_that_others_sealed_does_not_pass_through() -> None:
    foreign = {"type": "reasoning.text", "text": "a", "signature": "qpseal1.anthropic.signature.S", "index": 0}
    hidden = {"type": "reasoning.encrypted", "data": "qpseal1.gemini.signature.S", "index": 1}
    own = {"type": "reasoning.text", "text": "b", "signature": "S", "index": 0}
    message = {"role": "assistant", "content": "x"}
    assert pass_through([{**message, "reasoning_content": "a", "reasoning_details": [foreign, hidden]}]) == [message]
    mixed = {**message, "reasoning": "ab", "reasoning_details": [foreign, own]}
    assert pass_through([mixed]) == [{**message, "reasoning_details": [own]}]


def test_a_providers_own_thinking_passes_through() -> None:
    messages = [
        {"role": "assistant", "content": "x", "reasoning_content": "a"},
        {"role": "assistant", "content": "x", "reasoning_details": [{"type": "reasoning.text", "text": "a"}, 7]},
        {"role": "assistant", "content": "x", "reasoning_details": None},
        "odd",
    ]
    assert pass_through(messages) == messages


def test_messages_of_the_sdk_are_read() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(ChatCompletionMessageParam)
    for message in (
        {"role": "developer", "content": "x", "name": "n"},
        {"role": "assistant", "content": "x", "name": "n"},
        {"role": "user", "content": "x", "name": "n"},
    ):
        adapter.validate_python(message)
        assert parse([*ASK, message]).messages[1].name in ("n", None)
