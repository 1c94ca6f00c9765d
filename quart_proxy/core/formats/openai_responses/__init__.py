"""OpenAI Responses: a stream of typed events, of which only the last ones carry usage."""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from quart_proxy.core.client_requests import find_limit, get_flag, get_model, parse_body
from quart_proxy.core.errors import InvalidRequest, ProxyError
from quart_proxy.core.formats import Answer, ClientChat, ClientRequest, Format, StreamStep, UpstreamChat, find_answer_id
from quart_proxy.core.formats.openai_responses.answers import parse_answer
from quart_proxy.core.formats.openai_responses.bodies import render_chat
from quart_proxy.core.formats.openai_responses.requests import parse_chat
from quart_proxy.core.formats.openai_responses.responses import render_answer
from quart_proxy.core.formats.openai_responses.stream_writer import Writer
from quart_proxy.core.formats.openai_responses.streams import Reader
from quart_proxy.core.formats.openai_responses.thoughts import is_foreign
from quart_proxy.core.json_edit import replace_string
from quart_proxy.core.openai_style import bearer_headers, find_failure, join_url, render_error
from quart_proxy.core.openai_usage import split_input
from quart_proxy.core.prompts import PromptMode, SystemPrompt
from quart_proxy.core.sse import Event, encode_event
from quart_proxy.core.usage import NOTHING_READ, Dimension, InvalidCount, Reading, Usage
from quart_proxy.core.usage_fields import Counts, find_tail_usage, list_unpriced, load_lenient

_STEPS = {
    "response.completed": StreamStep.TERMINAL,
    "response.incomplete": StreamStep.TERMINAL,
    "response.failed": StreamStep.ERROR,
    "error": StreamStep.ERROR,
}
_QUOTED_TYPES = tuple(f'"{name}"'.encode() for name in _STEPS)
_LAST_TYPE = re.compile(rb'"type"\s*:\s*"(response\.(?:completed|incomplete|failed)|error)"')
_SYSTEM_ROLES = ("system", "developer")
_KNOWN = frozenset(
    {"input_tokens", "output_tokens", "total_tokens"}
    | {"context_details.input_tokens", "context_details.output_tokens"}
    | {f"input_tokens_details.{part}_tokens" for part in ("cached", "cache_write", "text", "image", "audio")}
    | {f"output_tokens_details.{part}_tokens" for part in ("reasoning", "text", "image", "audio")}
)


def parse_request(body: bytes) -> ClientRequest:
    fields = parse_body(body)
    if not isinstance(fields.get("instructions"), str | None):
        raise InvalidRequest("`instructions` must be a text.", param="instructions")
    return ClientRequest(
        body=fields,
        model=get_model(fields),
        is_streaming=get_flag(fields, "stream"),
        wants_usage=True,
        output_tokens_max=find_limit(fields, "max_output_tokens"),
    )


def render_request(request: ClientRequest, *, actual_model: str, prompt: SystemPrompt | None) -> bytes:
    fields = {**request.body, "model": actual_model}
    items = fields.get("input")
    if isinstance(items, list) and any(is_foreign(item) for item in items):
        fields["input"] = [item for item in items if not is_foreign(item)]
    if prompt is not None:
        _inject(fields, prompt)
    return orjson.dumps(fields)


def _inject(fields: dict[str, Any], prompt: SystemPrompt) -> None:
    theirs = fields.get("instructions")
    if prompt.mode is PromptMode.PREPEND and theirs:
        fields["instructions"] = f"{prompt.text}\n\n{theirs}"
        return
    fields["instructions"] = prompt.text
    items = fields.get("input")
    if prompt.mode is PromptMode.REPLACE and isinstance(items, list):
        fields["input"] = [item for item in items if not (isinstance(item, dict) and item.get("role") in _SYSTEM_ROLES)]


def read_answer(body: bytes) -> Answer:
    document = load_lenient(body)
    if not isinstance(document, dict):
        return Answer(NOTHING_READ, "The provider's answer is not a JSON object.")
    return Answer(_read_response(document), find_failure(document), find_answer_id(document))


