"""Tools that OpenAI builds in and its clients run: other providers are told them as functions.

Their calls and results are items of their own types; here they are a function's, and back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from quart_proxy.core.chat import ToolCall
from quart_proxy.core.nesting import load_arguments

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class NativeTool:
    """`type` is that of the tool; its calls are items of the type `<type>_call`, its results `<type>_call_output`, but
    for the search for tools."""

    type: str
    id_prefix: str
    description: str
    schema: Mapping[str, Any]
    required: tuple[str, ...]
    """Arguments without which there is no such item."""
    to_item: Callable[[Arguments], Arguments]
    """What the item of a call with these arguments has beside its ids."""
    from_item: Callable[[Mapping[str, Any]], Any]
    """The arguments of such an item."""


_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}
_MILLISECONDS = {"type": "integer", "description": "How long it may run, in milliseconds."}


def _object(required: tuple[str, ...], **properties: Any) -> Mapping[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


def _without_type(value: object) -> Any:
    return {key: said for key, said in value.items() if key != "type"} if isinstance(value, Mapping) else value


NATIVE_TOOLS: Mapping[str, NativeTool] = {
    tool.type: tool
    for tool in (
        NativeTool(
            "local_shell",
            "lsh_",
            "Runs one program on the user's machine and gives what it printed.",
            _object(
                ("command",),
                command={**_TEXTS, "description": "The program and its arguments."},
                working_directory=_TEXT,
                timeout_ms=_MILLISECONDS,
                env={"type": "object", "additionalProperties": _TEXT},
            ),
            ("command",),
            lambda arguments: {"action": {"type": "exec", "env": {}, **arguments}},
            lambda item: _without_type(item.get("action")),
        ),
        NativeTool(
            "shell",
            "sh_",
            "Runs commands in a shell on the user's machine and gives what each printed and how it ended.",
            _object(
                ("commands",),
                commands={**_TEXTS, "description": "The command lines, run one by one."},
                timeout_ms=_MILLISECONDS,
                max_output_length={"type": "integer", "description": "How many characters of output to give back."},
            ),
            ("commands",),
            lambda arguments: {
                "action": {"timeout_ms": None, "max_output_length": None, **arguments},
                "environment": {"type": "local"},
            },
            lambda item: item.get("action"),
        ),
        NativeTool(
            "apply_patch",
            "apc_",
            "Creates, changes or deletes one file. The diff is in the V4A format: hunks that begin with `@@`, lines"
            " that begin with a space, `-` or `+`; a new file's lines all begin with `+`.",
            _object(
                ("type", "path"),
                type={"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
                path=_TEXT,
                diff={"type": "string", "description": "Not for delete_file."},
            ),
            ("type", "path"),
            lambda arguments: {"operation": arguments},
            lambda item: item.get("operation"),
        ),
        NativeTool(
            "tool_search",
            "tsc_",
            "Searches for tools that are not listed, and makes those that it finds callable.",
            _object(("query",), query=_TEXT),
            (),
            lambda arguments: {"arguments": arguments, "execution": "client"},
            lambda item: item.get("arguments"),
        ),
    )
}


def render_native_call(call: ToolCall, native: NativeTool, identifier: str, status: str) -> dict[str, Any] | None:
    """The item of a call; None when the model's arguments do not make one: the client is told it as a function's."""
    arguments = load_arguments(call.arguments)
    if not isinstance(arguments, dict) or any(name not in arguments for name in native.required):
        return None
    item_id = native.id_prefix + identifier
    said = {"type": f"{native.type}_call", "id": item_id, "call_id": call.id, "status": status}
    return said | native.to_item(arguments)
