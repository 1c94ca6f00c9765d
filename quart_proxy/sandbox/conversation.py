"""What was said to the model, read the same way in every format."""

from dataclasses import dataclass
from typing import Any

MODEL_ROLES = ("assistant", "model")
MODEL_ITEMS = ("reasoning", "function_call", "custom_tool_call")
"""Items of the Responses format that have no role, and are the model's all the same."""


@dataclass(frozen=True, slots=True)
class Latest:
    """What came since the model spoke last. A client may put its own remarks after the results of tools."""

    user_text: str
    """The texts of the user's turns, a line or more each; "" when there are none."""
    results: tuple[str, ...]
    """What the tools gave, as text, in the order of the request."""


def parse_latest(body: dict[str, Any]) -> Latest:
    turns = list_turns(body)
    spoke = max((place for place, turn in enumerate(turns) if is_models(turn)), default=-1)
    texts: list[str] = []
    results: list[str] = []
    for turn in turns[spoke + 1 :]:
        results += _list_results(turn)
        if turn.get("role", "user") == "user":
            texts += [block["text"] for block in list_blocks(turn) if isinstance(block.get("text"), str)]
    return Latest("\n".join(texts), tuple(results))


def list_turns(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages, input items or contents, oldest first."""
    turns = body.get("messages", body.get("input", body.get("contents")))
    if isinstance(turns, str):
        return [{"role": "user", "content": turns}]
    return _list_objects(turns)


def list_blocks(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a turn; a plain text is one of them."""
    content = turn.get("content", turn.get("parts"))
    return [{"text": content}] if isinstance(content, str) else _list_objects(content)


def is_models(turn: dict[str, Any]) -> bool:
    return turn.get("role") in MODEL_ROLES or turn.get("type") in MODEL_ITEMS


def _list_results(turn: dict[str, Any]) -> list[str]:
    if turn.get("role") == "tool":
        return [_text_of(turn.get("content"))]
    if str(turn.get("type")).endswith("_call_output"):
        return [_text_of(turn.get("output"))]
    results = []
    for block in list_blocks(turn):
        if block.get("type") == "tool_result":
            results.append(_text_of(block.get("content")))
        elif isinstance(block.get("functionResponse"), dict):
            results.append(_text_of(block["functionResponse"].get("response")))
    return results


def _text_of(node: Any) -> str:
    """All texts in a result, one below the other; what a part says beside its text is left out."""
    if isinstance(node, str):
        return node
    if isinstance(node, dict):
        node = node["text"] if "text" in node else list(node.values())
    return "\n".join(map(_text_of, node)) if isinstance(node, list) else node if isinstance(node, str) else ""


def _list_objects(node: Any) -> list[dict[str, Any]]:
    return [item for item in node if isinstance(item, dict)] if isinstance(node, list) else []
