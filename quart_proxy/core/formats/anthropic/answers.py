"""Whole answers: a provider's message as the parts of an answer, and an answer as the message that a client reads."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.chat import (
    AnswerPart,
    ChatAnswer,
    ChatFrame,
    Citation,
    Refusal,
    Stop,
    Text,
    Thinking,
    ToolCall,
    ToolKind,
    parse_arguments,
)
from quart_proxy.core.errors import Untranslatable
from quart_proxy.core.formats.anthropic.content import NOBODY
from quart_proxy.core.formats.anthropic.turns import API_FORMAT, NAME_CHARACTERS_MAX
from quart_proxy.core.nesting import dump_arguments
from quart_proxy.core.seals import Seal, write_seal
from quart_proxy.core.tool_names import ToolNames, fit_call_id
from quart_proxy.core.usage import Dimension, Usage

Json = dict[str, Any]

_STOPS = {
    "end_turn": Stop.END,
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
    "stop_sequence": Stop.SEQUENCE,
    "tool_use": Stop.TOOL_CALLS,
    "refusal": Stop.REFUSED,
    "pause_turn": Stop.PAUSED,
}
_REASONS = {
    Stop.END: "end_turn",
    Stop.LENGTH: "max_tokens",
    Stop.SEQUENCE: "stop_sequence",
    Stop.TOOL_CALLS: "tool_use",
    Stop.REFUSED: "refusal",
    Stop.PAUSED: "pause_turn",
}
UNSEALED = Seal(NOBODY, "")
"""Stands where nobody sealed a thinking: clients of this format take none without a signature."""


# --- From a provider ----------------------------------------------------------------------------------


def parse_answer(document: Mapping[str, Any], frame: ChatFrame) -> ChatAnswer:
    parse = BlockParser(frame)
    content = document.get("content")
    parts = [part for block in (content if isinstance(content, list) else []) if (part := parse(block)) is not None]
    explanation = find_explanation(document)
    if explanation is not None:
        parts.append(Refusal(explanation))
    stop, sequence = parse_stop(document)
    return ChatAnswer(tuple(parts), stop, sequence)


def parse_stop(fields: Mapping[str, Any]) -> tuple[Stop, str | None]:
    """Why it ended, and at which stop sequence. An unknown reason is an end."""
    reason, sequence = fields.get("stop_reason"), fields.get("stop_sequence")
    stop = _STOPS.get(reason, Stop.END) if isinstance(reason, str) else Stop.END
    return stop, sequence if isinstance(sequence, str) else None


def find_explanation(fields: Mapping[str, Any]) -> str | None:
    """Why the model refused, in the provider's words; None: it did not, or did not say."""
    details = fields.get("stop_details")
    explanation = details.get("explanation") if isinstance(details, dict) else None
    return explanation if isinstance(explanation, str) and explanation else None


class BlockParser:
    """The parts in the blocks of one answer. What Anthropic's own tools did is left out, as is whatever is unknown."""

    __slots__ = ("_calls", "_frame", "_names")

    def __init__(self, frame: ChatFrame) -> None:
        own = (tool for tool in frame.chat.tools if tool.kind is not ToolKind.HOSTED)
        self._names = ToolNames(own, NAME_CHARACTERS_MAX)
        self._frame = frame
        self._calls = 0

    def __call__(self, block: object) -> AnswerPart | None:
        """None: nothing that a client is told."""
        if not isinstance(block, dict):
            return None
        match block.get("type"):
            case "text":
                return Text(_text(block, "text"), citations=_parse_citations(block.get("citations")))
            case "thinking":
                return Thinking(_text(block, "thinking"), seal=make_seal(_text(block, "signature")))
            case "redacted_thinking":
                return Thinking("", seal=make_seal(_text(block, "data"), "redacted"))
            case "tool_use":
                return self._parse_call(block)
        return None

    def _parse_call(self, block: Json) -> ToolCall:
        self._calls += 1
        call_id = _text(block, "id") or self._frame.make_id("toolu_", self._calls)
        call = self._names.open_call(call_id, _text(block, "name"))
        given = block.get("input")
        if call.kind is ToolKind.CUSTOM and isinstance(given, dict) and isinstance(given.get("input"), str):
            arguments = given["input"]
        else:
            arguments = dump_arguments(given)
        return ToolCall(call.id, call.name, arguments, kind=call.kind, namespace=call.namespace)


def make_seal(data: str, kind: str = "signature") -> Seal | None:
    return Seal(API_FORMAT, data, kind) if data else None


def parse_citation(fields: Mapping[str, Any]) -> Citation:
    """Its place in the source goes by: places in a `Citation` are those in the answer."""
    url = _text(fields, "url") or _text(fields, "source")
    title = _text(fields, "title") or _text(fields, "document_title")
    return Citation(url or None, title or None, _text(fields, "cited_text") or None)


