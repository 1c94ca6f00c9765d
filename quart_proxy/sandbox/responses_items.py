"""The items of an answer in the Responses format, whole and event by event."""

from collections.abc import Iterator
from typing import Any

from quart_proxy.sandbox.call import ID, Call
from quart_proxy.sandbox.seals import make_seal
from quart_proxy.sandbox.tools import ToolCall

SPOKEN = "responses"
MESSAGE_ID = f"msg_{ID}"
REASONING_ID = f"rs_{ID}"

Event = tuple[str, dict[str, Any]]
"""The type of an event and its other fields, but for the number."""


def render_items(call: Call, status: str) -> list[dict[str, Any]]:
    """The whole output."""
    items = []
    if call.reply.thought:
        items.append(render_reasoning(call))
    if call.has_text:
        items.append(render_message(status, call.text))
    return items + [render_call(tool_call, number) for number, tool_call in enumerate(call.reply.tool_calls)]


def render_message(status: str, text: str | None) -> dict[str, Any]:
    """The item of the text; None: nothing of it is there yet."""
    content = [] if text is None else [render_part(text)]
    return {"id": MESSAGE_ID, "type": "message", "status": status, "role": "assistant", "content": content}


def render_part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def render_reasoning(call: Call, *, is_done: bool = True) -> dict[str, Any]:
    thought = call.reply.thought
    item: dict[str, Any] = {"id": REASONING_ID, "type": "reasoning", "summary": []}
    if is_done:
        item["summary"] = [{"type": "summary_text", "text": thought}]
        if call.include_seal:
            item["encrypted_content"] = make_seal(SPOKEN, thought)
    return item


def render_call(tool_call: ToolCall, number: int, *, is_done: bool = True) -> dict[str, Any]:
    kind, key = ("custom_tool_call", "input") if tool_call.is_free_text else ("function_call", "arguments")
    item = {
        "id": _call_item_id(tool_call, number),
        "type": kind,
        "status": "completed" if is_done else "in_progress",
        "call_id": f"call_{ID}_{number}",
        "name": tool_call.name,
        key: tool_call.arguments if is_done else "",
    }
    return item if tool_call.namespace is None else {**item, "namespace": tool_call.namespace}


def list_reasoning_events(call: Call, place: int) -> Iterator[Event]:
    item = {"item_id": REASONING_ID, "output_index": place, "summary_index": 0}
    thought = call.reply.thought
    yield "response.output_item.added", {"output_index": place, "item": render_reasoning(call, is_done=False)}
    yield "response.reasoning_summary_part.added", {**item, "part": {"type": "summary_text", "text": ""}}
    yield "response.reasoning_summary_text.delta", {**item, "delta": thought}
    yield "response.reasoning_summary_text.done", {**item, "text": thought}
    yield "response.reasoning_summary_part.done", {**item, "part": {"type": "summary_text", "text": thought}}
    yield "response.output_item.done", {"output_index": place, "item": render_reasoning(call)}


def list_call_events(tool_call: ToolCall, number: int, place: int) -> Iterator[Event]:
    kind, key = (
        ("custom_tool_call_input", "input") if tool_call.is_free_text else ("function_call_arguments", "arguments")
    )
    item = {"item_id": _call_item_id(tool_call, number), "output_index": place}
    begun = render_call(tool_call, number, is_done=False)
    yield "response.output_item.added", {"output_index": place, "item": begun}
    for piece in tool_call.pieces:
        yield f"response.{kind}.delta", {**item, "delta": piece}
    yield f"response.{kind}.done", {**item, key: tool_call.arguments}
    yield "response.output_item.done", {"output_index": place, "item": render_call(tool_call, number)}


def _call_item_id(tool_call: ToolCall, number: int) -> str:
    return f"{'ctc' if tool_call.is_free_text else 'fc'}_{ID}_{number}"
