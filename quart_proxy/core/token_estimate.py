"""How many tokens a chat comes to, where nobody who knows is asked.

Every provider cuts text in its own way and most tell nobody how, so this is an estimate for holds, for the start of a
stream and for clients that plan; bills never use it. It counts what is sent: English prose and code at four letters a
token, other alphabets at two, and scripts whose letters stand for syllables or words at one; media by what providers
say they cost. Held against recorded prompts of words alone it comes to nine tenths of what was billed in the middle;
a single short one may be off by half.
"""

import math
from collections.abc import Iterable

import orjson

from quart_proxy.core.chat import (
    Audio,
    Chat,
    Document,
    Image,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

MESSAGE_TOKENS = 4
"""For the role and the borders of a message."""
TOOL_TOKENS = 12
"""For the borders of a tool's definition, beside its words."""
TOOLS_TOKENS = 100
"""What a model is told about tools as soon as there is one: some 300 at Anthropic, next to nothing at others."""
IMAGE_TOKENS = 1_500
"""Of a large image; Anthropic takes a token for 750 pixels, up to some 1,600."""
SMALL_IMAGE_TOKENS = 85
"""Of an image of the detail `low`, at OpenAI."""
PAGE_TOKENS = 2_000
"""Of a page of a PDF, which is sent as text and as an image."""
PAGE_BYTES = 60_000
"""Of a page, where a PDF's size is all that is known."""
AUDIO_BYTES_PER_TOKEN = 3_000
"""Some ten tokens a second of speech at 32,000 bytes."""

# By the bytes that a letter has in UTF-8: Latin; other alphabets; Chinese, Japanese, Korean, Thai, Indic; emoji.
_TOKENS_BY_BYTES = {1: 1 / 4, 2: 1 / 2, 3: 1.0, 4: 2.0}
_LEADING = {2: bytes(range(0xC2, 0xE0)), 3: bytes(range(0xE0, 0xF0)), 4: bytes(range(0xF0, 0xF5))}
_BASE64_CHARACTERS_PER_BYTE = 4 / 3


def estimate_input_tokens(chat: Chat) -> int:
    """At least 1, as providers count."""
    tokens = sum(_count_text(text.text) for text in chat.system)
    for message in chat.messages:
        tokens += MESSAGE_TOKENS + _count_parts(message.parts)
    if chat.tools:
        tokens += TOOLS_TOKENS + sum(_count_tool(tool) for tool in chat.tools)
    if chat.output is not None and chat.output.schema is not None:
        tokens += _count_json(chat.output.schema)
    return max(1, math.ceil(tokens))


def _count_parts(parts: Iterable[Part]) -> float:
    return sum(map(_count_part, parts))


def _count_part(part: Part) -> float:
    match part:
        case Text() | Refusal() | Thinking():
            return _count_text(part.text)
        case ToolCall():
            return TOOL_TOKENS + _count_text(part.name) + _count_text(part.arguments)
        case ToolResult():
            return TOOL_TOKENS + _count_parts(part.parts)
        case Image():
            return SMALL_IMAGE_TOKENS if part.detail == "low" else IMAGE_TOKENS
        case Document():
            return _count_text(part.title or "") + _count_document(part.source)
        case Audio():
            return len(part.base64) / _BASE64_CHARACTERS_PER_BYTE / AUDIO_BYTES_PER_TOKEN


def _count_document(source: Source) -> float:
    if source.text is not None:
        return _count_text(source.text)
    size = len(source.base64 or "") / _BASE64_CHARACTERS_PER_BYTE
    return PAGE_TOKENS * max(1, math.ceil(size / PAGE_BYTES))


def _count_tool(tool: Tool) -> float:
    words = _count_text(tool.name) + _count_text(tool.description or "")
    return TOOL_TOKENS + words + sum(_count_json(part) for part in (tool.schema, tool.grammar) if part)


def _count_json(document: object) -> float:
    return _count_text(orjson.dumps(document).decode())


def _count_text(text: str) -> float:
    if text.isascii():
        return len(text) * _TOKENS_BY_BYTES[1]
    encoded = text.encode(errors="replace")
    # Counted by what is missing without them: a loop over the letters of a long prompt would be a hundred times slower.
    letters = {size: len(encoded) - len(encoded.translate(None, leading)) for size, leading in _LEADING.items()}
    letters[1] = len(text) - sum(letters.values())
    return sum(count * _TOKENS_BY_BYTES[size] for size, count in letters.items())