def _parse_citations(given: object) -> tuple[Citation, ...]:
    citations = given if isinstance(given, list) else []
    return tuple(parse_citation(fields) for fields in citations if isinstance(fields, dict))


def _text(fields: Mapping[str, Any], name: str) -> str:
    text = fields.get(name)
    return text if isinstance(text, str) else ""


# --- For a client -------------------------------------------------------------------------------------


def render_answer(answer: ChatAnswer, usage: Usage | None, frame: ChatFrame) -> Json:
    has_refusal = any(isinstance(part, Refusal) for part in answer.parts)
    has_calls = any(isinstance(part, ToolCall) for part in answer.parts)
    return {
        **render_message(frame),
        "content": render_content(answer),
        **render_stop(answer.stop, answer.stop_sequence, has_calls=has_calls, has_refusal=has_refusal),
        "usage": render_usage(usage),
    }


def render_content(answer: ChatAnswer) -> list[Json]:
    """Its blocks. A thinking without words is none at the end: Anthropic has none there, and Claude Code takes the last
    block for the answer. What Gemini seals there is not needed again, as what it seals on a call is."""
    blocks = [block for part in answer.parts if (block := render_block(part)) is not None]
    while len(blocks) > 1 and blocks[-1]["type"] == "redacted_thinking":
        blocks.pop()
    return blocks


def render_message(frame: ChatFrame) -> Json:
    """The message without its content, before it stopped and was counted."""
    return {
        "id": frame.make_id("msg_"),
        "type": "message",
        "role": "assistant",
        "model": frame.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def render_stop(stop: Stop, sequence: str | None, *, has_calls: bool, has_refusal: bool) -> Json:
    """Some providers say that an answer just ended where it calls a tool, or refuses: here that has a reason."""
    if stop is Stop.END and has_refusal:
        stop = Stop.REFUSED
    elif stop is Stop.END and has_calls:
        stop = Stop.TOOL_CALLS
    rendered: Json = {"stop_reason": _REASONS[stop], "stop_sequence": sequence}
    if stop is Stop.REFUSED:
        # The words themselves are in the content, where every client shows them.
        rendered["stop_details"] = {"type": "refusal", "category": None, "explanation": None}
    return rendered


def render_block(part: AnswerPart) -> Json | None:
    """The block of a whole part; None: it has nothing to tell."""
    match part:
        case Text():
            block: Json = {"type": "text", "text": part.text}
            if part.citations:
                block["citations"] = [render_citation(citation) for citation in part.citations]
            return block if part.text or part.citations else None
        case Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case Thinking():
            return render_thinking(part)
        case ToolCall():
            return {**render_call(part), "input": _render_input(part)}


def render_call(call: ToolCall) -> Json:
    """The block of a call that begins. Its id is one that Anthropic takes, if the conversation goes on there."""
    return {"type": "tool_use", "id": fit_call_id(call.id), "name": call.name, "input": {}}


def render_thinking(part: Thinking) -> Json | None:
    """What has no words is shown as redacted, and kept by the client just so."""
    seal = part.seal
    if seal is not None and seal.api_format == API_FORMAT and seal.kind == "signature":
        return {"type": "thinking", "thinking": part.text, "signature": seal.data}
    if part.text:
        return {"type": "thinking", "thinking": part.text, "signature": render_signature(seal)}
    return None if seal is None else {"type": "redacted_thinking", "data": write_seal(seal, API_FORMAT)}


def render_signature(seal: Seal | None) -> str:
    return write_seal(seal or UNSEALED, API_FORMAT)


def _render_input(call: ToolCall) -> Json:
    """The arguments as an object. Those that the model broke off are none: the client must see that they fail."""
    try:
        return parse_arguments(call)
    except Untranslatable:
        return {"invalid_arguments": call.arguments}


def render_citation(citation: Citation) -> Json:
    quote = citation.quote or ""
    if citation.url is not None:
        return {
            "type": "web_search_result_location",
            "url": citation.url,
            "title": citation.title,
            "cited_text": quote,
            "encrypted_index": "",
        }
    return {
        "type": "char_location",
        "cited_text": quote,
        "document_index": 0,
        "document_title": citation.title,
        "start_char_index": 0,
        "end_char_index": len(quote),
    }


def render_usage(usage: Usage | None) -> Json:
    """In Anthropic's counts, which are disjoint as ours are; zeros for what was not told, as clients demand numbers."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    five_minutes, one_hour = usage.count(Dimension.CACHE_WRITE), usage.count(Dimension.CACHE_WRITE_1H)
    rendered: Json = {
        "input_tokens": usage.count(Dimension.INPUT),
        "cache_creation_input_tokens": five_minutes + one_hour,
        "cache_read_input_tokens": usage.count(Dimension.CACHED_INPUT),
        "cache_creation": {"ephemeral_5m_input_tokens": five_minutes, "ephemeral_1h_input_tokens": one_hour},
        "output_tokens": usage.count(Dimension.OUTPUT),
    }
    if usage.reasoning is not None:
        rendered["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return rendered
