"""Texts, images, files and citations inside messages and results, from clients and to upstreams."""

import mimetypes
from collections.abc import Iterable, Mapping
from typing import Any

from quart_proxy.core.chat import Audio, Citation, Document, Image, Part, Refusal, Source, Text, untranslatable
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats.openai_responses.thoughts import NAME
from quart_proxy.core.media import parse_url, render_url

_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text"})
_PDF = "application/pdf"
Said = Text | Image | Document


# --- From the client ----------------------------------------------------------------------------------


def parse_content(owner: ClientObject, name: str) -> tuple[Part, ...]:
    """A text, or the parts of a list. Raises InvalidRequest and Untranslatable."""
    value = owner.values.get(name)
    if value is None:
        raise owner.refusal(name, "must be a text or a list")
    if isinstance(value, str):
        return (Text(value, owner.path(name)),)
    return tuple(_parse_part(part) for part in owner.list_objects(name))


def _parse_part(part: ClientObject) -> Part:
    kind = part.get_text("type")
    if kind in _TEXTS:
        return Text(
            _get_words(part, "text"), part.at, _find_ttl(part), tuple(list_citations(part.values.get("annotations")))
        )
    if kind == "refusal":
        return Refusal(_get_words(part, "refusal"), part.at)
    if kind == "input_image":
        return Image(_parse_image(part), part.at, part.find_text("detail"), _find_ttl(part))
    if kind == "input_file":
        return Document(_parse_file(part), part.at, part.find_text("filename"), cache_ttl=_find_ttl(part))
    if kind == "input_audio":
        sound = part.find_object("input_audio") or part
        return Audio(sound.get_text("data"), sound.get_text("format"), part.at)
    raise Untranslatable(f"`{part.at}` is a `{kind}`: only upstreams in the format {NAME} know it.", param=part.at)


def _get_words(part: ClientObject, name: str) -> str:
    """A text that must be there, and may be empty."""
    words = part.find_text(name)
    if words is None:
        raise part.refusal(name, "must be a text")
    return words


def _find_ttl(part: ClientObject) -> str | None:
    marked = part.find_object("prompt_cache_breakpoint")
    if marked is None:
        return None
    return "1h" if marked.find_text("ttl") == "12h" else "5m"


def _parse_image(part: ClientObject) -> Source:
    url, file_id = part.find_text("image_url"), part.find_text("file_id")
    if url:
        return parse_url(url, part.path("image_url"))
    if file_id:
        return Source(file_id=file_id)
    raise InvalidRequest(f"`{part.at}` must have an `image_url` or a `file_id`.", param=part.at)


def _parse_file(part: ClientObject) -> Source:
    data, url, file_id = part.find_text("file_data"), part.find_text("file_url"), part.find_text("file_id")
    if data:
        media_type = mimetypes.guess_type(part.find_text("filename") or "")[0] or _PDF
        return parse_url(
            data if data.startswith("data:") else f"data:{media_type};base64,{data}", part.path("file_data")
        )
    if url:
        return parse_url(url, part.path("file_url"))
    if file_id:
        return Source(file_id=file_id)
    raise InvalidRequest(f"`{part.at}` must have `file_data`, a `file_url` or a `file_id`.", param=part.at)


# --- To the upstream ----------------------------------------------------------------------------------


def render_said(part: Said) -> dict[str, Any]:
    """A part of a user's message or of a result. Raises Untranslatable."""
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            image = {"type": "input_image", "image_url": _get_url(part.source, part.at, "image/png")}
            return {**image, "detail": part.detail} if part.detail else image
        case Document():
            return _render_document(part)


def _render_document(part: Document) -> dict[str, Any]:
    if part.source.text is not None:
        title = f' title="{part.title}"' if part.title else ""
        return {"type": "input_text", "text": f"<document{title}>\n{part.source.text}\n</document>"}
    if part.source.url is not None:
        return {"type": "input_file", "file_url": part.source.url}
    data = _get_url(part.source, part.at, _PDF)
    extension = mimetypes.guess_extension(part.source.media_type or _PDF) or ".pdf"
    title = part.title or "document"
    name = title if title.lower().endswith(extension) else title + extension
    return {"type": "input_file", "filename": name, "file_data": data}


def _get_url(source: Source, at: str, media_type: str) -> str:
    url = render_url(source, media_type)
    if url is None:
        raise untranslatable(at, NAME, "a file kept at one provider cannot be read by another; send its bytes")
    return url


# --- Citations, both ways -----------------------------------------------------------------------------


def list_citations(annotations: object) -> Iterable[Citation]:
    """What a text's annotations cite; anything else is no citation. Never raises."""
    if not isinstance(annotations, list):
        return
    for annotation in annotations:
        if citation := find_citation(annotation):
            yield citation


def find_citation(annotation: object) -> Citation | None:
    if not isinstance(annotation, dict):
        return None
    url, title = annotation.get("url"), annotation.get("title") or annotation.get("filename")
    if annotation.get("type") == "file_path" or not isinstance(url or title, str):
        return None
    start, end = annotation.get("start_index"), annotation.get("end_index")
    return Citation(
        url if isinstance(url, str) else None,
        title if isinstance(title, str) else None,
        start=start if type(start) is int else None,
        end=end if type(end) is int else None,
    )


def render_annotation(citation: Citation, text: str) -> Mapping[str, Any]:
    """A citation that does not say what it belongs to belongs to the whole text."""
    end = len(text) if citation.end is None else citation.end
    if citation.url is None:
        title = citation.title or ""
        return {"type": "file_citation", "file_id": title, "filename": title, "index": end}
    where = {"start_index": citation.start or 0, "end_index": end}
    return {"type": "url_citation", "url": citation.url, "title": citation.title or "", **where}
