"""Anthropic's Messages as a conversation: what clients say, what providers are asked, and answers both ways."""

import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anthropic.types
import orjson
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.core.chat import (
    Audio,
    Chat,
    ChatAnswer,
    ChatFrame,
    Citation,
    Document,
    Image,
    Message,
    OutputShape,
    Reasoning,
    Refusal,
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
from quart_proxy.core.chat_events import collect_answer, list_events
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats import FORMATS
from quart_proxy.core.seals import Seal
from quart_proxy.core.sse import SseParser
from quart_proxy.core.usage import Dimension, Usage

ANTHROPIC = FORMATS["anthropic"]
MODEL = "claude-sonnet-4-5"
ADAPTIVE = "claude-opus-4-8"
HELLO: dict[str, Any] = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}]}
USER = Message(Role.USER, (Text("Hi", "messages[0].content"),), "messages[0]")
CALL = ToolCall("toolu_1", "look", '{"at":"x"}')
LOOK = Tool("look", "tools[0]", description="Look.", schema={"type": "object", "properties": {"at": {}}})
USAGE = Usage(
    {
        Dimension.INPUT: 10,
        Dimension.CACHED_INPUT: 20,
        Dimension.CACHE_WRITE: 3,
        Dimension.CACHE_WRITE_1H: 4,
        Dimension.OUTPUT: 50,
    },
    reasoning=7,
)
REQUEST = pydantic.TypeAdapter(anthropic.types.message_create_params.MessageCreateParams)
EVENT = pydantic.TypeAdapter(anthropic.types.RawMessageStreamEvent)


def parse(**body: Any) -> Chat:
    assert ANTHROPIC.client_chat is not None
    return ANTHROPIC.client_chat.parse_chat({**HELLO, **body})


def parse_user(*blocks: dict[str, Any], role: str = "user") -> tuple[Any, ...]:
    chat = parse(messages=[{"role": "user", "content": "a"}, {"role": role, "content": list(blocks)}])
    return chat.messages[1].parts


def render(chat: Chat, model: str = MODEL, max_tokens_default: int = 4096) -> dict[str, Any]:
    assert ANTHROPIC.upstream_chat is not None
    body = ANTHROPIC.upstream_chat.render_chat(chat, actual_model=model, max_tokens_default=max_tokens_default)
    REQUEST.validate_python(orjson.loads(orjson.dumps(body)))
    return body


def say(*messages: Message, **members: Any) -> Chat:
    return Chat(messages=messages or (USER,), **members)


def user(*parts: Any) -> Message:
    return Message(Role.USER, parts)


def assistant(*parts: Any) -> Message:
    return Message(Role.ASSISTANT, parts)


def frame(**members: Any) -> ChatFrame:
    return ChatFrame(chat=say(**members), model="their-name", request_id="abc123", created_s=1)


def read_whole(content: list[Any], chat_frame: ChatFrame | None = None, **fields: Any) -> ChatAnswer:
    assert ANTHROPIC.upstream_chat is not None
    return ANTHROPIC.upstream_chat.parse_answer({"content": content, **fields}, chat_frame or frame())


def render_whole(answer: ChatAnswer, usage: Usage | None = USAGE) -> dict[str, Any]:
    assert ANTHROPIC.client_chat is not None
    document = ANTHROPIC.client_chat.render_answer(answer, usage, frame())
    anthropic.types.Message.model_validate(document)
    return document


def write_stream(answer: ChatAnswer, usage: Usage | None = USAGE) -> bytes:
    assert ANTHROPIC.client_chat is not None
    writer = ANTHROPIC.client_chat.open_writer(frame())
    body = writer.begin(Usage({Dimension.INPUT: 10}))
    body += b"".join(writer.write(event) for event in list_events(answer))
    return body + b"".join(writer.end(usage))


def read_stream(stream: bytes, chat_frame: ChatFrame | None = None) -> ChatAnswer:
    assert ANTHROPIC.upstream_chat is not None
    reader = ANTHROPIC.upstream_chat.open_reader(chat_frame or frame())
    events = [said for event in SseParser().feed(stream) for said in reader.read(event)]
    return collect_answer([*events, *reader.end()])


def list_written(stream: bytes) -> list[dict[str, Any]]:
    written = []
    for event in SseParser().feed(stream):
        document = orjson.loads(event.data)
        assert document["type"] == event.name
        EVENT.validate_python(document)
        written.append(document)
    return written


def encode(*documents: dict[str, Any]) -> bytes:
    return b"".join(b"event: %s\ndata: %s\n\n" % (d["type"].encode(), orjson.dumps(d)) for d in documents)


# --- A client's request -------------------------------------------------------------------------------


def test_request_with_a_text_is_one_user_message() -> None:
    chat = parse(stream=True, temperature=0.5, top_p=0.9, top_k=4, stop_sequences=["END"], metadata={"user_id": "u"})
    assert chat.messages == (USER,)
    assert (chat.max_tokens, chat.temperature, chat.top_p, chat.top_k) == (100, 0.5, 0.9, 4)
    assert (chat.stop, chat.user, chat.is_streaming) == (("END",), "u", True)
    assert chat.where("stop") == "stop_sequences"


