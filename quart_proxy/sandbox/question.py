"""What a request asks for, read the same way in every format."""

import re
from dataclasses import dataclass
from typing import Any

import orjson

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
)
"""Where prompt text stands, in all the formats."""
LIMIT_KEYS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
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
    input_tokens: int
    output_limit: int | None
    nonce: str | None
    body: dict[str, Any]


def parse_question(raw: bytes) -> Question:
    """The question in a request body. Raises InvalidQuestion."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise InvalidQuestion("The body is not valid JSON.") from None
    if not isinstance(body, dict) or not isinstance(body.get("model"), str):
        raise InvalidQuestion("model: Field required")
    options = body.get("stream_options")
    return Question(
        model=body["model"],
        stream=body.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        input_tokens=count_tokens(body),
        output_limit=next((body[key] for key in LIMIT_KEYS if type(body.get(key)) is int), None),
        nonce=_find_nonce(body) if b"nonce:" in raw else None,
        body=body,
    )


def count_tokens(body: dict[str, Any]) -> int:
    """About a token for four characters of text and of tool definitions; at least one."""
    tools = body.get("tools")
    characters = _count_characters(body) + (len(orjson.dumps(tools)) if tools else 0)
    return max(1, -(-characters // CHARACTERS_PER_TOKEN))


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
    turns = body.get("messages", body.get("input"))
    if isinstance(turns, str):
        return turns
    for turn in reversed(turns if isinstance(turns, list) else []):
        if isinstance(turn, str):
            return turn
        if isinstance(turn, dict) and turn.get("role") == "user":
            return "\n".join(_texts(turn.get("content")))
    return ""


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, list):
        return [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return []
