"""What a client's messages are made of: its content blocks as parts of a conversation.

Blocks that tell what one of Anthropic's own tools did are left out: no other provider takes them, and what they led to
stands in the texts beside them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

import orjson

from quart_proxy.core.chat import Document, Image, Part, Source, Text, Thinking, ToolCall, ToolResult
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.seals import Seal, read_seal

API_FORMAT = "anthropic"
NOBODY = "none"
"""The format of a seal where nobody sealed: clients of this format must be given a signature. Providers of others may
want a thinking back that they gave no data with, and theirs is a seal."""

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


def parse_content(message: ClientObject) -> tuple[Part, ...]:
    """The parts of a message, or of anything else with a `content` that is a text or a list of blocks.

    Raises InvalidRequest for what is malformed, and Untranslatable for blocks that no other provider takes.
    """
    content = message.values.get("content")
    if isinstance(content, str):
        return (Text(content, message.path("content")),)
    return tuple(part for block in message.list_objects("content") for part in _parse_block(block))


def parse_texts(holder: ClientObject, name: str) -> tuple[Text, ...]:
    """The texts of a member that is a text or a list of text blocks. Others than texts are refused."""
    content = holder.values.get(name)
    if isinstance(content, str):
        return (Text(content, holder.path(name)),)
    texts: list[Text] = []
    for block in holder.list_objects(name):
        for part in _parse_block(block):
            if not isinstance(part, Text):
                raise InvalidRequest(f"`{block.at}` must be a text block.", param=block.at)
            texts.append(part)
    return tuple(texts)


def parse_cache_ttl(block: ClientObject) -> str | None:
    """How long the prompt up to here is worth caching; None: it is not marked."""
    marker = block.find_object("cache_control")
    return None if marker is None else marker.find_text("ttl") or "5m"


def _parse_block(block: ClientObject) -> Iterator[Part]:
    kind = block.get_text("type")
    if kind in LEFT_OUT:
        return
    parse = _PARSERS.get(kind)
    if parse is None:
        raise Untranslatable(
            f"`{block.at}` is a block of the type `{kind[:50]}`, which only Anthropic knows.", param=block.at
        )
    yield from parse(block)


def _get_words(block: ClientObject, name: str) -> str:
    """A text that must be there, and may be empty."""
    words = block.find_text(name)
    if words is None:
        raise block.refusal(name, "must be a text")
    return words


def _parse_text(block: ClientObject) -> Iterator[Part]:
    yield Text(_get_words(block, "text"), block.at, parse_cache_ttl(block))


def _parse_image(block: ClientObject) -> Iterator[Part]:
    yield Image(_parse_source(block.get_object("source")), block.at, None, parse_cache_ttl(block))


def _parse_source(source: ClientObject) -> Source:
    match source.get_text("type"):
        case "url":
            return Source(url=source.get_text("url"))
        case "base64":
            return Source(base64=source.get_text("data"), media_type=source.get_text("media_type"))
        case "file":
            return Source(file_id=source.get_text("file_id"))
        case "text":
            return Source(text=_get_words(source, "data"), media_type="text/plain")
        case kind:
            raise Untranslatable(
                f"`{source.at}` is a source of the type `{kind[:50]}`, which only Anthropic knows.", param=source.at
            )


def _parse_document(block: ClientObject) -> Iterator[Part]:
    """A document made of blocks is one text, and its images follow it."""
    source = block.get_object("source")
    if context := block.find_text("context"):
        yield Text(context, block.at)
    images: list[Part] = []
    if source.get_text("type") == "content":
        parts = parse_content(source)
        images = [part for part in parts if isinstance(part, Image)]
        parsed = _join(part for part in parts if isinstance(part, Text))
    else:
        parsed = _parse_source(source)
    yield _make_document(block, parsed, block.find_text("title"))
    yield from images


def _parse_search_result(block: ClientObject) -> Iterator[Part]:
    title = f"{block.get_text('title')} ({block.get_text('source')})"
    yield _make_document(block, _join(parse_texts(block, "content")), title)


def _join(texts: Iterable[Text]) -> Source:
    return Source(text="\n\n".join(text.text for text in texts), media_type="text/plain")


def _make_document(block: ClientObject, source: Source, title: str | None) -> Document:
    citations = block.find_object("citations")
    wants_citations = citations is not None and bool(citations.find_flag("enabled"))
    return Document(source, block.at, title, wants_citations, parse_cache_ttl(block))


def _parse_thinking(block: ClientObject) -> Iterator[Part]:
    yield from _make_thinking(_get_words(block, "thinking"), block.find_text("signature") or "", "signature", block.at)


def _parse_redacted(block: ClientObject) -> Iterator[Part]:
    yield from _make_thinking("", block.get_text("data"), "redacted", block.at)


def _make_thinking(text: str, data: str, kind: str, at: str) -> Iterator[Part]:
    seal: Seal | None = read_seal(data, API_FORMAT, kind)
    if seal is not None and not seal.data and seal.api_format in (API_FORMAT, NOBODY):
        seal = None
    if text or seal is not None:
        yield Thinking(text, at, seal)


def _parse_tool_use(block: ClientObject) -> Iterator[Part]:
    given = block.find_object("input")
    arguments = "{}" if given is None else orjson.dumps(given.values).decode()
    yield ToolCall(block.get_text("id"), block.get_text("name"), arguments, block.at, cache_ttl=parse_cache_ttl(block))


def _parse_tool_result(block: ClientObject) -> Iterator[Part]:
    parts: list[Text | Image | Document] = []
    for part in parse_content(block):
        if not isinstance(part, Text | Image | Document):
            raise InvalidRequest(f"`{part.at}` cannot stand in a tool's result.", param=part.at)
        parts.append(part)
    is_error = block.find_flag("is_error") or False
    yield ToolResult(block.get_text("tool_use_id"), tuple(parts), block.at, is_error, parse_cache_ttl(block))


def _parse_tool_reference(block: ClientObject) -> Iterator[Part]:
    """A tool that a search of the client's found: it is offered already."""
    yield Text(f"Found the tool `{block.get_text('tool_name')}`.", block.at)


def _parse_compaction(block: ClientObject) -> Iterator[Part]:
    """What was said before it, in short. An empty one stands for nothing."""
    if summary := block.find_text("content"):
        yield Text(summary, block.at, parse_cache_ttl(block))


_PARSERS: Mapping[str, Callable[[ClientObject], Iterator[Part]]] = {
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
