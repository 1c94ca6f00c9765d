"""Whether a stream is one that its format's clients can read: which event may follow which, and what each must hold.

Written from the SDKs' accumulators and the formats' references, and from nothing of ours.
"""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from anthropic.types import RawMessageStreamEvent
from openai.types import CompletionChoice
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from quart_proxy.core.sse import Event

_CHUNK: TypeAdapter[Any] = TypeAdapter(ChatCompletionChunk)
_COMPLETION_CHOICE: TypeAdapter[Any] = TypeAdapter(CompletionChoice)
_MESSAGE_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
_RESPONSE_EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)

Document = dict[str, Any]


def documents_of(events: list[Event], validator: TypeAdapter[Any]) -> list[Document]:
    """The data of each event, every one of them valid to the SDK's own types."""
    documents = []
    for event in events:
        assert event.data, f"a comment or an event without data: {event.raw!r}"
        document = orjson.loads(event.data)
        validator.validate_python(document, strict=False)
        documents.append(document)
    return documents


# --- Anthropic Messages -------------------------------------------------------------------------------

_DELTAS: Mapping[str, frozenset[str]] = {
    "text": frozenset({"text_delta", "citations_delta"}),
    "thinking": frozenset({"thinking_delta", "signature_delta"}),
    "redacted_thinking": frozenset(),
    "tool_use": frozenset({"input_json_delta"}),
}


def check_messages(events: list[Event]) -> None:
    documents = documents_of(events, _MESSAGE_EVENT)
    assert [event.name for event in events] == [document["type"] for document in documents]
    start, *blocks, delta, stop = [document for document in documents if document["type"] != "ping"]
    assert start["type"] == "message_start"
    message = start["message"]
    assert message["id"] and message["content"] == [] and message["stop_reason"] is None
    assert message["usage"]["output_tokens"] is not None
    _check_blocks(blocks)
    assert delta["type"] == "message_delta" and delta["delta"]["stop_reason"]
    assert (delta["delta"]["stop_reason"] == "stop_sequence") or delta["delta"]["stop_sequence"] is None
    assert delta["usage"]["output_tokens"] is not None
    assert stop == {"type": "message_stop"}


def _check_blocks(events: list[Document]) -> None:
    """Blocks one after another, by rising index, each with deltas of its own kind."""
    count, open_block, signed = 0, None, False
    for event in events:
        assert event["index"] == count, event
        match event["type"]:
            case "content_block_start":
                assert open_block is None, "a block begins within another"
                open_block, signed = event["content_block"], False
                assert open_block["type"] in _DELTAS
                assert open_block.get("text", "") == "" and open_block.get("thinking", "") == ""
                if open_block["type"] == "tool_use":
                    assert open_block["id"] and open_block["name"] and open_block["input"] == {}
            case "content_block_delta":
                assert open_block is not None, "a delta outside of a block"
                assert event["delta"]["type"] in _DELTAS[open_block["type"]]
                assert not signed, "a thinking goes on behind its signature"
                signed = event["delta"]["type"] == "signature_delta"
            case "content_block_stop":
                assert open_block is not None, "an end without a block"
                assert open_block["type"] != "thinking" or signed, "a thinking that cannot be sent back"
                count, open_block = count + 1, None
            case other:
                raise AssertionError(f"{other} among the blocks")
    assert open_block is None, "a block that does not end"


# --- OpenAI Chat Completions --------------------------------------------------------------------------


def check_chat(events: list[Event]) -> None:
    *chunk_events, done = events
    assert done.data == b"[DONE]"
    assert {event.name for event in events} == {None}
    chunks = documents_of(chunk_events, _CHUNK)
    assert len({(chunk["id"], chunk["model"], chunk["created"], chunk["object"]) for chunk in chunks}) == 1
    assert chunks[0]["object"] == "chat.completion.chunk" and chunks[0]["id"]
    if not chunks[-1]["choices"]:
        assert chunks.pop()["usage"]["total_tokens"] is not None
    choices = []
    for chunk in chunks:
        (choice,) = chunk["choices"]
        assert choice["index"] == 0
        choices.append(choice)
    assert choices[0]["delta"]["role"] == "assistant"
    assert all("role" not in choice["delta"] for choice in choices[1:])
    assert [bool(choice["finish_reason"]) for choice in choices] == [False] * (len(choices) - 1) + [True]
    _check_calls([call for choice in choices for call in choice["delta"].get("tool_calls") or ()])


def _check_calls(fragments: list[Document]) -> None:
    """Calls one after another; the first fragment of each says what it is, the others only go on."""
    count = 0
    for fragment in fragments:
        if fragment.get("id"):
            assert fragment["index"] == count and fragment["function"]["name"]
            count += 1
        else:
            assert fragment["index"] == count - 1 and not fragment["function"].get("name")