def test_system_text_and_blocks_and_a_leading_system_message_are_the_system() -> None:
    assert parse(system="Be brief.").system == (Text("Be brief.", "system"),)
    marked = {"type": "text", "text": "A", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    first = {"role": "system", "content": "B"}
    chat = parse(system=[marked], messages=[first, *HELLO["messages"]])
    assert chat.system == (Text("A", "system[0]", "1h"), Text("B", "messages[0].content"))
    assert [message.role for message in chat.messages] == [Role.USER]


def test_system_message_in_the_midst_stays_there() -> None:
    note = {"role": "system", "content": [{"type": "text", "text": "N", "cache_control": {"type": "ephemeral"}}]}
    chat = parse(messages=[*HELLO["messages"], note])
    assert chat.messages[1] == Message(Role.SYSTEM, (Text("N", "messages[1].content[0]", "5m"),), "messages[1]")


AT = "messages[1].content[0]"


@pytest.mark.parametrize(
    ("block", "part"),
    [
        ({"type": "text", "text": "T", "citations": []}, Text("T", AT)),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}},
            Image(Source(url="https://x/y.png"), AT),
        ),
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBO"}},
            Image(Source(base64="iVBO", media_type="image/png"), AT),
        ),
        ({"type": "image", "source": {"type": "file", "file_id": "file_1"}}, Image(Source(file_id="file_1"), AT)),
        (
            {
                "type": "document",
                "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBE"},
                "title": "Report",
                "citations": {"enabled": True},
            },
            Document(Source(base64="JVBE", media_type="application/pdf"), AT, "Report", True),
        ),
        (
            {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}},
            Document(Source(url="https://x/y.pdf"), AT),
        ),
        (
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Words"}},
            Document(Source(text="Words", media_type="text/plain"), AT),
        ),
        (
            {"type": "search_result", "source": "https://x", "title": "X", "content": [{"type": "text", "text": "F"}]},
            Document(Source(text="F", media_type="text/plain"), AT, "X (https://x)"),
        ),
        (
            {"type": "tool_result", "tool_use_id": "t1", "content": "ok", "is_error": True},
            ToolResult("t1", (Text("ok", f"{AT}.content"),), AT, True),
        ),
        ({"type": "tool_result", "tool_use_id": "t1"}, ToolResult("t1", (), AT)),
        (
            {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "tool_reference", "tool_name": "Web"}]},
            ToolResult("t1", (Text("Found the tool `Web`.", f"{AT}.content[0]"),), AT),
        ),
    ],
)
def test_block_of_a_user_becomes_a_part(block: dict[str, Any], part: Any) -> None:
    assert parse_user(block) == (part,)


def test_document_of_blocks_is_its_texts_and_then_its_images() -> None:
    image = {"type": "image", "source": {"type": "url", "url": "u"}}
    source = {"type": "content", "content": [{"type": "text", "text": "A"}, image, {"type": "text", "text": "B"}]}
    parts = parse_user({"type": "document", "source": source, "context": "From the archive."})
    assert [type(part) for part in parts] == [Text, Document, Image]
    assert parts[1].source.text == "A\n\nB"


@pytest.mark.parametrize(
    ("block", "part"),
    [
        (
            {"type": "thinking", "thinking": "Hm", "signature": "sig"},
            Thinking("Hm", AT, Seal("anthropic", "sig")),
        ),
        ({"type": "redacted_thinking", "data": "enc"}, Thinking("", AT, Seal("anthropic", "enc", "redacted"))),
        (
            {"type": "thinking", "thinking": "Hm", "signature": "qpseal1.gemini.signature.xyz"},
            Thinking("Hm", AT, Seal("gemini", "xyz")),
        ),
        (
            {"type": "redacted_thinking", "data": "qpseal1.openai_responses.reasoning.xyz"},
            Thinking("", AT, Seal("openai_responses", "xyz", "reasoning")),
        ),
        ({"type": "thinking", "thinking": "Hm", "signature": "qpseal1.none.signature."}, Thinking("Hm", AT)),
        (
            # As DeepSeek thinks: without data, and wants it back.
            {"type": "thinking", "thinking": "Hm", "signature": "qpseal1.openai.content."},
            Thinking("Hm", AT, Seal("openai", "", "content")),
        ),
        (
            {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "x"}},
            ToolCall("t1", "look", '{"at":"x"}', AT),
        ),
        ({"type": "compaction", "content": "In short."}, Text("In short.", AT)),
    ],
)
def test_block_of_an_assistant_becomes_a_part(block: dict[str, Any], part: Any) -> None:
    assert parse_user(block, role="assistant") == (part,)


def test_what_anthropics_own_tools_did_is_left_out() -> None:
    used = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    found = {"type": "web_search_tool_result", "tool_use_id": "s", "content": []}
    assert parse_user(used, found, {"type": "text", "text": "So."}, role="assistant") == (
        Text("So.", "messages[1].content[2]"),
    )


def test_tools_are_functions_and_typed_ones_are_run_by_the_provider() -> None:
    schema = {"type": "object", "properties": {}}
    chat = parse(
        tools=[
            {"name": "look", "description": "Look.", "input_schema": schema, "strict": True, "defer_loading": True},
            {"type": "custom", "name": "go", "input_schema": schema, "cache_control": {"type": "ephemeral"}},
            {"type": "web_search_20250305", "name": "web_search", "max_uses": 3},
        ]
    )
    assert chat.tools == (
        Tool("look", "tools[0]", description="Look.", schema=schema, strict=True),
        Tool("go", "tools[1]", schema=schema, cache_ttl="5m"),
        Tool("web_search", "tools[2]", ToolKind.HOSTED),
    )


