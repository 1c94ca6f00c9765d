"""How a model is told how much to think: by its name, since the older ones count and the newer ones decide themselves.

Up to Claude 4.5 thinking is `enabled` with a budget; from 4.6 on it is `adaptive` with an effort, and from 4.7 on a
budget is refused. Other providers' models in this format know the older way. Source: what the Messages API answers
("thinking.type.enabled is not supported for this model"), and the SDK's list of models.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from quart_proxy.core.chat import EFFORTS, Chat, Reasoning, ToolMode

BUDGET_TOKENS_MIN = 1024
UNSAID_BUDGET_TOKENS = EFFORTS["medium"]
"""What a model that must be given a budget gets when the client left it to the model."""
ANSWER_TOKENS = 4096
"""What is left for the answer beside the budget when the client set no limit."""
LIMIT_OF_CLAUDES = 32_000
"""What every Claude from 4 on may write. Source: Anthropic's table of models; the least of it is Opus 4's."""
LIMIT_OF_OTHERS = 8192

# claude-sonnet-4-5-20250929, eu.anthropic.claude-opus-4-6-v1:0, anthropic/claude-opus-4.8; not claude-3-7-sonnet.
_VERSION = re.compile(r"claude-(?P<family>[a-z]+)-(?P<major>\d{1,2})(?:[-.](?P<minor>\d{1,2}))?(?!\d)")
_FIRST_LONG = (4, 0)
_FIRST_ADAPTIVE = (4, 6)
_THINKS_UNASKED = (5, 0)
_EFFORTS_OF_4_6 = {"minimal": "low", "xhigh": "high"}
_EFFORTS = {"minimal": "low"}


def find_version(model: str) -> tuple[int, int] | None:
    """Of a Claude, by its name; None: another's model, or a Claude from before versions had this form."""
    found = _VERSION.search(model.lower())
    return None if found is None else (int(found["major"]), int(found["minor"] or 0))


def is_adaptive(model: str) -> bool:
    version = find_version(model)
    return version is not None and version >= _FIRST_ADAPTIVE


def render_thinking(
    chat: Chat, model: str, messages: Sequence[Any], *, max_tokens_default: int | None
) -> dict[str, Any]:
    """The members `max_tokens`, `thinking` and `output_config` (its effort alone), as far as they are needed.

    A tool that must be called leaves no room for thinking: Anthropic refuses the two together, so there is none then.
    A limit that the client set is a limit on both: the budget shrinks to what is below it, one that we chose to three
    quarters of it, and where that is less than the least budget there is no thinking. `messages` are those of the body.
    """
    reasoning = chat.reasoning
    limit = chat.max_tokens or max_tokens_default or find_limit(model)
    if reasoning is None:
        return {"max_tokens": limit}
    if reasoning.is_off or _is_forced(chat):
        return {"max_tokens": limit, **_render_off(model)}
    if is_adaptive(model):
        return {"max_tokens": limit, **_render_adaptive(reasoning, model)}
    return _render_budget(chat, reasoning, messages, limit)


def find_limit(model: str) -> int:
    """What a model is let write when neither client nor operator says it: an answer that is cut is of little use."""
    version = find_version(model)
    return LIMIT_OF_CLAUDES if version is not None and version >= _FIRST_LONG else LIMIT_OF_OTHERS


def _is_forced(chat: Chat) -> bool:
    return chat.tool_choice is not None and chat.tool_choice.mode in (ToolMode.REQUIRED, ToolMode.ONE)


def _render_off(model: str) -> dict[str, Any]:
    """Said only to those that think without being asked: others refuse to be told."""
    version = find_version(model)
    return {"thinking": {"type": "disabled"}} if version is not None and version >= _THINKS_UNASKED else {}


def _render_adaptive(reasoning: Reasoning, model: str) -> dict[str, Any]:
    # Newer models leave the text out unless asked for it.
    display = "summarized" if reasoning.is_shown else "omitted"
    rendered: dict[str, Any] = {"thinking": {"type": "adaptive", "display": display}}
    effort = reasoning.find_effort()
    if effort is not None:
        names = _EFFORTS_OF_4_6 if find_version(model) == _FIRST_ADAPTIVE else _EFFORTS
        rendered["output_config"] = {"effort": names.get(effort, effort)}
    return rendered


def _render_budget(chat: Chat, reasoning: Reasoning, messages: Sequence[Any], limit: int) -> dict[str, Any]:
    budget = max(reasoning.find_budget() or UNSAID_BUDGET_TOKENS, BUDGET_TOKENS_MIN)
    whole = max(limit, budget + ANSWER_TOKENS)
    if chat.max_tokens is not None:
        whole = chat.max_tokens
        budget = min(budget, whole - 1 if reasoning.budget_tokens is not None else whole * 3 // 4)
    if budget < BUDGET_TOKENS_MIN or lacks_thinking(messages):
        return {"max_tokens": limit}
    return {"max_tokens": whole, "thinking": {"type": "enabled", "budget_tokens": budget}}


def lacks_thinking(messages: Sequence[Any]) -> bool:
    """Whether the messages of a body end in results of calls, in a turn that began without thinking of Anthropic's own.

    It began with another provider, or with thinking off. A model with a budget refuses to go on with thinking then.
    """
    turns = [message for message in messages if isinstance(message, dict) and message.get("role") != "system"]
    if len(turns) < 2 or "tool_result" not in _list_types(turns[-1]):
        return False
    return _list_types(turns[-2])[:1] not in (["thinking"], ["redacted_thinking"])


def _list_types(message: Mapping[str, Any]) -> list[object]:
    content = message.get("content")
    return [block.get("type") for block in content if isinstance(block, dict)] if isinstance(content, list) else []
