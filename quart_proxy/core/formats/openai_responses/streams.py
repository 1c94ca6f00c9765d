"""Reads an upstream's stream of typed events for what it says."""

from collections.abc import Hashable, Mapping
from typing import Any

from quart_proxy.core.chat import AnswerPart, ChatFrame, Refusal, Text, Thinking
from quart_proxy.core.chat_events import ChatEvent, PartEnded, PartSequence, Stopped
from quart_proxy.core.formats.openai_responses.answers import (
    ItemReader,
    find_arguments,
    find_said,
    find_stop,
    put_part,
)
from quart_proxy.core.formats.openai_responses.contents import find_citation
from quart_proxy.core.formats.openai_responses.thoughts import WORDS_BREAK, parse_reasoning
from quart_proxy.core.sse import Event
from quart_proxy.core.usage_fields import load_lenient

Document = Mapping[str, Any]
_CALLS = ("function_call", "custom_tool_call")


class Reader:
    """Parts are known by the place of their item in the output, and in a message by their own place in it.

    A text begins with its first words, so that none is empty. What comes as a whole alone, in the event that ends it,
    is told then.
    """

    __slots__ = ("_cited", "_grown", "_items", "_last", "_over", "_parts", "_sequence", "_thoughts")

    def __init__(self, frame: ChatFrame) -> None:
        self._items = ItemReader(frame)
        self._sequence = PartSequence()
        self._grown: set[Hashable] = set()
        self._cited: set[Hashable] = set()
        self._over: set[Hashable] = set()
        self._thoughts: dict[Hashable, tuple[str, object]] = {}
        """Which of its two texts a reasoning item is told from, and the number of the piece that grows."""
        self._parts: list[AnswerPart] = []
        self._last: Document = {}

    def read(self, event: Event) -> list[ChatEvent]:
        document = load_lenient(event.data)
        if isinstance(document, dict):
            self._read(str(document.get("type") or event.name), document)
        return self._take()

    def end(self) -> list[ChatEvent]:
        output = self._last.get("output")
        if not self._grown and not self._over and isinstance(output, list):
            # A provider that tells its answer in the last event alone.
            for item in output:
                if isinstance(item, dict):
                    self._items.put(item, self._sequence)
        self._sequence.end_all()
        events = self._take()
        return [*events, Stopped(find_stop(self._last, tuple(self._parts)))]

    def _take(self) -> list[ChatEvent]:
        events = self._sequence.take()
        self._parts += (event.part for event in events if isinstance(event, PartEnded))
        return events

    def _read(self, kind: str, document: Document) -> None:
        place = _find_place(document)
        match kind:
            case "response.output_text.delta":
                self._grow_said(_key(place, document), Text(""), document)
            case "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta":
                self._grow(place, document.get("delta"))
            case "response.reasoning_summary_text.delta":
                self._think(place, "summary", document.get("summary_index"), document)
            case "response.reasoning_text.delta":
                self._think(place, "content", document.get("content_index"), document)
            case "response.refusal.delta":
                self._grow_said(_key(place, document), Refusal(""), document)
            case "response.output_text.annotation.added":
                self._cite(_key(place, document), document)
            case "response.content_part.done":
                self._finish_said(_key(place, document), document.get("part"))
            case "response.output_item.added" | "response.output_item.done":
                item = document.get("item")
                if isinstance(item, dict):
                    (self._begin_item if kind.endswith("added") else self._finish_item)(place, item)
            case "response.completed" | "response.incomplete":
                response = document.get("response")
                self._last = response if isinstance(response, dict) else {}

    # --- Parts that grow ------------------------------------------------------------------------------

    def _begin_item(self, place: Hashable, item: Document) -> None:
        if item.get("type") in _CALLS and place not in self._sequence:
            self._sequence.begin(place, self._items.open_call(item), is_wrapped=item["type"] == "function_call")

    def _grow(self, key: Hashable, text: object) -> None:
        if isinstance(text, str) and text and key in self._sequence:
            self._grown.add(key)
            self._sequence.grow(key, text)

    def _grow_said(self, key: Hashable, part: Text | Refusal, document: Document) -> None:
        if key not in self._sequence and key not in self._over and document.get("delta"):
            self._sequence.begin(key, part)
        self._grow(key, document.get("delta"))

    def _think(self, place: Hashable, source: str, piece: object, document: Document) -> None:
        text = document.get("delta")
        if not isinstance(text, str) or not text or place in self._over:
            return
        if place not in self._sequence:
            self._sequence.begin(place, Thinking(""))
            self._thoughts[place] = (source, piece)
        told_source, told_piece = self._thoughts[place]
        if told_source != source:
            return
        if told_piece != piece:
            self._thoughts[place] = (source, piece)
            text = WORDS_BREAK + text
        self._grow(place, text)

    def _cite(self, key: Hashable, document: Document) -> None:
        citation = find_citation(document.get("annotation"))
        if citation is not None and key in self._sequence:
            self._cited.add(key)
            self._sequence.cite(key, citation)

    # --- Parts that end -------------------------------------------------------------------------------

    def _finish_said(self, key: Hashable, part: object) -> None:
        if key in self._over or not isinstance(part, dict):
            return
        found = find_said(part)
        if key not in self._sequence:
            if found is not None:
                self._over.add(key)
                put_part(found, self._sequence)
            return
        self._over.add(key)
        if isinstance(found, Text) and key not in self._cited:
            for citation in found.citations:
                self._sequence.cite(key, citation)
        self._sequence.end(key)

    def _finish_item(self, place: Hashable, item: Document) -> None:
        if item.get("type") == "message":
            content = item.get("content")
            for index, part in enumerate(content if isinstance(content, list) else []):
                self._finish_said((place, index), part)
            for key in [key for key in self._grown if isinstance(key, tuple) and key[0] == place]:
                self._sequence.end(key)
        elif place in self._sequence:
            self._finish(place, item)
        elif place not in self._over:
            self._items.put(item, self._sequence)
        self._over.add(place)

    def _finish(self, place: Hashable, item: Document) -> None:
        """A call or a thinking that has begun."""
        if item.get("type") in _CALLS and place not in self._grown:
            self._grow(place, find_arguments(item))
        thinking = parse_reasoning(item)
        if item.get("type") == "reasoning" and thinking is not None and thinking.seal is not None:
            self._sequence.seal(place, thinking.seal)
        self._sequence.end(place)


def _find_place(document: Document) -> Hashable:
    """Of an event's item in the output; its id where a provider does not number them."""
    item = document.get("item")
    found = document.get("output_index", document.get("item_id"))
    return _as_key(item.get("id") if found is None and isinstance(item, dict) else found)


def _key(place: Hashable, document: Document) -> Hashable:
    """Of a part of a message."""
    return place, _as_key(document.get("content_index", 0))


def _as_key(value: object) -> int | str | None:
    return value if isinstance(value, int | str) else None