def test_tool_defined_in_the_midst_of_the_conversation_is_offered() -> None:
    definition = {"name": "late", "input_schema": {"type": "object"}}
    block = {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": definition}}
    chat = parse(messages=[*HELLO["messages"], {"role": "system", "content": [block]}])
    assert [tool.name for tool in chat.tools] == ["late"]
    assert chat.messages[1].parts == ()


@pytest.mark.parametrize(
    ("choice", "mode", "name", "parallel"),
    [
        ({"type": "auto"}, ToolMode.AUTO, None, None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolMode.REQUIRED, None, False),
        ({"type": "tool", "name": "look"}, ToolMode.ONE, "look", None),
        ({"type": "none"}, ToolMode.NONE, None, None),
    ],
)
def test_tool_choice_is_understood(choice: dict[str, Any], mode: ToolMode, name: str | None, parallel: Any) -> None:
    chat = parse(tool_choice=choice)
    assert chat.tool_choice == ToolChoice(mode, "tool_choice", name)
    assert chat.parallel_tool_calls is parallel


@pytest.mark.parametrize(
    ("body", "reasoning"),
    [
        ({}, None),
        (
            {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"}},
            Reasoning("thinking", None, 2048, is_shown=False),
        ),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, Reasoning("thinking", "high")),
        ({"thinking": {"type": "disabled"}, "output_config": {"effort": "low"}}, Reasoning("thinking", "none")),
        ({"output_config": {"effort": "max"}}, Reasoning("output_config.effort", "max")),
    ],
)
def test_thinking_is_understood(body: dict[str, Any], reasoning: Reasoning | None) -> None:
    assert parse(**body).reasoning == reasoning


@pytest.mark.parametrize("body", [{"output_config": {"format": "F"}}, {"output_format": "F"}])
def test_output_format_is_a_schema_under_its_new_and_its_old_name(body: dict[str, Any]) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object"}}
    filled = orjson.loads(orjson.dumps(body).replace(b'"F"', orjson.dumps(wanted)))
    output = parse(**filled).output
    assert output is not None
    assert output.schema == {"type": "object"}
    assert output.at in ("output_config.format", "output_format")


@pytest.mark.parametrize(
    "hint",
    [
        {"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}},
        {"cache_control": {"type": "ephemeral"}},
        {"service_tier": "standard_only"},
        {"mcp_servers": []},
        {"container": None},
        {"speed": "fast"},
    ],
)
def test_hint_and_empty_field_pass(hint: dict[str, Any]) -> None:
    assert parse(**hint).messages == (USER,)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"mcp_servers": [{"type": "url", "url": "https://x", "name": "x"}]}, "mcp_servers"),
        ({"container": "c1"}, "container"),
        ({"inference_geo": "us"}, "inference_geo"),
        ({"logit_bias": {"1": 2}}, "logit_bias"),
        ({"max_tokens": 0}, "max_tokens"),
        (
            {"messages": [{"role": "user", "content": [{"type": "container_upload", "file_id": "f"}]}]},
            "messages[0].content[0]",
        ),
    ],
)
def test_what_anthropic_alone_understands_is_refused_by_name(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        parse(**body)
    assert caught.value.param == param
    assert f"`{param}`" in caught.value.message


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_tokens": None}, "max_tokens"),
        ({"max_tokens": "9"}, "max_tokens"),
        ({"temperature": 2}, "temperature"),
        ({"top_p": True}, "top_p"),
        ({"top_k": -1}, "top_k"),
        ({"stop_sequences": [1]}, "stop_sequences"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        ({"system": [{"type": "image", "source": {"type": "url", "url": "u"}}]}, "system[0]"),
        ({"tools": [{"name": "x"}]}, "tools[0].input_schema"),
        ({"tools": {"name": "x"}}, "tools"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice.type"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"thinking": {"type": "loud"}}, "thinking.type"),
        ({"output_config": {"effort": "huge"}}, "output_config.effort"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"metadata": {"user_id": 7}}, "metadata.user_id"),
    ],
)
def test_malformed_field_is_refused_with_its_place(body: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(**body)
    assert caught.value.param == param


# --- What a provider is asked -------------------------------------------------------------------------


def test_chat_becomes_a_request_with_a_limit() -> None:
    body = render(say(system=(Text("Be brief."),), is_streaming=True, user="u1", service_tier="default"))
    assert body == {
        "model": MODEL,
        "max_tokens": 4096,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}],
        "system": [{"type": "text", "text": "Be brief."}],
        "service_tier": "standard_only",
        "metadata": {"user_id": "u1"},
        "stream": True,
    }
    assert render(say(max_tokens=50))["max_tokens"] == 50
    assert "metadata" not in render(say(user="u" * 257))


def test_neighbours_of_one_role_become_one_message_and_empty_texts_none() -> None:
    messages = (USER, user(Text(" "), Text("B")), assistant(Text("C")), assistant(Refusal("No.")), user(Text("D")))
    turns = render(say(*messages))["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert [block["text"] for block in turns[0]["content"]] == ["Hi", "B"]
    assert [block["text"] for block in turns[1]["content"]] == ["C", "No."]


def test_operator_in_the_midst_speaks_in_the_users_turn_in_tags() -> None:
    turns = render(say(USER, Message(Role.SYSTEM, (Text("New rule."),)), assistant(Text("Ok"))))["messages"]
    assert turns[0]["content"][1] == {"type": "text", "text": "<system>\nNew rule.\n</system>"}


@pytest.mark.parametrize("messages", [(assistant(Text("Hello")), USER), (Message(Role.USER, ()),)])
def test_conversation_without_a_user_at_its_head_gets_one(messages: tuple[Message, ...]) -> None:
    turns = render(say(*messages))["messages"]
    assert turns[0] == {"role": "user", "content": [{"type": "text", "text": "Begin."}]}


def test_beginning_of_the_answer_does_not_end_in_white_space() -> None:
    turns = render(say(USER, assistant(Text("The answer is: \n"))))["messages"]
    assert turns[-1]["content"] == [{"type": "text", "text": "The answer is:"}]


def test_results_stand_first_right_behind_their_calls_in_the_calls_order() -> None:
    second = replace(CALL, id="toolu_2")
    messages = (
        USER,
        assistant(Text("Looking."), CALL),
        assistant(second),
        user(Text("Wait.")),
        assistant(Text("Hm.")),
        user(ToolResult("toolu_2", (Text("two"),), is_error=True)),
        user(ToolResult("toolu_1", (Text("one"),))),
        user(Text("And?")),
    )
    turns = render(say(*messages, tools=(LOOK,)))["messages"]
    assert [block["type"] for block in turns[1]["content"]] == ["text", "tool_use", "tool_use"]
    assert turns[1]["content"][1] == {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"at": "x"}}
    one, two = ({"type": "text", "text": text} for text in ("one", "two"))
    assert turns[2]["content"] == [
        {"type": "tool_result", "tool_use_id": "toolu_1", "content": [one]},
        {
            "type": "tool_result",
            "tool_use_id": "toolu_2",
            "content": [two],
            "is_error": True,
        },
        {"type": "text", "text": "Wait."},
    ]
    assert [block["text"] for block in turns[4]["content"]] == ["And?"]