def _read_response(response: Mapping[str, Any]) -> Reading:
    """The reading of a response object; calls of built-in tools stand beside its usage."""
    reading = _read_usage(response.get("usage"))
    tools = response.get("tool_usage")
    if reading.usage is None or not isinstance(tools, dict):
        return reading
    return Reading(reading.usage, unpriced=reading.unpriced + list_unpriced({"tool_usage": tools}, ()))


def _read_usage(usage: object) -> Reading:
    if usage is None:
        return NOTHING_READ
    if not isinstance(usage, dict):
        return Reading(invalid="usage")
    try:
        counted = _count(Counts(usage))
    except InvalidCount as error:
        return Reading(invalid=error.path)
    return Reading(counted, unpriced=list_unpriced(usage, _KNOWN)) if counted else NOTHING_READ


def _count(counts: Counts) -> Usage | None:
    inputs, output = counts.find("input_tokens"), counts.find("output_tokens")
    if inputs is None and output is None:
        return None
    tokens = split_input(
        inputs or 0,
        counts.largest("input_tokens_details.cached_tokens"),
        counts.largest("input_tokens_details.cache_write_tokens"),
    )
    tokens[Dimension.OUTPUT] = output or 0
    return Usage(tokens, counts.find("output_tokens_details.reasoning_tokens"))


class _Reader:
    __slots__ = ("_reading",)

    def __init__(self) -> None:
        self._reading = NOTHING_READ

    def read(self, event: Event) -> StreamStep:
        data = event.data
        if not event.is_whole:
            self._take(_read_usage(find_tail_usage(data)))
            return self._step_of(event.name, data)
        # Some providers name the type in the data only. Bytes may raise a false alarm, never miss a type.
        if event.name not in _STEPS and not any(quoted in data for quoted in _QUOTED_TYPES):
            return StreamStep.FORWARD
        document = load_lenient(data)
        if not isinstance(document, dict):
            return StreamStep.FORWARD
        step = _STEPS.get(str(document.get("type") or event.name), StreamStep.FORWARD)
        response = document.get("response")
        if step is not StreamStep.FORWARD and isinstance(response, dict):
            self._take(_read_response(response))
        return step

    @staticmethod
    def _step_of(name: str | None, tail: bytes) -> StreamStep:
        if name in _STEPS:
            return _STEPS[name]
        types = _LAST_TYPE.findall(tail)
        return _STEPS[types[-1].decode()] if types else StreamStep.FORWARD

    def _take(self, reading: Reading) -> None:
        if reading.usage is not None or (reading.invalid and self._reading.usage is None):
            self._reading = reading

    def reading(self) -> Reading:
        return self._reading

    def is_usage_final(self) -> bool:
        return self._reading.usage is not None

    def is_complete_without_terminal(self) -> bool:
        return False


def rename_model(text: bytes, name: str) -> bytes:
    return replace_string(text, (("response", "model"), ("model",)), name)


def encode_error_event(error: ProxyError, request_id: str) -> bytes:
    """OpenAI's clients look for the sentence at the top of the event, or in `error`: it stands in both."""
    content = render_error(error, request_id)
    fields = {key: content["error"][key] for key in ("code", "message", "param")}
    return encode_event(orjson.dumps({"type": "error", **fields, **content}), "error")


FORMAT = Format(
    name="openai_responses",
    api_format="openai_responses",
    parse_request=parse_request,
    render_request=render_request,
    endpoint="responses",
    upstream_url=lambda api_url, **_: join_url(api_url, "/responses"),
    models_url=lambda api_url: join_url(api_url, "/models"),
    credential_headers=bearer_headers,
    rename_model=rename_model,
    read_answer=read_answer,
    open_stream=_Reader,
    render_error=render_error,
    encode_error_event=encode_error_event,
    answer_member="response",
    client_headers=frozenset({"openai-beta"}),
    client_chat=ClientChat(parse_chat=parse_chat, render_answer=render_answer, open_writer=Writer),
    upstream_chat=UpstreamChat(render_chat=render_chat, parse_answer=parse_answer, open_reader=Reader),
)
