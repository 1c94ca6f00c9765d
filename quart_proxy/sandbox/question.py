"""What a request asks for, read the same way in every format."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

from quart_proxy.sandbox.conversation import list_blocks, list_turns

TEXT_KEYS = (
    "content",
    "text",
    "system",
    "instructions",
    "messages",
    "input",
    "output",
    "arguments",
    "thinking",
    "contents",
    "parts",
    "systemInstruction",
    "functionResponse",
    "response",
)
"""Where prompt text stands, in all the formats."""
LIMIT_KEYS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens")
CHARACTERS_PER_TOKEN = 4
NONCE = re.compile(r"nonce:(\w(?:[\w.-]*\w)?)")


class InvalidQuestion(ValueError):
    """A body that the providers would refuse too; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Question:
    model: str
    stream: bool
    include_usage: bool
    """Whether `stream_options.include_usage` was true."""
    include_seal: bool
    """Whether `include` asks for the encrypted content of reasoning."""
    input_tokens: int
    output_limit: int | None
    nonce: str | None
    body: dict[str, Any]


def parse_question(raw: bytes, *, model: str | None = None, stream: bool | None = None) -> Question:
    """The question in a request body; what is not None was said by the path. Raises InvalidQuestion."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise InvalidQuestion("The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise InvalidQuestion("The body is not a JSON object.")
    model = body.get("model") if model is None else model
    if not isinstance(model, str):
        raise InvalidQuestion("model: Field required")
    options = body.get("stream_options")
    return Question(
        model=model,
        stream=body.get("stream") is True if stream is None else stream,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        include_seal="reasoning.encrypted_content" in (body.get("include") or ()),
        input_tokens=count_tokens(body),
        output_limit=_find_output_limit(body),
        nonce=_find_nonce(body) if b"nonce:" in raw else None,
        body=body,
    )


def count_tokens(body: dict[str, Any]) -> int:
    """About a token for four characters of text and of tool definitions; at least one."""
    body = body.get("generateContentRequest", body)
    tools = body.get("tools")
    characters = _count_characters(body) + (len(orjson.dumps(tools)) if tools else 0)
    return max(1, -(-characters // CHARACTERS_PER_TOKEN))


def _find_output_limit(body: dict[str, Any]) -> int | None:
    config = body.get("generationConfig")
    limits = {**body, **config} if isinstance(config, dict) else body
    return next((limits[key] for key in LIMIT_KEYS if type(limits.get(key)) is int), None)


def _count_characters(node: Any) -> int:
    if isinstance(node, str):
        return len(node)
    if isinstance(node, dict):
        return sum(_count_characters(node[key]) for key in TEXT_KEYS if key in node)
    if isinstance(node, list):
        return sum(map(_count_characters, node))
    # Embeddings take ready-made tokens as numbers.
    return CHARACTERS_PER_TOKEN if type(node) is int else 0


def _find_nonce(body: dict[str, Any]) -> str | None:
    found = NONCE.search(_last_user_text(body))
    return found.group(1) if found else None


def _last_user_text(body: dict[str, Any]) -> str:
    for turn in reversed(list_turns(body)):
        if turn.get("role") == "user":
            texts = [block.get("text") for block in list_blocks(turn)]
            return "\n".join(text for text in texts if isinstance(text, str))
    # Embeddings take texts that nobody in particular says.
    plain = body.get("input")
    return next((text for text in reversed(plain) if isinstance(text, str)), "") if isinstance(plain, list) else ""
