"""The tools of a client's chat, and which of them the model must call."""

from dataclasses import replace

from quart_proxy.core.chat import Tool, ToolChoice, ToolKind, ToolMode
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.formats.openai.messages import find_cache_ttl

MODES = {"auto": ToolMode.AUTO, "none": ToolMode.NONE, "required": ToolMode.REQUIRED}
LEGACY = "functions"
"""What tools were before they were tools."""


def parse_tools(body: ClientObject) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    tools = [*map(_parse_tool, body.list_objects("tools"))]
    tools += (_parse_function(function, function.at) for function in body.list_objects(LEGACY))
    if body.find_object("web_search_options") is not None:
        tools.append(Tool("web_search", "web_search_options", ToolKind.HOSTED))
    return _choose(body, tools)


def is_legacy(tools: tuple[Tool, ...]) -> bool:
    """Whether the client knows calls of functions as they were before tools: one in a message, without an id."""
    return any(tool.at.startswith(LEGACY) for tool in tools)


def _parse_tool(tool: ClientObject) -> Tool:
    match tool.get_text("type"):
        case "function":
            parsed = _parse_function(tool.get_object("function"), tool.at)
            return replace(parsed, cache_ttl=parsed.cache_ttl or find_cache_ttl(tool))
        case "custom":
            custom = tool.get_object("custom")
            shape = custom.find_object("format")
            grammar = shape.find_object("grammar") if shape is not None else None
            return Tool(
                custom.get_text("name"),
                tool.at,
                ToolKind.CUSTOM,
                custom.find_text("description"),
                grammar=None if grammar is None else grammar.values,
            )
        case hosted:
            return Tool(hosted, tool.at, ToolKind.HOSTED)


def _parse_function(function: ClientObject, at: str) -> Tool:
    schema = function.find_object("parameters")
    return Tool(
        function.get_text("name"),
        at,
        description=function.find_text("description"),
        schema=None if schema is None else schema.values,
        strict=function.find_flag("strict"),
        cache_ttl=find_cache_ttl(function),
    )


def _choose(body: ClientObject, tools: list[Tool]) -> tuple[tuple[Tool, ...], ToolChoice | None]:
    """The tools that may be called, and the choice among them."""
    name = "tool_choice" if body.values.get("tool_choice") is not None else "function_call"
    choice = body.values.get(name)
    if choice is None:
        return tuple(tools), None
    if isinstance(choice, str):
        if choice not in MODES:
            raise body.refusal(name, f"must be one of {', '.join(MODES)}, or name a tool")
        if choice == "required" and not tools:
            raise body.refusal(name, "must not be `required` where there are no tools")
        # Without tools there is nothing to choose, and not every format takes a choice then.
        return tuple(tools), ToolChoice(MODES[choice], name) if tools else None
    chosen = body.get_object(name)
    if chosen.find_text("type") == "allowed_tools":
        return _allow(chosen.get_object("allowed_tools"), tools)
    called = _name_of(chosen)
    if all(tool.name != called for tool in tools):
        raise body.refusal(name, f"names `{called[:100]}`, which is not among the tools")
    return tuple(tools), ToolChoice(ToolMode.ONE, name, called)


def _allow(allowed: ClientObject, tools: list[Tool]) -> tuple[tuple[Tool, ...], ToolChoice]:
    mode = allowed.get_text("mode")
    if mode not in ("auto", "required"):
        raise allowed.refusal("mode", "must be auto or required")
    names = set(map(_name_of, allowed.list_objects("tools")))
    kept = tuple(tool for tool in tools if tool.name in names)
    if not kept:
        raise allowed.refusal("tools", "must name at least one of the tools")
    return kept, ToolChoice(MODES[mode], allowed.at)


def _name_of(chosen: ClientObject) -> str:
    """The name in `{"type": "function", "function": {"name": ...}}`, or in the `{"name": ...}` of before."""
    kind = chosen.find_text("type")
    return (chosen if kind is None else chosen.get_object(kind)).get_text("name")
