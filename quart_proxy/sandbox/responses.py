"""OpenAI Responses, as the sandbox speaks it."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from quart_proxy.sandbox.call import CREATED, ID, Call, Counts, Frame, encode, encode_event, spoil_usage
from quart_proxy.sandbox.chat import ChatFormat
from quart_proxy.sandbox.conversation import list_turns
from quart_proxy.sandbox.question import InvalidQuestion, Question
from quart_proxy.sandbox.responses_items import (
    MESSAGE_ID,
    SPOKEN,
    Event,
    list_call_events,
    list_reasoning_events,
    render_items,
    render_message,
    render_part,
)
from quart_proxy.sandbox.scenarios import Scenario
from quart_proxy.sandbox.seals import THOUGHT, make_seal


class ResponsesFormat:
    id_prefix = "resp_"
    request_id_header = "x-request-id"

    def check(self, question: Question, headers: Any) -> None:
        if not isinstance(question.body.get("input"), str | list):
            raise InvalidQuestion("Missing required parameter: 'input'.")

    def check_history(self, question: Question, scenario: Scenario) -> None:
        """A thought without its seal is fine: it may be one that is stored."""
        for item in list_turns(question.body):
            sealed = item.get("encrypted_content") if item.get("type") == "reasoning" else None
            if sealed is not None and sealed != make_seal(SPOKEN, THOUGHT):
                raise InvalidQuestion(f"The encrypted content for item {item.get('id')} could not be verified.")

    def frames(self, call: Call) -> Iterator[Frame]:
        numbers = count()

        def event(kind: str, *, is_last: bool = False, **fields: Any) -> Frame:
            data = encode_event({"type": kind, "sequence_number": next(numbers), **fields}, kind)
            return Frame(data, usage=is_last and call.scenario.reports_valid_usage, terminal=is_last)

        started, status = self._response(call, status="in_progress"), _status(call)
        yield event("response.created", response=started)
        yield event("response.in_progress", response=started)
        for kind, fields in self._item_events(call, started):
            yield event(kind, **fields)
        if not call.scenario.no_done:
            final = self._response(call, status=status, is_done=True)
            if call.scenario.usage == "twice":
                yield event("response.in_progress", response={**started, "usage": final["usage"]})
            yield event(f"response.{status}", response=final, is_last=True)

    def _item_events(self, call: Call, started: dict[str, Any]) -> Iterator[Event]:
        places = count()
        if call.reply.thought:
            yield from list_reasoning_events(call, next(places))
        if call.has_text:
            yield from self._message_events(call, next(places), started)
        for number, tool_call in enumerate(call.reply.tool_calls):
            yield from list_call_events(tool_call, number, next(places))

    def _message_events(self, call: Call, index: int, started: dict[str, Any]) -> Iterator[Event]:
        place: dict[str, Any] = {"item_id": MESSAGE_ID, "output_index": index, "content_index": 0}
        begun = render_message("in_progress", None)
        yield "response.output_item.added", {"output_index": index, "item": begun}
        yield "response.content_part.added", {**place, "part": render_part("")}
        for number in call.indexes:
            yield "response.output_text.delta", {**place, "delta": call.text_of(number), "logprobs": []}
            if running := call.running_counts(number):
                interim = {**started, "usage": self.render_usage(call, running)}
                yield "response.in_progress", {"response": interim}
        text = call.text
        yield "response.output_text.done", {**place, "text": text, "logprobs": []}
        yield "response.content_part.done", {**place, "part": render_part(text)}
        yield "response.output_item.done", {"output_index": index, "item": render_message(_status(call), text)}

    def render_body(self, call: Call) -> bytes:
        return encode(self._response(call, status=_status(call), is_done=True))

    def render_usage(self, call: Call, counts: Counts) -> dict[str, Any]:
        written = counts.cache_write + counts.cache_write_1h
        input_details = {"cached_tokens": counts.cached_input}
        if written:
            input_details["cache_write_tokens"] = written
        usage = {
            "input_tokens": counts.prompt,
            "input_tokens_details": input_details,
            "output_tokens": counts.output,
            "output_tokens_details": {"reasoning_tokens": counts.reasoning},
            "total_tokens": counts.prompt + counts.output,
        }
        return spoil_usage(usage, call)

    def render_error(self, status: int, message: str) -> dict[str, Any]:
        return ChatFormat().render_error(status, message)

    def render_error_event(self, message: str) -> bytes:
        error = {
            "type": "error",
            "code": "server_error",
            "message": message,
            "param": None,
            "sequence_number": 0,
        }
        return encode_event(error, "error")

    def _response(self, call: Call, *, status: str, is_done: bool = False) -> dict[str, Any]:
        return {
            "id": call.mark(self.id_prefix + ID),
            "object": "response",
            "created_at": CREATED,
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if is_done and call.limited else None,
            "instructions": None,
            "max_output_tokens": None,
            "model": call.model,
            "output": render_items(call, status) if is_done else [],
            "parallel_tool_calls": True,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None},
            "service_tier": call.mark("default"),
            "store": False,
            "temperature": 1.0,
            "text": {"format": {"type": "text"}, "verbosity": "medium"},
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "truncation": "disabled",
            "usage": self.render_usage(call, call.counts) if is_done and not call.scenario.no_usage else None,
            "user": None,
            "metadata": {},
        }


def _status(call: Call) -> str:
    return "incomplete" if call.limited else "completed"
