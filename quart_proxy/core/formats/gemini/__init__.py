"""Google's Gemini API (`generateContent`), as providers speak it. Clients do not: it is always translated."""

import re
from urllib.parse import quote, urlsplit, urlunsplit

from quart_proxy.core.formats import Answer, UpstreamChat, UpstreamFormat, find_answer_id
from quart_proxy.core.formats.gemini.answers import Reader, parse_answer
from quart_proxy.core.formats.gemini.requests import render_chat
from quart_proxy.core.formats.gemini.stops import find_failure
from quart_proxy.core.formats.gemini.streams import StreamReader, find_document
from quart_proxy.core.gemini_usage import read_usage_metadata
from quart_proxy.core.usage import NOTHING_READ
from quart_proxy.core.usage_fields import load_lenient

_VERSION = re.compile(r"/v\d\w*(?=/|$)")
_ID = "responseId"
_MODELS_PAGE = 1000
"""As many models as Google lists at once."""


def upstream_url(api_url: str, *, actual_model: str, is_streaming: bool) -> str:
    model = quote(actual_model.strip().removeprefix("models/"), safe="")
    if is_streaming:
        return _join_url(api_url, f"/models/{model}:streamGenerateContent", "alt=sse")
    return _join_url(api_url, f"/models/{model}:generateContent")


def _join_url(api_url: str, path: str, query: str = "") -> str:
    """The address under `api_url` for `path`. A base that names no version of the API means `v1beta`."""
    parts = urlsplit(api_url.strip())
    base = parts.path.rstrip("/")
    version = "" if _VERSION.search(base) else "/v1beta"
    return urlunsplit(parts._replace(path=f"{base}{version}{path}", query=query))


def read_answer(body: bytes) -> Answer:
    document = find_document(load_lenient(body))
    if document is None:
        return Answer(NOTHING_READ, "The provider's answer is not a JSON object.")
    return Answer(
        read_usage_metadata(document.get("usageMetadata")),
        find_failure(document, has_said=False),
        find_answer_id(document, id_member=_ID),
    )


FORMAT = UpstreamFormat(
    name="gemini",
    api_format="gemini",
    upstream_url=upstream_url,
    models_url=lambda api_url: _join_url(api_url, "/models", f"pageSize={_MODELS_PAGE}"),
    credential_headers=lambda api_key: {"x-goog-api-key": api_key},
    read_answer=read_answer,
    open_stream=StreamReader,
    id_member=_ID,
    upstream_chat=UpstreamChat(render_chat=render_chat, parse_answer=parse_answer, open_reader=Reader),
)
