"""Recorded traffic of some thirty providers, translated for every client: its official SDK rebuilds the same answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from grammars import GRAMMARS
from sdks import Sdks
from translating import CLIENTS, HELLO, UPSTREAMS, cut_events, make_frame, read_stream, write_stream

from quart_proxy.core.chat import Chat, ChatAnswer, ChatFrame, Refusal, Stop, Text, ToolCall
from quart_proxy.core.chat_events import collect_answer
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats import UPSTREAM_FORMATS, UpstreamChat
from quart_proxy.core.usage import Dimension, Usage

Exchange = dict[str, Any]

FORMAT_OF = {"chat.completions": "openai", "messages": "anthropic", "responses": "openai_responses"}


@dataclass(frozen=True)
class Rebuilt:
    """What an SDK makes of an answer. `calls` are names and arguments."""

    words: str
    calls: list[tuple[str, Any]]
    input: int
    output: int
    is_cut: bool
    """Whether a limit or a filter ended it. A refusal in words is a whole answer to some, to others not."""


@pytest.fixture(scope="module")
def sdks() -> Sdks:
    return Sdks()


def rebuild(sdks: Sdks, client: str, body: bytes, *, is_stream: bool) -> Rebuilt:
    return _REBUILT[client](sdks.read(client, body, is_stream=is_stream))


def _rebuilt_chat(answer: Any) -> Rebuilt:
    choice = answer.choices[0]
    calls = [getattr(call, call.type) for call in choice.message.tool_calls or ()]
    return Rebuilt(
        words=(choice.message.content or "") + (choice.message.refusal or ""),
        calls=[(call.name, _load(getattr(call, "arguments", None) or getattr(call, "input", ""))) for call in calls],
        input=answer.usage.prompt_tokens,
        output=answer.usage.completion_tokens,
        is_cut=choice.finish_reason in ("length", "content_filter"),
    )


def _rebuilt_message(answer: Any) -> Rebuilt:
    usage = answer.usage
    return Rebuilt(
        words="".join(block.text for block in answer.content if block.type == "text"),
        calls=[(block.name, block.input) for block in answer.content if block.type == "tool_use"],
        input=usage.input_tokens + (usage.cache_creation_input_tokens or 0) + (usage.cache_read_input_tokens or 0),
        output=usage.output_tokens,
        is_cut=answer.stop_reason in ("max_tokens", "refusal"),
    )


def _rebuilt_response(answer: Any) -> Rebuilt:
    said = [part for item in answer.output if item.type == "message" for part in item.content]
    return Rebuilt(
        words="".join(part.refusal if part.type == "refusal" else part.text for part in said),
        calls=[
            (item.name, _load(item.arguments if item.type == "function_call" else item.input))
            for item in answer.output
            if item.type in ("function_call", "custom_tool_call")
        ],
        input=answer.usage.input_tokens,
        output=answer.usage.output_tokens,
        is_cut=answer.status == "incomplete",
    )


_REBUILT: Mapping[str, Callable[[Any], Rebuilt]] = {
    "openai": _rebuilt_chat,
    "anthropic": _rebuilt_message,
    "openai_responses": _rebuilt_response,
}


def _load(text: str) -> Any:
    try:
        return orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        return text


def expect(answer: ChatAnswer, usage: Usage) -> Rebuilt:
    return Rebuilt(
        words="".join(part.text for part in answer.parts if isinstance(part, Text | Refusal)),
        calls=[(part.name, _load(part.arguments)) for part in answer.parts if isinstance(part, ToolCall)],
        input=usage.input_total,
        output=usage.count(Dimension.OUTPUT),
        is_cut=answer.stop in (Stop.LENGTH, Stop.REFUSED),
    )


def assert_same(rebuilt: Rebuilt, answer: ChatAnswer, usage: Usage) -> None:
    expected = expect(answer, usage)
    if any(isinstance(part, Refusal) for part in answer.parts):
        expected = replace(expected, is_cut=rebuilt.is_cut)
    assert rebuilt == expected


def frame_of(exchange: Exchange) -> ChatFrame:
    """The frame of what was asked for, as far as it is known and any other format can say it."""
    try:
        chat = CLIENTS[FORMAT_OF[exchange["endpoint"]]].parse_chat(exchange["request"]["body"])
    except (InvalidRequest, Untranslatable):
        chat = Chat(messages=HELLO)
    return make_frame(replace(chat, is_streaming=bool(exchange["stream"])))


def is_chat(exchange: Exchange | None) -> bool:
    return exchange is not None and exchange["endpoint"] in FORMAT_OF


def test_every_client_rebuilds_a_recorded_stream(stream: Exchange, sdks: Sdks) -> None:
    name, frame = FORMAT_OF[stream["endpoint"]], frame_of(stream)
    events, usage, is_good = read_stream(name, stream["response"]["body"].encode(), frame)
    usage = usage or Usage({})
    for client in CLIENTS:
        body = write_stream(client, events, usage, frame)
        GRAMMARS[client](cut_events(body))
        if is_good:
            assert_same(rebuild(sdks, client, body, is_stream=True), collect_answer(events), usage)


def test_every_client_rebuilds_a_recorded_answer(whole_answer: Exchange, sdks: Sdks) -> None:
    if not is_chat(whole_answer):
        return
    name, frame = FORMAT_OF[whole_answer["endpoint"]], frame_of(whole_answer)
    body = whole_answer["response"]["body"].encode()
    read = UPSTREAM_FORMATS[name].read_answer(body)
    answer = UPSTREAMS[name].parse_answer(orjson.loads(body), frame)
    usage = read.reading.usage or Usage({})
    for client, spoken in CLIENTS.items():
        document = orjson.dumps(spoken.render_answer(answer, usage, frame))
        assert_same(rebuild(sdks, client, document, is_stream=False), answer, usage)


def test_what_is_read_of_a_recorded_stream_is_what_the_providers_own_sdk_reads(stream: Exchange, sdks: Sdks) -> None:
    name, body = FORMAT_OF[stream["endpoint"]], stream["response"]["body"].encode()
    events, usage, is_good = read_stream(name, body, frame_of(stream))
    if stream["provider"] in ("openai", "anthropic") and is_good and usage is not None:
        rebuilt, expected = rebuild(sdks, name, body, is_stream=True), expect(collect_answer(events), usage)
        assert (rebuilt.words, rebuilt.calls) == (expected.words, expected.calls)


def test_a_recorded_request_is_said_to_every_upstream_or_refused_by_name(success: Exchange) -> None:
    if not is_chat(success):
        return
    body = success["request"]["body"]
    try:
        chat = CLIENTS[FORMAT_OF[success["endpoint"]]].parse_chat(body)
    except (InvalidRequest, Untranslatable) as error:
        refusals: list[InvalidRequest | Untranslatable] = [error]
    else:
        refusals = [error for spoken in UPSTREAMS.values() if (error := find_refusal(spoken, chat)) is not None]
    assert all(error.param for error in refusals)


def find_refusal(spoken: UpstreamChat, chat: Chat) -> Untranslatable | None:
    try:
        body = spoken.render_chat(chat, actual_model="theirs", max_tokens_default=4096)
    except Untranslatable as error:
        return error
    assert orjson.loads(orjson.dumps(body))
    return None
