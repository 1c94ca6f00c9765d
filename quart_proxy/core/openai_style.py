"""What the formats of the OpenAI family share: addresses, credentials, options of streams, errors. Not a format
itself."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from quart_proxy.core.errors import InvalidRequest, ProxyError
from quart_proxy.core.provider_errors import read_error
from quart_proxy.core.sse import encode_event


def join_url(api_url: str, path: str) -> str:
    """The address under `api_url` for `path`, such as `/embeddings`; a query in `api_url` stays its query.

    A bare host gets the `/v1` it lacks; a base with a path of its own is taken as it is.
    """
    parts = urlsplit(api_url.strip())
    base = parts.path.rstrip("/") or "/v1"
    return urlunsplit(parts._replace(path=base + path))


def bearer_headers(api_key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {api_key}"}


def get_stream_options(body: Mapping[str, Any]) -> dict[str, Any]:
    """The `stream_options` of a client's request; empty without them. Raises InvalidRequest."""
    options = body.get("stream_options")
    if options is None:
        return {}
    if not isinstance(options, dict):
        raise InvalidRequest("`stream_options` must be an object.", param="stream_options")
    return options


def render_error(error: ProxyError, request_id: str) -> dict[str, Any]:
    """The body of an error answer, as OpenAI's clients parse it, with what the error carries beside."""
    content: dict[str, Any] = {
        "message": error.message,
        "type": error.openai_type,
        "param": error.param,
        "code": error.code,
        "request_id": request_id,
    }
    content |= error.details
    return {"error": content}


def encode_error_event(error: ProxyError, request_id: str) -> bytes:
    """The event that ends a broken stream of completions."""
    return encode_event(orjson.dumps(render_error(error, request_id)))


def find_failure(document: Mapping[str, Any]) -> str | None:
    """The failure that a provider reports inside a 2xx JSON answer or an event, as a safe sentence.

    `error` may be an object or a text, of the answer or of its first choice; MiniMax reports in `base_resp`.
    """
    failure: object = document.get("error") or _find_choice_error(document) or _find_status_error(document)
    if not failure:
        return None
    return read_error(failure).message or "The provider reported a failure without saying which."


def _find_choice_error(document: Mapping[str, Any]) -> object:
    choices = document.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return choices[0].get("error")
    return None


def _find_status_error(document: Mapping[str, Any]) -> object:
    status = document.get("base_resp")
    return status if isinstance(status, dict) and status.get("status_code") not in (0, None) else None
