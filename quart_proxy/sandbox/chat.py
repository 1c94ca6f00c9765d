"""OpenAI Chat Completions, as the sandbox speaks it."""

from collections.abc import Iterator
from typing import Any

from quart_proxy.sandbox.call import CREATED, ID, Call, Counts, Frame, encode, encode_event, spoil_usage
from quart_proxy.sandbox.question import InvalidQuestion, Question
from quart_proxy.sandbox.scenarios import Scenario
from quart_proxy.sandbox.tools import ToolCall


class ChatFormat:
    id_prefix = "chatcmpl-"
    request_id_header = "x-request-id"

    def check(self, question: Question, headers: Any) -> None:
        if not isinstance(question.body.get("messages"), list):
            raise InvalidQuestion("Missing required parameter: 'messages'.")

    def check_history(self, question: Question, scenario: Scenario) -> None:
        """A thought has no seal in this format."""

    def frames(self, call: Call) -> Iterator[Frame]:
        yield self._chunk(call, {"role": "assistant", "content": "", "refusal": None})
        if call.reply.thought:
            yield self._chunk(call, {"reasoning_content": call.reply.thought})
        for index in call.indexes:
            yield self._chunk(call, {"content": call.text_of(index)}, running=call.running_counts(index))
        for number, tool_call in enumerate(call.reply.tool_calls):
            for delta in _tool_deltas(tool_call, number):
                yield self._chunk(call, {"tool_calls": [{"index": number, **delta}]})
        yield self._chunk(call, {}, finish=_finish(call))
        if call.include_usage and not call.scenario.no_usage:
            frame = self._usage_chunk(call)
            yield frame
            if call.scenario.usage == "twice":
                yield frame
        if not call.scenario.no_done:
            yield Frame(b"data: [DONE]\n\n", terminal=True)

    def render_body(self, call: Call) -> bytes:
        message: dict[str, Any] = {
            "role": "assistant",
            "content": call.text if call.has_text else None,
            "refusal": None,
            "annotations": [],
        }
        if call.reply.thought:
            message["reasoning_content"] = call.reply.thought
        if call.reply.tool_calls:
            message["tool_calls"] = [_render_call(*numbered) for numbered in enumerate(call.reply.tool_calls)]
        body = self._envelope(call, "chat.completion")
        body["choices"] = [{"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(call)}]
        if not call.scenario.no_usage:
            body["usage"] = self.render_usage(call, call.counts)
            if call.scenario.usage == "twice":
                body["x_groq"] = {"usage": body["usage"]}
        return encode(body)

    def render_usage(self, call: Call, counts: Counts) -> dict[str, Any]:
        written = counts.cache_write + counts.cache_write_1h
        prompt_details = {"cached_tokens": counts.cached_input, "audio_tokens": 0}
        if written:
            prompt_details["cache_write_tokens"] = written
        usage = {
            "prompt_tokens": counts.prompt,
            "completion_tokens": counts.output,
            "total_tokens": counts.prompt + counts.output,
            "prompt_tokens_details": prompt_details,
            "completion_tokens_details": {
                "reasoning_tokens": counts.reasoning,
                "audio_tokens": 0,
                "accepted_prediction_tokens": 0,
                "rejected_prediction_tokens": 0,
            },
        }
        return spoil_usage(usage, call)

    def render_error(self, status: int, message: str) -> dict[str, Any]:
        kinds = {401: "invalid_request_error", 403: "permission_error", 429: "rate_limit_error"}
        kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
        codes = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}
        return {"error": {"message": message, "type": kind, "param": None, "code": codes.get(status)}}

    def render_error_event(self, message: str) -> bytes:
        return encode_event(self.render_error(500, message))

    def _chunk(
        self, call: Call, delta: dict[str, Any], *, finish: str | None = None, running: Counts | None = None
    ) -> Frame:
        chunk = self._envelope(call, "chat.completion.chunk")
        chunk["choices"] = [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        if running:
            chunk["usage"] = self.render_usage(call, running)
        elif call.include_usage:
            chunk["usage"] = None
        return Frame(encode_event(chunk))

    def _usage_chunk(self, call: Call) -> Frame:
        chunk = self._envelope(call, "chat.completion.chunk")
        chunk["choices"] = []
        chunk["usage"] = self.render_usage(call, call.counts)
        return Frame(encode_event(chunk), usage=call.scenario.reports_valid_usage)

    def _envelope(self, call: Call, kind: str) -> dict[str, Any]:
        return {
            "id": call.mark(self.id_prefix + ID),
            "object": kind,
            "created": CREATED,
            "model": call.model,
            "service_tier": call.mark("default"),
            "system_fingerprint": "fp_sandbox",
        }


def _finish(call: Call) -> str:
    if call.reply.tool_calls:
        return "tool_calls"
    return "length" if call.limited else "stop"


def _render_call(number: int, tool_call: ToolCall) -> dict[str, Any]:
    kind, key = ("custom", "input") if tool_call.is_free_text else ("function", "arguments")
    return {
        "id": f"call_{ID}_{number}",
        "type": kind,
        kind: {"name": tool_call.name, key: tool_call.arguments},
    }


def _tool_deltas(tool_call: ToolCall, number: int) -> Iterator[dict[str, Any]]:
    """The call without its arguments, then those piece by piece."""
    head = _render_call(number, tool_call)
    kind, key = ("custom", "input") if tool_call.is_free_text else ("function", "arguments")
    yield {**head, kind: {**head[kind], key: ""}}
    for piece in tool_call.pieces:
        yield {kind: {key: piece}}