def check_completions(events: list[Event]) -> None:
    *chunk_events, done = events
    assert done.data == b"[DONE]"
    chunks: list[Document] = [orjson.loads(event.data) for event in chunk_events]
    assert {(chunk["object"], chunk["id"], chunk["model"]) for chunk in chunks} == {
        ("text_completion", chunks[0]["id"], chunks[0]["model"])
    }
    if not chunks[-1]["choices"]:
        assert chunks.pop()["usage"]["total_tokens"] is not None
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    assert [bool(choice["finish_reason"]) for choice in choices] == [False] * (len(choices) - 1) + [True]
    for choice in choices:
        # The SDK's type has no word for a choice that goes on, which every stream of the format holds.
        _COMPLETION_CHOICE.validate_python({**choice, "finish_reason": choice["finish_reason"] or "stop"})


# --- OpenAI Responses ---------------------------------------------------------------------------------

_LASTS = ("response.completed", "response.incomplete")


def check_responses(events: list[Event]) -> None:
    documents = documents_of(events, _RESPONSE_EVENT)
    assert [event.name for event in events] == [document["type"] for document in documents]
    assert [document["sequence_number"] for document in documents] == list(range(len(documents)))
    created, in_progress, *middle, last = documents
    assert (created["type"], in_progress["type"]) == ("response.created", "response.in_progress")
    assert created["response"]["status"] == in_progress["response"]["status"] == "in_progress"
    assert created["response"]["output"] == []
    assert last["type"] in _LASTS and last["response"]["status"] == last["type"].removeprefix("response.")
    assert (last["type"] == "response.incomplete") is bool(last["response"]["incomplete_details"])
    assert len({each["response"]["id"] for each in (created, in_progress, last)}) == 1
    assert last["response"]["output"] == _check_items(middle)


def _check_items(events: list[Document]) -> list[Document]:
    """Items one after another, by rising index; what they are when they are done."""
    done: list[Document] = []
    inside: list[Document] = []
    added: Document | None = None
    for event in events:
        assert event["output_index"] == len(done), event
        if event["type"] == "response.output_item.added":
            assert added is None, "an item begins within another"
            added, inside = event["item"], []
        elif event["type"] == "response.output_item.done":
            assert added is not None and event["item"]["type"] == added["type"] and event["item"]["id"] == added["id"]
            _INSIDE[added["type"]](event["item"], inside)
            done.append(event["item"])
            added = None
        else:
            assert added is not None and event["item_id"] == added["id"], event
            inside.append(event)
    assert added is None, "an item that does not end"
    return done


def _check_message(item: Document, events: list[Document]) -> None:
    assert item["status"] in ("completed", "incomplete")
    _check_indexed(item["content"], events, "content_index", "response.content_part", _CONTENT_WORDS)


def _check_reasoning(item: Document, events: list[Document]) -> None:
    summaries = [event for event in events if "summary_index" in event]
    contents = [event for event in events if "content_index" in event]
    assert len(summaries) + len(contents) == len(events)
    _check_indexed(item["summary"], summaries, "summary_index", "response.reasoning_summary_part", _CONTENT_WORDS)
    _check_indexed(item.get("content") or [], contents, "content_index", "response.content_part", _CONTENT_WORDS)


_CONTENT_WORDS: Mapping[str, tuple[str, str]] = {
    "output_text": ("response.output_text", "text"),
    "refusal": ("response.refusal", "refusal"),
    "summary_text": ("response.reasoning_summary_text", "text"),
    "reasoning_text": ("response.reasoning_text", "text"),
}
"""By the type of a part: the name of its events, and of the member that holds its words."""


def _check_indexed(
    whole: list[Document], events: list[Document], index: str, part_events: str, words: Mapping[str, tuple[str, str]]
) -> None:
    """Parts within an item: each is added, grows, is done in words and then as a whole."""
    parts: list[Document] = []
    while events:
        added, *events = events
        assert added["type"] == f"{part_events}.added" and added[index] == len(parts), added
        name, member = words[added["part"]["type"]]
        assert added["part"][member] == ""
        text = ""
        while events[0]["type"] != f"{name}.done":
            event, *events = events
            assert event[index] == len(parts)
            if event["type"] == "response.output_text.annotation.added":
                continue
            assert event["type"] == f"{name}.delta" and event["delta"], event
            text += event["delta"]
        ended, part, *events = events
        assert ended[member] == text == part["part"][member]
        assert part["type"] == f"{part_events}.done" and part[index] == ended[index] == len(parts)
        parts.append(part["part"])
    assert parts == whole


def _check_call(kind: str, member: str) -> Callable[[Document, list[Document]], None]:
    def check(item: Document, events: list[Document]) -> None:
        *deltas, done = events
        assert {event["type"] for event in deltas} <= {f"response.{kind}.delta"}
        assert done["type"] == f"response.{kind}.done"
        assert "".join(event["delta"] for event in deltas) == done[member] == item[member]
        assert item["call_id"] and item["name"]

    return check


_INSIDE: Mapping[str, Callable[[Document, list[Document]], None]] = {
    "message": _check_message,
    "reasoning": _check_reasoning,
    "function_call": _check_call("function_call_arguments", "arguments"),
    "custom_tool_call": _check_call("custom_tool_call_input", "input"),
}

GRAMMARS: Mapping[str, Callable[[list[Event]], None]] = {
    "openai": check_chat,
    "anthropic": check_messages,
    "openai_responses": check_responses,
    "openai_completions": check_completions,
}
"""By the name of a client's format: raises AssertionError for a stream that breaks its rules."""
