"""A chat as the body for an upstream."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from quart_proxy.core.chat import (
    Audio,
    Chat,
    Message,
    OutputShape,
    Reasoning,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolKind,
    ToolResult,
    list_functions,
    untranslatable,
)
from quart_proxy.core.formats.openai_responses.contents import render_annotation, render_said
from quart_proxy.core.formats.openai_responses.thoughts import NAME, render_for_upstream
from quart_proxy.core.formats.openai_responses.tools import render_choice, render_tool
from quart_proxy.core.tool_names import fit_call_id, fit_name

NAME_CHARACTERS_MAX = 64
MAX_TOKENS_MIN = 16
"""OpenAI refuses a smaller `max_output_tokens`; clients that only try a key ask for one token."""
_ID_CHARACTERS_MAX = 64
"""Of `safety_identifier` and `prompt_cache_key`."""
_UNSAYABLE: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    "top_k": ("it has no such sampling", (None,)),
    "seed": ("it has no seeds", (None,)),
    "frequency_penalty": ("it has no penalties", (None, 0)),
    "presence_penalty": ("it has no penalties", (None, 0)),
    "stop": ("it has no stop sequences", ((),)),
}
"""What it lacks: why, and the values that ask for nothing."""
Item = dict[str, Any]


def render_chat(chat: Chat, *, actual_model: str, max_tokens_default: int | None) -> dict[str, Any]:
    """Raises Untranslatable. `max_tokens_default` is not needed: without a limit, the model's own holds."""
    for member, (why, neutral) in _UNSAYABLE.items():
        if getattr(chat, member) not in neutral:
            raise chat.untranslatable(member, NAME, why)
    _refuse_prefill(chat)
    instructions, items = _render_conversation(chat)
    body: dict[str, Any] = {"model": actual_model, "input": items, "store": False, "stream": chat.is_streaming}
    optional = {
        "instructions": instructions,
        "max_output_tokens": max(chat.max_tokens, MAX_TOKENS_MIN) if chat.max_tokens else None,
        "temperature": chat.temperature,
        "top_p": chat.top_p,
        "text": _render_text(chat),
        "service_tier": chat.service_tier,
        "safety_identifier": _fitting(chat.user),
        "prompt_cache_key": _fitting(chat.cache_key),
    }
    body |= {name: value for name, value in optional.items() if value is not None}
    return body | _render_tools(chat) | _render_reasoning(chat.reasoning)


def _fitting(text: str | None) -> str | None:
    """A hint that OpenAI would refuse is not given."""
    return text if text and len(text) <= _ID_CHARACTERS_MAX else None


def _refuse_prefill(chat: Chat) -> None:
    last = chat.messages[-1] if chat.messages else None
    if last is not None and last.role is Role.ASSISTANT and last.parts and isinstance(last.parts[-1], Text):
        raise untranslatable(last.at, NAME, "its models cannot go on with a text; end with a user's message")


def _render_text(chat: Chat) -> Item | None:
    text: Item = {}
    if chat.output is not None:
        text["format"] = render_shape(chat.output)
    if chat.verbosity is not None:
        text["verbosity"] = chat.verbosity
    return text or None


def render_shape(output: OutputShape) -> Item:
    if output.schema is None:
        return {"type": "json_object"}
    shape: Item = {"type": "json_schema", "name": output.name, "schema": output.schema}
    if output.description is not None:
        shape["description"] = output.description
    if output.strict is not None:
        shape["strict"] = output.strict
    return shape


def _render_reasoning(reasoning: Reasoning | None) -> Item:
    """Models that do not reason refuse to be asked for its seals: only who asks for reasoning gets them."""
    if reasoning is None:
        return {}
    if reasoning.is_off:
        return {"reasoning": {"effort": "none"}}
    wanted: Item = {"effort": effort} if (effort := reasoning.find_effort()) else {}
    if reasoning.is_shown:
        wanted["summary"] = "auto"
    return {"reasoning": wanted, "include": ["reasoning.encrypted_content"]}


