"""Anthropic Messages, as the sandbox speaks it."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson

from quart_proxy.sandbox.call import ID, Call, Counts, Frame, encode, encode_event, spoil_usage
from quart_proxy.sandbox.conversation import is_models, list_blocks, list_turns, parse_latest
from quart_proxy.sandbox.question import InvalidQuestion, Question
from quart_proxy.sandbox.scenarios import Scenario
from quart_proxy.sandbox.seals import make_seal
from quart_proxy.sandbox.tools import ToolCall

SPOKEN = "messages"
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

    def check_history(self, question: Question, scenario: Scenario) -> None:
        turns = list_turns(question.body)
        for place, turn in enumerate(turns):
            for number, block in enumerate(list_blocks(turn)):
                _check_seal(block, f"messages.{place}.content.{number}")
        if scenario.think and _thinks(question.body) and parse_latest(question.body).results:
            _check_thought_is_there(turns)

    def frames(self, call: Call) -> Iterator[Frame]:
        indexes = count()
        yield _event("message_start", message=self._message(call, content=[], finish=None, counts=self._opening(call)))
        if call.reply.thought:
            yield from _thinking_events(next(indexes), call.reply.thought)
        if call.has_text:
            yield from self._text_events(next(indexes), call)
        for number, tool_call in enumerate(call.reply.tool_calls):
            yield from _tool_events(next(indexes), tool_call, number)
        closing = self._message_delta(call, call.counts, finish=_finish(call))
        yield closing
        if call.scenario.usage == "twice":
            yield closing
        if not call.scenario.no_done:
            yield Frame(_event("message_stop").data, terminal=True)

    def _text_events(self, index: int, call: Call) -> Iterator[Frame]:
        yield _event("content_block_start", index=index, content_block={"type": "text", "text": ""})
        yield _event("ping")
        for number in call.indexes:
            delta = {"type": "text_delta", "text": call.text_of(number)}
            yield _event("content_block_delta", index=index, delta=delta)
            if running := call.running_counts(number):
                yield self._message_delta(call, running, finish=None)
        yield _event("content_block_stop", index=index)

    def render_body(self, call: Call) -> bytes:
        content: list[Any] = []
        if thought := call.reply.thought:
            content.append({"type": "thinking", "thinking": thought, "signature": make_seal(SPOKEN, thought)})
        if call.has_text:
            content.append({"type": "text", "text": call.text})
        for number, tool_call in enumerate(call.reply.tool_calls):
            content.append(_render_call(tool_call, number, orjson.loads(tool_call.arguments)))
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
    if call.reply.tool_calls:
        return "tool_use"
    return "max_tokens" if call.limited else "end_turn"


def _thinking_events(index: int, thought: str) -> Iterator[Frame]:
    yield _event(
        "content_block_start", index=index, content_block={"type": "thinking", "thinking": "", "signature": ""}
    )
    for delta in (
        {"type": "thinking_delta", "thinking": thought},
        {"type": "signature_delta", "signature": make_seal(SPOKEN, thought)},
    ):
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _tool_events(index: int, tool_call: ToolCall, number: int) -> Iterator[Frame]:
    yield _event("content_block_start", index=index, content_block=_render_call(tool_call, number, {}))
    for piece in ("", *tool_call.pieces):
        delta = {"type": "input_json_delta", "partial_json": piece}
        yield _event("content_block_delta", index=index, delta=delta)
    yield _event("content_block_stop", index=index)


def _render_call(tool_call: ToolCall, number: int, arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{ID}_{number}", "name": tool_call.name, "input": arguments}


def _check_seal(block: dict[str, Any], at: str) -> None:
    kind = block.get("type")
    if kind == "redacted_thinking":
        raise InvalidQuestion(f"{at}: Invalid `data` in `redacted_thinking` block")
    if kind == "thinking" and block.get("signature") != make_seal(SPOKEN, str(block.get("thinking"))):
        raise InvalidQuestion(f"{at}: Invalid `signature` in `thinking` block")


def _thinks(body: dict[str, Any]) -> bool:
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


def _check_thought_is_there(turns: list[dict[str, Any]]) -> None:
    """The turn that called the tools begins with its thought, while thinking is on."""
    place = max((place for place, turn in enumerate(turns) if is_models(turn)), default=-1)
    blocks = list_blocks(turns[place]) if place >= 0 else []
    if not blocks or blocks[0].get("type") != "thinking":
        found = blocks[0].get("type") if blocks else "nothing"
        raise InvalidQuestion(f"messages.{place}.content.0.type: Expected `thinking`, but found `{found}`")


def _event(kind: str, **fields: Any) -> Frame:
    return Frame(encode_event({"type": kind, **fields}, kind))
