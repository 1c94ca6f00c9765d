"""OpenAI's completions of before there were chats: a prompt in, text out.

Clients alone speak it, mostly editors and old scripts. The prompt is the one message of a chat with whatever upstream
the model has, and the answer is its words.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from quart_proxy.core.chat import Chat, ChatAnswer, ChatFrame, Message, Refusal, Role, Stop, Text
from quart_proxy.core.chat_events import ChatEvent, PartBegan, PartGrew, Stopped
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.client_requests import find_limit, get_flag, get_model, parse_body
from quart_proxy.core.errors import Untranslatable
from quart_proxy.core.formats import ClientChat, ClientFormat, ClientRequest
from quart_proxy.core.openai_style import encode_error_event, get_stream_options, render_error
from quart_proxy.core.openai_usage import render_chat_usage
from quart_proxy.core.usage import Usage

TRANSLATED = frozenset(
    {
        "model", "prompt", "stream", "stream_options",
        "max_tokens", "temperature", "top_p", "seed", "stop", "frequency_penalty", "presence_penalty",
        "user",
    }
)  # fmt: skip
"""The fields that a chat says."""

SAYING_NOTHING: Mapping[str, tuple[Any, ...]] = {
    "n": (1,),
    "best_of": (1,),
    "echo": (False,),
    "suffix": ("",),
    "logit_bias": ({},),
    "top_k": (0, -1),
}
"""Values that ask for what happens anyway. Null is one for every field."""

REASONS = {Stop.LENGTH: "length", Stop.REFUSED: "content_filter"}
"""Why an answer ended; whatever is not here is `stop`."""

DONE = b"data: [DONE]\n\n"


def parse_request(body: bytes) -> ClientRequest:
    fields = parse_body(body)
    return ClientRequest(
        body=fields,
        model=get_model(fields),
        is_streaming=get_flag(fields, "stream"),
        wants_usage=get_stream_options(fields).get("include_usage") is True,
        output_tokens_max=find_limit(fields, "max_tokens"),
    )


def parse_chat(body: Mapping[str, Any]) -> Chat:
    for name, value in body.items():
        if name not in TRANSLATED and value is not None and value not in SAYING_NOTHING.get(name, ()):
            raise _unsaid(name, "has no place in a chat")
    fields = ClientObject(body)
    return Chat(
        messages=(Message(Role.USER, (Text(_get_prompt(fields), "prompt"),), "prompt"),),
        max_tokens=fields.find_count("max_tokens"),
        temperature=fields.find_number("temperature"),
        top_p=fields.find_number("top_p"),
        seed=fields.find_integer("seed"),
        frequency_penalty=fields.find_number("frequency_penalty"),
        presence_penalty=fields.find_number("presence_penalty"),
        stop=tuple(filter(None, fields.list_texts("stop"))),
        user=fields.find_text("user"),
        is_streaming=fields.find_flag("stream") is True,
    )


def _get_prompt(fields: ClientObject) -> str:
    prompt = fields.values.get("prompt")
    if isinstance(prompt, list) and prompt:
        if isinstance(prompt[0], int | list):
            raise _unsaid("prompt", "holds tokens, which mean something to one model alone; send the text")
        if len(prompt) > 1:
            raise _unsaid("prompt", "holds several prompts; send one request for each")
        prompt = prompt[0]
    if not isinstance(prompt, str) or not prompt:
        raise fields.refusal("prompt", "must be a text that is not empty")
    return prompt


def _unsaid(name: str, why: str) -> Untranslatable:
    return Untranslatable(f"`{name}` {why}: completions are answered as chats here.", param=name)


# --- answers ------------------------------------------------------------------------------------------


def render_answer(answer: ChatAnswer, usage: Usage | None, frame: ChatFrame) -> dict[str, Any]:
    text = "".join(part.text for part in answer.parts if isinstance(part, Text | Refusal))
    choice = {"text": text, "index": 0, "logprobs": None, "finish_reason": REASONS.get(answer.stop, "stop")}
    document = {**_render_head(frame), "choices": [choice]}
    return document if usage is None else {**document, "usage": render_chat_usage(usage)}


def _render_head(frame: ChatFrame) -> dict[str, Any]:
    return {
        "id": frame.make_id("cmpl-"),
        "object": "text_completion",
        "created": frame.created_s,
        "model": frame.model,
    }


class Writer:
    """Writes one stream. Only words are told: a prompt has no place for thinking, and offers no tools."""

    def __init__(self, frame: ChatFrame) -> None:
        self._wants_usage = frame.wants_usage
        self._head = b"data: " + orjson.dumps(_render_head(frame))[:-1]
        self._before = self._head + b',"choices":[{"text":'
        self._is_told = False

    def begin(self, usage: Usage) -> bytes:
        return b""

    def write(self, event: ChatEvent) -> bytes:
        match event:
            case PartBegan():
                self._is_told = isinstance(event.part, Text | Refusal)
            case PartGrew() if self._is_told:
                return self._chunk(event.text, b"null")
            case Stopped():
                return self._chunk("", b'"%b"' % REASONS.get(event.stop, "stop").encode())
        return b""

    def end(self, usage: Usage | None) -> tuple[bytes, bytes]:
        if usage is None or not self._wants_usage:
            return b"", DONE
        return self._head + b',"choices":[],"usage":' + orjson.dumps(render_chat_usage(usage)) + b"}\n\n", DONE

    def _chunk(self, text: str, reason: bytes) -> bytes:
        behind = b',"index":0,"logprobs":null,"finish_reason":%b}]}\n\n' % reason
        return self._before + orjson.dumps(text) + behind


FORMAT = ClientFormat(
    name="openai_completions",
    api_format="openai_completions",
    endpoint="completions",
    parse_request=parse_request,
    render_error=render_error,
    encode_error_event=encode_error_event,
    client_chat=ClientChat(parse_chat, render_answer, Writer),
)
