"""OpenAI Chat Completions, and the many providers that nearly speak it."""

from collections.abc import Mapping
from typing import Any

import orjson

from quart_proxy.core.client_requests import find_limit, get_flag, get_list, get_model, parse_body
from quart_proxy.core.formats import (
    Answer,
    ClientChat,
    ClientRequest,
    Format,
    StreamStep,
    UpstreamChat,
    find_answer_id,
)
from quart_proxy.core.formats.openai.answers import parse_answer, render_answer
from quart_proxy.core.formats.openai.bodies import render_chat
from quart_proxy.core.formats.openai.messages import SYSTEM_ROLES
from quart_proxy.core.formats.openai.reading import Reader
from quart_proxy.core.formats.openai.reasoning import drop_foreign
from quart_proxy.core.formats.openai.requests import parse_chat
from quart_proxy.core.formats.openai.streams import DONE, Writer
from quart_proxy.core.json_edit import replace_string
from quart_proxy.core.openai_style import (
    bearer_headers,
    encode_error_event,
    find_failure,
    get_stream_options,
    join_url,
    render_error,
)
from quart_proxy.core.openai_usage import read_chat_usage
from quart_proxy.core.prompts import PromptMode, SystemPrompt
from quart_proxy.core.sse import Event
from quart_proxy.core.usage import NOTHING_READ, Reading
from quart_proxy.core.usage_fields import find_tail_usage, load_lenient

_DONE = b"[DONE]"


def parse_request(body: bytes) -> ClientRequest:
    fields = parse_body(body)
    get_list(fields, "messages")
    return ClientRequest(
        body=fields,
        model=get_model(fields),
        is_streaming=get_flag(fields, "stream"),
        wants_usage=get_stream_options(fields).get("include_usage") is True,
        output_tokens_max=find_limit(fields, "max_completion_tokens", "max_tokens"),
    )


def render_request(request: ClientRequest, *, actual_model: str, prompt: SystemPrompt | None) -> bytes:
    fields = {**request.body, "model": actual_model}
    if request.is_streaming:
        fields["stream_options"] = {**get_stream_options(fields), "include_usage": True}
    fields["messages"] = drop_foreign(get_list(fields, "messages"))
    if prompt is not None:
        fields["messages"] = _inject(fields["messages"], prompt)
    return orjson.dumps(fields)


def _inject(messages: list[Any], prompt: SystemPrompt) -> list[Any]:
    """The client's messages behind ours; ours takes the role that the client uses for such text."""
    roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
    ours = {"role": "developer" if "developer" in roles else "system", "content": prompt.text}
    if prompt.mode is PromptMode.REPLACE:
        kept = [
            message
            for message, role in zip(messages, roles, strict=True)
            if not isinstance(role, str) or role not in SYSTEM_ROLES
        ]
        return [ours, *kept]
    return [ours, *messages]


def read_answer(body: bytes) -> Answer:
    document = load_lenient(body)
    if not isinstance(document, dict):
        return Answer(NOTHING_READ, "The provider's answer is not a JSON object.")
    return Answer(_find_usage(document), find_failure(document), find_answer_id(document))


def _find_usage(document: Mapping[str, Any]) -> Reading:
    """The usage of an answer or a chunk. Groq and Moonshot have places of their own, and may fill two."""
    usage = document.get("usage")
    groq = document.get("x_groq")
    if usage is None and isinstance(groq, dict):
        usage = groq.get("usage")
    choices = document.get("choices")
    if usage is None and isinstance(choices, list) and choices and isinstance(choices[0], dict):
        usage = choices[0].get("usage")
    return read_chat_usage(usage)


class _Reader:
    """Most chunks carry text and nothing for us: they are told by their bytes and never parsed.

    A key that is there more often than it is there with null says something. Bytes may raise a false alarm,
    which costs a parse; they may not miss anything.
    """

    __slots__ = ("_has_finished", "_has_usage_chunk", "_reading")

    def __init__(self) -> None:
        self._reading = NOTHING_READ
        self._has_finished = False
        self._has_usage_chunk = False

    def read(self, event: Event) -> StreamStep:
        data = event.data
        if not event.is_whole:
            self._take(read_chat_usage(find_tail_usage(data)))
            return StreamStep.FORWARD
        if event.name == "error":
            self._read_chunk(load_lenient(data))
            return StreamStep.ERROR
        if (
            data.count(b'"usage"') == data.count(b'"usage":null')
            and data.count(b'"finish_reason"') == data.count(b'"finish_reason":null')
            and data.count(b'"error"') == data.count(b'"error":null')
            and b"\\u00" not in data
        ):
            return StreamStep.TERMINAL if data.strip() == _DONE else StreamStep.FORWARD
        return self._read_chunk(load_lenient(data))

    def _read_chunk(self, chunk: object) -> StreamStep:
        if not isinstance(chunk, dict):
            return StreamStep.FORWARD
        reading = _find_usage(chunk)
        self._take(reading)
        if find_failure(chunk) is not None:
            return StreamStep.ERROR
        choices = chunk.get("choices")
        if isinstance(choices, list) and any(_is_finished(choice) for choice in choices):
            self._has_finished = True
        if choices == [] and reading != NOTHING_READ:
            self._has_usage_chunk = True
            return StreamStep.USAGE_ONLY
        return StreamStep.FORWARD

    def _take(self, reading: Reading) -> None:
        if reading.usage is not None or (reading.invalid and self._reading.usage is None):
            self._reading = reading

    def reading(self) -> Reading:
        return self._reading

    def is_usage_final(self) -> bool:
        return self._reading.usage is not None and (self._has_finished or self._has_usage_chunk)

    def is_complete_without_terminal(self) -> bool:
        # Usage alone proves nothing: some providers send a running one with each chunk.
        return self._has_finished or self._has_usage_chunk


def _is_finished(choice: object) -> bool:
    return isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str)


def rename_model(text: bytes, name: str) -> bytes:
    return replace_string(text, (("model",),), name)


FORMAT = Format(
    name="openai",
    api_format="openai",
    parse_request=parse_request,
    render_request=render_request,
    endpoint="chat/completions",
    upstream_url=lambda api_url, **_: join_url(api_url, "/chat/completions"),
    models_url=lambda api_url: join_url(api_url, "/models"),
    credential_headers=bearer_headers,
    rename_model=rename_model,
    read_answer=read_answer,
    open_stream=_Reader,
    render_error=render_error,
    encode_error_event=encode_error_event,
    terminal=DONE,
    client_headers=frozenset({"openai-beta"}),
    client_chat=ClientChat(parse_chat, render_answer, Writer),
    upstream_chat=UpstreamChat(render_chat, parse_answer, Reader),
)
