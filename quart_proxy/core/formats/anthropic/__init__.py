"""Anthropic Messages: usage at the start of a stream, and again, cumulative, towards its end."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from quart_proxy.core.anthropic_usage import read_usage
from quart_proxy.core.client_requests import find_limit, get_flag, get_list, get_model, parse_body
from quart_proxy.core.errors import InvalidFields, InvalidRequest, ProxyError
from quart_proxy.core.formats import (
    Answer,
    ClientChat,
    ClientRequest,
    Format,
    StreamStep,
    UpstreamChat,
    find_answer_id,
)
from quart_proxy.core.formats.anthropic.answers import parse_answer, render_answer
from quart_proxy.core.formats.anthropic.passing import drop_tokens
from quart_proxy.core.formats.anthropic.rendering import render_chat
from quart_proxy.core.formats.anthropic.requests import parse_chat
from quart_proxy.core.formats.anthropic.streams import Reader, Writer
from quart_proxy.core.json_edit import replace_string
from quart_proxy.core.prompts import PromptMode, SystemPrompt
from quart_proxy.core.provider_errors import read_error
from quart_proxy.core.sse import Event, encode_event
from quart_proxy.core.usage import NOTHING_READ, Reading
from quart_proxy.core.usage_fields import find_tail_usage, load_lenient

_VERSION = "2023-06-01"


def parse_request(body: bytes) -> ClientRequest:
    fields = parse_body(body)
    get_list(fields, "messages")
    if not isinstance(fields.get("system"), str | list | None):
        raise InvalidRequest("`system` must be a text or a list of blocks.", param="system")
    return ClientRequest(
        body=fields,
        model=get_model(fields),
        is_streaming=get_flag(fields, "stream"),
        wants_usage=True,
        output_tokens_max=find_limit(fields, "max_tokens"),
    )


def render_request(request: ClientRequest, *, actual_model: str, prompt: SystemPrompt | None) -> bytes:
    fields = {**request.body, "model": actual_model, **drop_tokens(request.body)}
    if prompt is not None:
        fields["system"] = _inject(fields.get("system"), prompt)
    return orjson.dumps(fields)


def _inject(theirs: str | list[Any] | None, prompt: SystemPrompt) -> str | list[Any]:
    if not theirs or prompt.mode is PromptMode.REPLACE:
        return prompt.text
    if isinstance(theirs, list):
        return [{"type": "text", "text": prompt.text}, *theirs]
    return f"{prompt.text}\n\n{theirs}"


def _join_url(api_url: str, path: str) -> str:
    """The address under `api_url` for `path`; a base may end in `/v1` or before it."""
    parts = urlsplit(api_url.strip())
    base = parts.path.rstrip("/").removesuffix("/v1")
    return urlunsplit(parts._replace(path=f"{base}/v1{path}"))


def read_answer(body: bytes) -> Answer:
    document = load_lenient(body)
    if not isinstance(document, dict):
        return Answer(NOTHING_READ, "The provider's answer is not a JSON object.")
    failure = document.get("error")
    error = None
    if failure or document.get("type") == "error":
        error = read_error(failure).message or "The provider reported a failure without saying which."
    return Answer(read_usage(document.get("usage"), document.get("model")), error, find_answer_id(document))


class _Reader:
    """Joins what the start said with what later reports say: field by field, the later one overrules."""

    __slots__ = ("_has_total", "_invalid", "_model", "_usage")

    def __init__(self) -> None:
        self._usage: dict[str, Any] = {}
        self._model: object = None
        self._has_total = False
        self._invalid = False

    def read(self, event: Event) -> StreamStep:
        data = event.data
        if not event.is_whole:
            self._merge(find_tail_usage(data))
            return StreamStep.FORWARD
        # Most events are text and nothing for us. Bytes may raise a false alarm, never miss one of these.
        if (
            b'"usage"' not in data
            and b'"message_stop"' not in data
            and b'"error"' not in data
            and event.name not in ("message_stop", "error")
        ):
            return StreamStep.FORWARD
        document = load_lenient(data)
        if not isinstance(document, dict):
            return StreamStep.ERROR if event.name == "error" else StreamStep.FORWARD
        return self._read_document(document, document.get("type") or event.name)

    def _read_document(self, document: Mapping[str, Any], kind: object) -> StreamStep:
        if kind == "error":
            return StreamStep.ERROR
        if kind == "message_stop":
            return StreamStep.TERMINAL
        message = document.get("message")
        if kind == "message_start" and isinstance(message, dict):
            self._usage = {}
            self._has_total = False
            self._model = message.get("model")
            self._merge(message.get("usage"))
        elif kind == "message_delta":
            self._merge(document.get("usage"))
            self._has_total = True
        return StreamStep.FORWARD

    def _merge(self, usage: object) -> None:
        if isinstance(usage, dict):
            self._usage.update((key, value) for key, value in usage.items() if value is not None)
        elif usage is not None:
            self._invalid = True

    def reading(self) -> Reading:
        # An invalid count is not passed over for the start's: that one is only a placeholder.
        return Reading(invalid="usage") if self._invalid else read_usage(self._usage, self._model)

    def is_usage_final(self) -> bool:
        return self._has_total and self.reading().usage is not None

    def is_complete_without_terminal(self) -> bool:
        return False


def rename_model(text: bytes, name: str) -> bytes:
    return replace_string(text, (("message", "model"), ("model",)), name)


def render_error(error: ProxyError, request_id: str) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": error.anthropic_type,
        "message": error.message,
        "details": {"error_code": error.code},
    }
    if isinstance(error, InvalidFields):
        content["errors"] = [{"param": fault.param, "message": fault.message} for fault in error.faults]
    return {"type": "error", "error": content, "request_id": request_id}


def encode_error_event(error: ProxyError, request_id: str) -> bytes:
    return encode_event(orjson.dumps(render_error(error, request_id)), "error")


FORMAT = Format(
    name="anthropic",
    api_format="anthropic",
    parse_request=parse_request,
    render_request=render_request,
    endpoint="messages",
    upstream_url=lambda api_url, **_: _join_url(api_url, "/messages"),
    count_url=lambda api_url: _join_url(api_url, "/messages/count_tokens"),
    models_url=lambda api_url: _join_url(api_url, "/models"),
    credential_headers=lambda api_key: {"x-api-key": api_key},
    rename_model=rename_model,
    read_answer=read_answer,
    open_stream=_Reader,
    render_error=render_error,
    encode_error_event=encode_error_event,
    answer_member="message",
    client_chat=ClientChat(parse_chat=parse_chat, render_answer=render_answer, open_writer=Writer),
    upstream_chat=UpstreamChat(render_chat=render_chat, parse_answer=parse_answer, open_reader=Reader),
    heartbeat=encode_event(b'{"type": "ping"}', "ping"),
    default_headers={"anthropic-version": _VERSION},
    client_headers=frozenset({"anthropic-version", "anthropic-beta"}),
)
