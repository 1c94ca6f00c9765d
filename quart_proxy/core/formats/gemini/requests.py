"""A chat as the body of `generateContent`. Whether it streams is said by the address, and usage always comes."""

import re
from typing import Any

from quart_proxy.core.chat import Chat, Reasoning, list_functions
from quart_proxy.core.formats.gemini.contents import render_contents
from quart_proxy.core.formats.gemini.tools import render_tools

HINTS = frozenset(
    {
        "verbosity",  # it has none
        "service_tier",  # a matter of the account
        "user",  # nor asks for whom
        "cache_key",  # it caches by itself
        "parallel_tool_calls",  # it cannot be told; of several calls the reader passes on the first one
    }
)
"""Members of a chat that are not said to Gemini."""

STOPS_MAX = 5
SEED_MAX = 2**31 - 1
_BUDGET_MAX, _BUDGET_MAX_PRO, _BUDGET_MIN_PRO = 24576, 32768, 128

_COUNTS_THOUGHTS = re.compile(r"gemini-[12](?![0-9])")
"""Models that are told how many tokens to think with and sign nothing that they insist on: those before the third
generation. Later ones are told a level."""

_LEVELS = {
    "none": "MINIMAL",
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}


def render_chat(chat: Chat, *, actual_model: str, max_tokens_default: int | None) -> dict[str, Any]:
    """`max_tokens_default` is not needed: without a limit the model's own holds."""
    counts_thoughts = _COUNTS_THOUGHTS.search(actual_model) is not None
    body: dict[str, Any] = {"contents": render_contents(chat, wants_signatures=not counts_thoughts)}
    system = [{"text": text.text} for text in chat.system if text.text]
    if system:
        body["systemInstruction"] = {"parts": system}
    body |= render_tools(list_functions(chat, "gemini"), chat.tool_choice)
    config = _render_config(chat)
    if chat.reasoning is not None:
        render_thinking = _render_budget if counts_thoughts else _render_level
        thinking = render_thinking(chat.reasoning, is_pro="pro" in actual_model)
        if chat.reasoning.is_shown and not chat.reasoning.is_off:
            thinking["includeThoughts"] = True
        config |= {"thinkingConfig": thinking} if thinking else {}
    if config:
        body["generationConfig"] = config
    return body


def _render_config(chat: Chat) -> dict[str, Any]:
    if len(chat.stop) > STOPS_MAX:
        raise chat.untranslatable("stop", "gemini", f"it takes {STOPS_MAX} of them at most")
    if chat.seed is not None and not -SEED_MAX - 1 <= chat.seed <= SEED_MAX:
        raise chat.untranslatable("seed", "gemini", f"its seeds are numbers up to {SEED_MAX}")
    said: dict[str, Any] = {
        "maxOutputTokens": chat.max_tokens,
        "temperature": chat.temperature,
        "topP": chat.top_p,
        "topK": chat.top_k,
        "seed": chat.seed,
        "presencePenalty": chat.presence_penalty,
        "frequencyPenalty": chat.frequency_penalty,
        "stopSequences": list(chat.stop) or None,
    }
    if chat.output is not None:
        said["responseMimeType"] = "application/json"
        said["responseJsonSchema"] = chat.output.schema
    return {name: value for name, value in said.items() if value is not None}


def _render_budget(reasoning: Reasoning, *, is_pro: bool) -> dict[str, Any]:
    """In tokens, within what the models of the second generation take. The large ones cannot be kept from thinking."""
    if reasoning.is_off:
        return {"thinkingBudget": _BUDGET_MIN_PRO if is_pro else 0}
    budget = reasoning.find_budget()
    return {} if budget is None else {"thinkingBudget": min(budget, _BUDGET_MAX_PRO if is_pro else _BUDGET_MAX)}


def _render_level(reasoning: Reasoning, *, is_pro: bool) -> dict[str, Any]:
    """None can be kept from thinking altogether, and the large ones begin at `LOW`."""
    effort = reasoning.find_effort()
    if effort is None:
        return {}
    level = _LEVELS.get(effort, "HIGH")
    return {"thinkingLevel": "LOW" if is_pro and level == "MINIMAL" else level}
