"""Google's generateContent, as the sandbox speaks it: the model and the method stand in the path, and a stream has no
event of its own for its end."""

from collections.abc import Iterator
from typing import Any

import orjson

from quart_proxy.sandbox.call import ID, Call, Counts, Frame, encode, encode_event, spoil_usage
from quart_proxy.sandbox.conversation import is_models, list_blocks, list_turns, parse_latest
from quart_proxy.sandbox.question import InvalidQuestion, Question
from quart_proxy.sandbox.scenarios import Scenario
from quart_proxy.sandbox.seals import THOUGHT, make_seal
from quart_proxy.sandbox.tools import ToolCall

SEAL = make_seal("gemini", THOUGHT)
FOREIGN_SEAL = "skip_thought_signature_validator"
"""What Google takes for a call that another model made: https://ai.google.dev/gemini-api/docs/thought-signatures"""
STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class GeminiFormat:
    id_prefix = ""
    request_id_header = "x-request-id"

    def check(self, question: Question, headers: Any) -> None:
        if not isinstance(question.body.get("contents"), list):
            raise InvalidQuestion("contents is not specified")

    def check_history(self, question: Question, scenario: Scenario) -> None:
        if scenario.cache_write or scenario.cache_write_1h:
            raise InvalidQuestion("This format has no count for what is written to a cache.")
        turns = list_turns(question.body)
        for turn in turns:
            if any(block.get("thoughtSignature", SEAL) not in (SEAL, FOREIGN_SEAL) for block in list_blocks(turn)):
                raise InvalidQuestion("Thought signature is not valid.")
        if scenario.think and parse_latest(question.body).results:
            _check_call_is_sealed(turns)

    def frames(self, call: Call) -> Iterator[Frame]:
        if call.reply.thought:
            yield self._chunk(call, _thought_part(call), self._running(call, 0))
        for index in call.indexes:
            part = {"text": call.text_of(index)}
            yield self._chunk(call, part, call.running_counts(index) or self._running(call, index + 1))
        for number, tool_call in enumerate(call.reply.tool_calls):
            yield self._chunk(call, _call_part(call, tool_call, number), self._running(call, call.words))
        closing = self._chunk(call, _closing_part(call), call.counts, finish=_finish(call))
        if call.scenario.usage == "twice":
            yield self._chunk(call, {"text": ""}, call.counts)
        if not call.scenario.no_done:
            yield Frame(closing.data, usage=call.scenario.reports_valid_usage, terminal=True)

    def render_body(self, call: Call) -> bytes:
        parts = [_thought_part(call)] if call.reply.thought else []
        if call.has_text:
            parts.append({**_closing_part(call), "text": call.text})
        parts += [_call_part(call, tool_call, number) for number, tool_call in enumerate(call.reply.tool_calls)]
        return encode(self._answer(call, parts, call.counts, _finish(call)))

    def render_usage(self, call: Call, counts: Counts) -> dict[str, Any]:
        usage = {
            "promptTokenCount": counts.prompt,
            "candidatesTokenCount": counts.output - counts.reasoning,
            "totalTokenCount": counts.prompt + counts.output,
        }
        if counts.cached_input:
            usage["cachedContentTokenCount"] = counts.cached_input
        if counts.reasoning:
            usage["thoughtsTokenCount"] = counts.reasoning
        return spoil_usage(usage, call)

    def render_error(self, status: int, message: str) -> dict[str, Any]:
        name = STATUSES.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
        return {"error": {"code": status, "message": message, "status": name}}

    def render_error_event(self, message: str) -> bytes:
        return encode_event(self.render_error(500, message))

    def _running(self, call: Call, words: int) -> Counts:
        """What is used once the thought and so many words are there."""
        return call.counts.with_output(call.counts.reasoning + words)

    def _chunk(self, call: Call, part: dict[str, Any], counts: Counts, finish: str | None = None) -> Frame:
        return Frame(encode_event(self._answer(call, [part], counts, finish)))

    def _answer(self, call: Call, parts: list[Any], counts: Counts, finish: str | None) -> dict[str, Any]:
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        answer: dict[str, Any] = {"candidates": [candidate], "modelVersion": call.model, "responseId": call.mark(ID)}
        if not call.scenario.no_usage:
            answer["usageMetadata"] = self.render_usage(call, counts)
        return answer


def _finish(call: Call) -> str:
    """A call of a tool is no reason of its own here."""
    return "MAX_TOKENS" if call.limited else "STOP"


def _thought_part(call: Call) -> dict[str, Any]:
    return {"text": call.reply.thought, "thought": True}


def _call_part(call: Call, tool_call: ToolCall, number: int) -> dict[str, Any]:
    """Of calls made at once, the first one alone has the seal."""
    part = {"functionCall": {"name": tool_call.name, "args": orjson.loads(tool_call.arguments)}}
    return {**part, "thoughtSignature": SEAL} if call.reply.thought and number == 0 else part


def _closing_part(call: Call) -> dict[str, Any]:
    """Where no tool is called, the seal comes with the end of the text."""
    is_sealed = call.reply.thought and not call.reply.tool_calls
    return {"text": "", "thoughtSignature": SEAL} if is_sealed else {"text": ""}


def _check_call_is_sealed(turns: list[dict[str, Any]]) -> None:
    spoken = [turn for turn in turns if is_models(turn)]
    calls = [block for block in list_blocks(spoken[-1]) if "functionCall" in block] if spoken else []
    if not calls or "thoughtSignature" not in calls[0]:
        raise InvalidQuestion("Function call is missing a thought_signature in functionCall parts.")
