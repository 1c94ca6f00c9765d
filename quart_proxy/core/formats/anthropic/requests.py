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
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats.anthropic.content import API_FORMAT, parse_cache_ttl, parse_content, parse_texts
from quart_proxy.core.formats.anthropic.fields import (
    Fields,
    find_flag,
    find_integer,
    find_object,
    find_share,
    find_text,
    get_object,
    get_text,
    list_objects,
)

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
    system, messages = _parse_conversation(body)
    choice = find_object(body, "tool_choice", "")
    return Chat(
        messages=messages,
        system=system,
        tools=tuple(_list_tools(body)),
        tool_choice=None if choice is None else _parse_tool_choice(choice),
        parallel_tool_calls=None if choice is None else _parse_parallel(choice),
        max_tokens=_parse_max_tokens(body),
        temperature=find_share(body, "temperature"),
        top_p=find_share(body, "top_p"),
        top_k=find_integer(body, "top_k", minimum=0),
        stop=_parse_stop(body),
        reasoning=_parse_reasoning(body),
        output=_parse_output(body),
        service_tier=_TIERS.get(find_text(body, "service_tier", "") or ""),
        user=find_text(find_object(body, "metadata", "") or {}, "user_id", "metadata"),
        is_streaming=find_flag(body, "stream", "") or False,
        names=_NAMES,
    )


def _parse_conversation(body: Fields) -> tuple[tuple[Text, ...], tuple[Message, ...]]:
    """The system texts at the head, and the messages after them."""
    system = list(parse_texts(body, "system", ""))
    messages: list[Message] = []
    for at, fields in list_objects(body, "messages", ""):
        match get_text(fields, "role", at):
            case "user":
                messages.append(Message(Role.USER, parse_content(fields, at), at))
            case "assistant":
                messages.append(Message(Role.ASSISTANT, parse_content(fields, at), at))
            case "system" if messages:
                messages.append(Message(Role.SYSTEM, parse_texts(fields, "content", at), at))
            case "system":
                system += parse_texts(fields, "content", at)
            case role:
                raise InvalidRequest(
                    f"`{at}.role` must be `user`, `assistant` or `system`, not `{role[:50]}`.", param=f"{at}.role"
                )
    return tuple(system), tuple(messages)


def _parse_max_tokens(body: Fields) -> int:
    limit = find_integer(body, "max_tokens", minimum=0)
    if limit is None:
        raise InvalidRequest("`max_tokens` is missing: it must be a whole number from 1.", param="max_tokens")
    if limit == 0:
        raise Untranslatable(
            "`max_tokens` of 0 fills a cache of Anthropic's and can only be said to upstreams in its format.",
            param="max_tokens",
        )
    return limit


def _parse_stop(body: Fields) -> tuple[str, ...]:
    sequences = body.get("stop_sequences") or []
    if not isinstance(sequences, list) or not all(isinstance(sequence, str) for sequence in sequences):
        raise InvalidRequest("`stop_sequences` must be a list of texts.", param="stop_sequences")
    return tuple(sequences)


# --- Tools --------------------------------------------------------------------------------------------


def _list_tools(body: Fields) -> Iterator[Tool]:
    """Those of the request, and those that a message in the midst of it defined."""
    for at, fields in list_objects(body, "tools", ""):
        yield _parse_tool(fields, at)
    for message_at, message in list_objects(body, "messages", ""):
        if message.get("role") != "system" or isinstance(message.get("content"), str):
            continue
        for at, block in list_objects(message, "content", message_at):
            added = find_object(block, "tool", at) or {}
            if block.get("type") == "tool_addition" and added.get("type") == "tool_definition":
                yield _parse_tool(get_object(added, "definition", f"{at}.tool"), f"{at}.tool.definition")


def _parse_tool(fields: Fields, at: str) -> Tool:
    kind = find_text(fields, "type", at)
    if kind not in (None, "custom"):
        return Tool(find_text(fields, "name", at) or kind, at, ToolKind.HOSTED)
    return Tool(
        get_text(fields, "name", at),
        at,
        description=find_text(fields, "description", at),
        schema=get_object(fields, "input_schema", at),
        strict=find_flag(fields, "strict", at),
        cache_ttl=parse_cache_ttl(fields, at),
    )


def _parse_tool_choice(choice: Fields) -> ToolChoice:
    kind = get_text(choice, "type", "tool_choice")
    mode = _MODES.get(kind)
    if mode is None:
        raise InvalidRequest(
            "`tool_choice.type` must be `auto`, `any`, `tool` or `none`.",
            param="tool_choice.type",
        )
    return ToolChoice(mode, "tool_choice", get_text(choice, "name", "tool_choice") if mode is ToolMode.ONE else None)


def _parse_parallel(choice: Fields) -> bool | None:
    disabled = find_flag(choice, "disable_parallel_tool_use", "tool_choice")
    return None if disabled is None else not disabled


# --- Thinking and the shape of the answer -------------------------------------------------------------


def _parse_reasoning(body: Fields) -> Reasoning | None:
    effort = _parse_effort(find_object(body, "output_config", "") or {})
    thinking = find_object(body, "thinking", "")
    if thinking is None:
        return None if effort is None else Reasoning("output_config.effort", effort)
    is_shown = find_text(thinking, "display", "thinking") != "omitted"
    match get_text(thinking, "type", "thinking"):
        case "enabled":
            budget = find_integer(thinking, "budget_tokens", "thinking", minimum=1)
            return Reasoning("thinking", effort, budget, is_shown)
        case "adaptive":
            return Reasoning("thinking", effort, None, is_shown)
        case "disabled" | "between_tools":
            return Reasoning("thinking", "none")
    raise InvalidRequest("`thinking.type` must be `enabled`, `adaptive` or `disabled`.", param="thinking.type")


def _parse_effort(config: Fields) -> str | None:
    effort = find_text(config, "effort", "output_config")
    if effort is not None and effort not in EFFORTS:
        raise InvalidRequest(
            f"`output_config.effort` must be one of {', '.join(EFFORTS)}.", param="output_config.effort"
        )
    return effort


def _parse_output(body: Fields) -> OutputShape | None:
    """`output_format` is what `output_config.format` was called before."""
    config = find_object(body, "output_config", "") or {}
    at = "output_config.format" if config.get("format") is not None else "output_format"
    wanted = find_object(config, "format", "output_config") or find_object(body, "output_format", "")
    if wanted is None:
        return None
    if get_text(wanted, "type", at) != "json_schema":
        raise InvalidRequest(f"`{at}.type` must be `json_schema`.", param=f"{at}.type")
    return OutputShape(at, get_object(wanted, "schema", at), strict=True)
