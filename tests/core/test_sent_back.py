"""What a client sends back is what it was given: in place, with its seals, and to nobody but their maker."""

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sdks import Sdks
from translating import CLIENTS, HELLO, UPSTREAMS, WORDS, calls, make_frame, write_stream

from quart_proxy.core.chat import (
    AnswerPart,
    Chat,
    ChatAnswer,
    Image,
    Message,
    OutputShape,
    Part,
    Reasoning,
    Role,
    Source,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolMode,
    ToolResult,
)
from quart_proxy.core.chat_events import list_events
from quart_proxy.core.seals import Seal
from quart_proxy.core.usage import Usage

SEALING = ("anthropic", "gemini", "openai_responses")
PAIRS = [pair for pair in itertools.product(SEALING, sorted(CLIENTS)) if len({*pair}) > 1]
"""Of one format both sides pass through, seals and all."""
FEW = settings(max_examples=25)


@pytest.fixture(scope="module")
def sdks() -> Sdks:
    return Sdks()


# --- Answers, and the turn after them -----------------------------------------------------------------


def send_back(client: str, document: dict[str, Any], call_ids: list[str]) -> Chat:
    """The client's next request: the answer as it came, the results of its calls, and more words."""
    body = {"model": "ours", **_NEXT[client](document, call_ids)}
    return CLIENTS[client].parse_chat(orjson.loads(orjson.dumps(body)))


def _next_chat(document: dict[str, Any], call_ids: list[str]) -> dict[str, Any]:
    results = [{"role": "tool", "tool_call_id": call_id, "content": "done"} for call_id in call_ids]
    answer = document["choices"][0]["message"]
    return {"messages": [{"role": "user", "content": "Hi"}, answer, *results, {"role": "user", "content": "Go on."}]}


