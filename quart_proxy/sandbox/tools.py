"""The tools that a request offers, in any format, and calls of them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from quart_proxy.sandbox.conversation import list_turns

CHARACTERS_PER_TOKEN = 4
PIECE_CHARACTERS = 7
"""Arguments are streamed in slices of this many: short enough to fall in the midst of an escape."""
DEPTH_MAX = 8

COMMAND = re.compile(r"^run: (.+)$", re.MULTILINE)
"""How a user says what the shell shall run; the last one counts."""
SHELL_NAME = re.compile(r"bash|shell|exec", re.IGNORECASE)
COMMAND_KEYS = ("command", "cmd")
SCRIPT_KEY = "input"
"""The one argument of a free-text tool that was made a function on its way."""


@dataclass(frozen=True, slots=True)
class Tool:
    name: str
    schema: dict[str, Any] = field(default_factory=dict)
    namespace: str | None = None
    is_free_text: bool = False
    """Called with a text instead of a JSON object."""

    @property
    def properties(self) -> dict[str, Any]:
        found = self.schema.get("properties")
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: str
    """The JSON text of an object, or the text that a free-text tool gets."""
    namespace: str | None = None
    is_free_text: bool = False

    @property
    def pieces(self) -> list[str]:
        return [
            self.arguments[start : start + PIECE_CHARACTERS]
            for start in range(0, len(self.arguments), PIECE_CHARACTERS)
        ]

    @property
    def tokens(self) -> int:
        return -(-len(self.name + self.arguments) // CHARACTERS_PER_TOKEN)


def make_calls(body: dict[str, Any], wanted: int) -> tuple[ToolCall, ...]:
    """Calls of `wanted` tools, the first ones first and round again; fewer as `tool_choice` or the offer says."""
    tools = _list_allowed(body, list_tools(body))
    count = _limit_calls(body, wanted)
    return tuple(_call(tools[number % len(tools)], number + 1) for number in range(count)) if tools else ()


def make_shell_calls(body: dict[str, Any], user_text: str, wanted: int) -> tuple[ToolCall, ...]:
    """The command after `run: ` in the user's words, as calls of the client's own shell; none without either."""
    call = _find_shell_call(body, user_text)
    return (call,) * _limit_calls(body, wanted) if call else ()


def _find_shell_call(body: dict[str, Any], user_text: str) -> ToolCall | None:
    commands = COMMAND.findall(user_text)
    shells = [tool for tool in list_tools(body) if SHELL_NAME.search(tool.name)]
    if not commands or not shells:
        return None
    command = commands[-1].strip()
    for tool in shells:
        for key in COMMAND_KEYS:
            if key in tool.properties:
                is_list = tool.properties[key].get("type") == "array"
                value = ["bash", "-lc", command] if is_list else command
                return ToolCall(tool.name, _encode({key: value}), tool.namespace)
    return _find_script_call(shells, command)


def _find_script_call(shells: list[Tool], command: str) -> ToolCall | None:
    """The shell of a client whose model writes JavaScript that calls tools, as newer models of Codex do."""
    script = f"const result = await tools.exec_command({{cmd: {_encode(command)}}}); text(result.output);"
    for tool in shells:
        if tool.is_free_text:
            return ToolCall(tool.name, script, tool.namespace, is_free_text=True)
        if list(tool.properties) == [SCRIPT_KEY]:
            return ToolCall(tool.name, _encode({SCRIPT_KEY: script}), tool.namespace)
    return None


def list_tools(body: dict[str, Any]) -> list[Tool]:
    """The tools that the client itself runs, and that need not be loaded first."""
    offered = list(body.get("tools") or [])
    for turn in list_turns(body):
        if turn.get("type") == "additional_tools":
            offered += turn.get("tools") or []
    return [tool for node in offered if isinstance(node, dict) for tool in _parse_tools(node)]


def _parse_tools(node: dict[str, Any], namespace: str | None = None) -> Iterator[Tool]:
    if node.get("defer_loading"):
        return
    kind = node.get("type")
    if kind == "namespace":
        for inner in node.get("tools") or []:
            yield from _parse_tools(inner, node.get("name"))
    elif "functionDeclarations" in node:
        for declared in node["functionDeclarations"]:
            schema = declared.get("parametersJsonSchema") or declared.get("parameters") or {}
            yield Tool(str(declared.get("name")), schema)
    elif "input_schema" in node:
        yield Tool(str(node.get("name")), node["input_schema"])
    elif kind in ("function", "custom"):
        inner = node.get(kind, node)
        yield Tool(str(inner.get("name")), inner.get("parameters") or {}, namespace, is_free_text=kind == "custom")


def _list_allowed(body: dict[str, Any], tools: list[Tool]) -> list[Tool]:
    """What `tool_choice`, or Gemini's `functionCallingConfig`, leaves of the offer."""
    choice = body.get("tool_choice")
    config = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if choice == "none" or config.get("mode") == "NONE" or (isinstance(choice, dict) and choice.get("type") == "none"):
        return []
    names = config.get("allowedFunctionNames") or []
    if isinstance(choice, dict):
        inner = choice.get("function") or choice.get("custom") or choice
        names = [inner["name"]] if "name" in inner else []
    return [tool for tool in tools if not names or tool.name in names]


def _limit_calls(body: dict[str, Any], wanted: int) -> int:
    """How many calls at once the client takes."""
    choice = body.get("tool_choice")
    is_single = isinstance(choice, dict) and choice.get("disable_parallel_tool_use") is True
    return min(wanted, 1) if is_single or body.get("parallel_tool_calls") is False else wanted


def _call(tool: Tool, number: int) -> ToolCall:
    if tool.is_free_text:
        return ToolCall(tool.name, _make_text(number), tool.namespace, is_free_text=True)
    return ToolCall(tool.name, _encode(_make_value({"type": "object", **tool.schema}, number)), tool.namespace)


def _make_value(schema: Any, number: int, depth: int = 0) -> Any:
    """A value that fits: every property is there, and every text has what is hard to escape."""
    if not isinstance(schema, dict) or depth > DEPTH_MAX:
        return _make_text(number)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return _make_value(schema[key][0], number, depth + 1)
    kind = schema.get("type")
    kind = str(kind[0] if isinstance(kind, list) and kind else kind).lower()
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: _make_value(inner, number, depth + 1) for name, inner in properties.items()}
    if kind == "array":
        return [_make_value(schema.get("items"), number, depth + 1)]
    simple = {"integer": number, "number": number + 0.5, "boolean": True, "null": None}
    return simple.get(kind, _make_text(number))


def _make_text(number: int) -> str:
    return f'sandbox "{number}" \\ é\n'


def _encode(value: Any) -> str:
    return orjson.dumps(value).decode()
