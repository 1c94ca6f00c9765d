"""The tools of a request: as clients say them, and as they are said to upstreams and echoed to clients."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from quart_proxy.core.chat import Tool, ToolChoice, ToolKind, ToolMode
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.errors import InvalidRequest
from quart_proxy.core.formats.openai_responses.native_tools import NATIVE_TOOLS

_DEFAULT_NAMESPACE = "functions"
"""The group that functions without a group are in: models call them without naming it."""
_NO_ARGUMENTS = {"type": "object", "properties": {}}
_CLIENT_SHELLS = (None, "local")


def find_namespace(owner: ClientObject) -> str | None:
    return _known_namespace(owner.find_text("namespace"))


def _known_namespace(name: str | None) -> str | None:
    return None if name == _DEFAULT_NAMESPACE else name


def find_schema(owner: ClientObject, name: str) -> Mapping[str, Any] | None:
    """A JSON Schema, which is passed on unread."""
    found = owner.find_object(name)
    return found.values if found is not None else None


# --- From the client ----------------------------------------------------------------------------------


def parse_tools(owner: ClientObject) -> list[Tool]:
    """The tools in the member `tools`, groups opened. Raises InvalidRequest."""
    return [tool for said in owner.list_objects("tools") for tool in _parse_entry(said)]


def _parse_entry(said: ClientObject) -> list[Tool]:
    if said.get_text("type") != "namespace":
        return [_parse_tool(said)]
    namespace = _known_namespace(said.get_text("name"))
    return [replace(_parse_tool(inner), namespace=namespace) for inner in said.list_objects("tools")]


def _parse_tool(said: ClientObject) -> Tool:
    kind = said.get_text("type")
    if kind == "function":
        return Tool(
            said.get_text("name"),
            said.at,
            description=said.find_text("description"),
            schema=find_schema(said, "parameters"),
            strict=said.find_flag("strict"),
        )
    if kind == "custom":
        return Tool(
            said.get_text("name"),
            said.at,
            ToolKind.CUSTOM,
            description=said.find_text("description"),
            grammar=_parse_grammar(said),
        )
    return _parse_native(said, kind) or Tool(kind, said.at, ToolKind.HOSTED)


def _parse_grammar(said: ClientObject) -> dict[str, Any] | None:
    wanted = said.find_object("format")
    if wanted is None or wanted.find_text("type") == "text":
        return None
    return {"syntax": wanted.get_text("syntax"), "definition": wanted.get_text("definition")}


def _parse_native(said: ClientObject, kind: str) -> Tool | None:
    """One that the client itself runs; None: it is the provider's."""
    native = NATIVE_TOOLS.get(kind)
    if native is None:
        return None
    if kind == "tool_search":
        if said.find_text("execution") != "client":
            return None
        description = said.find_text("description") or native.description
        schema = find_schema(said, "parameters") or native.schema
        return Tool(kind, said.at, description=description, schema=schema, native=kind)
    if kind == "shell":
        where = said.find_object("environment")
        if where is not None and where.find_text("type") not in _CLIENT_SHELLS:
            return None
    return Tool(kind, said.at, description=native.description, schema=native.schema, native=kind)


def parse_choice(body: ClientObject, tools: list[Tool]) -> tuple[ToolChoice | None, list[Tool]]:
    """The choice, and those of the tools that it allows. Raises InvalidRequest."""
    said = body.values.get("tool_choice")
    if said is None:
        return None, tools
    if isinstance(said, str):
        return _parse_mode(said, "tool_choice"), tools
    wanted = body.get_object("tool_choice")
    kind = wanted.get_text("type")
    if kind == "allowed_tools":
        allowed = {each.find_text("name") or each.get_text("type") for each in wanted.list_objects("tools")}
        kept = [tool for tool in tools if tool.name in allowed or tool.namespace in allowed]
        return _parse_mode(wanted.find_text("mode") or "auto", wanted.path("mode")), kept
    if kind in ("function", "custom"):
        return ToolChoice(ToolMode.ONE, wanted.at, wanted.get_text("name"), find_namespace(wanted)), tools
    return ToolChoice(ToolMode.ONE, wanted.at, kind), tools


def _parse_mode(said: str, at: str) -> ToolChoice:
    if said not in ("auto", "none", "required"):
        raise InvalidRequest(f"`{at}` must be `auto`, `none`, `required` or an object that names a tool.", param=at)
    return ToolChoice(ToolMode(said), at)


# --- To the upstream, and back to the client ----------------------------------------------------------


def render_tool(tool: Tool) -> dict[str, Any]:
    """A tool without its group."""
    if tool.native == "tool_search":
        said = {"type": tool.native, "execution": "client", "description": tool.description}
        return {**said, "parameters": tool.schema}
    if tool.native is not None:
        return {"type": tool.native}
    if tool.kind is ToolKind.CUSTOM:
        grammar = {"type": "grammar", **tool.grammar} if tool.grammar else {"type": "text"}
        return {"type": "custom", "name": tool.name, "description": tool.description or "", "format": grammar}
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.schema or _NO_ARGUMENTS,
        # Left out, it would mean that the schema must be a strict one.
        "strict": bool(tool.strict),
    }


def render_grouped(tools: Iterable[Tool]) -> list[dict[str, Any]]:
    """The tools that a client offered, in their groups. Those that the provider should have run are not there: they
    were not offered to the model."""
    groups: dict[str, list[dict[str, Any]]] = {}
    rendered: list[dict[str, Any]] = []
    for tool in tools:
        if tool.kind is ToolKind.HOSTED:
            continue
        if tool.namespace is None:
            rendered.append(render_tool(tool))
            continue
        if tool.namespace not in groups:
            group = groups[tool.namespace] = []
            rendered.append({"type": "namespace", "name": tool.namespace, "description": "", "tools": group})
        groups[tool.namespace].append(render_tool(tool))
    return rendered


def render_choice(choice: ToolChoice, tools: Iterable[Tool]) -> str | dict[str, Any]:
    """`tools` and the choice by the same names."""
    if choice.mode is not ToolMode.ONE:
        return choice.mode.value
    chosen = next((tool for tool in tools if tool.name == choice.name and tool.namespace == choice.namespace), None)
    if chosen is not None and chosen.native is not None:
        return {"type": chosen.native}
    is_custom = chosen is not None and chosen.kind is ToolKind.CUSTOM
    return {"type": "custom" if is_custom else "function", "name": choice.name}
