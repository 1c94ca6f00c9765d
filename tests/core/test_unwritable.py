"""What a provider or a client says in JSON that can be read and not written again: it is mended, or refused, and never
a fault of ours, which would make an answer free."""

import json
from typing import Any

import orjson
import pytest
from translating import CLIENTS, UPSTREAMS, cut_events, make_frame

from quart_proxy.core.chat import Chat, ToolCall, parse_arguments
from quart_proxy.core.errors import Untranslatable
from quart_proxy.core.usage import Usage
from quart_proxy.core.usage_fields import load_lenient

DEEP = '{"a":' + "[" * 600 + "]" * 600 + "}"
LARGE = '{"a":1' + "0" * 30 + "}"
HALF = r"one \ud83d two \\ud83d three \ud83d\ude00"
MENDED = "one \ufffd two \\ud83d three \U0001f600"


OPENAI = """{"choices": [{"index": 0, "message": {"content": "TEXT",
 "reasoning_details": [{"type": "x", "data": "d", "more": ARGUMENTS}],
 "tool_calls": [{"id": "c", "extra_content": ARGUMENTS, "function": {"name": "f", "arguments": TOLD}}]}}]}"""
GEMINI = """{"candidates": [{"content": {"parts": [{"text": "TEXT"},
 {"functionCall": {"name": "f", "args": ARGUMENTS}}]}}]}"""
BODIES = {
    "openai": OPENAI,
    "anthropic": """{"content": [{"type": "text", "text": "TEXT"},
 {"type": "tool_use", "id": "x", "name": "f", "input": ARGUMENTS}]}""",
    "openai_responses": """{"output": [{"type": "message", "content": [{"type": "output_text", "text": "TEXT"}]},
 {"type": "function_call", "call_id": "x", "name": "f", "arguments": TOLD}]}""",
    "gemini": GEMINI,
}
STREAMS = {
    "openai": [OPENAI.replace('"message"', '"delta"')],
    "anthropic": [
        '{"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "TEXT"}}',
        """{"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "x", "name": "f",
 "input": ARGUMENTS}}""",
    ],
    "openai_responses": [
        '{"type": "response.output_text.delta", "output_index": 0, "delta": "TEXT"}',
        """{"type": "response.output_item.done", "output_index": 1, "item": {"type": "function_call", "call_id": "x",
 "name": "f", "arguments": TOLD}}""",
    ],
    "gemini": [GEMINI],
}


def fill(template: str, text: str, arguments: str) -> str:
    """`text` as it stands in JSON; `arguments` as an object, and as the text of one."""
    told = template.replace("\n", "").replace("TOLD", json.dumps(arguments))
    return told.replace("ARGUMENTS", arguments).replace("TEXT", text)


CASES = [("Hi", DEEP), ("Hi\x01", LARGE), (HALF, "{}")]


@pytest.mark.parametrize(("text", "arguments"), CASES, ids=["deep", "large", "half"])
@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("upstream", UPSTREAMS)
def test_any_json_of_a_provider_is_told_to_any_client(upstream: str, client: str, text: str, arguments: str) -> None:
    frame = make_frame()
    document = load_lenient(fill(BODIES[upstream], text, arguments).encode())
    answer = UPSTREAMS[upstream].parse_answer(document, frame)
    whole = orjson.dumps(CLIENTS[client].render_answer(answer, None, frame))
    reader, writer = UPSTREAMS[upstream].open_reader(frame), CLIENTS[client].open_writer(frame)
    body = "".join(f"data: {fill(event, text, arguments)}\n\n" for event in STREAMS[upstream]).encode()
    events = [said for event in cut_events(body) for said in reader.read(event)] + reader.end()
    streamed = b"".join((writer.begin(Usage({})), *map(writer.write, events), *writer.end(None)))
    for written in (whole, streamed):
        assert (MENDED if text == HALF else "Hi") in written.decode().replace("\\\\", "\\")


@pytest.mark.parametrize("upstream", ["anthropic", "gemini"])
def test_arguments_that_nest_too_deep_are_refused_by_their_place(upstream: str) -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": DEEP}}]
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": calls}]}
    chat: Chat = CLIENTS["openai"].parse_chat(body)
    with pytest.raises(Untranslatable, match="too deep"):
        UPSTREAMS[upstream].render_chat(chat, actual_model="m", max_tokens_default=9)


def test_a_seal_that_nests_too_deep_is_none() -> None:
    for kind in ("details", "extra"):
        details = [{"type": "reasoning.encrypted", "data": f"qpseal1.openai.{kind}.{DEEP}", "id": "c"}]
        calls = [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
        said = {"role": "assistant", "tool_calls": calls, "reasoning_details": details}
        body: dict[str, Any] = {"messages": [said, {"role": "tool", "tool_call_id": "c", "content": "Hi"}]}
        rendered = UPSTREAMS["openai"].render_chat(
            CLIENTS["openai"].parse_chat(body), actual_model="m", max_tokens_default=9
        )
        assert orjson.dumps(rendered)


def test_numbers_beyond_what_is_written_are_read() -> None:
    assert parse_arguments(ToolCall("c", "f", LARGE)) == {"a": 10.0**30}
