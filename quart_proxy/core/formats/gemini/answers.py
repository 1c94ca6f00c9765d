"""What a Gemini answer says: chunks of a stream, or a whole answer, which is a stream of one chunk.

Texts and thoughts come in pieces, calls at once. A `thoughtSignature` stands on the part that it belongs to; as a seal
it stands before a call, is the thought's own, or follows the text that it was on. `contents.py` puts it back.
"""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.chat import ChatAnswer, ChatFrame, Citation, Stop, Text, Thinking, ToolKind
from quart_proxy.core.chat_events import ChatEvent, PartSequence, Stopped, collect_answer
from quart_proxy.core.formats.gemini.seals import ON_CALL, ON_TEXT, ON_THOUGHT, make_seal
from quart_proxy.core.formats.gemini.stops import find_candidate, find_stop, list_parts
from quart_proxy.core.formats.gemini.tools import NAME_CHARACTERS_MAX
from quart_proxy.core.nesting import dump_arguments
from quart_proxy.core.sse import Event
from quart_proxy.core.tool_names import ToolNames
from quart_proxy.core.usage_fields import load_lenient

_TEXT, _THINKING, _CALL = "text", "thinking", "call"


def parse_answer(document: Mapping[str, Any], frame: ChatFrame) -> ChatAnswer:
    reader = Reader(frame)
    return collect_answer([*reader.read_chunk(document), *reader.end()])


class Reader:
    """Reads the chunks of one answer."""

    __slots__ = ("_calls", "_calls_max", "_cited", "_frame", "_names", "_sequence", "_stop")

    def __init__(self, frame: ChatFrame) -> None:
        self._frame = frame
        self._names = ToolNames(
            (tool for tool in frame.chat.tools if tool.kind is not ToolKind.HOSTED), NAME_CHARACTERS_MAX
        )
        self._sequence = PartSequence()
        self._stop = Stop.END
        self._calls = 0
        # Gemini cannot be asked for one call at a time; a client that wants that gets the first, and the model, told of
        # its result alone, makes the next one then.
        self._calls_max = 1 if frame.chat.parallel_tool_calls is False else None
        self._cited: set[Citation] = set()

    def read(self, event: Event) -> list[ChatEvent]:
        chunk = load_lenient(event.data) if event.is_whole else None
        return self.read_chunk(chunk) if isinstance(chunk, dict) else []

    def read_chunk(self, chunk: Mapping[str, Any]) -> list[ChatEvent]:
        candidate = find_candidate(chunk)
        for part in list_parts(candidate):
            self._read_part(part)
        self._read_citations(candidate)
        self._stop = find_stop(chunk) or self._stop
        return self._sequence.take()

    def end(self) -> list[ChatEvent]:
        self._sequence.end_all()
        stop = Stop.TOOL_CALLS if self._calls and self._stop is Stop.END else self._stop
        return [*self._sequence.take(), Stopped(stop)]

    def _read_part(self, part: Mapping[str, Any]) -> None:
        call, data, signature = part.get("functionCall"), part.get("inlineData"), part.get("thoughtSignature")
        signature = signature if isinstance(signature, str) else ""
        if isinstance(call, dict):
            self._read_call(call, signature)
        elif isinstance(data, dict):
            # A thought's pictures are drafts of the answer's.
            if not part.get("thought"):
                self._grow(_TEXT, _render_file(data))
        elif part.get("thought"):
            self._grow(_THINKING, part.get("text"))
            if signature:
                self._seal(signature, ON_THOUGHT)
        else:
            self._grow(_TEXT, part.get("text"))
            if signature:
                self._sequence.end_all()
                self._seal(signature, ON_TEXT)

    def _grow(self, key: str, text: object) -> None:
        """More of the text or the thought; one begins where the other ends."""
        if not isinstance(text, str) or not text:
            return
        if key not in self._sequence:
            self._sequence.end_all()
            self._sequence.begin(key, Text("") if key == _TEXT else Thinking(""))
        self._sequence.grow(key, text)

    def _seal(self, signature: str, place: str) -> None:
        """The thought that is open, or one without words, gets the signature and is over."""
        if _THINKING not in self._sequence:
            self._sequence.end_all()
            self._sequence.begin(_THINKING, Thinking(""))
        self._sequence.seal(_THINKING, make_seal(signature, place))
        self._sequence.end(_THINKING)

    def _read_call(self, call: Mapping[str, Any], signature: str) -> None:
        name, call_id, arguments = call.get("name"), call.get("id"), call.get("args")
        if not isinstance(name, str) or self._calls == self._calls_max:
            return
        if signature:
            self._seal(signature, ON_CALL)
        self._sequence.end_all()
        if not isinstance(call_id, str) or not call_id:
            call_id = self._frame.make_id("call_", self._calls)
        self._calls += 1
        self._sequence.begin(_CALL, self._names.open_call(call_id, name), is_wrapped=True)
        self._sequence.grow(_CALL, dump_arguments(arguments if isinstance(arguments, dict) else {}) or "{}")
        self._sequence.end(_CALL)

    def _read_citations(self, candidate: Mapping[str, Any]) -> None:
        """Of whole texts: the places that Gemini tells are bytes of what it had not yet cut into parts."""
        found = candidate.get("citationMetadata")
        sources = found.get("citationSources") if isinstance(found, dict) else None
        for source in sources if isinstance(sources, list) else ():
            uri = source.get("uri") if isinstance(source, dict) else None
            citation = Citation(url=uri) if isinstance(uri, str) and uri else None
            if citation is not None and citation not in self._cited and _TEXT in self._sequence:
                self._cited.add(citation)
                self._sequence.cite(_TEXT, citation)


def _render_file(data: Mapping[str, Any]) -> str:
    """A generated file as text: no other format's answers have room for it."""
    media_type, base64 = data.get("mimeType"), data.get("data")
    if not isinstance(media_type, str) or not isinstance(base64, str):
        return ""
    kind, _, _ = media_type.partition("/")
    return f"{'!' if kind == 'image' else ''}[{kind}](data:{media_type};base64,{base64})"