def test_id_that_a_client_uses_again_belongs_to_each_turn() -> None:
    messages = (
        USER,
        assistant(CALL),
        user(ToolResult("toolu_1", (Text("one"),))),
        assistant(CALL),
        user(ToolResult("toolu_1", (Text("one"),))),
    )
    turns = render(say(*messages, tools=(LOOK,)))["messages"]
    assert [turn["role"] for turn in turns] == ["user", "assistant", "user", "assistant", "user"]
    assert [len(turn["content"]) for turn in turns] == [1, 1, 1, 1, 1]


def test_client_that_names_a_cache_gets_one() -> None:
    chat = say(USER, user(Text("B")), system=(Text("S1"), Text("S2")), cache_key="k")
    marked = render(chat)
    assert [block.get("cache_control") for block in marked["system"]] == [None, {"type": "ephemeral"}]
    assert [block.get("cache_control") for block in marked["messages"][0]["content"]] == [None, {"type": "ephemeral"}]
    own = render(replace(chat, system=(Text("S1", cache_ttl="1h"),)))
    assert "cache_control" not in own["messages"][0]["content"][1]


def test_result_with_an_image_keeps_it() -> None:
    image = Image(Source(base64="iVBORw0KGgoAAA"))
    turns = render(say(USER, assistant(CALL), user(ToolResult("toolu_1", (image,))), tools=(LOOK,)))["messages"]
    (block,) = turns[2]["content"][0]["content"]
    assert block["source"] == {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgoAAA"}


def test_call_id_and_name_of_other_providers_are_made_to_fit() -> None:
    call = ToolCall("call:1/α", "do.it", "", namespace="srv")
    body = render(
        say(USER, assistant(call), user(ToolResult(call.id, ())), tools=(Tool("do.it", "t", namespace="srv"),))
    )
    used, result = body["messages"][1]["content"][0], body["messages"][2]["content"][0]
    assert used["id"] == result["tool_use_id"]
    assert used["name"] == body["tools"][0]["name"]
    assert used["name"].startswith("srv__do_it_")


def test_tools_are_left_as_they_were_called_when_none_is_offered() -> None:
    body = render(say(USER, assistant(CALL), user(ToolResult("toolu_1", ()))))
    assert body["tools"] == [{"name": "look", "input_schema": {"type": "object"}}]
    assert body["tool_choice"] == {"type": "none"}


def test_custom_tool_is_a_function_of_one_text() -> None:
    tool = Tool("patch", "tools[0]", ToolKind.CUSTOM, "Patch.", grammar={"syntax": "lark", "definition": "start: X"})
    call = ToolCall("c1", "patch", "*** Begin", kind=ToolKind.CUSTOM)
    body = render(say(USER, assistant(call), user(ToolResult("c1", ())), tools=(tool,)))
    assert body["tools"][0]["input_schema"]["required"] == ["input"]
    assert "start: X" in body["tools"][0]["description"]
    assert body["messages"][1]["content"][0]["input"] == {"input": "*** Begin"}


@pytest.mark.parametrize(
    ("choice", "parallel", "rendered"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (ToolChoice(ToolMode.AUTO, "t"), None, {"type": "auto"}),
        (ToolChoice(ToolMode.REQUIRED, "t"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice(ToolMode.ONE, "t", "look"), None, {"type": "tool", "name": "look"}),
        (ToolChoice(ToolMode.NONE, "t"), False, {"type": "none"}),
    ],
)
def test_tool_choice_is_said(choice: ToolChoice | None, parallel: bool | None, rendered: Any) -> None:
    body = render(say(tools=(LOOK,), tool_choice=choice, parallel_tool_calls=parallel))
    assert body.get("tool_choice") == rendered
    assert "tool_choice" not in render(say(tool_choice=ToolChoice(ToolMode.AUTO, "t"), parallel_tool_calls=False))


def test_tool_run_by_another_provider_is_left_out_beside_others_and_refused_alone() -> None:
    search = Tool("web_search", "tools[1]", ToolKind.HOSTED)
    assert [tool["name"] for tool in render(say(tools=(LOOK, search)))["tools"]] == ["look"]
    with pytest.raises(Untranslatable) as caught:
        render(say(tools=(search,)))
    assert caught.value.param == "tools[1]"


def test_strict_tool_and_output_get_schemas_that_can_be_held_to() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "n": {"type": "integer", "minimum": 1, "description": "How many."},
            "tags": {"type": "array", "items": {"type": "object", "properties": {}}, "minItems": 1},
            "when": {"oneOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "moon"}]},
        },
        "required": ["n"],
    }
    closed = {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": 'How many.\n\n{"minimum":1}'},
            "tags": {
                "type": "array",
                "items": {"type": "object", "properties": {}, "additionalProperties": False},
                "minItems": 1,
            },
            "when": {
                "anyOf": [
                    {"type": "string", "format": "date"},
                    {"type": "string", "description": '{"format":"moon"}'},
                ]
            },
        },
        "required": ["n"],
        "additionalProperties": False,
    }
    tool = Tool("t", "tools[0]", schema=schema, strict=True)
    body = render(say(tools=(tool,), output=OutputShape("response_format", schema)))
    assert body["tools"][0]["input_schema"] == closed
    assert body["tools"][0]["strict"] is True
    assert body["output_config"] == {"format": {"type": "json_schema", "schema": closed}}


def test_any_json_object_is_asked_for_in_words() -> None:
    body = render(say(output=OutputShape("response_format")))
    assert "output_config" not in body
    assert "JSON object" in body["system"][0]["text"]


