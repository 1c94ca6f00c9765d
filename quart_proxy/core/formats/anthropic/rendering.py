"""A conversation as a Messages request."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.chat import (
    CUSTOM_SCHEMA,
    Chat,
    OutputShape,
    Text,
    Tool,
    ToolCall,
    ToolKind,
    ToolMode,
    describe_custom,
    list_functions,
)
from quart_proxy.core.formats.anthropic.schemas import close_schema
from quart_proxy.core.formats.anthropic.thinking import render_thinking
from quart_proxy.core.formats.anthropic.turns import (
    API_FORMAT,
    NAME_CHARACTERS_MAX,
    render_cache_control,
    render_system,
    render_turns,
)
from quart_proxy.core.tool_names import fit_name

_TIERS = {"auto": "auto", "priority": "auto", "default": "standard_only"}
_MODES = {ToolMode.AUTO: "auto", ToolMode.REQUIRED: "any", ToolMode.ONE: "tool", ToolMode.NONE: "none"}
_ANY_ARGUMENTS: Mapping[str, Any] = {"type": "object"}
_JSON_ONLY = "Answer with one JSON object and nothing else: no words before or after it, and no code fences."
"""Any JSON object, without a schema, is nothing that this format can demand: the model is told."""
_MARKABLE = frozenset({"text", "image", "document", "tool_use", "tool_result"})
"""Blocks that may carry a mark of the cache: thinking may not."""
_TOP_P_WITH_THINKING_MIN = 0.95
_USER_CHARACTERS_MAX = 256


def render_chat(chat: Chat, *, actual_model: str, max_tokens_default: int | None) -> dict[str, Any]:
    """Left out: verbosity, an image's detail, speakers' names, citations in what was said before, and a
    service tier that Anthropic lacks. Raises Untranslatable."""
    body: dict[str, Any] = {"model": actual_model, "messages": render_turns(chat)}
    body |= render_thinking(chat, actual_model, body["messages"], max_tokens_default=max_tokens_default)
    body |= _render_sampling(chat, is_thinking=body.get("thinking", {}).get("type") in ("enabled", "adaptive"))
    body |= _render_tools(chat)
    if system := render_system(_list_system(chat)):
        body["system"] = system
    if chat.output is not None and chat.output.schema is not None:
        body["output_config"] = {**body.get("output_config", {}), "format": _render_output(chat.output)}
    if chat.service_tier in _TIERS:
        body["service_tier"] = _TIERS[chat.service_tier]
    if chat.cache_key:
        _mark_for_cache(body)
    if chat.user and len(chat.user) <= _USER_CHARACTERS_MAX:
        body["metadata"] = {"user_id": chat.user}
    if chat.is_streaming:
        body["stream"] = True
    return body


def _list_system(chat: Chat) -> tuple[Text, ...]:
    is_any_object = chat.output is not None and chat.output.schema is None
    return (*chat.system, Text(_JSON_ONLY)) if is_any_object else chat.system


def _render_sampling(chat: Chat, *, is_thinking: bool) -> dict[str, Any]:
    """A temperature and a top_p of 1 are what holds anyway, and some models refuse to be told both."""
    for member in ("seed", "frequency_penalty", "presence_penalty"):
        if getattr(chat, member):
            raise chat.untranslatable(member, API_FORMAT, "it has no such parameter; leave it out")
    if chat.seed == 0:
        raise chat.untranslatable("seed", API_FORMAT, "it has no such parameter; leave it out")
    if chat.temperature is not None and chat.temperature > 1:
        raise chat.untranslatable("temperature", API_FORMAT, "it goes from 0 to 1")
    if is_thinking:
        _check_thinking_alone(chat)
    if any(not sequence.strip() for sequence in chat.stop):
        raise chat.untranslatable("stop", API_FORMAT, "a stop sequence must hold more than white space")
    rendered: dict[str, Any] = {}
    if chat.temperature not in (None, 1):
        rendered["temperature"] = chat.temperature
    if chat.top_p not in (None, 1):
        rendered["top_p"] = chat.top_p
    if chat.top_k is not None:
        rendered["top_k"] = chat.top_k
    if chat.stop:
        rendered["stop_sequences"] = list(chat.stop)
    return rendered


def _check_thinking_alone(chat: Chat) -> None:
    """Source: Anthropic's guide to thinking; it takes a temperature of 1, a top_p from 0.95 and no top_k then."""
    way_out = "it is refused beside thinking; leave out one of them"
    if chat.temperature not in (None, 1):
        raise chat.untranslatable("temperature", API_FORMAT, way_out)
    if chat.top_p is not None and chat.top_p < _TOP_P_WITH_THINKING_MIN:
        raise chat.untranslatable("top_p", API_FORMAT, way_out)
    if chat.top_k is not None:
        raise chat.untranslatable("top_k", API_FORMAT, way_out)


def _render_output(output: OutputShape) -> dict[str, Any]:
    return {"type": "json_schema", "schema": close_schema(output.schema or _ANY_ARGUMENTS)}


def _mark_for_cache(body: dict[str, Any]) -> None:
    """A client that names a cache counts on one, and here there is none without a mark: behind the system texts and
    behind the conversation so far, where the next turn finds it. A client's own marks are left alone."""
    blocks = [block for message in body["messages"] for block in message["content"] if block["type"] in _MARKABLE]
    system, tools = body.get("system", []), body.get("tools", [])
    if not any("cache_control" in marked for marked in (*blocks, *system, *tools)):
        for marked in (*system[-1:], *blocks[-1:]):
            marked["cache_control"] = {"type": "ephemeral"}


# --- Tools --------------------------------------------------------------------------------------------


def _render_tools(chat: Chat) -> dict[str, Any]:
    tools = [_render_tool(tool) for tool in list_functions(chat, API_FORMAT)]
    if not tools:
        return _render_former_tools(chat)
    rendered: dict[str, Any] = {"tools": tools}
    choice = chat.tool_choice
    if choice is not None or chat.parallel_tool_calls is False:
        mode = ToolMode.AUTO if choice is None else choice.mode
        rendered["tool_choice"] = {"type": _MODES[mode]}
        if choice is not None and choice.name is not None:
            rendered["tool_choice"]["name"] = fit_name(choice.name, choice.namespace, NAME_CHARACTERS_MAX)
        if chat.parallel_tool_calls is False and mode is not ToolMode.NONE:
            rendered["tool_choice"]["disable_parallel_tool_use"] = True
    return rendered


def _render_former_tools(chat: Chat) -> dict[str, Any]:
    """The tools that were called before, where none is offered any more: calls are refused without their tools."""
    called = (part for message in chat.messages for part in message.parts if isinstance(part, ToolCall))
    names = dict.fromkeys(fit_name(call.name, call.namespace, NAME_CHARACTERS_MAX) for call in called)
    if not names:
        return {}
    tools = [{"name": name, "input_schema": dict(_ANY_ARGUMENTS)} for name in names]
    return {"tools": tools, "tool_choice": {"type": "none"}}


def _render_tool(tool: Tool) -> dict[str, Any]:
    rendered: dict[str, Any] = {"name": fit_name(tool.name, tool.namespace, NAME_CHARACTERS_MAX)}
    is_custom = tool.kind is ToolKind.CUSTOM
    if description := describe_custom(tool) if is_custom else tool.description:
        rendered["description"] = description
    schema = CUSTOM_SCHEMA if is_custom else {**_ANY_ARGUMENTS, **(tool.schema or {})}
    if tool.strict:
        rendered["strict"] = True
        schema = close_schema(schema)
    return {**rendered, "input_schema": dict(schema), **render_cache_control(tool.cache_ttl)}
