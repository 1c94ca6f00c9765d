"""The items of a client's input as turns of a conversation."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from quart_proxy.core.chat import (
    Document,
    Image,
    Message,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolKind,
    ToolResult,
)
from quart_proxy.core.client_objects import ClientObject
from quart_proxy.core.errors import InvalidRequest, Untranslatable
from quart_proxy.core.formats.openai_responses.contents import parse_content
from quart_proxy.core.formats.openai_responses.native_tools import NATIVE_TOOLS
from quart_proxy.core.formats.openai_responses.thoughts import NAME, parse_reasoning
from quart_proxy.core.formats.openai_responses.tools import find_namespace, parse_tools
from quart_proxy.core.tool_names import fit_name

LEFT_OUT = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
        "program",
        "program_output",
    }
)
"""Steps of tools that another provider ran: what came of them is in the texts behind them."""
REFUSED: Mapping[str, str] = {
    "item_reference": "names an item that is kept at OpenAI; send the item itself",
    "compaction": "can be read by the provider that made it alone; send the conversation itself",
    "context_compaction": "can be read by the provider that made it alone; send the conversation itself",
    "compaction_trigger": "asks the provider to shorten the conversation, which OpenAI alone does",
    "mcp_approval_response": "answers a tool that another provider runs",
}
"""Items without which the answer would be another one, and why they cannot be said."""

_ENCRYPTED = re.compile(r"gAAAA[A-Za-z0-9_=-]+")
"""A Fernet token, as which OpenAI encrypts."""
_NAME_CHARACTERS_MAX = 64
"""Of the names that tools found are told by: what every format takes."""


@dataclass(slots=True)
class _Turn:
    role: Role
    at: str
    parts: list[Part]

    def whole(self) -> Message:
        return Message(self.role, tuple(self.parts), self.at)


@dataclass(slots=True)
class Conversation:
    """What the items say so far. `system` is what stands at the head, `tools` those that came among the items.
    `settings` are `reasoning` and `text` where an item changed them."""

    turns: list[_Turn] = field(default_factory=list)
    system: list[Text] = field(default_factory=list)
    tools: list[Tool] = field(default_factory=list)
    settings: dict[str, ClientObject] = field(default_factory=dict)

    @property
    def messages(self) -> tuple[Message, ...]:
        return tuple(turn.whole() for turn in self.turns)

    def say(self, role: Role, parts: tuple[Part, ...], at: str) -> None:
        """A message; all that the assistant says in a row is one turn of it."""
        if role is Role.ASSISTANT and self.turns and self.turns[-1].role is role:
            self.turns[-1].parts += parts
        else:
            self.turns.append(_Turn(role, at, list(parts)))

    def answer(self, result: ToolResult) -> None:
        """A tool's result; those in a row are one turn of the user's."""
        last = self.turns[-1] if self.turns else None
        if last is not None and last.parts and isinstance(last.parts[-1], ToolResult):
            last.parts.append(result)
        else:
            self.turns.append(_Turn(Role.USER, result.at, [result]))


def parse_input(body: ClientObject) -> Conversation:
    """Raises InvalidRequest, and Untranslatable for items that only OpenAI can read."""
    conversation = Conversation()
    said = body.values.get("input")
    if isinstance(said, str):
        conversation.say(Role.USER, (Text(said, "input"),), "input")
    elif isinstance(said, list):
        for item in body.list_objects("input"):
            _parse_item(item, conversation)
    else:
        raise InvalidRequest("`input` must be a text or a list of items.", param="input")
    return conversation


def _parse_item(item: ClientObject, conversation: Conversation) -> None:
    kind = item.find_text("type") or ("message" if item.values.get("role") is not None else "item_reference")
    if kind in LEFT_OUT:
        return
    if kind in REFUSED:
        raise Untranslatable(f"`{item.at}` {REFUSED[kind]}.", param=item.at)
    parse = _PARSERS.get(kind)
    if parse is None:
        raise Untranslatable(f"`{item.at}` is a `{kind}`: only upstreams in the format {NAME} know it.", param=item.at)
    parse(item, conversation)


# --- Messages and thinking ----------------------------------------------------------------------------


def _parse_message(item: ClientObject, conversation: Conversation) -> None:
    role = item.get_text("role")
    parts = parse_content(item, "content")
    if role in ("system", "developer"):
        _parse_system(item, parts, conversation)
    elif role == "user":
        conversation.say(Role.USER, parts, item.at)
    elif role == "assistant":
        for part in parts:
            if not isinstance(part, Text | Refusal):
                raise InvalidRequest(f"`{part.at}` must be a text: assistants say no other.", param=part.at)
        conversation.say(Role.ASSISTANT, parts, item.at)
    else:
        at = item.path("role")
        raise InvalidRequest(f"`{at}` must be `user`, `assistant`, `system` or `developer`.", param=at)


def _parse_system(item: ClientObject, parts: tuple[Part, ...], conversation: Conversation) -> None:
    texts = tuple(part for part in parts if isinstance(part, Text))
    for part in parts:
        if not isinstance(part, Text):
            raise Untranslatable(f"`{part.at}` must be a text: instructions hold no other.", param=part.at)
    if conversation.turns:
        conversation.say(Role.SYSTEM, texts, item.at)
    else:
        conversation.system += texts


def _parse_agent_message(item: ClientObject, conversation: Conversation) -> None:
    """What another agent of the client's tells this one, as Codex has several talk to each other. Who it is stands in
    the text."""
    texts = tuple(Text(_read_told(part), part.at) for part in item.list_objects("content"))
    conversation.say(Role.USER, texts, item.at)


def _read_told(part: ClientObject) -> str:
    """Codex holds the words of another agent for encrypted, since OpenAI encrypts them; other providers did not."""
    if part.get_text("type") != "encrypted_content":
        return part.find_text("text") or ""
    told = part.find_text("encrypted_content") or ""
    if _ENCRYPTED.fullmatch(told):
        raise Untranslatable(f"`{part.at}` can be read by the provider that encrypted it alone.", param=part.at)
    return told


def _parse_update(item: ClientObject, conversation: Conversation) -> None:
    """A change of settings that holds from now on: the answer is made with the last one."""
    for name in ("reasoning", "text"):
        changed = item.find_object(name)
        if changed is not None:
            conversation.settings[name] = changed


def _parse_reasoning(item: ClientObject, conversation: Conversation) -> None:
    thinking: Thinking | None = parse_reasoning(item.values, item.at)
    if thinking is not None:
        conversation.say(Role.ASSISTANT, (thinking,), item.at)


# --- Calls and results --------------------------------------------------------------------------------


def _parse_function_call(item: ClientObject, conversation: Conversation) -> None:
    call_id, name = item.get_text("call_id"), item.get_text("name")
    arguments = item.find_text("arguments") or ""
    call = ToolCall(call_id, name, arguments, item.at, namespace=find_namespace(item))
    conversation.say(Role.ASSISTANT, (call,), item.at)


def _parse_custom_call(item: ClientObject, conversation: Conversation) -> None:
    call_id, name, text = item.get_text("call_id"), item.get_text("name"), item.find_text("input") or ""
    call = ToolCall(call_id, name, text, item.at, ToolKind.CUSTOM, find_namespace(item))
    conversation.say(Role.ASSISTANT, (call,), item.at)


def _parse_result(item: ClientObject, conversation: Conversation) -> None:
    parts = []
    for part in parse_content(item, "output"):
        if not isinstance(part, Text | Image | Document):
            raise InvalidRequest(f"`{part.at}` must be a text, an image or a file.", param=part.at)
        parts.append(part)
    conversation.answer(ToolResult(item.get_text("call_id"), tuple(parts), item.at))


def _parse_native_call(item: ClientObject, conversation: Conversation) -> None:
    native = NATIVE_TOOLS[item.get_text("type").removesuffix("_call")]
    if native.type == "tool_search" and item.find_text("execution") != "client":
        return
    arguments = native.from_item(item.values)
    if not isinstance(arguments, Mapping):
        raise InvalidRequest(f"`{item.at}` does not say what was called.", param=item.at)
    call = ToolCall(item.get_text("call_id"), native.type, orjson.dumps(arguments).decode(), item.at)
    conversation.say(Role.ASSISTANT, (call,), item.at)


def _parse_native_result(item: ClientObject, conversation: Conversation) -> None:
    # OpenAI's own description of a local shell's result has the call's id under `id`.
    call_id = item.find_text("call_id") or item.get_text("id")
    output: Any = item.values.get("output")
    text = output if isinstance(output, str) else orjson.dumps(output).decode() if output else ""
    is_error = item.find_text("status") == "failed"
    conversation.answer(ToolResult(call_id, (Text(text, item.at),), item.at, is_error))


def _parse_found_tools(item: ClientObject, conversation: Conversation) -> None:
    """What a search found is callable from now on, whoever searched."""
    found = parse_tools(item)
    conversation.tools += found
    call_id = item.find_text("call_id")
    if call_id is not None and item.find_text("execution") == "client":
        names = ", ".join(fit_name(tool.name, tool.namespace, _NAME_CHARACTERS_MAX) for tool in found) or "none"
        conversation.answer(ToolResult(call_id, (Text(f"Tools found: {names}", item.at),), item.at))


def _parse_more_tools(item: ClientObject, conversation: Conversation) -> None:
    conversation.tools += parse_tools(item)


_PARSERS: Mapping[str, Callable[[ClientObject, Conversation], None]] = {
    "message": _parse_message,
    "agent_message": _parse_agent_message,
    "configuration_update": _parse_update,
    "reasoning": _parse_reasoning,
    "function_call": _parse_function_call,
    "function_call_output": _parse_result,
    "custom_tool_call": _parse_custom_call,
    "custom_tool_call_output": _parse_result,
    "local_shell_call": _parse_native_call,
    "local_shell_call_output": _parse_native_result,
    "shell_call": _parse_native_call,
    "shell_call_output": _parse_native_result,
    "apply_patch_call": _parse_native_call,
    "apply_patch_call_output": _parse_native_result,
    "tool_search_call": _parse_native_call,
    "tool_search_output": _parse_found_tools,
    "additional_tools": _parse_more_tools,
}
