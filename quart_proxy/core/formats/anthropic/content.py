"""What a client's messages are made of: its content blocks as parts of a conversation.

Blocks that tell what one of Anthropic's own tools did are left out: no other provider takes them, and what they led to
stands in the texts beside them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import orjson

from quart_proxy.core.chat import Document, Image, Part, Source, Text, Thinking, ToolCall, ToolResult
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats.anthropic.fields import (
    Fields,
    find_flag,
    find_object,
    find_text,
    get_object,
    get_text,
    list_objects,
)
from quart_proxy.core.seals import Seal, read_seal

API_FORMAT = "anthropic"

LEFT_OUT = frozenset(
    {
        # What Anthropic's own tools were asked and answered.
        "server_tool_use",
        "web_search_tool_result",
        "web_fetch_tool_result",
        "code_execution_tool_result",
        "bash_code_execution_tool_result",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "advisor_tool_result",
        "mcp_tool_use",
        "mcp_tool_result",
        "mcp_tool_listing",
        # Where another model took over.
        "fallback",
        # Which tools are offered from here on: another provider is offered all of them all the time.
        "tool_addition",
        "tool_removal",
    }
)


def parse_content(message: Fields, at: str) -> tuple[Part, ...]:
    """The parts of a message, or of anything else with a `content` that is a text or a list of blocks.

    Raises InvalidRequest for what is malformed, and Untranslatable for blocks that no other provider takes.
    """
    content = message.get("content")
    if isinstance(content, str):
        return (Text(content, f"{at}.content"),)
    return tuple(part for where, block in list_objects(message, "content", at) for part in _parse_block(block, where))


def parse_texts(fields: Fields, name: str, at: str) -> tuple[Text, ...]:
    """The texts of a member that is a text or a list of text blocks. Others than texts are refused."""
    content = fields.get(name)
    where = f"{at}.{name}" if at else name
    if isinstance(content, str):
        return (Text(content, where),)
    texts: list[Text] = []
    for inner, block in list_objects(fields, name, at):
        for part in _parse_block(block, inner):
            if not isinstance(part, Text):
                raise InvalidRequest(f"`{inner}` must be a text block.", param=inner)
            texts.append(part)
    return tuple(texts)


def parse_cache_ttl(block: Fields, at: str) -> str | None:
    """How long the prompt up to here is worth caching; None: it is not marked."""
    marker = find_object(block, "cache_control", at)
    if marker is None:
        return None
    return find_text(marker, "ttl", f"{at}.cache_control") or "5m"


def _parse_block(block: dict[str, Any], at: str) -> Iterator[Part]:
    kind = get_text(block, "type", at)
    if kind in LEFT_OUT:
        return
    parse = _PARSERS.get(kind)
    if parse is None:
        raise Untranslatable(f"`{at}` is a block of the type `{kind}`, which only Anthropic knows.", param=at)
    yield from parse(block, at)


def _parse_text(block: Fields, at: str) -> Iterator[Part]:
    yield Text(get_text(block, "text", at), at, parse_cache_ttl(block, at))


def _parse_image(block: Fields, at: str) -> Iterator[Part]:
    yield Image(_parse_source(get_object(block, "source", at), f"{at}.source"), at, None, parse_cache_ttl(block, at))


def _parse_source(source: Fields, at: str) -> Source:
    match get_text(source, "type", at):
        case "url":
            return Source(url=get_text(source, "url", at))
        case "base64":
            return Source(base64=get_text(source, "data", at), media_type=get_text(source, "media_type", at))
        case "file":
            return Source(file_id=get_text(source, "file_id", at))
        case "text":
            return Source(text=get_text(source, "data", at), media_type="text/plain")
        case kind:
            raise Untranslatable(f"`{at}` is a source of the type `{kind}`, which only Anthropic knows.", param=at)


def _parse_document(block: Fields, at: str) -> Iterator[Part]:
    """A document made of blocks is one text, and its images follow it."""
    source = get_object(block, "source", at)
    if context := find_text(block, "context", at):
        yield Text(context, at)
    images: list[Part] = []
    if source.get("type") == "content":
        parts = parse_content(source, f"{at}.source")
        images = [part for part in parts if isinstance(part, Image)]
        parsed = Source(
            text="\n\n".join(part.text for part in parts if isinstance(part, Text)), media_type="text/plain"
        )
    else:
        parsed = _parse_source(source, f"{at}.source")
    yield _document(block, at, parsed, find_text(block, "title", at))
    yield from images


def _parse_search_result(block: Fields, at: str) -> Iterator[Part]:
    source = _plain(parse_texts(block, "content", at))
    yield _document(block, at, source, f"{get_text(block, 'title', at)} ({get_text(block, 'source', at)})")


def _plain(texts: Iterable[Text]) -> Source:
    return Source(text="\n\n".join(text.text for text in texts), media_type="text/plain")


def _document(block: Fields, at: str, source: Source, title: str | None) -> Document:
    citations = find_object(block, "citations", at) or {}
    wanted = find_flag(citations, "enabled", f"{at}.citations") or False
    return Document(source, at, title, wanted, parse_cache_ttl(block, at))


def _parse_thinking(block: Fields, at: str) -> Iterator[Part]:
    yield from _sealed(get_text(block, "thinking", at), find_text(block, "signature", at) or "", "signature", at)


def _parse_redacted(block: Fields, at: str) -> Iterator[Part]:
    yield from _sealed("", get_text(block, "data", at), "redacted", at)


def _sealed(text: str, data: str, kind: str, at: str) -> Iterator[Part]:
    seal: Seal | None = read_seal(data, API_FORMAT, kind)
    if seal is not None and not seal.data:
        # Nobody's seal: a token stands in for one, since this format's clients must be given a signature.
        seal = None
    if text or seal is not None:
        yield Thinking(text, at, seal)


def _parse_tool_use(block: Fields, at: str) -> Iterator[Part]:
    arguments = orjson.dumps(find_object(block, "input", at) or {}).decode()
    yield ToolCall(
        get_text(block, "id", at), get_text(block, "name", at), arguments, at, cache_ttl=parse_cache_ttl(block, at)
    )


def _parse_tool_result(block: Fields, at: str) -> Iterator[Part]:
    parts: list[Text | Image | Document] = []
    for part in parse_content(block, at):
        if not isinstance(part, Text | Image | Document):
            raise InvalidRequest(f"`{part.at}` cannot stand in a tool's result.", param=part.at)
        parts.append(part)
    yield ToolResult(
        get_text(block, "tool_use_id", at),
        tuple(parts),
        at,
        find_flag(block, "is_error", at) or False,
        parse_cache_ttl(block, at),
    )


def _parse_tool_reference(block: Fields, at: str) -> Iterator[Part]:
    yield Text(f"Found the tool `{get_text(block, 'tool_name', at)}`.", at)


def _parse_compaction(block: Fields, at: str) -> Iterator[Part]:
    """What was said before it, in short. An empty one stands for nothing."""
    if summary := find_text(block, "content", at):
        yield Text(summary, at, parse_cache_ttl(block, at))


_PARSERS: Mapping[str, Callable[[Fields, str], Iterator[Part]]] = {
    "text": _parse_text,
    "image": _parse_image,
    "document": _parse_document,
    "search_result": _parse_search_result,
    "thinking": _parse_thinking,
    "redacted_thinking": _parse_redacted,
    "tool_use": _parse_tool_use,
    "tool_result": _parse_tool_result,
    "tool_reference": _parse_tool_reference,
    "compaction": _parse_compaction,
}