def _next_message(document: dict[str, Any], call_ids: list[str]) -> dict[str, Any]:
    results = [{"type": "tool_result", "tool_use_id": call_id, "content": "done"} for call_id in call_ids]
    said = [{"role": "assistant", "content": document["content"]}] if document["content"] else []
    more = {"role": "user", "content": [*results, {"type": "text", "text": "Go on."}]}
    return {"max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}, *said, more]}


def _next_response(document: dict[str, Any], call_ids: list[str]) -> dict[str, Any]:
    results = [{"type": "function_call_output", "call_id": call_id, "output": "done"} for call_id in call_ids]
    more = {"role": "user", "content": "Go on."}
    return {"input": [{"role": "user", "content": "Hi"}, *document["output"], *results, more]}


_NEXT = {"openai": _next_chat, "anthropic": _next_message, "openai_responses": _next_response}


_LEADING = {"gemini": "thought", "openai_responses": "item"}
_BEFORE_CALLS = {"openai_responses": "item"}


@st.composite
def sealed_answers(draw: st.DrawFn, api_format: str) -> ChatAnswer:
    """Thoughts before words and before calls, as models have them; each with a seal that is not like any other."""

    def think(number: int, kinds: Mapping[str, str]) -> Thinking:
        data = f"{draw(st.text('abXY01+/=', max_size=8))}sealed-{number}"
        seal = Seal(api_format, f"{'rs_1.' if api_format == 'openai_responses' else ''}{data}")
        return Thinking(draw(st.just("") | WORDS), seal=replace(seal, kind=kinds.get(api_format, "signature")))

    parts: list[AnswerPart] = []
    if draw(st.booleans()):
        parts.append(think(0, _LEADING))
    if draw(st.booleans()):
        parts.append(Text(draw(WORDS)))
    for number in range(draw(st.integers(0, 3))):
        if draw(st.booleans()):
            parts.append(think(number + 1, _BEFORE_CALLS))
        parts.append(replace(draw(calls()), id=f"call_{number}"))
    return ChatAnswer(tuple(parts), Stop.TOOL_CALLS if any(isinstance(part, ToolCall) for part in parts) else Stop.END)


def list_marks(parts: Iterable[Part]) -> list[str]:
    """Seals and calls in their order."""
    marks = []
    for part in parts:
        if isinstance(part, Thinking) and part.seal is not None:
            marks.append(part.seal.data.removeprefix("rs_1."))
        elif isinstance(part, ToolCall):
            marks.append(part.id)
    return marks


def list_marks_sent(upstream: str, body: dict[str, Any]) -> list[str]:
    """Seals and calls as a provider is given them."""
    match upstream:
        case "anthropic":
            blocks = [block for message in body["messages"] for block in _blocks(message["content"])]
            return [block[name] for block in blocks for name in ("signature", "data", "id") if name in block]
        case "gemini":
            parts = [part for content in body["contents"] for part in content["parts"]]
            return [mark for part in parts for mark in _list_gemini_marks(part)]
        case "openai_responses":
            items = body["input"]
            kinds = {"reasoning": "encrypted_content", "function_call": "call_id"}
            return [item[kinds[item["type"]]] for item in items if item.get("type") in kinds]
    raise AssertionError(upstream)


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [] if isinstance(content, str) else content


def _list_gemini_marks(part: dict[str, Any]) -> list[str]:
    marks = [part["thoughtSignature"]] if "thoughtSignature" in part else []
    marks += [part["functionCall"]["id"]] if "functionCall" in part else []
    return [mark for mark in marks if mark != "skip_thought_signature_validator"]


@pytest.mark.parametrize(("upstream", "client"), PAIRS)
@FEW
@given(st.data())
def test_seals_come_back_to_their_maker_in_place_and_to_nobody_else(
    upstream: str, client: str, data: st.DataObject
) -> None:
    answer = data.draw(sealed_answers(upstream))
    document = orjson.loads(orjson.dumps(CLIENTS[client].render_answer(answer, Usage({}), make_frame())))
    chat = send_back(client, document, [part.id for part in answer.parts if isinstance(part, ToolCall)])
    again = [part for message in chat.messages if message.role is Role.ASSISTANT for part in message.parts]
    assert list_marks(again) == list_marks(answer.parts)
    for name, spoken in UPSTREAMS.items():
        body = orjson.dumps(spoken.render_chat(chat, actual_model="theirs", max_tokens_default=5))
        if name == upstream:
            assert list_marks_sent(upstream, orjson.loads(body)) == list_marks(answer.parts)
        else:
            assert not any(mark in body.decode() for mark in list_marks(answer.parts) if "sealed-" in mark)


@pytest.mark.parametrize(("upstream", "client"), PAIRS)
def test_what_an_sdk_puts_together_of_a_stream_can_be_sent_back(upstream: str, client: str, sdks: Sdks) -> None:
    kind = _BEFORE_CALLS.get(upstream, "signature")
    prefix = "rs_1." if upstream == "openai_responses" else ""
    parts = (
        Thinking("Let me see.", seal=Seal(upstream, f"{prefix}sealed-1", _LEADING.get(upstream, kind))),
        Text("I will look."),
        Thinking("", seal=Seal(upstream, f"{prefix}sealed-2", kind)),
        ToolCall("call_1", "weather", '{"at":"x"}'),
        ToolCall("call_2", "now", "{}"),
    )
    events = list_events(ChatAnswer(parts, Stop.TOOL_CALLS))
    answer = sdks.read(client, write_stream(client, events, Usage({}), make_frame()), is_stream=True)
    chat = send_back(client, answer.to_dict(), ["call_1", "call_2"])
    again = [part for message in chat.messages if message.role is Role.ASSISTANT for part in message.parts]
    assert list_marks(again) == ["sealed-1", "sealed-2", "call_1", "call_2"]
    assert [part.text for part in again if isinstance(part, Text)] == ["I will look."]


# --- Requests -----------------------------------------------------------------------------------------

SCHEMA = {"type": "object", "properties": {"at": {"type": "string"}}, "required": ["at"], "additionalProperties": False}


@st.composite
def chats(draw: st.DrawFn) -> Chat:
    """A chat that every format can say."""
    image = Image(Source(base64="iVBORw0=", media_type="image/png"))
    words = st.builds(Text, WORDS.filter(str.strip))
    messages = [Message(Role.USER, (draw(words), *([image] if draw(st.booleans()) else [])))]
    for number in range(draw(st.integers(0, 2))):
        call = replace(draw(calls()), id=f"call_{number}")
        messages.append(Message(Role.ASSISTANT, (draw(words), call)))
        messages.append(Message(Role.USER, (ToolResult(call.id, (draw(words),)),)))
        messages.append(Message(Role.ASSISTANT, (draw(words),)))
        messages.append(Message(Role.USER, (draw(words),)))
    has_tools = len(messages) > 1 or draw(st.booleans())
    tools = tuple(
        Tool(name, "", description=draw(st.none() | WORDS), schema=SCHEMA)
        for name in (("weather", "now", "edit_file") if has_tools else ())
    )
    # A model that thinks may be neither forced to call nor told how to choose its words, by most providers.
    thinks = draw(st.booleans())
    choices = [ToolChoice(mode, "") for mode in (ToolMode.AUTO, ToolMode.NONE)]
    forced = [ToolChoice(ToolMode.REQUIRED, ""), ToolChoice(ToolMode.ONE, "", "weather")]
    return Chat(
        messages=tuple(messages),
        system=tuple(draw(st.lists(words, max_size=1))),
        tools=tools,
        tool_choice=draw(st.sampled_from(choices if thinks else choices + forced)) if tools else None,
        max_tokens=draw(st.integers(20_000, 30_000)),
        temperature=None if thinks else draw(st.none() | st.just(0.5)),
        top_p=None if thinks else draw(st.none() | st.just(0.25)),
        reasoning=Reasoning("", effort="medium") if thinks else None,
        output=draw(st.none() | st.just(OutputShape("", SCHEMA))),
        is_streaming=draw(st.booleans()),
    )


def without_places(value: Any) -> Any:
    """A chat without the places that its parts had in the client's JSON."""
    if isinstance(value, tuple):
        return tuple(without_places(each) for each in value)
    if isinstance(value, ToolCall):
        return replace(value, at="", arguments=json.dumps(json.loads(value.arguments or "{}"), sort_keys=True))
    if isinstance(value, Message | ToolResult):
        value = replace(value, parts=without_places(value.parts))
    if hasattr(value, "source"):
        value = replace(value, source=replace(value.source))
    return replace(value, at="") if hasattr(value, "at") else value


def comparable(chat: Chat) -> dict[str, Any]:
    reasoning = chat.reasoning
    return {
        "messages": without_places(chat.messages),
        "system": without_places(chat.system),
        "tools": [(tool.name, tool.description, tool.schema, tool.kind) for tool in chat.tools],
        "tool_choice": chat.tool_choice and (chat.tool_choice.mode, chat.tool_choice.name),
        "max_tokens": chat.max_tokens,
        "sampling": (chat.temperature, chat.top_p),
        "reasoning": reasoning and reasoning.find_effort(),
        "output": chat.output and chat.output.schema,
        "is_streaming": chat.is_streaming,
    }


@pytest.mark.parametrize("name", sorted(CLIENTS.keys() & UPSTREAMS.keys()))
@FEW
@given(chats())
def test_a_request_is_read_as_it_was_said(name: str, chat: Chat) -> None:
    body = UPSTREAMS[name].render_chat(chat, actual_model="theirs", max_tokens_default=5)
    again = CLIENTS[name].parse_chat(orjson.loads(orjson.dumps(body)))
    assert comparable(again) == comparable(chat)


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
@FEW
@given(chats())
def test_what_every_format_can_say_is_never_refused(upstream: str, chat: Chat) -> None:
    body = UPSTREAMS[upstream].render_chat(chat, actual_model="theirs", max_tokens_default=5)
    written = orjson.dumps(body).decode()
    for message in chat.messages:
        for part in message.parts:
            if isinstance(part, Text):
                assert json.dumps(part.text, ensure_ascii=False)[1:-1].replace("\\u007f", "\x7f") in written
            elif isinstance(part, ToolCall):
                assert part.id in written and part.name in written


@pytest.mark.parametrize("upstream", sorted(UPSTREAMS))
def test_a_rendered_chat_is_not_changed_by_it(upstream: str) -> None:
    chat = Chat(messages=HELLO, tools=(Tool("weather", "", schema=SCHEMA),), output=OutputShape("", SCHEMA))
    before = orjson.dumps(SCHEMA)
    UPSTREAMS[upstream].render_chat(chat, actual_model="theirs", max_tokens_default=5)
    assert orjson.dumps(SCHEMA) == before
