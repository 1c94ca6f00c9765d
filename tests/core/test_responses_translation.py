"""Requests in OpenAI's Responses format: what clients say becomes a chat, and a chat becomes a body for an upstream."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quart_proxy.core.chat import (
    Chat,
    Citation,
    Document,
    Image,
    Message,
    OutputShape,
    Part,
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
from quart_proxy.core.formats import FORMATS
from quart_proxy.core.seals import Seal

FORMAT = FORMATS["openai_responses"]
PNG = "data:image/png;base64,aGk="
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
SAVE = {"type": "function", "name": "save", "description": "Saves.", "parameters": SCHEMA, "strict": True}
PATCH = {
    "type": "custom",
    "name": "patch",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}


def parse(**body: Any) -> Chat:
    assert FORMAT.client_chat is not None
    return FORMAT.client_chat.parse_chat({"model": "m", "input": "hello", **body})


def parse_items(*items: Any, **body: Any) -> Chat:
    return parse(input=list(items), **body)


def render(chat: Chat) -> dict[str, Any]:
    assert FORMAT.upstream_chat is not None
    return FORMAT.upstream_chat.render_chat(chat, actual_model="theirs", max_tokens_default=4096)


def render_parts(role: Role, *parts: Part) -> list[dict[str, Any]]:
    last = Message(Role.USER, (Text("go on"),))
    items: list[dict[str, Any]] = render(Chat(messages=(Message(role, parts), last)))["input"]
    return items[:-1]


def said(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "input_text", "text": text} for text in texts]}


def outline(chat: Chat) -> list[tuple[str, list[str]]]:
    return [(message.role.value, [type(part).__name__ for part in message.parts]) for message in chat.messages]


def call(name: str, call_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}", **more}


def result(call_id: str, output: Any = "done") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


# --- Conversations of clients ---------------------------------------------------------------------------------


def test_a_bare_text_is_a_users_message() -> None:
    assert parse().messages == (Message(Role.USER, (Text("hello", "input"),), "input"),)


def test_instructions_and_leading_developer_messages_are_the_system() -> None:
    chat = parse_items(
        said("developer", "one", "two"), said("system", "three"), said("user", "hi"), instructions="zero"
    )
    assert [text.text for text in chat.system] == ["zero", "one", "two", "three"]
    assert outline(chat) == [("user", ["Text"])]


def test_a_later_developer_message_stays_in_its_place() -> None:
    chat = parse_items(said("user", "hi"), said("developer", "be brief"), said("user", "again"))
    assert [message.role for message in chat.messages] == [Role.USER, Role.SYSTEM, Role.USER]
    assert chat.system == ()


def test_what_an_assistant_says_and_calls_in_a_row_is_one_turn_and_so_are_the_results() -> None:
    chat = parse_items(
        said("user", "hi"),
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
        call("save", "a"),
        call("save", "b"),
        result("b"),
        result("a"),
        said("user", "well?"),
    )
    assert outline(chat) == [
        ("user", ["Text"]),
        ("assistant", ["Thinking", "Text", "ToolCall", "ToolCall"]),
        ("user", ["ToolResult", "ToolResult"]),
        ("user", ["Text"]),
    ]


def test_images_and_files_are_taken_by_address_bytes_and_id() -> None:
    content = [
        {"type": "input_image", "image_url": PNG, "detail": "low"},
        {"type": "input_image", "image_url": "https://x.test/a.png"},
        {"type": "input_image", "file_id": "file_1"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_file", "file_url": "https://x.test/a.pdf"},
        {"type": "input_file", "filename": "a.txt", "file_data": base64.b64encode(b"plain").decode()},
    ]
    (message,) = parse_items({"role": "user", "content": content}).messages
    assert message.parts == (
        Image(Source(base64="aGk=", media_type="image/png"), "input[0].content[0]", "low"),
        Image(Source(url="https://x.test/a.png"), "input[0].content[1]"),
        Image(Source(file_id="file_1"), "input[0].content[2]"),
        Document(Source(base64="JVBERg==", media_type="application/pdf"), "input[0].content[3]", "a.pdf"),
        Document(Source(url="https://x.test/a.pdf"), "input[0].content[4]"),
        Document(Source(text="plain", media_type="text/plain"), "input[0].content[5]", "a.txt"),
    )


def test_citations_and_refusals_of_earlier_answers_are_kept() -> None:
    cited = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 2}
    content = [
        {
            "type": "output_text",
            "text": "so",
            "annotations": [cited, {"type": "file_path", "file_id": "f", "index": 1}],
        },
        {"type": "refusal", "refusal": "no"},
    ]
    (message,) = parse_items({"type": "message", "role": "assistant", "content": content}).messages
    citation = Citation("https://x.test", "X", start=0, end=2)
    assert message.parts == (
        Text("so", "input[0].content[0]", citations=(citation,)),
        Refusal("no", "input[0].content[1]"),
    )


def test_a_results_list_holds_texts_and_images() -> None:
    chat = parse_items(
        call("look", "a"),
        result("a", [{"type": "input_text", "text": "see"}, {"type": "input_image", "image_url": PNG}]),
    )
    (answered,) = chat.messages[1].parts
    assert isinstance(answered, ToolResult)
    assert [type(part) for part in answered.parts] == [Text, Image]


def test_custom_calls_keep_their_text() -> None:
    chat = parse_items(
        {"type": "custom_tool_call", "call_id": "a", "name": "patch", "input": "*** x"},
        {"type": "custom_tool_call_output", "call_id": "a", "output": [{"type": "input_text", "text": "ok"}]},
        tools=[PATCH],
    )
    (made,) = chat.messages[0].parts
    assert made == ToolCall("a", "patch", "*** x", "input[0]", ToolKind.CUSTOM)
    (tool,) = chat.tools
    assert (tool.kind, tool.grammar) == (ToolKind.CUSTOM, {"syntax": "lark", "definition": "start: /.+/"})


def test_a_thinking_of_another_format_is_told_by_its_token() -> None:
    seal = Seal("anthropic", "EqQB", "signature")
    chat = parse_items({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": str(seal)})
    assert chat.messages[0].parts == (Thinking("", "input[0]", seal),)


def test_what_another_providers_tools_did_is_left_out() -> None:
    steps = [
        {"type": kind, "id": "x"} for kind in ("web_search_call", "code_interpreter_call", "mcp_call", "mcp_list_tools")
    ]
    assert outline(parse_items(said("user", "hi"), *steps, said("user", "go on"))) == [("user", ["Text"])] * 2


def test_another_agents_message_is_a_users_though_its_client_holds_it_for_encrypted() -> None:
    content = [
        {"type": "input_text", "text": "Sender: /root\n"},
        {"type": "encrypted_content", "encrypted_content": "count the files"},
    ]
    (message,) = parse_items({"type": "agent_message", "author": "/root", "content": content}).messages
    assert message.role is Role.USER
    assert [part.text for part in message.parts if isinstance(part, Text)] == ["Sender: /root\n", "count the files"]


def test_the_last_change_of_settings_among_the_items_holds() -> None:
    updates = [{"type": "configuration_update", "reasoning": {"effort": effort}} for effort in ("low", "high")]
    shape = {"type": "configuration_update", "text": {"format": {"type": "json_object"}}}
    chat = parse_items(said("user", "hi"), *updates, shape, reasoning={"effort": "medium", "summary": "auto"})
    assert chat.reasoning == Reasoning("input[2].reasoning", effort="high", is_shown=True)
    assert chat.output == OutputShape("input[3].text.format")
    assert outline(chat) == [("user", ["Text"])]


# --- Tools of clients -----------------------------------------------------------------------------------------


def test_a_groups_functions_know_their_group_and_the_default_group_is_none() -> None:
    tools = [
        {"type": "namespace", "name": "clock", "description": "", "tools": [SAVE]},
        {"type": "namespace", "name": "functions", "description": "", "tools": [PATCH]},
        {"type": "web_search", "external_web_access": True},
    ]
    chat = parse_items(call("save", "a", namespace="clock"), call("x", "b", namespace="functions"), tools=tools)
    assert [(tool.namespace, tool.name, tool.kind) for tool in chat.tools] == [
        ("clock", "save", ToolKind.FUNCTION),
        (None, "patch", ToolKind.CUSTOM),
        (None, "web_search", ToolKind.HOSTED),
    ]
    assert [part.namespace for part in chat.messages[0].parts if isinstance(part, ToolCall)] == ["clock", None]


def test_tools_that_come_as_an_item_are_tools_and_do_not_end_the_head() -> None:
    more = {"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [SAVE]}
    chat = parse_items(more, said("developer", "be brief"), said("user", "hi"))
    assert [(tool.name, tool.at) for tool in chat.tools] == [("save", "input[0].tools[0]")]
    assert [text.text for text in chat.system] == ["be brief"]


def test_a_tool_that_is_told_twice_is_there_once() -> None:
    more = {"type": "additional_tools", "role": "developer", "tools": [{**SAVE, "description": "newer"}]}
    (tool,) = parse_items(more, tools=[SAVE]).tools
    assert tool.description == "newer"


@pytest.mark.parametrize(
    ("tool", "made", "answered", "arguments", "text"),
    [
        (
            {"type": "local_shell"},
            {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"], "env": {}}},
            {"type": "local_shell_call_output", "output": "a.txt"},
            '{"command":["ls"],"env":{}}',
            "a.txt",
        ),
        (
            {"type": "shell", "environment": {"type": "local"}},
            {"type": "shell_call", "action": {"commands": ["ls"]}},
            {"type": "shell_call_output", "output": [{"stdout": "a", "stderr": "", "outcome": {"type": "timeout"}}]},
            '{"commands":["ls"]}',
            '[{"stdout":"a","stderr":"","outcome":{"type":"timeout"}}]',
        ),
        (
            {"type": "apply_patch"},
            {"type": "apply_patch_call", "operation": {"type": "delete_file", "path": "a"}},
            {"type": "apply_patch_call_output", "status": "failed", "output": "no such file"},
            '{"type":"delete_file","path":"a"}',
            "no such file",
        ),
        (
            {"type": "tool_search", "execution": "client", "description": "Finds.", "parameters": SCHEMA},
            {"type": "tool_search_call", "execution": "client", "arguments": {"a": "x"}},
            {"type": "tool_search_output", "execution": "client", "tools": [SAVE]},
            '{"a":"x"}',
            "Tools found: save",
        ),
    ],
    ids=["local_shell", "shell", "apply_patch", "tool_search"],
)
def test_a_tool_that_openai_builds_in_and_the_client_runs_is_a_function(
    tool: Any, made: Any, answered: Any, arguments: str, text: str
) -> None:
    chat = parse_items({**made, "call_id": "a"}, {**answered, "call_id": "a"}, tools=[tool])
    assert (chat.tools[0].kind, chat.tools[0].native) == (ToolKind.FUNCTION, tool["type"])
    assert chat.tools[0].schema is not None
    assert chat.messages[0].parts == (ToolCall("a", tool["type"], arguments, "input[0]"),)
    (output,) = chat.messages[1].parts
    assert isinstance(output, ToolResult)
    assert output.parts == (Text(text, "input[1]"),)
    assert output.is_error is (answered.get("status") == "failed")
    assert render(chat)["tools"][0]["type"] == "function"


def test_what_a_search_finds_is_callable() -> None:
    found = {"type": "tool_search_output", "execution": "server", "tools": [SAVE]}
    assert [tool.name for tool in parse_items(said("user", "hi"), found).tools] == ["save"]


@pytest.mark.parametrize(
    "tool",
    [{"type": "tool_search"}, {"type": "shell", "environment": {"type": "container_auto"}}, {"type": "computer"}],
    ids=lambda tool: tool["type"],
)
def test_a_tool_that_openai_runs_is_refused_when_it_is_all_there_is(tool: Any) -> None:
    with pytest.raises(Untranslatable) as refused:
        render(parse(tools=[tool]))
    assert refused.value.param == "tools[0]"


def test_tool_choices() -> None:
    def choose(choice: Any) -> tuple[ToolChoice | None, list[str]]:
        chat = parse(tools=[SAVE, PATCH], tool_choice=choice)
        return chat.tool_choice, [tool.name for tool in chat.tools]

    both = ["save", "patch"]
    assert choose("required") == (ToolChoice(ToolMode.REQUIRED, "tool_choice"), both)
    assert choose({"type": "custom", "name": "patch"}) == (ToolChoice(ToolMode.ONE, "tool_choice", "patch"), both)
    assert choose({"type": "web_search"}) == (ToolChoice(ToolMode.ONE, "tool_choice", "web_search"), both)
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "save"}]}
    assert choose(allowed) == (ToolChoice(ToolMode.REQUIRED, "tool_choice.mode"), ["save"])


# --- Fields of clients ----------------------------------------------------------------------------------------


def test_settings_are_translated() -> None:
    chat = parse(
        stream=True,
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.25,
        parallel_tool_calls=False,
        reasoning={"effort": "high", "summary": "auto", "context": "all_turns"},
        text={"verbosity": "low", "format": {"type": "json_schema", "name": "n", "schema": SCHEMA, "strict": True}},
        service_tier="flex",
        prompt_cache_key="k",
        safety_identifier="u",
    )
    assert (chat.is_streaming, chat.max_tokens, chat.temperature, chat.top_p) == (True, 9, 0.5, 0.25)
    assert chat.parallel_tool_calls is False
    assert chat.reasoning == Reasoning("reasoning", effort="high", is_shown=True)
    assert chat.output == OutputShape("text.format", SCHEMA, "n", strict=True)
    assert (chat.verbosity, chat.service_tier, chat.cache_key, chat.user) == ("low", "flex", "k", "u")


def test_reasoning_without_a_summary_is_not_shown() -> None:
    reasoning = parse(reasoning={"effort": "low"}).reasoning
    assert reasoning is not None and not reasoning.is_shown


@pytest.mark.parametrize(("said_effort", "effort"), [("none", "none"), ("xhigh", "xhigh"), ("ultra", "max")])
def test_efforts_are_the_known_ones_and_codex_has_one_more(said_effort: str, effort: str) -> None:
    reasoning = parse(reasoning={"effort": said_effort}).reasoning
    assert reasoning is not None and reasoning.effort == effort


def test_hints_and_values_that_say_nothing_pass() -> None:
    chat = parse(
        store=True,
        include=["reasoning.encrypted_content"],
        metadata={"a": "b"},
        client_metadata={"a": "b"},
        truncation="auto",
        stream_options={"include_obfuscation": False},
        max_tool_calls=3,
        background=False,
        top_logprobs=0,
        previous_response_id=None,
        conversation=None,
        prompt=None,
    )
    assert chat == parse()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("background", True),
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("prompt", {"id": "pmpt_1"}),
        ("top_logprobs", 3),
        ("moderation", {"model": "x"}),
        ("stop", ["x"]),
        ("never_heard_of", 1),
    ],
)
def test_a_field_that_only_openai_understands_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Untranslatable) as refused:
        parse(**{field: value})
    assert refused.value.param == field
    assert f"`{field}`" in refused.value.message


@pytest.mark.parametrize(
    "item",
    [
        {"type": "item_reference", "id": "msg_1"},
        {"id": "msg_1"},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "compaction_trigger"},
        {
            "type": "agent_message",
            "author": "/root",
            "content": [{"type": "encrypted_content", "encrypted_content": "gAAAAABo"}],
        },
        {"type": "mcp_approval_response", "approval_request_id": "x", "approve": True},
        {"type": "computer_call_output", "call_id": "x"},
        {"type": "never_heard_of"},
        {"role": "user", "content": [{"type": "never_heard_of"}]},
        {"role": "developer", "content": [{"type": "input_image", "image_url": PNG}]},
    ],
    ids=lambda item: str(item.get("type", "-".join(item))),
)
def test_an_item_that_only_openai_understands_is_refused_by_its_place(item: Any) -> None:
    with pytest.raises(Untranslatable) as refused:
        parse_items(said("user", "hi"), item)
    assert str(refused.value.param).startswith("input[1]")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"input": None}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, "input[0].content[0].text"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input[0].content[0]"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "data:x"}]}]},
         "input[0].content[0].image_url"),
        ({"input": [{"role": "assistant", "content": [{"type": "input_image", "image_url": PNG}]}]},
         "input[0].content[0]"),
        ({"input": [{"type": "function_call", "name": "x"}]}, "input[0].call_id"),
        ({"input": [{"type": "shell_call", "call_id": "x"}]}, "input[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{"type": "function", "name": "x", "parameters": []}]}, "tools[0].parameters"),
        ({"tools": {}}, "tools"),
        ({"tool_choice": "always"}, "tool_choice"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": "hot"}, "temperature"),
        ({"parallel_tool_calls": 1}, "parallel_tool_calls"),
        ({"text": {"format": {"type": "xml"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema"),
        ({"reasoning": "deep"}, "reasoning"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wrong_type_is_refused_by_its_path(body: Any, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(**body)
    assert refused.value.param == param
    assert f"`{param}`" in refused.value.message


# --- Bodies for upstreams -------------------------------------------------------------------------------------


def test_an_upstream_keeps_nothing_and_streams_as_the_client_wants() -> None:
    body = render(Chat(messages=(Message(Role.USER, (Text("hi"),)),), system=(Text("a"), Text("b")), is_streaming=True))
    assert body == {
        "model": "theirs",
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "instructions": "a\n\nb",
        "store": False,
        "stream": True,
    }


def test_sealed_reasoning_is_asked_for_when_the_chat_reasons() -> None:
    chat = Chat(messages=(Message(Role.USER, (Text("hi"),)),))
    body = render(replace(chat, reasoning=Reasoning("thinking", budget_tokens=9000)))
    assert body["reasoning"] == {"effort": "medium", "summary": "auto"}
    assert body["include"] == ["reasoning.encrypted_content"]
    off = render(replace(chat, reasoning=Reasoning("thinking", effort="none")))
    assert off["reasoning"] == {"effort": "none"}
    assert "include" not in off


def test_instructions_alone_are_the_message() -> None:
    body = render(Chat(messages=(), system=(Text("a"),)))
    assert "instructions" not in body
    assert body["input"] == [{"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "a"}]}]


def test_a_limit_that_openai_refuses_as_too_small_is_raised_to_the_smallest() -> None:
    chat = Chat(messages=(Message(Role.USER, (Text("hi"),)),), max_tokens=1)
    assert render(chat)["max_output_tokens"] == 16


def test_hints_that_openai_would_refuse_are_not_given() -> None:
    chat = Chat(messages=(Message(Role.USER, (Text("hi"),)),), user="u" * 65, cache_key="k" * 64)
    body = render(chat)
    assert "safety_identifier" not in body
    assert body["prompt_cache_key"] == "k" * 64


@pytest.mark.parametrize(
    ("member", "value"),
    [("stop", ("x",)), ("top_k", 4), ("seed", 0), ("frequency_penalty", 0.5), ("presence_penalty", -0.5)],
)
def test_what_the_format_lacks_is_refused_by_the_clients_own_name(member: str, value: Any) -> None:
    chat = Chat(messages=(), names={member: "its_own_name"})
    with pytest.raises(Untranslatable) as refused:
        render(replace(chat, **{member: value}))
    assert refused.value.param == "its_own_name"


def test_a_penalty_of_zero_asks_for_nothing() -> None:
    render(Chat(messages=(Message(Role.USER, (Text("hi"),)),), presence_penalty=0.0))


def test_an_answer_that_the_client_began_is_refused() -> None:
    chat = Chat(messages=(Message(Role.ASSISTANT, (Text("It is"),), "messages[1]"),))
    with pytest.raises(Untranslatable) as refused:
        render(chat)
    assert refused.value.param == "messages[1]"


def test_turns_become_items_in_their_order() -> None:
    items = render_parts(
        Role.ASSISTANT,
        Thinking("hm", seal=Seal("openai_responses", "rs_9.gAAA", "item")),
        Text("I look.", citations=(Citation("https://x.test", "X"),)),
        ToolCall("c1", "save", ""),
        ToolCall("c2", "patch", "*** x", kind=ToolKind.CUSTOM),
        Refusal("no"),
    )
    citation = {"type": "url_citation", "url": "https://x.test", "title": "X", "start_index": 0, "end_index": 7}
    assert items == [
        {"type": "reasoning", "id": "rs_9", "encrypted_content": "gAAA",
         "summary": [{"type": "summary_text", "text": "hm"}]},
        {"type": "message", "role": "assistant",
         "content": [{"type": "output_text", "text": "I look.", "annotations": [citation]}]},
        {"type": "function_call", "call_id": "c1", "name": "save", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** x"},
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
    ]  # fmt: skip


@pytest.mark.parametrize("seal", [None, Seal("anthropic", "EqQB")])
def test_a_thinking_that_openai_cannot_use_is_left_out(seal: Seal | None) -> None:
    assert render_parts(Role.ASSISTANT, Thinking("hm", seal=seal), ToolCall("a", "x"))[0]["type"] == "function_call"


def test_results_are_texts_where_they_can_be_and_errors_say_so() -> None:
    seen = Image(Source(base64="aGk=", media_type="image/png"))
    items = render_parts(
        Role.USER,
        ToolResult("a", (Text("one"), Text("two"))),
        ToolResult("b", (Text("broke"),), is_error=True),
        ToolResult("c", (seen,)),
        Text("and?"),
    )
    image = {"type": "input_image", "image_url": PNG}
    assert [item.get("output") for item in items] == ["one\ntwo", "Error: broke", [image], None]


def test_the_result_of_a_custom_tool_is_of_its_own_type() -> None:
    chat = Chat(
        messages=(
            Message(Role.ASSISTANT, (ToolCall("a", "patch", "x", kind=ToolKind.CUSTOM), ToolCall("b", "save", "{}"))),
            Message(Role.USER, (ToolResult("a", ()), ToolResult("b", ()))),
        )
    )
    assert [item["type"] for item in render(chat)["input"]][2:] == ["custom_tool_call_output", "function_call_output"]


def test_documents_go_as_files_and_plain_ones_as_text() -> None:
    (message,) = render_parts(
        Role.USER,
        Document(Source(base64="JVBERg==", media_type="application/pdf"), title="Report"),
        Document(Source(url="https://x.test/a.pdf")),
        Document(Source(text="plain"), title="Notes"),
    )
    assert message["content"] == [
        {"type": "input_file", "filename": "Report.pdf", "file_data": "data:application/pdf;base64,JVBERg=="},
        {"type": "input_file", "file_url": "https://x.test/a.pdf"},
        {"type": "input_text", "text": '<document title="Notes">\nplain\n</document>'},
    ]


def test_an_empty_text_is_not_said() -> None:
    assert render_parts(Role.ASSISTANT, Text(""), ToolCall("a", "x"))[0]["type"] == "function_call"


def test_a_file_kept_at_another_provider_is_refused() -> None:
    with pytest.raises(Untranslatable) as refused:
        render_parts(Role.USER, Image(Source(file_id="file_1"), "messages[0].content[1]"))
    assert refused.value.param == "messages[0].content[1]"


def test_functions_say_whether_they_are_strict_since_openai_would_take_them_so() -> None:
    chat = Chat(
        messages=(Message(Role.USER, (Text("hi"),)),),
        tools=(
            Tool("save", "tools[0]", schema=SCHEMA, description="Saves."),
            Tool("patch", "tools[1]", ToolKind.CUSTOM, grammar={"syntax": "lark", "definition": "x"}),
            Tool("web_search", "tools[2]", ToolKind.HOSTED),
            Tool("now", "tools[3]", namespace="clock"),
        ),
        tool_choice=ToolChoice(ToolMode.ONE, "tool_choice", "now", "clock"),
        parallel_tool_calls=False,
    )
    body = render(chat)
    assert body["tools"] == [
        {"type": "function", "name": "save", "description": "Saves.", "parameters": SCHEMA, "strict": False},
        {"type": "custom", "name": "patch", "description": "",
         "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "function", "name": "clock__now", "description": None,
         "parameters": {"type": "object", "properties": {}}, "strict": False},
    ]  # fmt: skip
    assert body["tool_choice"] == {"type": "function", "name": "clock__now"}
    assert body["parallel_tool_calls"] is False


def test_a_choice_among_no_tools_is_not_said() -> None:
    chat = parse(tools=[], tool_choice="auto", parallel_tool_calls=False)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & render(chat).keys()


# --- Passing through ------------------------------------------------------------------------------------------


def test_only_what_another_formats_provider_sealed_is_dropped_on_the_way_through() -> None:
    own = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}
    foreign = {**own, "encrypted_content": str(Seal("anthropic", "EqQB"))}
    body = {"model": "m", "input": [said("user", "hi"), own, foreign, call("x", "a"), "odd"]}
    request = FORMAT.parse_request(json.dumps(body).encode())
    passed = json.loads(FORMAT.render_request(request, actual_model="m", prompt=None))
    assert passed == {**body, "input": [said("user", "hi"), own, call("x", "a"), "odd"]}


# --- Laws -----------------------------------------------------------------------------------------------------

TEXTS = st.text(min_size=1, max_size=12)
NAMES = st.sampled_from(["save", "patch", "a-b_c"])
USER_PARTS = st.one_of(
    TEXTS.map(Text),
    st.just(Image(Source(base64="aGk=", media_type="image/png"), detail="low")),
    st.just(Image(Source(url="https://x.test/a.png"))),
    st.just(Document(Source(url="https://x.test/a.pdf"))),
)
ASSISTANT_PARTS = st.one_of(
    TEXTS.map(Text),
    TEXTS.map(Refusal),
    st.builds(ToolCall, st.integers(0, 99).map(lambda number: f"call_{number}"), NAMES, st.just('{"a":1}')),
    st.builds(Thinking, st.sampled_from(["", "hm"]), seal=st.just(Seal("openai_responses", "rs_1.gAAA", "item"))),
)


def messages_of(role: Role, parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    return st.lists(parts, min_size=1, max_size=4).map(lambda found: Message(role, tuple(found)))


TURNS = st.lists(
    st.tuples(messages_of(Role.ASSISTANT, ASSISTANT_PARTS), messages_of(Role.USER, USER_PARTS)), max_size=3
)


@settings(max_examples=60, deadline=None)
@given(messages_of(Role.USER, USER_PARTS), TURNS)
def test_a_conversation_survives_being_said_and_read_again(
    first: Message, turns: list[tuple[Message, Message]]
) -> None:
    chat = Chat(messages=(first, *(message for turn in turns for message in turn)), system=(Text("be brief"),))
    again = parse(**render(chat))
    assert [(message.role, [without_place(part) for part in message.parts]) for message in again.messages] == [
        (message.role, list(message.parts)) for message in chat.messages
    ]
    assert [text.text for text in again.system] == ["be brief"]


def without_place(part: Part) -> Part:
    return replace(part, at="")
