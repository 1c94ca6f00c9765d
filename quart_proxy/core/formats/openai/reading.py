"""What a provider of Chat Completions answers, read piece by piece: a whole answer is one piece.

The pieces say what kind they are by the member they stand in, and do not say where a part ends: it ends where one of
another kind begins. Tool calls may lack their number, their id, or both.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quart_proxy.core.chat import AnswerPart, ChatFrame, Citation, Refusal, Stop, Text, Thinking, ToolKind
from quart_proxy.core.chat_events import ChatEvent, PartSequence, Stopped
from quart_proxy.core.formats.openai.reasoning import (
    DETAILS,
    EXTRA,
    TEXTS,
    find_thought,
    list_details,
    make_extra_seal,
    make_seal,
)
from quart_proxy.core.formats.openai.stops import find_stop
from quart_proxy.core.formats.openai.turns import NAME_CHARACTERS_MAX
from quart_proxy.core.nesting import dump_arguments
from quart_proxy.core.sse import Event
from quart_proxy.core.tool_names import ToolNames
from quart_proxy.core.usage_fields import load_lenient

TEXT, THINKING, REFUSAL = "text", "thinking", "refusal"
_EMPTY: Mapping[str, AnswerPart] = {TEXT: Text(""), THINKING: Thinking(""), REFUSAL: Refusal("")}


@dataclass(slots=True)
class _Call:
    """A tool call that is growing. `id` None: the provider gave none."""

    number: int
    id: str | None


class Reader:
    """Reads the first choice of an answer. A call of nothing is none."""

    def __init__(self, frame: ChatFrame) -> None:
        self._frame = frame
        self._names = ToolNames(frame.chat.tools, NAME_CHARACTERS_MAX)
        self._sequence = PartSequence()
        self._thought_in = ""
        self._details: list[dict[str, Any]] = []
        self._citations: list[Citation] = []
        self._calls: list[_Call] = []
        self._open: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._has_refusal = False
        self._reason: str | None = None
        self._matched: str | None = None

    def read(self, event: Event) -> list[ChatEvent]:
        if not event.is_whole or b'"choices"' not in event.data:
            return []
        choice = find_choice(load_lenient(event.data))
        if choice is not None:
            delta = choice.get("delta")
            self.take_in(choice, delta if isinstance(delta, dict) else choice.get("message"))
        return self._sequence.take()

    def end(self) -> list[ChatEvent]:
        self._close()
        self._sequence.end_all()
        stop = find_stop(self._reason, has_calls=bool(self._calls), has_refusal=self._has_refusal)
        if stop is Stop.END and self._matched is not None:
            stop = Stop.SEQUENCE
        return [*self._sequence.take(), Stopped(stop, self._matched if stop is Stop.SEQUENCE else None)]

    def take_in(self, choice: Mapping[str, Any], said: object) -> None:
        """One piece of the answer: what is said in it, and why it ended if it did."""
        if isinstance(said, dict):
            self._think(said)
            self._say(said)
            self._call(said)
        reason, matched = choice.get("finish_reason"), choice.get("stop_reason")
        if isinstance(reason, str) and reason:
            self._reason = reason
            # vLLM names the sequence here; a number is a token of the model's own.
            self._matched = matched if isinstance(matched, str) and matched in self._frame.chat.stop else None

    # --- prose ---

    def _think(self, said: Mapping[str, Any]) -> None:
        thought = find_thought(said)
        if thought is None:
            return
        text, member = thought
        self._begin(THINKING, _EMPTY[THINKING])
        self._details += list_details(said)
        if member == DETAILS and self._thought_in in TEXTS:
            # They tell again what was told as it came, and add its seal.
            return
        self._thought_in = member
        self._sequence.grow(THINKING, text)

    def _say(self, said: Mapping[str, Any]) -> None:
        content = said.get("content")
        if isinstance(content, str):
            self._grow(TEXT, content)
        elif isinstance(content, list):
            for key, text in _list_pieces(content):
                self._grow(key, text)
        if "images" in said:
            for image in _list_inner(said, "images", "image_url"):
                if url := _text(image.get("url")):
                    self._grow(TEXT, f"![image]({url})")
        if "annotations" in said:
            self._citations += map(_parse_citation, _list_inner(said, "annotations", "url_citation"))
        # A provider that searched first may cite before it says a word.
        if self._citations and TEXT in self._sequence:
            for citation in self._citations:
                self._sequence.cite(TEXT, citation)
            self._citations = []
        refusal = said.get("refusal")
        if isinstance(refusal, str) and refusal:
            self._has_refusal = True
            self._grow(REFUSAL, refusal)

    def _grow(self, key: str, text: str) -> None:
        if text:
            self._begin(key, _EMPTY[key])
            self._sequence.grow(key, text)

    def _begin(self, key: str, part: AnswerPart) -> None:
        if key not in self._sequence:
            self._close()
            self._sequence.begin(key, part)

    def _close(self) -> None:
        """End what cannot go on: prose, and calls whose arguments are whole."""
        if THINKING in self._sequence and self._thought_in:
            self._sequence.seal(THINKING, make_seal(self._thought_in, self._details))
        self._thought_in, self._details = "", []
        for key in (THINKING, TEXT, REFUSAL):
            self._sequence.end(key)
        for call in self._open:
            if self._sequence.has_whole_arguments(call.number):
                self._sequence.end(call.number)
        self._open = [call for call in self._open if call.number in self._sequence]

    # --- tool calls ---

    def _call(self, said: Mapping[str, Any]) -> None:
        calls = said.get("tool_calls")
        for call in calls if isinstance(calls, list) else ():
            if isinstance(call, dict):
                self._grow_call(call)

    def _grow_call(self, said: Mapping[str, Any]) -> None:
        function = said.get("function")
        function = function if isinstance(function, dict) else {}
        name, arguments = _text(function.get("name")), _arguments(function.get("arguments"))
        call = self._find_call(said.get("index"), _text(said.get("id")), name, arguments)
        if call is None and name:
            call = self._begin_call(said, name)
        if call is not None:
            self._sequence.grow(call.number, arguments)

    def _find_call(self, index: object, call_id: str, name: str, arguments: str) -> _Call | None:
        """The call that a piece goes on with; None: a new one."""
        last = self._calls[-1] if self._calls else None
        call = self._by_index.get(index) if isinstance(index, int) else last
        if call is None or not name:
            return call
        if call_id and call.id:
            return call if call_id == call.id else None
        if not isinstance(index, int):
            return None
        # One number for all calls: a name and arguments behind arguments that are whole are another call.
        return None if arguments and self._sequence.has_whole_arguments(call.number) else call

    def _begin_call(self, said: Mapping[str, Any], name: str) -> _Call:
        call_id, index, extra = _text(said.get("id")), said.get("index"), said.get(EXTRA)
        call = _Call(len(self._calls), call_id or None)
        self._close()
        if isinstance(extra, dict) and extra:
            self._sequence.begin(THINKING, Thinking(""))
            self._sequence.seal(THINKING, make_extra_seal(extra))
            self._sequence.end(THINKING)
        opened = self._names.open_call(call_id or self._frame.make_id("call_", call.number), name)
        self._sequence.begin(call.number, opened, is_wrapped=opened.kind is ToolKind.CUSTOM)
        self._calls.append(call)
        self._open.append(call)
        if isinstance(index, int):
            self._by_index[index] = call
        return call


def find_choice(document: object) -> Mapping[str, Any] | None:
    """The first choice of an answer or a chunk; None without one, and for all other choices."""
    choices = document.get("choices") if isinstance(document, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) and choice.get("index") in (0, None) else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: object) -> str:
    """Arguments, which a few providers send as the object itself."""
    return dump_arguments(value) if isinstance(value, dict) else _text(value)


def _list_pieces(content: list[Any]) -> list[tuple[str, str]]:
    """The texts of a content in chunks, each with the kind of part that it belongs to: Mistral's has chunks of
    thinking in it, which hold chunks again."""
    pieces = []
    for chunk in content:
        kind = chunk.get("type") if isinstance(chunk, dict) else None
        if kind == "thinking":
            inner = chunk.get("thinking")
            thoughts = inner if isinstance(inner, list) else [{"text": inner}]
            pieces += [(THINKING, _text(thought.get("text"))) for thought in thoughts if isinstance(thought, dict)]
        elif kind == "text":
            pieces.append((TEXT, _text(chunk.get("text"))))
    return pieces


def _parse_citation(cited: Mapping[str, Any]) -> Citation:
    url, title, quote = (_text(cited.get(name)) or None for name in ("url", "title", "content"))
    start, end = cited.get("start_index"), cited.get("end_index")
    # Nothing to nothing is said where the place is not known.
    is_placed = type(start) is int and type(end) is int and 0 <= start < end
    return Citation(url, title, quote, *((start, end) if is_placed else (None, None)))


def _list_inner(said: Mapping[str, Any], name: str, inner: str) -> list[Mapping[str, Any]]:
    """The objects called `inner` in the objects of a list."""
    items = said.get(name)
    found = [item.get(inner) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    return [item for item in found if isinstance(item, dict)]
