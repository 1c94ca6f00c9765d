"""A client's Messages request as a conversation."""

from collections.abc import Iterator, Mapping
from typing import Any

from quart_proxy.core.chat import (
    EFFORTS,
    Chat,
    Message,
    OutputShape,
    Reasoning,
    Role,
    Text,
    Tool,
    ToolChoice,
    ToolKind,
    ToolMode,
)
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.errors import Untranslatable
from quart_proxy.core.formats.anthropic.content import API_FORMAT, parse_cache_ttl, parse_content, parse_texts

TRANSLATED = frozenset(
    {
        "model",
        "messages",
        "system",
        "max_tokens",
        "stream",
        "temperature",
        "top_p",
        "top_k",
        "stop_sequences",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "output_format",
        "metadata",
        "service_tier",
    }
)
HINTS = frozenset(
    {
        # Where a cache may begin; the markers on blocks go on, as far as the upstream has such.
        "cache_control",
        # Saves context by forgetting old thinking and tool results; the upstream sees all of them.
        "context_management",
        # Whom else Anthropic may ask when a model declines, and what that then costs.
        "fallbacks",
        "fallback_credit_token",
        # Asks for remarks, for speed, and for features that are named beside, each in a field of its own.
        "diagnostics",
        "speed",
        "betas",
        "anthropic_beta",
        "anthropic_version",
    }
)
"""What may get lost on the way to another format: the answer is no other for it."""

_NAMES = {
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "parallel_tool_calls": "tool_choice.disable_parallel_tool_use",
}
_TIERS = {"auto": "auto", "standard_only": "default"}
_MODES = {"auto": ToolMode.AUTO, "any": ToolMode.REQUIRED, "none": ToolMode.NONE, "tool": ToolMode.ONE}


def parse_chat(body: Mapping[str, Any]) -> Chat:
    """Raises InvalidRequest for what Anthropic would refuse, Untranslatable for what it alone understands."""
    for name, value in body.items():
        if name not in TRANSLATED and name not in HINTS and value not in (None, [], {}):
            raise Untranslatable(
                f"`{name}` can only be said to upstreams in the format {API_FORMAT}: leave it out.", param=name
            )
    fields = ClientObject(body)
    system, messages = _parse_conversation(fields)
    choice = fields.find_object("tool_choice")
    metadata = fields.find_object("metadata")
    return Chat(
        messages=messages,
        system=system,
        tools=tuple(_list_tools(fields)),
        tool_choice=None if choice is None else _parse_tool_choice(choice),
        parallel_tool_calls=None if choice is None else _parse_parallel(choice),
        max_tokens=_parse_max_tokens(fields),
        temperature=_parse_share(fields, "temperature"),
        top_p=_parse_share(fields, "top_p"),
        top_k=_parse_top_k(fields),
        stop=fields.list_texts("stop_sequences"),
        reasoning=_parse_reasoning(fields),
        output=_parse_output(fields),
        service_tier=_TIERS.get(fields.find_text("service_tier") or ""),
        user=None if metadata is None else metadata.find_text("user_id"),
        is_streaming=fields.find_flag("stream") or False,
        names=_NAMES,
    )


def _parse_conversation(fields: ClientObject) -> tuple[tuple[Text, ...], tuple[Message, ...]]:
    """The system texts at the head, and the messages after them."""
    system = list(parse_texts(fields, "system"))
    messages: list[Message] = []
    for message in fields.list_objects("messages"):
        match message.get_text("role"):
            case "user":
                messages.append(Message(Role.USER, parse_content(message), message.at))
            case "assistant":
                messages.append(Message(Role.ASSISTANT, parse_content(message), message.at))
            case "system" if messages:
                messages.append(Message(Role.SYSTEM, parse_texts(message, "content"), message.at))
            case "system":
                system += parse_texts(message, "content")
            case _:
                raise message.refusal("role", "must be `user`, `assistant` or `system`")
    return tuple(system), tuple(messages)


