"""Reasoning items: what a model thought, in words and sealed."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.chat import Thinking
from quart_proxy.core.seals import MARK, Seal, read_seal, write_seal

NAME = "openai_responses"
KIND = "item"
"""A seal of ours holds the item's id too, before the first dot: OpenAI wants both back."""
WORDS_BREAK = "\n\n"


def parse_reasoning(item: Mapping[str, Any], at: str = "") -> Thinking | None:
    """The thinking in an item of a client or of an upstream; None: it says nothing. Never raises."""
    text = read_words(item)
    encrypted = item.get("encrypted_content")
    seal = _parse_seal(item, encrypted) if isinstance(encrypted, str) and encrypted else None
    return Thinking(text, at, seal) if text or seal else None


def read_words(item: Mapping[str, Any]) -> str:
    """The summary in words, or what it is the summary of where only that is told."""
    for member in ("summary", "content"):
        parts = item.get(member)
        texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        if found := WORDS_BREAK.join(text for text in texts if isinstance(text, str) and text):
            return found
    return ""


def _parse_seal(item: Mapping[str, Any], encrypted: str) -> Seal:
    if encrypted.startswith(MARK):
        return read_seal(encrypted, NAME, KIND)
    item_id = item.get("id")
    return Seal(NAME, f"{item_id if isinstance(item_id, str) else ''}.{encrypted}", KIND)


def render_for_upstream(thinking: Thinking) -> dict[str, Any] | None:
    """The item that brings a thinking back to its maker; None: it is another's, or the maker would not take it."""
    seal = thinking.seal
    if seal is None or seal.api_format != NAME:
        return None
    item_id, _, encrypted = seal.data.partition(".")
    item: dict[str, Any] = {"type": "reasoning", "summary": _render_summary(thinking.text)}
    if item_id:
        item["id"] = item_id
    return {**item, "encrypted_content": encrypted}


def render_for_client(thinking: Thinking, item_id: str, status: str) -> dict[str, Any]:
    seal = thinking.seal
    return {
        "type": "reasoning",
        "id": item_id,
        "status": status,
        "summary": _render_summary(thinking.text),
        "encrypted_content": write_seal(seal, NAME) if seal else None,
    }


def _render_summary(text: str) -> list[dict[str, str]]:
    return [{"type": "summary_text", "text": text}] if text else []


def is_foreign(item: object) -> bool:
    """Whether this is a thinking that only another format's provider can read."""
    if not isinstance(item, dict) or item.get("type") != "reasoning":
        return False
    encrypted = item.get("encrypted_content")
    return isinstance(encrypted, str) and encrypted.startswith(MARK)