@pytest.mark.parametrize(
    ("model", "reasoning", "max_tokens", "expected"),
    [
        (MODEL, Reasoning("r", "high"), None, {"budget_tokens": 24576, "max_tokens": 28672}),
        (MODEL, Reasoning("r", None, 100), None, {"budget_tokens": 1024, "max_tokens": 5120}),
        (MODEL, Reasoning("r"), None, {"budget_tokens": 8192, "max_tokens": 12288}),
        (MODEL, Reasoning("r", "high"), 8000, {"budget_tokens": 6000, "max_tokens": 8000}),
        (MODEL, Reasoning("r", None, 7999), 8000, {"budget_tokens": 7999, "max_tokens": 8000}),
        (MODEL, Reasoning("r", None, 9000), 8000, {"budget_tokens": 7999, "max_tokens": 8000}),
        (MODEL, Reasoning("r", "high"), 1000, {"max_tokens": 1000}),
        (MODEL, Reasoning("r", "none"), None, {"max_tokens": 4096}),
        ("claude-3-7-sonnet-20250219", Reasoning("r", "low"), None, {"budget_tokens": 2048, "max_tokens": 6144}),
        ("claude-sonnet-4-20250514", Reasoning("r", "low"), None, {"budget_tokens": 2048, "max_tokens": 6144}),
        ("deepseek-chat", Reasoning("r", "low"), None, {"budget_tokens": 2048, "max_tokens": 6144}),
        (ADAPTIVE, Reasoning("r", "xhigh"), 500, {"type": "adaptive", "effort": "xhigh", "max_tokens": 500}),
        (ADAPTIVE, Reasoning("r", "minimal"), None, {"type": "adaptive", "effort": "low", "max_tokens": 4096}),
        (ADAPTIVE, Reasoning("r", None, 9000), None, {"type": "adaptive", "effort": "medium", "max_tokens": 4096}),
        (ADAPTIVE, Reasoning("r"), None, {"type": "adaptive", "effort": None, "max_tokens": 4096}),
        (ADAPTIVE, Reasoning("r", "none"), None, {"max_tokens": 4096}),
        (
            "eu.anthropic.claude-opus-4-6-v1:0",
            Reasoning("r", "xhigh"),
            None,
            {"type": "adaptive", "effort": "high", "max_tokens": 4096},
        ),
        ("claude-sonnet-5", Reasoning("r", "none"), None, {"type": "disabled", "max_tokens": 4096}),
    ],
)
def test_thinking_is_said_as_the_model_takes_it(
    model: str, reasoning: Reasoning, max_tokens: int | None, expected: dict[str, Any]
) -> None:
    body = render(say(reasoning=reasoning, max_tokens=max_tokens), model)
    thinking = body.get("thinking", {})
    said = {
        "type": thinking.get("type"),
        "budget_tokens": thinking.get("budget_tokens"),
        "effort": body.get("output_config", {}).get("effort"),
        "max_tokens": body["max_tokens"],
    }
    wanted = {"type": None, "budget_tokens": None, "effort": None, **expected}
    if wanted["budget_tokens"]:
        wanted["type"] = "enabled"
    assert said == wanted


def test_thinking_that_nobody_reads_is_not_sent() -> None:
    shown, hidden = (
        render(say(reasoning=Reasoning("r", "high", is_shown=is_shown)), ADAPTIVE)["thinking"]["display"]
        for is_shown in (True, False)
    )
    assert (shown, hidden) == ("summarized", "omitted")


@pytest.mark.parametrize("model", [MODEL, ADAPTIVE])
def test_tool_that_must_be_called_leaves_no_room_for_thinking(model: str) -> None:
    choice = ToolChoice(ToolMode.REQUIRED, "tool_choice")
    body = render(say(tools=(LOOK,), tool_choice=choice, reasoning=Reasoning("r", "high")), model)
    assert "thinking" not in body


def test_turn_begun_without_thinking_of_its_own_is_ended_without() -> None:
    reasoning = Reasoning("r", "high")
    foreign = Thinking("Hm", seal=Seal("gemini", "x"))
    begun = say(USER, assistant(foreign, CALL), user(ToolResult("toolu_1", ())), tools=(LOOK,), reasoning=reasoning)
    assert "thinking" not in render(begun)
    assert render(begun, ADAPTIVE)["thinking"]["type"] == "adaptive"
    own = Thinking("Hm", seal=Seal("anthropic", "sig"))
    begun = say(
        USER, assistant(own), assistant(CALL), user(ToolResult("toolu_1", ())), tools=(LOOK,), reasoning=reasoning
    )
    assert render(begun)["thinking"]["type"] == "enabled"


def test_thinking_is_sent_back_to_whom_sealed_it_alone() -> None:
    parts = (
        Thinking("A", seal=Seal("anthropic", "sig")),
        Thinking("", seal=Seal("anthropic", "enc", "redacted")),
        Thinking("B", seal=Seal("gemini", "x")),
        Thinking("C"),
        Text("So."),
    )
    assert render(say(USER, assistant(*parts), USER))["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "A", "signature": "sig"},
        {"type": "redacted_thinking", "data": "enc"},
        {"type": "text", "text": "So."},
    ]


