"""Completions of before there were chats are chats of one message, and are answered in their own form."""

from typing import Any

import orjson
import pytest
from openai.types import Completion
from pydantic import TypeAdapter
from translating import make_frame, write_stream

from quart_proxy.core.chat import ChatAnswer, Message, Refusal, Role, Stop, Text, Thinking, ToolCall
from quart_proxy.core.chat_events import list_events
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats import CLIENT_FORMATS
from quart_proxy.core.formats.openai_completions import SAYING_NOTHING, TRANSLATED, parse_chat, render_answer
from quart_proxy.core.sse import SseParser
from quart_proxy.core.usage import Dimension, Usage

NAME = "openai_completions"
FORMAT = CLIENT_FORMATS[NAME]
WHOLE: TypeAdapter[Completion] = TypeAdapter(Completion)
USAGE = Usage({Dimension.INPUT: 3, Dimension.OUTPUT: 2})


def parse(prompt: Any = "Once", **more: Any) -> Any:
    return parse_chat({"model": "m", "prompt": prompt, **more})


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_prompt_is_the_one_message_of_a_chat(prompt: Any) -> None:
    assert parse(prompt).messages == (Message(Role.USER, (Text("Once", "prompt"),), "prompt"),)


def test_plain_fields_are_read() -> None:
    chat = parse(
        max_tokens=5, temperature=0.5, top_p=1, seed=1, stop=["a"], frequency_penalty=1, presence_penalty=0, stream=True
    )
    assert (chat.max_tokens, chat.temperature, chat.top_p, chat.seed, chat.stop) == (5, 0.5, 1, 1, ("a",))
    assert (chat.frequency_penalty, chat.presence_penalty, chat.is_streaming) == (1, 0, True)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"prompt": ["a", "b"]}, "prompt"),
        ({"prompt": [1, 2]}, "prompt"),
        ({"prompt": [[1, 2]]}, "prompt"),
        ({"suffix": "x"}, "suffix"),
        ({"echo": True}, "echo"),
        ({"best_of": 2}, "best_of"),
        ({"n": 2}, "n"),
        ({"logprobs": 0}, "logprobs"),
        ({"logit_bias": {"1": 1}}, "logit_bias"),
        ({"colour": 1}, "colour"),
    ],
)
def test_what_no_chat_says_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(Untranslatable, match=f"`{param}`") as refused:
        parse_chat({"model": "m", "prompt": "a", **fields})
    assert refused.value.param == param


@pytest.mark.parametrize("prompt", [None, "", [], [""], 1, {"a": 1}, [{"a": 1}]])
def test_a_prompt_that_is_no_text_is_wrong(prompt: Any) -> None:
    with pytest.raises(InvalidRequest, match="`prompt`"):
        parse(prompt)


@pytest.mark.parametrize("field", sorted({*TRANSLATED, *SAYING_NOTHING, "logprobs"} - {"model", "prompt"}))
def test_null_says_nothing(field: str) -> None:
    assert parse(**{field: None}) == parse()
    for value in SAYING_NOTHING.get(field, ()):
        assert parse(**{field: value}) == parse()


def test_a_request_says_whether_it_wants_usage() -> None:
    body = {"model": "m", "prompt": "a", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 9}
    request = FORMAT.parse_request(orjson.dumps(body))
    assert (request.is_streaming, request.wants_usage, request.output_tokens_max) == (True, True, 9)


ANSWER = ChatAnswer((Thinking("hm"), Text("a"), ToolCall("c", "f"), Text("b"), Refusal("c")), Stop.LENGTH)


def test_a_whole_answer_is_its_words() -> None:
    document = render_answer(ANSWER, USAGE, make_frame())
    WHOLE.validate_python(document)
    assert document["choices"] == [{"text": "abc", "index": 0, "logprobs": None, "finish_reason": "length"}]
    assert document["usage"]["total_tokens"] == 5
    assert "usage" not in render_answer(ANSWER, None, make_frame())


@pytest.mark.parametrize("wants_usage", [True, False])
def test_a_stream_is_its_words(wants_usage: bool) -> None:
    body = write_stream(NAME, list_events(ANSWER), USAGE, make_frame(wants_usage=wants_usage))
    *chunks, done = SseParser().feed(body)
    documents = [orjson.loads(chunk.data) for chunk in chunks]
    assert done.data == b"[DONE]"
    choices = [choice for document in documents for choice in document["choices"]]
    assert "".join(choice["text"] for choice in choices) == "abc"
    assert choices[-1]["finish_reason"] == "length"
    assert ("usage" in documents[-1]) is wants_usage
