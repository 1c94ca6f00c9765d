"""Anthropic Messages, as the sandbox speaks it."""

from collections.abc import Iterator
from typing import Any

from quart_proxy.sandbox.call import ID, Call, Counts, Frame, encode, encode_event, spoil_usage
from quart_proxy.sandbox.question import InvalidQuestion, Question

ERROR_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class MessagesFormat:
    id_prefix = "msg_"
    request_id_header = "request-id"

    def check(self, question: Question, headers: Any) -> None:
        if "anthropic-version" not in headers:
            raise InvalidQuestion("anthropic-version: header is required")
        if not isinstance(question.body.get("messages"), list):
            raise InvalidQuestion("messages: Field required")
        if type(question.body.get("max_tokens")) is not int:
            raise InvalidQuestion("max_tokens: Field required")

    def frames(self, call: Call) -> Iterator[Frame]:
        yield _event("message_start", message=self._message(call, content=[], finish=None, counts=self._opening(call)))
        yield _event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        yield _event("ping")
        for index in call.indexes:
            delta = {"type": "text_delta", "text": call.text_of(index)}
            yield _event("content_block_delta", index=0, delta=delta)
            if running := call.running_counts(index):
                yield self._message_delta(call, running, finish=None)
        yield _event("content_block_stop", index=0)
        closing = self._message_delta(call, call.counts, finish=_finish(call))
        yield closing
        if call.scenario.usage == "twice":
            yield closing
        if not call.scenario.no_done:
            yield Frame(_event("message_stop").data, terminal=True)

    def render_body(self, call: Call) -> bytes:
        content = [{"type": "text", "text": call.text}]
        return encode(self._message(call, content=content, finish=_finish(call), counts=call.counts))

    def render_usage(self, call: Call, counts: Counts) -> dict[str, Any]:
        usage: dict[str, Any] = {
            "input_tokens": counts.input,
            "cache_creation_input_tokens": counts.cache_write + counts.cache_write_1h,
            "cache_read_input_tokens": counts.cached_input,
            "cache_creation": {
                "ephemeral_5m_input_tokens": counts.cache_write,
                "ephemeral_1h_input_tokens": counts.cache_write_1h,
            },
            "output_tokens": counts.output,
            "service_tier": call.mark("standard"),
        }
        if counts.reasoning:
            usage["output_tokens_details"] = {"thinking_tokens": counts.reasoning}
        return spoil_usage(usage, call)

    def render_error(self, status: int, message: str) -> dict[str, Any]:
        kind = ERROR_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": f"req_{ID}"}

    def render_error_event(self, message: str) -> bytes:
        return encode_event(self.render_error(529, message), "error")

    def _opening(self, call: Call) -> Counts:
        """What `message_start` says: the prompt, and the one token that is made by then."""
        return call.running_counts(0) or call.counts.with_output(1)

    def _message(self, call: Call, *, content: list[Any], finish: str | None, counts: Counts) -> dict[str, Any]:
        message: dict[str, Any] = {
            "id": call.mark(self.id_prefix + ID),
            "type": "message",
            "role": "assistant",
            "model": call.model,
            "content": content,
            "stop_reason": finish,
            "stop_sequence": None,
        }
        if not call.scenario.no_usage:
            message["usage"] = self.render_usage(call, counts)
        return message

    def _message_delta(self, call: Call, counts: Counts, *, finish: str | None) -> Frame:
        body: dict[str, Any] = {"delta": {"stop_reason": finish, "stop_sequence": None}}
        if not call.scenario.no_usage:
            usage = self.render_usage(call, counts)
            # The real one splits cache writes by their life in message_start only.
            body["usage"] = {key: usage[key] for key in usage if key not in ("cache_creation", "service_tier")}
        is_final = finish is not None and call.scenario.reports_valid_usage
        return Frame(_event("message_delta", **body).data, usage=is_final)


def _finish(call: Call) -> str:
    return "max_tokens" if call.limited else "end_turn"


def _event(kind: str, **fields: Any) -> Frame:
    return Frame(encode_event({"type": kind, **fields}, kind))