def test_documents_and_images_are_said_as_blocks() -> None:
    encoded = base64.b64encode("Grüße".encode()).decode()
    message = user(
        Document(Source(base64="JVBE"), title="R", wants_citations=True, cache_ttl="1h"),
        Document(Source(base64=encoded, media_type="text/markdown")),
        Document(Source(url="https://x/y.pdf")),
        Document(Source(text="Words")),
        Image(Source(url="https://x/y.png"), cache_ttl="5m"),
    )
    pdf, markdown, linked, text, image = render(say(message))["messages"][0]["content"]
    assert pdf["source"] == {"type": "base64", "media_type": "application/pdf", "data": "JVBE"}
    assert (pdf["title"], pdf["citations"]) == ("R", {"enabled": True})
    assert pdf["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert markdown["source"] == {"type": "text", "media_type": "text/plain", "data": "Grüße"}
    assert linked["source"] == {"type": "url", "url": "https://x/y.pdf"}
    assert text["source"]["data"] == "Words"
    assert image["cache_control"] == {"type": "ephemeral"}


@pytest.mark.parametrize(
    ("chat", "param"),
    [
        (say(seed=0), "seed"),
        (say(frequency_penalty=0.5), "frequency_penalty"),
        (say(presence_penalty=-1), "presence_penalty"),
        (say(temperature=1.5), "temperature"),
        (say(temperature=0.2, reasoning=Reasoning("r", "high")), "temperature"),
        (say(top_k=5, reasoning=Reasoning("r", "high")), "top_k"),
        (say(top_p=0.5, reasoning=Reasoning("r", "high")), "top_p"),
        (say(stop=("\n",), names={"stop": "stop_seqs"}), "stop_seqs"),
        (say(user(Audio("AA", "wav", "messages[0].content[1]"))), "messages[0].content[1]"),
        (say(user(Image(Source(file_id="f"), "at.image"))), "at.image"),
        (say(user(Image(Source(base64="Qk0"), "at.image"))), "at.image"),
        (say(user(Document(Source(base64="AA", media_type="application/zip"), "at.document"))), "at.document"),
        (say(user(Document(Source(base64="/w==", media_type="text/plain"), "at.document"))), "at.document"),
        (say(USER, assistant(ToolCall("c", "look", "no json", "at.call"))), "at.call"),
    ],
)
def test_what_this_format_cannot_say_is_refused_by_the_clients_name(chat: Chat, param: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        render(chat)
    assert caught.value.param == param


def test_values_that_hold_anyway_are_not_said() -> None:
    body = render(say(temperature=1, top_p=1, frequency_penalty=0, presence_penalty=0))
    assert body.keys() == {"model", "messages", "max_tokens"}


def test_request_of_a_client_says_the_same_to_a_provider() -> None:
    body: dict[str, Any] = {
        "model": MODEL,
        "max_tokens": 3000,
        "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "Hm", "signature": "sig"},
                    {"type": "tool_use", "id": "t1", "name": "look", "input": {"at": "x"}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "is_error": True}]},
        ],
        "tools": [{"name": "look", "description": "L", "input_schema": {"type": "object"}}],
        "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
        "thinking": {"type": "enabled", "budget_tokens": 1500},
        "stop_sequences": ["X"],
        "metadata": {"user_id": "u"},
        "service_tier": "auto",
        "stream": True,
    }
    assert render(parse(**body)) == body


# --- Answers ------------------------------------------------------------------------------------------

ANSWER = ChatAnswer(
    (
        Thinking("Hm.", seal=Seal("anthropic", "sig")),
        Thinking("", seal=Seal("gemini", "xyz")),
        Text("Sunny.", citations=(Citation("https://w", "W", "sun"),)),
        ToolCall("toolu_1", "look", '{"at":"x"}'),
    ),
    Stop.TOOL_CALLS,
)


def test_answer_is_a_message_that_the_sdk_takes() -> None:
    document = render_whole(ANSWER)
    assert (document["id"], document["model"], document["stop_reason"]) == ("msg_abc123", "their-name", "tool_use")
    assert document["content"][1] == {"type": "redacted_thinking", "data": "qpseal1.gemini.signature.xyz"}
    assert document["usage"] == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 7,
        "cache_read_input_tokens": 20,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 7},
    }


def test_thinking_without_a_seal_still_has_a_signature_that_comes_back_as_none() -> None:
    (block,) = render_whole(ChatAnswer((Thinking("Hm"),)))["content"]
    assert block["signature"]
    assert parse_user(block, role="assistant") == (Thinking("Hm", AT),)


def test_arguments_that_broke_off_reach_the_client_as_invalid() -> None:
    (block,) = render_whole(ChatAnswer((ToolCall("t", "look", '{"at":'),), Stop.LENGTH))["content"]
    assert block["input"] == {"invalid_arguments": '{"at":'}


def test_call_id_that_anthropic_would_refuse_is_made_to_fit_and_stays_the_same() -> None:
    answer = ChatAnswer((ToolCall("functions.look:0", "look"),))
    (block,) = render_whole(answer)["content"]
    assert block["id"].replace("_", "").isalnum()
    (call,) = read_stream(write_stream(answer)).parts
    assert isinstance(call, ToolCall)
    assert call.id == block["id"]


def test_usage_that_was_not_told_is_zero() -> None:
    assert render_whole(ANSWER, None)["usage"] == {"input_tokens": 0, "output_tokens": 0}


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", Stop.END),
        ("max_tokens", Stop.LENGTH),
        ("stop_sequence", Stop.SEQUENCE),
        ("tool_use", Stop.TOOL_CALLS),
        ("refusal", Stop.REFUSED),
        ("pause_turn", Stop.PAUSED),
    ],
)
def test_stop_reason_is_known_both_ways(reason: str, stop: Stop) -> None:
    assert read_whole([], stop_reason=reason).stop is stop
    assert render_whole(ChatAnswer((), stop))["stop_reason"] == reason


@pytest.mark.parametrize(
    ("reason", "stop"), [("model_context_window_exceeded", Stop.LENGTH), ("new_one", Stop.END), (None, Stop.END)]
)
def test_other_stop_reason_is_understood(reason: str | None, stop: Stop) -> None:
    assert read_whole([], stop_reason=reason).stop is stop


def test_end_that_calls_a_tool_or_refuses_is_told_as_such() -> None:
    assert render_whole(ChatAnswer((CALL,)))["stop_reason"] == "tool_use"
    refused = render_whole(ChatAnswer((Refusal("I cannot."),)))
    assert refused["stop_reason"] == "refusal"
    assert refused["stop_details"]["type"] == "refusal"
    assert refused["content"] == [{"type": "text", "text": "I cannot."}]


def test_refusal_is_told_in_the_providers_words() -> None:
    details = {"type": "refusal", "category": "bio", "explanation": "Unsafe."}
    answer = read_whole([], stop_reason="refusal", stop_details=details)
    assert answer == ChatAnswer((Refusal("Unsafe."),), Stop.REFUSED)
    delta = {"stop_reason": "refusal", "stop_details": details}
    assert read_stream(encode({"type": "message_delta", "delta": delta})) == answer


