"""Images and documents as URLs say them: `data:` ones hold the bytes, all others lead to them."""

import base64
import binascii
import re

from quart_proxy.core.chat import Source
from quart_proxy.core.errors import InvalidRequest

_DATA_URL = re.compile(r"data:(?P<media_type>[^;,]*)(?:;[^;,]*?)*?;base64,(?P<data>.*)", re.DOTALL | re.IGNORECASE)
_WEB_URL = re.compile(r"https?://", re.IGNORECASE)


def parse_url(url: str, at: str) -> Source:
    """Where the bytes are; a plain text in a `data:` URL becomes that text. Raises InvalidRequest."""
    if _WEB_URL.match(url):
        return Source(url=url)
    found = _DATA_URL.fullmatch(url)
    if found is None:
        raise InvalidRequest(f"`{at}` must be an https URL, or `data:<media type>;base64,<data>`.", param=at)
    source = Source(base64=found["data"], media_type=found["media_type"].lower() or None)
    text = find_text(source)
    return source if text is None else Source(text=text, media_type=source.media_type)


def render_url(source: Source, media_type: str) -> str | None:
    """The URL for an image or document; `media_type` where the source has none. None: it is a file or a text."""
    if source.url is not None:
        return source.url
    if source.base64 is not None:
        return f"data:{source.media_type or media_type};base64,{source.base64}"
    return None


def find_text(source: Source) -> str | None:
    """The text of a source that is plain text, by its media type; None for all others."""
    if source.text is not None or source.base64 is None or not (source.media_type or "").startswith("text/"):
        return source.text
    try:
        return base64.b64decode(source.base64, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
