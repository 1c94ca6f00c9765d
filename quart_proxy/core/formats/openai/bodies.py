"""A chat as the body that providers of Chat Completions take: as plain as most of them understand it.

Where OpenAI and the many that nearly speak its format differ, the many decide: texts are strings, the operator is
`system`, custom tools are functions with one member. What OpenAI's own newer models alone know, or want otherwise, they
get by their names.
"""

import re
from typing import Any

from quart_proxy.core.chat import (
    CUSTOM_SCHEMA,
    Chat,
    Reasoning,
    Tool,
    ToolKind,
    ToolMode,
    describe_custom,
    list_functions,
)
from quart_proxy.core.formats.openai.reasoning import NAME
from quart_proxy.core.formats.openai.turns import NAME_CHARACTERS_MAX, render_messages
from quart_proxy.core.tool_names import fit_name

_NEWER = re.compile(r"(?:^|/)(?:o\d|gpt-[5-9]|gpt-\d\d)")
"""OpenAI's reasoning models: they refuse `max_tokens`, which all others know."""
_THINKS_NOT = re.compile(r"(?:^|/)gpt-(?:5\.[1-9]|[6-9]|\d\d)")
"""Those that can be told not to think; any other that hears of `none` refuses the request."""
_EFFORTS_OF_BUDGETS = ("low", "medium", "high")
"""The efforts that all reasoning models know."""
_LABEL_CHARACTERS_MAX = 64
_NO_ARGUMENTS = {"type": "object", "properties": {}}


def render_chat(chat: Chat, *, actual_model: str, max_tokens_default: int | None) -> dict[str, Any]:
    """The body. Raises Untranslatable for `top_k`, for what messages cannot hold, and for other providers' tools.

    Not said: the service tier, which has a price of its own, and whatever is a hint.
    """
    if chat.top_k is not None:
        raise chat.untranslatable("top_k", NAME, "it has no such limit; `top_p` is near to it")
    is_newer = _NEWER.search(actual_model) is not None
    body = {
        "model": actual_model,
        "messages": render_messages(chat),
        **_render_tools(chat),
        "max_completion_tokens" if is_newer else "max_tokens": chat.max_tokens,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "seed": chat.seed,
        "frequency_penalty": chat.frequency_penalty,
        "presence_penalty": chat.presence_penalty,
        "stop": list(chat.stop) or None,
        "reasoning_effort": _find_effort(chat.reasoning, actual_model) if chat.reasoning else None,
        "response_format": _render_output(chat),
        "stream": chat.is_streaming or None,
        "stream_options": {"include_usage": True} if chat.is_streaming else None,
    }
    if is_newer:
        body |= {
            "verbosity": chat.verbosity,
            "prompt_cache_key": _find_label(chat.cache_key),
            "safety_identifier": _find_label(chat.user),
        }
    return {name: value for name, value in body.items() if value is not None}


def _find_effort(reasoning: Reasoning, actual_model: str) -> str | None:
    """The effort by its name. A budget pays for no more and no less than what every reasoning model knows."""
    if reasoning.is_off:
        return "none" if _THINKS_NOT.search(actual_model) else None
    effort = reasoning.find_effort()
    if reasoning.effort is None and effort is not None and effort not in _EFFORTS_OF_BUDGETS:
        return "low" if effort == "minimal" else "high"
    return effort


def _find_label(label: str | None) -> str | None:
    return label if label is not None and len(label) <= _LABEL_CHARACTERS_MAX else None


def _render_output(chat: Chat) -> dict[str, Any] | None:
    output = chat.output
    if output is None:
        return None
    if output.schema is None:
        return {"type": "json_object"}
    schema = {
        "name": fit_name(output.name, None, NAME_CHARACTERS_MAX),
        "description": output.description,
        "schema": output.schema,
        "strict": output.strict,
    }
    return {"type": "json_schema", "json_schema": {name: value for name, value in schema.items() if value is not None}}


# --- tools --------------------------------------------------------------------------------------------


def _render_tools(chat: Chat) -> dict[str, Any]:
    tools = list_functions(chat, NAME)
    if not tools:
        return {}
    return {
        "tools": [_render_tool(tool) for tool in tools],
        "tool_choice": _render_choice(chat),
        # Several at once are what happens anyway, and not every provider knows the word.
        "parallel_tool_calls": False if chat.parallel_tool_calls is False else None,
    }


def _render_tool(tool: Tool) -> dict[str, Any]:
    is_custom = tool.kind is ToolKind.CUSTOM
    function = {
        "name": fit_name(tool.name, tool.namespace, NAME_CHARACTERS_MAX),
        "description": describe_custom(tool) if is_custom else tool.description,
        "parameters": CUSTOM_SCHEMA if is_custom else tool.schema or _NO_ARGUMENTS,
        "strict": True if tool.strict else None,
    }
    return {"type": "function", "function": {name: value for name, value in function.items() if value}}


def _render_choice(chat: Chat) -> Any:
    choice = chat.tool_choice
    if choice is None:
        return None
    if choice.mode is not ToolMode.ONE:
        return choice.mode.value
    name = fit_name(choice.name or "", choice.namespace, NAME_CHARACTERS_MAX)
    return {"type": "function", "function": {"name": name}}