def test_what_the_provider_did_itself_is_left_out_of_the_answer() -> None:
    content: list[Any] = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "hologram"},
        None,
        {"type": "text", "text": "So.", "citations": None},
    ]
    assert read_whole(content).parts == (Text("So."),)


@pytest.mark.parametrize(
    ("citation", "expected"),
    [
        (
            {"type": "web_search_result_location", "url": "u", "title": "T", "cited_text": "q", "encrypted_index": "e"},
            Citation("u", "T", "q"),
        ),
        (
            {"type": "char_location", "cited_text": "q", "document_title": "D", "document_index": 0},
            Citation(None, "D", "q"),
        ),
        (
            {"type": "search_result_location", "source": "u", "title": None, "cited_text": "q"},
            Citation("u", None, "q"),
        ),
    ],
)
def test_citation_is_kept(citation: dict[str, Any], expected: Citation) -> None:
    (part,) = read_whole([{"type": "text", "text": "T", "citations": [citation]}]).parts
    assert part == Text("T", citations=(expected,))


def test_call_of_a_custom_tool_comes_back_as_its_text() -> None:
    tool = Tool("patch", "t", ToolKind.CUSTOM)
    block = {"type": "tool_use", "id": "c", "name": "patch", "input": {"input": "*** Begin"}}
    (call,) = read_whole([block], frame(tools=(tool,))).parts
    assert call == ToolCall("c", "patch", "*** Begin", kind=ToolKind.CUSTOM)
    start = {"type": "content_block_start", "index": 0, "content_block": {**block, "input": {}}}
    delta = {"type": "input_json_delta", "partial_json": '{"input":"*** Begin"}'}
    stream = encode(start, {"type": "content_block_delta", "index": 0, "delta": delta})
    assert read_stream(stream, frame(tools=(tool,))).parts == (call,)


def test_call_gets_the_clients_own_name_back() -> None:
    tool = Tool("do.it", "t", namespace="srv")
    name = render(say(tools=(tool,)))["tools"][0]["name"]
    (call,) = read_whole([{"type": "tool_use", "name": name, "input": {}}], frame(tools=(tool,))).parts
    assert call == ToolCall("toolu_abc12301", "do.it", "", namespace="srv")


# --- Streams ------------------------------------------------------------------------------------------


def test_stream_has_the_order_that_the_sdk_wants() -> None:
    written = list_written(write_stream(ANSWER))
    assert [event["type"] for event in written] == [
        "message_start",
        *("content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
        "message_delta",
        "message_stop",
    ]
    assert [event["index"] for event in written if event["type"] == "content_block_start"] == [0, 1, 2, 3]
    assert written[0]["message"]["id"] == "msg_abc123"
    assert written[-2]["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert written[-2]["usage"]["cache_creation"]["ephemeral_1h_input_tokens"] == 4


def test_stream_of_nothing_is_complete() -> None:
    written = list_written(write_stream(ChatAnswer((Text(""), Thinking("")), Stop.LENGTH), None))
    assert [event["type"] for event in written] == ["message_start", "message_delta", "message_stop"]
    assert written[1]["usage"] == {"input_tokens": 0, "output_tokens": 0}


def test_written_usage_is_read_back_the_same() -> None:
    whole = ANTHROPIC.read_answer(orjson.dumps(render_whole(ANSWER))).reading.usage
    reader = ANTHROPIC.open_stream()
    for event in SseParser().feed(write_stream(ANSWER)):
        reader.read(event)
    assert whole == USAGE
    assert reader.reading().usage == USAGE


def test_stream_is_read_without_what_the_provider_did_itself() -> None:
    stream = encode(
        {"type": "message_start", "message": {"content": []}},
        {"type": "ping"},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "server_tool_use", "input": {}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "S"}},
        {"type": "content_block_delta", "index": 1, "delta": {"type": "text_delta", "text": "o."}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "stop_sequence", "stop_sequence": "."}},
        {"type": "message_stop"},
    )
    assert read_stream(stream) == ChatAnswer((Text("So."),), Stop.SEQUENCE, ".")


def test_arguments_given_at_the_start_count_when_none_follow() -> None:
    block = {"type": "tool_use", "id": "t", "name": "look", "input": {"at": "x"}}
    start = {"type": "content_block_start", "index": 0, "content_block": block}
    delta = {"type": "input_json_delta", "partial_json": '{"at":"y"}'}
    more = {"type": "content_block_delta", "index": 0, "delta": delta}
    stop = {"type": "content_block_stop", "index": 0}
    assert read_stream(encode(start, stop)).parts == (ToolCall("t", "look", '{"at":"x"}'),)
    assert read_stream(encode(start, more, stop)).parts == (ToolCall("t", "look", '{"at":"y"}'),)


def test_stream_that_ends_early_ends_its_parts() -> None:
    stream = encode(
        {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "signature_delta", "signature": "s"}},
    )
    assert read_stream(stream) == ChatAnswer((Thinking("Hm", seal=Seal("anthropic", "s")),))


@pytest.mark.parametrize(
    "data",
    [
        b"[]",
        b"nonsense",
        b'{"type":"content_block_start","index":[],"content_block":{"type":"text"}}',
        b'{"type":"content_block_start","index":0,"content_block":7}',
        b'{"type":"content_block_delta","index":{},"delta":{"type":"text_delta","text":"x"}}',
        b'{"type":"content_block_delta","index":0,"delta":[]}',
        b'{"type":"content_block_stop"}',
        b'{"type":"message_delta","delta":{"stop_reason":[]}}',
    ],
)
def test_event_that_makes_no_sense_says_nothing(data: bytes) -> None:
    assert read_stream(b"data: " + data + b"\n\n") == ChatAnswer(())


WORDS = st.text(min_size=1, max_size=20)
PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(Thinking, WORDS, seal=st.builds(Seal, st.just("anthropic"), WORDS)),
    st.builds(lambda name, value: ToolCall("toolu_x", name, orjson.dumps({"a": value}).decode()), WORDS, WORDS),
)
ANSWERS = st.builds(
    lambda parts, stop: ChatAnswer(tuple(parts), stop), st.lists(PARTS, max_size=4), st.sampled_from(list(Stop))
)


