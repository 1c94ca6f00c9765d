"""OpenAI Responses, as the sandbox speaks it."""

from collections.abc import Iterator
from itertools import count
from typing import Any

from quart_proxy.sandbox.call import CREATED, ID, Call, Counts, Frame, encode, encode_event, spoil_usage
from quart_proxy.sandbox.chat import ChatFormat
from quart_proxy.sandbox.question import InvalidQuestion, Question

ITEM_ID = f"msg_{ID}"


class ResponsesFormat:
    id_prefix = "resp_"
    request_id_header = "x-request-id"

    def check(self, question: Question, headers: Any) -> None:
        if not isinstance(question.body.get("input"), str | list):
            raise InvalidQuestion("Missing required parameter: 'input'.")

    def frames(self, call: Call) -> Iterator[Frame]:
        numbers = count()

        def event(kind: str, *, is_last: bool = False, **fields: Any) -> Frame:
            data = encode_event({"type": kind, "sequence_number": next(numbers), **fields}, kind)
            return Frame(data, usage=is_last and call.scenario.reports_valid_usage, terminal=is_last)

        place: dict[str, Any] = {"item_id": ITEM_ID, "output_index": 0, "content_index": 0}
        started = self._response(call, status="in_progress")
        yield event("response.created", response=started)
        yield event("response.in_progress", response=started)
        yield event("response.output_item.added", output_index=0, item=_item("in_progress", []))
        yield event("response.content_part.added", **place, part=_part(""))
        for index in call.indexes:
            yield event("response.output_text.delta", **place, delta=call.text_of(index), logprobs=[])
            if running := call.running_counts(index):
                interim = {**started, "usage": self.render_usage(call, running)}
                yield event("response.in_progress", response=interim)
        text, status = call.text, _status(call)
        yield event("response.output_text.done", **place, text=text, logprobs=[])
        yield event("response.content_part.done", **place, part=_part(text))
        yield event("response.output_item.done", output_index=0, item=_item(status, [_part(text)]))
        if not call.scenario.no_done:
            final = self._response(call, status=status, text=text)
            if call.scenario.usage == "twice":
                yield event("response.in_progress", response={**started, "usage": final["usage"]})
            yield event(f"response.{status}", response=final, is_last=True)

    def render_body(self, call: Call) -> bytes:
        return encode(self._response(call, status=_status(call), text=call.text))

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

    def _response(self, call: Call, *, status: str, text: str | None = None) -> dict[str, Any]:
        is_done = text is not None
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
            "output": [_item(status, [_part(text)])] if text is not None else [],
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


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _item(status: str, content: list[Any]) -> dict[str, Any]:
    return {"id": ITEM_ID, "type": "message", "status": status, "role": "assistant", "content": content}
