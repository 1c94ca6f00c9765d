"""Thinking that another provider sealed, on its way to Anthropic: what stands in its seal is this proxy's own word to
the client, and Anthropic would refuse the whole request for it."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.formats.anthropic.thinking import lacks_thinking
from quart_proxy.core.seals import MARK

_TOKEN = f"{MARK}."


def drop_tokens(body: Mapping[str, Any]) -> dict[str, Any]:
    """The members of a body that change when the blocks with tokens are left out; none when there are no such blocks.

    A message of nothing else goes with them: Anthropic takes the users' turns around it as one. A turn of tool calls
    that another provider began cannot be thought on by a model with a budget; it ends without thinking, and without
    what may only be asked beside it.
    """
    messages = body["messages"]
    if not any(_is_token(block) for message in messages for block in _list_blocks(message)):
        return {}
    messages = [_without_tokens(message) for message in messages]
    changed: dict[str, Any] = {"messages": [message for message in messages if message is not None]}
    thinking = body.get("thinking")
    if isinstance(thinking, dict) and thinking.get("type") == "enabled" and lacks_thinking(changed["messages"]):
        changed |= {"thinking": {"type": "disabled"}, "context_management": None}
    return changed


def _without_tokens(message: Any) -> Any:
    """None: nothing is left of it."""
    blocks = _list_blocks(message)
    kept = [block for block in blocks if not _is_token(block)]
    if len(kept) == len(blocks):
        return message
    return {**message, "content": kept} if kept else None


def _list_blocks(message: Any) -> list[Any]:
    """The blocks of an assistant's message."""
    content = message.get("content") if isinstance(message, dict) and message.get("role") == "assistant" else None
    return content if isinstance(content, list) else []


def _is_token(block: Any) -> bool:
    if not isinstance(block, dict) or block.get("type") not in ("thinking", "redacted_thinking"):
        return False
    sealed = block.get("data", block.get("signature"))
    return isinstance(sealed, str) and sealed.startswith(_TOKEN)
