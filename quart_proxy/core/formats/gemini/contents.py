"""A conversation as Gemini's `contents`: user and model by turns, a call's result right behind the call."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from quart_proxy.core.chat import (
    Audio,
    Chat,
    Document,
    Image,
    Part,
    Refusal,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    parse_arguments,
    untranslatable,
)
from quart_proxy.core.formats.gemini.media import render_audio, render_document, render_image, render_titled
from quart_proxy.core.formats.gemini.seals import ON_TEXT, ON_THOUGHT, UNSIGNED, find_signature
from quart_proxy.core.formats.gemini.tools import NAME_CHARACTERS_MAX
from quart_proxy.core.tool_names import fit_name

_OPENING = "Go on."
"""Said for a user who has said nothing: the first turn must be the user's, and there must be one."""

Rendered = dict[str, Any]


def render_contents(chat: Chat, *, wants_signatures: bool) -> list[Rendered]:
    """`wants_signatures`: calls without one are refused by this model. Raises Untranslatable."""
    contents = _Contents()
    for message in chat.messages:
        if message.role is Role.ASSISTANT:
            contents.add("model", message.parts)
        else:
            contents.add("user", message.parts, is_system=message.role is Role.SYSTEM)
    turns = contents.turns
    if turns and turns[-1].role == "model":
        raise untranslatable(chat.messages[-1].at, "gemini", "it begins its answers itself")
    if not turns or turns[0].role == "model":
        turns.insert(0, _Turn("user", [{"text": _OPENING}]))
    for turn in turns:
        if turn.role == "user":
            # What the user said meanwhile must not come between calls and results. Sorting keeps all other order.
            turn.parts.sort(key=lambda part: "functionResponse" not in part)
        elif wants_signatures:
            _sign(turn.parts)
    return [{"role": turn.role, "parts": turn.parts} for turn in turns]


def _sign(parts: list[Rendered]) -> None:
    """Of calls made at once the first one carries the signature."""
    first = next((part for part in parts if "functionCall" in part), None)
    if first is not None:
        first.setdefault("thoughtSignature", UNSIGNED)


@dataclass(slots=True)
class _Turn:
    role: str
    parts: list[Rendered] = field(default_factory=list)


class _Contents:
    """Turns as they grow. Neighbours of one role become one turn, and what has no words for Gemini none."""

    def __init__(self) -> None:
        self.turns: list[_Turn] = []
        self._names: dict[str, str] = {}
        self._signature: str | None = None
        self._files = 0

    def add(self, role: str, parts: Iterable[Part], *, is_system: bool = False) -> None:
        if role == "user":
            self._signature = None
        for part in parts:
            if is_system and isinstance(part, Text) and part.text:
                self._say(role, {"text": f"<system>\n{part.text}\n</system>"})
            else:
                self._add_part(role, part)

    def _say(self, role: str, *parts: Rendered) -> None:
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(_Turn(role))
        self.turns[-1].parts += parts

    def _add_part(self, role: str, part: Part) -> None:
        match part:
            case Text() | Refusal():
                if part.text:
                    self._say(role, {"text": part.text})
            case Image():
                self._say(role, render_image(part))
            case Document():
                self._say(role, render_document(part))
            case Audio():
                self._say(role, render_audio(part))
            case Thinking():
                self._add_thinking(part)
            case ToolCall():
                self._add_call(part)
            case ToolResult():
                self._add_result(part)

    def _add_thinking(self, thinking: Thinking) -> None:
        """Only signatures go back: summaries of thoughts are for people."""
        signature = find_signature(thinking.seal)
        if signature is None or thinking.seal is None:
            return
        if thinking.seal.kind == ON_THOUGHT:
            self._say("model", {"text": thinking.text, "thought": True, "thoughtSignature": signature})
        elif thinking.seal.kind == ON_TEXT:
            self._sign_text(signature)
        else:
            self._signature = signature

    def _sign_text(self, signature: str) -> None:
        if self.turns and self.turns[-1].role == "model" and self.turns[-1].parts[-1].keys() == {"text"}:
            self.turns[-1].parts[-1]["thoughtSignature"] = signature
        else:
            self._say("model", {"text": "", "thoughtSignature": signature})

    def _add_call(self, call: ToolCall) -> None:
        name = self._names[call.id] = fit_name(call.name, call.namespace, NAME_CHARACTERS_MAX)
        rendered: Rendered = {"functionCall": {"id": call.id, "name": name, "args": parse_arguments(call)}}
        if self._signature is not None:
            rendered["thoughtSignature"], self._signature = self._signature, None
        self._say("model", rendered)

    def _add_result(self, result: ToolResult) -> None:
        name = self._names.get(result.call_id)
        if name is None:
            raise untranslatable(result.at, "gemini", "the call that it answers is not in the conversation before it")
        words: list[str] = []
        files: list[Rendered] = []
        for part in result.parts:
            match part:
                case Text():
                    words.append(part.text)
                case Document() if part.source.text is not None:
                    words.append(render_titled(part))
                case Image() | Document():
                    self._files += 1
                    words.append(f"[file {self._files} is below]")
                    rendered = render_image(part) if isinstance(part, Image) else render_document(part)
                    files += ({"text": f"[file {self._files}]"}, rendered)
        said = {"error" if result.is_error else "output": "\n".join(words)}
        self._say("user", {"functionResponse": {"id": result.call_id, "name": name, "response": said}}, *files)
