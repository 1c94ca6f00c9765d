"""Tools, their calls and their results, from every client's chat to every provider and back under their own names."""

import json
from dataclasses import replace
from typing import Any

import orjson
import pytest
from translating import CLIENTS, UPSTREAMS, cut_events, make_frame, read_stream, write_stream, write_upstream

from quart_proxy.core.chat import (
    Chat,
    ChatAnswer,
    Document,
    Image,
    Message,
    Role,
    Source,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolKind,
    ToolMode,
    ToolResult,
)
from quart_proxy.core.chat_events import collect_answer
from quart_proxy.core.errors import Untranslatable
from quart_proxy.core.usage import Usage

SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}}
LONG = "mcp__a_server_with_a_name_of_some_length__a_tool_that_is_called_at_even_greater_length_still"
TOOLS = (
    Tool("weather", "tools[0]", description="The weather.", schema=SCHEMA),
    Tool(LONG, "tools[1]", schema=SCHEMA),
    Tool("read", "tools[2]", schema=SCHEMA, namespace="files"),
    Tool("patch", "tools[3]", ToolKind.CUSTOM, "Patches.", grammar={"syntax": "lark", "definition": "start: x"}),
)
CALLS = (
    ToolCall("call_1", "weather", '{"at":"x"}'),
    ToolCall("call_2", LONG, '{"at":"y"}'),
    ToolCall("call_3", "read", "{}", namespace="files"),
    ToolCall("call_4", "patch", '*** "Begin"\n+ä', kind=ToolKind.CUSTOM),
)
ASKED = Message(Role.USER, (Text("Go.", "messages[0]"),), "messages[0]")
PNG = Source(base64="iVBORw0KGgo=", media_type="image/png")
PDF = Source(base64="JVBERi0xLjQ=", media_type="application/pdf")


def say(upstream: str, chat: Chat) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(
        orjson.dumps(UPSTREAMS[upstream].render_chat(chat, actual_model="theirs", max_tokens_default=5))
    )
    return body


def list_names(upstream: str, body: dict[str, Any]) -> list[str]:
    """What a provider is told that the tools are called."""
    match upstream:
        case "openai":
            return [tool["function"]["name"] for tool in body["tools"]]
        case "gemini":
            return [tool["name"] for tool in body["tools"][0]["functionDeclarations"]]
    return [tool["name"] for tool in body["tools"]]


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS.keys() - {"openai_responses"}))
def test_calls_come_back_under_the_clients_own_names(upstream: str) -> None:
    """The provider calls functions by the names that it was told; a custom tool's text is in an object then."""
    frame = make_frame(Chat(messages=(ASKED,), tools=TOOLS, is_streaming=True))
    names = list_names(upstream, say(upstream, frame.chat))
    assert len(set(names)) == len(TOOLS)
    made = [
        replace(
            call,
            name=name,
            namespace=None,
            kind=ToolKind.FUNCTION,
            arguments=json.dumps({"input": call.arguments}) if call.kind is ToolKind.CUSTOM else call.arguments,
        )
        for call, name in zip(CALLS, names, strict=True)
    ]
    body = write_upstream(upstream, ChatAnswer(tuple(made), Stop.TOOL_CALLS), Usage({}), make_frame())
    events, _, _ = read_stream(upstream, body, frame)
    assert collect_answer(events) == ChatAnswer(CALLS, Stop.TOOL_CALLS)
    items = [json.loads(event.data) for event in cut_events(write_stream("openai_responses", events, None, frame))]
    custom = items[-1]["response"]["output"][-1]
    assert (custom["type"], custom["input"]) == ("custom_tool_call", CALLS[3].arguments)


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
def test_a_turn_of_tools_is_said_to_every_provider_with_its_pictures_and_files(upstream: str) -> None:
    results = Message(
        Role.USER,
        (
            ToolResult("call_1", (Text("Sunny."), Image(PNG, "r[0]")), "r"),
            ToolResult("call_2", (Document(Source(text="Words of a file."), "r[1]", title="notes.txt"),), "r"),
            ToolResult("call_3", (Text("No such file."),), "r", is_error=True),
            ToolResult("call_4", (), "r"),
            Text("And now?"),
        ),
        "messages[2]",
    )
    chat = Chat(messages=(ASKED, Message(Role.ASSISTANT, CALLS, "messages[1]"), results), tools=TOOLS)
    body = json.dumps(say(upstream, chat), ensure_ascii=False)
    for words in ("iVBORw0KGgo=", "Sunny.", "Words of a file.", "No such file.", "And now?"):
        assert body.count(words) == 1
    assert all(f"call_{number}" in body for number in (1, 2, 3, 4))


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
def test_documents_and_later_words_of_the_operator_reach_every_provider(upstream: str) -> None:
    chat = Chat(
        messages=(
            Message(Role.USER, (Text("Read."), Document(PDF, "messages[0].content[1]", title="a.pdf")), "messages[0]"),
            Message(Role.ASSISTANT, (Text("I did."),), "messages[1]"),
            Message(Role.SYSTEM, (Text("Be brief."),), "messages[2]"),
            Message(Role.USER, (Text("And?"),), "messages[3]"),
        ),
        system=(Text("You are kind."),),
    )
    body = json.dumps(say(upstream, chat))
    for words in ("JVBERi0xLjQ=", "I did.", "Be brief.", "You are kind.", "And?"):
        assert body.count(words) == 1


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
@pytest.mark.parametrize("mode", ToolMode)
def test_every_choice_among_tools_can_be_said(upstream: str, mode: ToolMode) -> None:
    choice = ToolChoice(mode, "tool_choice", *((LONG,) if mode is ToolMode.ONE else ()))
    body = say(upstream, Chat(messages=(ASKED,), tools=TOOLS, tool_choice=choice))
    if mode is ToolMode.ONE:
        name = list_names(upstream, body)[1] if upstream != "openai_responses" else body["tools"][1]["name"]
        assert json.dumps(body).count(json.dumps(name)) == 2


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
def test_a_tool_of_another_provider_is_left_out_or_refused_by_its_place(upstream: str) -> None:
    hosted = Tool("web_search", "tools[4]", ToolKind.HOSTED)
    offered = say(upstream, Chat(messages=(ASKED,), tools=(*TOOLS, hosted)))
    assert offered == say(upstream, Chat(messages=(ASKED,), tools=TOOLS))
    with pytest.raises(Untranslatable) as refused:
        say(upstream, Chat(messages=(ASKED,), tools=(hosted,)))
    assert refused.value.param == "tools[4]"


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
def test_thinking_that_nobody_sealed_harms_no_request(upstream: str) -> None:
    history = Message(Role.ASSISTANT, (Thinking("Hm."), Text("Hello.")), "messages[1]")
    body = json.dumps(say(upstream, Chat(messages=(ASKED, history, ASKED))))
    assert body.count("Hello.") == 1


@pytest.mark.parametrize("client", sorted(CLIENTS.keys() - {"openai_completions"}))
def test_a_call_whose_arguments_broke_off_is_told_as_it_is(client: str) -> None:
    broken = '{"at":"x'
    answer = ChatAnswer((ToolCall("call_1", "weather", broken),), Stop.LENGTH)
    assert json.dumps(broken) in json.dumps(CLIENTS[client].render_answer(answer, None, make_frame()))