def _render_tools(chat: Chat) -> Item:
    """Nothing about tools where there are none: a choice among none is refused."""
    if not chat.tools:
        return {}
    told = [_as_told(tool) for tool in list_functions(chat, NAME)]
    if not told:
        return {}
    body: Item = {"tools": [render_tool(tool) for tool in told]}
    choice = chat.tool_choice
    if choice is not None:
        name = None if choice.name is None else fit_name(choice.name, choice.namespace, NAME_CHARACTERS_MAX)
        body["tool_choice"] = render_choice(replace(choice, name=name, namespace=None), told)
    if chat.parallel_tool_calls is not None:
        body["parallel_tool_calls"] = chat.parallel_tool_calls
    return body


def _as_told(tool: Tool) -> Tool:
    """The tool by the name that the upstream knows; a client's own built-in is a function to it."""
    name = fit_name(tool.name, tool.namespace, NAME_CHARACTERS_MAX)
    return replace(tool, name=name, namespace=None, native=None)


# --- The conversation ---------------------------------------------------------------------------------


def _render_conversation(chat: Chat) -> tuple[str | None, list[Item]]:
    """The instructions and the items. Instructions alone are no conversation: then they are its one message."""
    if not chat.messages:
        return None, [_message("developer", [render_said(text) for text in chat.system])] if chat.system else []
    writer = _Items()
    for message in chat.messages:
        writer.add(message)
    return "\n\n".join(text.text for text in chat.system) or None, writer.items


def _message(role: str, content: list[Item]) -> Item:
    return {"type": "message", "role": role, "content": content}


class _Items:
    """Items as they are said; parts in a row are one message."""

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._content: list[Item] = []
        self._role = "user"
        self._custom_ids: set[str] = set()

    def add(self, message: Message) -> None:
        self._role = "developer" if message.role is Role.SYSTEM else message.role.value
        for part in message.parts:
            match part:
                case ToolCall():
                    self._put(self._render_call(part))
                case ToolResult():
                    self._put(self._render_result(part))
                case Thinking():
                    self._put(render_for_upstream(part))
                case Refusal():
                    self._content.append({"type": "refusal", "refusal": part.text})
                case Audio():
                    raise untranslatable(part.at, NAME, "it takes no sound")
                case Text(text=""):
                    pass
                case Text() if self._role == "assistant":
                    self._content.append(_render_said_before(part))
                case _:
                    self._content.append(render_said(part))
        self._flush()

    def _put(self, item: Item | None) -> None:
        self._flush()
        if item is not None:
            self.items.append(item)

    def _flush(self) -> None:
        if self._content:
            self.items.append(_message(self._role, self._content))
            self._content = []

    def _render_call(self, call: ToolCall) -> Item:
        call_id, name = fit_call_id(call.id), fit_name(call.name, call.namespace, NAME_CHARACTERS_MAX)
        if call.kind is ToolKind.CUSTOM:
            self._custom_ids.add(call_id)
            return {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": call.arguments}
        return {"type": "function_call", "call_id": call_id, "name": name, "arguments": call.arguments or "{}"}

    def _render_result(self, result: ToolResult) -> Item:
        call_id = fit_call_id(result.call_id)
        kind = "custom_tool_call_output" if call_id in self._custom_ids else "function_call_output"
        return {"type": kind, "call_id": call_id, "output": _render_output(result)}


def _render_said_before(text: Text) -> Item:
    annotations = [render_annotation(citation, text.text) for citation in text.citations]
    return {"type": "output_text", "text": text.text, "annotations": annotations}


def _render_output(result: ToolResult) -> str | list[Item]:
    """A text where all of it is: not every provider of this format takes a list."""
    mark = "Error: " if result.is_error else ""
    texts = [part.text for part in result.parts if isinstance(part, Text)]
    if len(texts) == len(result.parts):
        return mark + "\n".join(texts)
    marked = [{"type": "input_text", "text": mark}] if mark else []
    return [*marked, *(render_said(part) for part in result.parts)]
