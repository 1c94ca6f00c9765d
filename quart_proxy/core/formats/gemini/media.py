"""Images, documents and sounds as parts of Gemini's contents.

Gemini takes bytes with their media type, and fetches files itself: from any public or signed https address, from
Google's own storage (`gs://`), and by the address of a file that was uploaded to it.
"""

from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from quart_proxy.core.chat import Audio, Document, Image, Source, untranslatable

_SCHEMES = ("https", "gs")
_TYPES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".pdf": "application/pdf",
    ".txt": "text/plain",
}
"""By the ending of an address, where the client did not say."""


def render_image(image: Image) -> dict[str, Any]:
    return _render(image.source, image.at)


def render_document(document: Document) -> dict[str, Any]:
    if document.source.text is not None:
        return {"text": render_titled(document)}
    return _render(document.source, document.at)


def render_titled(document: Document) -> str:
    """A document of plain text as the words that it is."""
    title = f' title="{document.title}"' if document.title else ""
    return f"<document{title}>\n{document.source.text}\n</document>"


def render_audio(audio: Audio) -> dict[str, Any]:
    return {"inlineData": {"mimeType": f"audio/{audio.encoding}", "data": audio.base64}}


def _render(source: Source, at: str) -> dict[str, Any]:
    if source.base64 is not None:
        if source.media_type is None:
            raise untranslatable(at, "gemini", "it wants to be told the media type, such as image/png")
        return {"inlineData": {"mimeType": source.media_type, "data": source.base64}}
    if source.url is None:
        raise untranslatable(at, "gemini", "the file is kept at another provider; send its bytes instead")
    parts = urlsplit(source.url)
    if parts.scheme not in _SCHEMES:
        raise untranslatable(at, "gemini", "it fetches https:// addresses alone; send the bytes instead")
    media_type = source.media_type or _TYPES.get(PurePosixPath(parts.path).suffix.lower())
    return {"fileData": {"fileUri": source.url, **({"mimeType": media_type} if media_type else {})}}