def _parse_max_tokens(fields: ClientObject) -> int:
    limit = fields.find_integer("max_tokens")
    if limit is None or limit < 0:
        raise fields.refusal("max_tokens", "must be a whole number from 1")
    if limit == 0:
        raise Untranslatable(
            "`max_tokens` of 0 fills a cache of Anthropic's and can only be said to upstreams in its format.",
            param="max_tokens",
        )
    return limit


def _parse_share(fields: ClientObject, name: str) -> float | None:
    share = fields.find_number(name)
    if share is not None and not 0 <= share <= 1:
        raise fields.refusal(name, "must be a number from 0 to 1")
    return share


def _parse_top_k(fields: ClientObject) -> int | None:
    top_k = fields.find_integer("top_k")
    if top_k is not None and top_k < 0:
        raise fields.refusal("top_k", "must be a whole number from 0")
    return top_k


# --- Tools --------------------------------------------------------------------------------------------


def _list_tools(fields: ClientObject) -> Iterator[Tool]:
    """Those of the request, and those that a message in the midst of it defined."""
    for tool in fields.list_objects("tools"):
        yield _parse_tool(tool)
    for message in fields.list_objects("messages"):
        if message.values.get("role") != "system" or isinstance(message.values.get("content"), str):
            continue
        for block in message.list_objects("content"):
            added = block.find_object("tool")
            if added is not None and block.values.get("type") == "tool_addition":
                if added.values.get("type") == "tool_definition":
                    yield _parse_tool(added.get_object("definition"))


def _parse_tool(tool: ClientObject) -> Tool:
    kind = tool.find_text("type")
    if kind not in (None, "custom"):
        return Tool(tool.find_text("name") or kind, tool.at, ToolKind.HOSTED)
    return Tool(
        tool.get_text("name"),
        tool.at,
        description=tool.find_text("description"),
        schema=tool.get_object("input_schema").values,
        strict=tool.find_flag("strict"),
        cache_ttl=parse_cache_ttl(tool),
    )


def _parse_tool_choice(choice: ClientObject) -> ToolChoice:
    mode = _MODES.get(choice.get_text("type"))
    if mode is None:
        raise choice.refusal("type", "must be `auto`, `any`, `tool` or `none`")
    return ToolChoice(mode, choice.at, choice.get_text("name") if mode is ToolMode.ONE else None)


def _parse_parallel(choice: ClientObject) -> bool | None:
    is_disabled = choice.find_flag("disable_parallel_tool_use")
    return None if is_disabled is None else not is_disabled


# --- Thinking and the shape of the answer -------------------------------------------------------------


def _parse_reasoning(fields: ClientObject) -> Reasoning | None:
    config = fields.find_object("output_config")
    effort = None if config is None else _parse_effort(config)
    thinking = fields.find_object("thinking")
    if thinking is None:
        return None if effort is None else Reasoning("output_config.effort", effort)
    is_shown = thinking.find_text("display") != "omitted"
    match thinking.get_text("type"):
        case "enabled":
            return Reasoning("thinking", effort, thinking.find_count("budget_tokens"), is_shown)
        case "adaptive":
            return Reasoning("thinking", effort, None, is_shown)
        case "disabled" | "between_tools":
            return Reasoning("thinking", "none")
    raise thinking.refusal("type", "must be `enabled`, `adaptive` or `disabled`")


def _parse_effort(config: ClientObject) -> str | None:
    effort = config.find_text("effort")
    if effort is not None and effort not in EFFORTS:
        raise config.refusal("effort", f"must be one of {', '.join(EFFORTS)}")
    return effort


def _parse_output(fields: ClientObject) -> OutputShape | None:
    """`output_format` is what `output_config.format` was called before."""
    config = fields.find_object("output_config")
    wanted = (config.find_object("format") if config is not None else None) or fields.find_object("output_format")
    if wanted is None:
        return None
    if wanted.get_text("type") != "json_schema":
        raise wanted.refusal("type", "must be `json_schema`")
    return OutputShape(wanted.at, wanted.get_object("schema").values, strict=True)
