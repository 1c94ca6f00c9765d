"""Functions as Gemini is told of them, and how it may choose among them."""

from collections.abc import Sequence
from typing import Any

from quart_proxy.core.chat import CUSTOM_SCHEMA, Tool, ToolChoice, ToolKind, ToolMode, describe_custom
from quart_proxy.core.tool_names import fit_name

NAME_CHARACTERS_MAX = 64

_MODES = {ToolMode.AUTO: "AUTO", ToolMode.NONE: "NONE", ToolMode.REQUIRED: "ANY", ToolMode.ONE: "ANY"}


def render_tools(functions: Sequence[Tool], choice: ToolChoice | None) -> dict[str, Any]:
    """The members `tools` and `toolConfig` of a request; none without functions."""
    if not functions:
        return {}
    rendered: dict[str, Any] = {"tools": [{"functionDeclarations": [_render_function(tool) for tool in functions]}]}
    if choice is not None:
        calling: dict[str, Any] = {"mode": _MODES[choice.mode]}
        if choice.mode is ToolMode.ONE and choice.name is not None:
            calling["allowedFunctionNames"] = [fit_name(choice.name, choice.namespace, NAME_CHARACTERS_MAX)]
        rendered["toolConfig"] = {"functionCallingConfig": calling}
    return rendered


def _render_function(tool: Tool) -> dict[str, Any]:
    """`parametersJsonSchema` takes a JSON Schema as it is; `parameters` only some of OpenAPI's."""
    is_custom = tool.kind is ToolKind.CUSTOM
    description = describe_custom(tool) if is_custom else tool.description
    schema = CUSTOM_SCHEMA if is_custom else tool.schema
    return {
        "name": fit_name(tool.name, tool.namespace, NAME_CHARACTERS_MAX),
        **({"description": description} if description else {}),
        **({"parametersJsonSchema": schema} if schema is not None else {}),
    }