def as_told(answer: ChatAnswer) -> ChatAnswer:
    """A client is told of a call where there is one."""
    has_calls = any(isinstance(part, ToolCall) for part in answer.parts)
    return replace(answer, stop=Stop.TOOL_CALLS) if has_calls and answer.stop is Stop.END else answer


@settings(max_examples=60, deadline=None)
@given(ANSWERS)
def test_answer_is_read_back_as_it_was_written_whole_and_streamed(answer: ChatAnswer) -> None:
    document = render_whole(answer)
    assert read_whole(document["content"], stop_reason=document["stop_reason"]) == as_told(answer)
    assert read_stream(write_stream(answer)) == as_told(answer)


# --- What passes through ------------------------------------------------------------------------------


def passed(messages: list[Any], **fields: Any) -> dict[str, Any]:
    request = ANTHROPIC.parse_request(orjson.dumps({**HELLO, **fields, "messages": messages}))
    body: dict[str, Any] = orjson.loads(ANTHROPIC.render_request(request, actual_model="real", prompt=None))
    return body


TOKEN = {"type": "thinking", "thinking": "Hm", "signature": "qpseal1.gemini.signature.x"}
REDACTED = {"type": "redacted_thinking", "data": "qpseal1.none.signature."}
OWN = {"type": "thinking", "thinking": "Hm", "signature": "sig"}


def test_other_providers_thinking_is_kept_from_anthropic() -> None:
    said = {"type": "text", "text": "So."}
    body = passed(
        [
            {"role": "user", "content": "a"},
            {"role": "assistant", "content": [TOKEN, OWN, REDACTED, said]},
            {"role": "user", "content": "b"},
            {"role": "assistant", "content": [REDACTED]},
            {"role": "user", "content": [TOKEN]},
        ]
    )
    assert body["messages"] == [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [OWN, said]},
        {"role": "user", "content": "b"},
        {"role": "user", "content": [TOKEN]},
    ]


@pytest.mark.parametrize(
    ("first", "kind"), [((TOKEN,), "disabled"), ((TOKEN, OWN), "enabled"), ((REDACTED, OWN), "enabled")]
)
def test_turn_that_another_provider_began_passes_without_thinking(first: tuple[Any, ...], kind: str) -> None:
    call = {"type": "tool_use", "id": "t", "name": "look", "input": {}}
    messages = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [*first, call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t"}]},
    ]
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    body = passed(messages, thinking={"type": "enabled", "budget_tokens": 2000}, context_management=edits)
    assert body["thinking"]["type"] == kind
    assert body["context_management"] == (edits if kind == "enabled" else None)


# --- Recorded traffic ---------------------------------------------------------------------------------


def _list_recorded(exchange: dict[str, Any]) -> list[Any]:
    """Texts, thoughts and calls of a recorded answer, read by the SDK's own means."""
    if not exchange["stream"]:
        content = orjson.loads(exchange["response"]["body"])["content"]
    else:
        content = _accumulate(exchange["response"]["body"])
    found: list[Any] = []
    for block in content:
        if block["type"] in ("text", "thinking"):
            found.append(block[block["type"]])
        elif block["type"] == "tool_use":
            found.append((block["id"], block["name"], block["input"]))
    return found


def _accumulate(body: str) -> list[dict[str, Any]]:
    """The blocks of a stream; they come one after the other."""
    blocks: list[dict[str, Any]] = []
    for event in SseParser().feed(body.encode()):
        if b'"content_block' not in event.data:
            continue
        document = orjson.loads(event.data)
        if document["type"] == "content_block_start":
            blocks.append({**document["content_block"], "json": ""})
        delta = document.get("delta", {})
        for name, member in (("text", "text"), ("thinking", "thinking"), ("partial_json", "json")):
            if name in delta:
                blocks[-1][member] += delta[name]
    return [{**block, "input": orjson.loads(block["json"])} if block["json"] else block for block in blocks]


def _list_read(answer: ChatAnswer) -> list[Any]:
    tell: dict[type, Callable[[Any], Any]] = {
        Text: lambda part: part.text,
        Thinking: lambda part: part.text,
        ToolCall: lambda part: (part.id, part.name, orjson.loads(part.arguments or "{}")),
    }
    return [
        tell[type(part)](part)
        for part in answer.parts
        if not (isinstance(part, Thinking) and part.seal is not None and part.seal.kind == "redacted")
    ]


def test_recorded_message_loses_no_words_and_no_calls(success: dict[str, Any]) -> None:
    if success["endpoint"] != "messages":
        return
    body = success["response"]["body"].encode()
    answer = read_stream(body) if success["stream"] else read_whole(**_content(body))
    assert _list_read(answer) == _list_recorded(success)
    assert [part for part in read_stream(write_stream(answer)).parts if isinstance(part, ToolCall)] == [
        part for part in answer.parts if isinstance(part, ToolCall)
    ]


def _content(body: bytes) -> dict[str, Any]:
    document = orjson.loads(body)
    return {"content": document["content"], "stop_reason": document["stop_reason"]}


def test_a_request_without_a_limit_may_be_answered_at_length() -> None:
    assert ANTHROPIC.upstream_chat is not None
    chat = Chat(messages=(Message(Role.USER, (Text("Write a long patch."),)),))
    limits = {
        model: ANTHROPIC.upstream_chat.render_chat(chat, actual_model=model, max_tokens_default=None)["max_tokens"]
        for model in ("claude-sonnet-4-5", "eu.anthropic.claude-opus-5-v1:0", "claude-3-5-haiku", "MiniMax-M2")
    }
    assert list(limits.values()) == [32_000, 32_000, 8192, 8192]
    said = ANTHROPIC.upstream_chat.render_chat(chat, actual_model="claude-sonnet-4-5", max_tokens_default=500)
    assert said["max_tokens"] == 500
