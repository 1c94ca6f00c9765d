"""OpenAI Embeddings: input only, one JSON answer, no stream."""

import orjson

from quart_proxy.core.client_requests import get_flag, get_model, parse_body
from quart_proxy.core.errors import InvalidRequest, ProxyError
from quart_proxy.core.formats import Answer, ClientRequest, Format, StreamReader, StreamStep
from quart_proxy.core.json_edit import replace_string
from quart_proxy.core.openai_style import bearer_headers, find_failure, join_url, render_error
from quart_proxy.core.openai_usage import read_embeddings_usage
from quart_proxy.core.prompts import SystemPrompt
from quart_proxy.core.sse import Event, encode_event
from quart_proxy.core.usage import NOTHING_READ, Reading
from quart_proxy.core.usage_fields import load_lenient


def parse_request(body: bytes) -> ClientRequest:
    fields = parse_body(body)
    model = get_model(fields)
    if fields.get("input") is None:
        raise InvalidRequest("`input` must be the text to embed, or a list of texts.", param="input")
    if get_flag(fields, "stream"):
        raise InvalidRequest("Embeddings cannot be streamed.", param="stream")
    return ClientRequest(body=fields, model=model, is_streaming=False, wants_usage=False, output_tokens_max=None)


def render_request(request: ClientRequest, *, actual_model: str, prompt: SystemPrompt | None) -> bytes:
    """The client's body with the model renamed; there is no place for a prompt."""
    return orjson.dumps({**request.body, "model": actual_model})


def read_answer(body: bytes) -> Answer:
    document = load_lenient(body)
    if not isinstance(document, dict):
        return Answer(NOTHING_READ, "The provider's answer is not a JSON object.")
    return Answer(read_embeddings_usage(document.get("usage")), find_failure(document))


class _NoReader:
    """Stands in for a stream that no request can ask for."""

    def read(self, event: Event) -> StreamStep:
        return StreamStep.FORWARD

    def reading(self) -> Reading:
        return NOTHING_READ

    def is_usage_final(self) -> bool:
        return False

    def is_complete_without_terminal(self) -> bool:
        return False


def open_stream() -> StreamReader:
    return _NoReader()


def rename_model(text: bytes, name: str) -> bytes:
    return replace_string(text, (("model",),), name)


def encode_error_event(error: ProxyError, request_id: str) -> bytes:
    return encode_event(orjson.dumps(render_error(error, request_id)))


FORMAT = Format(
    name="openai_embeddings",
    api_format="openai",
    parse_request=parse_request,
    render_request=render_request,
    endpoint="embeddings",
    upstream_url=lambda api_url, **_: join_url(api_url, "/embeddings"),
    models_url=lambda api_url: join_url(api_url, "/models"),
    credential_headers=bearer_headers,
    rename_model=rename_model,
    read_answer=read_answer,
    open_stream=open_stream,
    render_error=render_error,
    encode_error_event=encode_error_event,
)
