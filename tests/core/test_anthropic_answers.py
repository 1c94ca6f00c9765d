"""What a client of Anthropic's format is told of answers that no Anthropic model gave."""

from typing import Any

import orjson
import pytest

from quart_proxy.core.chat import AnswerPart, Chat, ChatAnswer, ChatFrame, Stop, Text, Thinking, ToolCall
from quart_proxy.core.chat_events import PartBegan, PartEnded, PartGrew, Stopped, empty
from quart_proxy.core.formats.anthropic.answers import render_answer
from quart_proxy.core.formats.anthropic.streams import Writer
from quart_proxy.core.seals import Seal

FRAME = ChatFrame(Chat(messages=()), "a-model", "01", 0)
SEALED = Thinking("", seal=Seal("gemini", "c2VhbA==", "text"))
CALL = ToolCall("call_1", "look", "{}")


def kinds_of_whole(parts: tuple[AnswerPart, ...]) -> list[str]:
    return [block["type"] for block in render_answer(ChatAnswer(parts), None, FRAME)["content"]]


def kinds_of_stream(parts: tuple[AnswerPart, ...]) -> list[str]:
    writer, written = Writer(FRAME), b""
    for part in parts:
        written += writer.write(PartBegan(empty(part)))
        if isinstance(part, Text):
            written += writer.write(PartGrew(part.text))
        written += writer.write(PartEnded(part))
    written += writer.write(Stopped(Stop.END)) + b"".join(writer.end(None))
    events: list[dict[str, Any]] = [orjson.loads(line[6:]) for line in written.splitlines() if line[:6] == b"data: "]
    begun = [event for event in events if event["type"] == "content_block_start"]
    ended = [event["index"] for event in events if event["type"] == "content_block_stop"]
    assert [event["index"] for event in begun] == ended == list(range(len(begun)))
    return [event["content_block"]["type"] for event in begun]


@pytest.mark.parametrize("kinds_of", [kinds_of_whole, kinds_of_stream])
@pytest.mark.parametrize(
    ("parts", "kinds"),
    [
        ((Text("Hi"), SEALED), ["text"]),
        ((Text("Hi"), SEALED, SEALED), ["text"]),
        ((Text("Hi"), SEALED, CALL), ["text", "redacted_thinking", "tool_use"]),
        ((Text("Hi"), SEALED, SEALED, CALL), ["text", "redacted_thinking", "redacted_thinking", "tool_use"]),
        ((SEALED, Text("Hi")), ["redacted_thinking", "text"]),
        ((SEALED,), ["redacted_thinking"]),
    ],
    ids=["after text", "twice after text", "before a call", "twice before a call", "before text", "alone"],
)
def test_thinking_without_words_is_never_the_end_of_an_answer(
    kinds_of: Any, parts: tuple[AnswerPart, ...], kinds: list[str]
) -> None:
    assert kinds_of(parts) == kinds
