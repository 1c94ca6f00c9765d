"""The response object that a client is given, and the items in it."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.chat import (
    AnswerPart,
    Chat,
    ChatAnswer,
    ChatFrame,
    Refusal,
    Stop,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
)
from quart_proxy.core.formats.openai_responses.bodies import render_shape
from quart_proxy.core.formats.openai_responses.contents import render_annotation
from quart_proxy.core.formats.openai_responses.native_tools import NATIVE_TOOLS, render_native_call
from quart_proxy.core.formats.openai_responses.thoughts import render_for_client
from quart_proxy.core.formats.openai_responses.tools import render_choice, render_grouped
from quart_proxy.core.usage import Dimension, Usage

Item = dict[str, Any]
COMPLETED = "completed"
IN_PROGRESS = "in_progress"


def render_answer(answer: ChatAnswer, usage: Usage | None, frame: ChatFrame) -> Item:
    items, output = ItemWriter(frame), list[Item]()
    content: list[Item] | None = None
    for part in answer.parts:
        if not isinstance(part, Text | Refusal):
            output.append(items.render(part, len(output), COMPLETED))
            content = None
        elif content is not None:
            content.append(render_said(part))
        else:
            content = [render_said(part)]
            output.append(items.render_message(content, len(output), COMPLETED))
    return render_response(frame, output, usage, find_reason(answer.stop, output))


# --- Items --------------------------------------------------------------------------------------------


class ItemWriter:
    """Renders the items of one answer; `index` is an item's place in it.

    OpenAI checks what an id begins with when the item is sent back.
    """

    __slots__ = ("_frame", "_natives")

    def __init__(self, frame: ChatFrame) -> None:
        self._frame = frame
        self._natives = {tool.name: NATIVE_TOOLS[tool.native] for tool in frame.chat.tools if tool.native is not None}

    def is_native(self, part: AnswerPart) -> bool:
        """Whether it is a call of a tool that OpenAI builds in: its item has no form before it is whole."""
        return isinstance(part, ToolCall) and part.namespace is None and part.name in self._natives

    def render(self, part: Thinking | ToolCall, index: int, status: str) -> Item:
        if isinstance(part, Thinking):
            return render_for_client(part, self._frame.make_id("rs_", index), status)
        native = None
        if self.is_native(part):
            native = render_native_call(part, self._natives[part.name], self._frame.make_id("", index), status)
        return native or self._render_call(part, index, status)

    def _render_call(self, call: ToolCall, index: int, status: str) -> Item:
        is_custom = call.kind is ToolKind.CUSTOM
        item: Item = {
            "type": "custom_tool_call" if is_custom else "function_call",
            "id": self._frame.make_id("ctc_" if is_custom else "fc_", index),
            "status": status,
            "call_id": call.id,
            "name": call.name,
        }
        if call.namespace is not None:
            item["namespace"] = call.namespace
        if is_custom:
            return {**item, "input": call.arguments}
        # A call that has not begun yet has no arguments; a whole one has an object.
        return {**item, "arguments": call.arguments or ("{}" if status == COMPLETED else "")}

    def render_message(self, content: list[Item], index: int, status: str) -> Item:
        item_id = self._frame.make_id("msg_", index)
        return {"type": "message", "id": item_id, "status": status, "role": "assistant", "content": content}


def render_said(part: Text | Refusal) -> Item:
    if isinstance(part, Refusal):
        return {"type": "refusal", "refusal": part.text}
    annotations = [render_annotation(citation, part.text) for citation in part.citations]
    return {"type": "output_text", "text": part.text, "annotations": annotations, "logprobs": []}


def find_reason(stop: Stop, output: list[Item]) -> str | None:
    """Why the answer is incomplete; None: it is complete. A refusal in words is a complete answer."""
    if stop is Stop.LENGTH:
        return "max_output_tokens"
    if stop is Stop.REFUSED and not any(
        part["type"] == "refusal" for item in output if item["type"] == "message" for part in item["content"]
    ):
        return "content_filter"
    return None


# --- The object around them ---------------------------------------------------------------------------


def render_response(
    frame: ChatFrame, output: list[Item], usage: Usage | None, reason: str | None, *, is_over: bool = True
) -> Item:
    """Every member that OpenAI's SDK knows to be there. The instructions are not repeated: some are the operator's."""
    status = IN_PROGRESS if not is_over else "incomplete" if reason else COMPLETED
    return {
        "id": frame.make_id("resp_"),
        "object": "response",
        "created_at": frame.created_s,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "model": frame.model,
        "output": output,
        "previous_response_id": None,
        **_render_settings(frame.chat),
        "store": False,
        "truncation": "disabled",
        "usage": render_usage(usage) if usage else None,
        "metadata": {},
    }


def _render_settings(chat: Chat) -> Item:
    """What was asked for, with OpenAI's defaults for what was not said."""
    shape = {"type": "text"} if chat.output is None else render_shape(chat.output)
    reasoning = chat.reasoning
    return {
        "max_output_tokens": chat.max_tokens,
        "max_tool_calls": None,
        "parallel_tool_calls": chat.parallel_tool_calls is not False,
        "prompt_cache_key": chat.cache_key,
        "reasoning": {
            "effort": reasoning.effort if reasoning else None,
            "summary": "auto" if reasoning and reasoning.is_shown else None,
        },
        "safety_identifier": chat.user,
        "service_tier": chat.service_tier or "default",
        "temperature": 1.0 if chat.temperature is None else chat.temperature,
        "text": {"format": shape, "verbosity": chat.verbosity or "medium"},
        "tool_choice": render_choice(chat.tool_choice, chat.tools) if chat.tool_choice else "auto",
        "tools": render_grouped(chat.tools),
        "top_logprobs": 0,
        "top_p": 1.0 if chat.top_p is None else chat.top_p,
        "user": None,
    }


def render_usage(usage: Usage) -> Mapping[str, Any]:
    """OpenAI does not tell by how long what was written to a cache lives there."""
    written = usage.count(Dimension.CACHE_WRITE) + usage.count(Dimension.CACHE_WRITE_1H)
    output = usage.count(Dimension.OUTPUT)
    return {
        "input_tokens": usage.input_total,
        "input_tokens_details": {
            "cached_tokens": usage.count(Dimension.CACHED_INPUT),
            "cache_write_tokens": written,
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": usage.input_total + output,
    }
