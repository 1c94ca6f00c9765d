"""A conversation as no format says it: the one place where the formats meet.

A client's request becomes a `Chat` by its own format's hand, and from there a body by the hand of the upstream's
format; the answer comes back as a `ChatAnswer`, or as the events of `core/chat_events.py`. So n formats need n
translations, not n times n. What the upstream's format cannot say is refused by `untranslatable`, with the name that
the field has in the client's own request: whatever may be refused knows where it stood (`at`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from quart_proxy.core.errors import Untranslatable
from quart_proxy.core.nesting import load_arguments
from quart_proxy.core.prompts import PromptMode, SystemPrompt
from quart_proxy.core.seals import Seal


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"
    """Said by the operator in the midst of the conversation. What stands at its head is `Chat.system`."""


# --- What a message is made of ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """Where the bytes of an image or a document are: exactly one of `url`, `base64`, `text`, `file_id` is there."""

    url: str | None = None
    base64: str | None = None
    text: str | None = None
    file_id: str | None = None
    """A file kept at one provider: no other one has it."""
    media_type: str | None = None
    """Such as `image/png`; None when the client did not say."""


@dataclass(frozen=True, slots=True)
class Citation:
    """What a piece of text rests on. `url` None: a document that the client sent, named by `title`."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    """The words of the source."""
    start: int | None = None
    """Where in the text, in characters; None when the provider did not say."""
    end: int | None = None


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    at: str = ""
    cache_ttl: str | None = None
    """`5m` or `1h`: the prompt up to here is worth caching. None: not marked. A hint in every part that has it."""
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    source: Source
    at: str = ""
    detail: str | None = None
    """`low`, `high`, `auto`: a hint."""
    cache_ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Document:
    source: Source
    at: str = ""
    title: str | None = None
    wants_citations: bool = False
    cache_ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Audio:
    base64: str
    encoding: str
    """Such as `wav` or `mp3`."""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Thinking:
    """What a model thought. Its `seal` can be read by the provider that made it alone, and belongs to whatever follows
    it. A renderer drops a thinking whose seal is not of its own format: no other provider can use it."""

    text: str
    at: str = ""
    seal: Seal | None = None


class ToolKind(StrEnum):
    FUNCTION = "function"
    """Called with a JSON object."""
    CUSTOM = "custom"
    """Called with a text. A format that lacks it says a function with one member, `input`."""
    HOSTED = "hosted"
    """Run by the provider itself."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """`arguments` is the JSON text of an object; of a custom tool, the text itself. "" is an empty object."""

    id: str
    name: str
    arguments: str = ""
    at: str = ""
    kind: ToolKind = ToolKind.FUNCTION
    namespace: str | None = None
    cache_ttl: str | None = None


@dataclass(frozen=True, slots=True)
class ToolResult:
    call_id: str
    parts: "tuple[Text | Image | Document, ...]"
    at: str = ""
    is_error: bool = False
    cache_ttl: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The model's own words for why it does not answer."""

    text: str
    at: str = ""


Part = Text | Image | Document | Audio | Thinking | ToolCall | ToolResult | Refusal
AnswerPart = Text | Thinking | ToolCall | Refusal


@dataclass(frozen=True, slots=True)
class Message:
    """A turn. User turns hold texts, media and tool results; assistant turns texts, thinking, tool calls and refusals;
    system turns texts."""

    role: Role
    parts: tuple[Part, ...]
    at: str = ""
    name: str | None = None
    """Who speaks, where several do: a hint."""


# --- What is asked for --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tool:
    """`schema` is the JSON Schema of a function's arguments; None: it takes none, or is no function."""

    name: str
    at: str
    kind: ToolKind = ToolKind.FUNCTION
    description: str | None = None
    schema: Mapping[str, Any] | None = None
    strict: bool | None = None
    namespace: str | None = None
    """The group that the client put it into; a format without groups says it in the name."""
    grammar: Mapping[str, Any] | None = None
    """What a custom tool's text must look like; None: any text."""
    native: str | None = None
    """The client's format's own type for a function that it builds in and the client runs, such as `local_shell`: the
    client wants its calls in a form of their own."""
    cache_ttl: str | None = None


class ToolMode(StrEnum):
    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"
    ONE = "one"


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`name` (and `namespace`) say which one, in the mode ONE alone."""

    mode: ToolMode
    at: str
    name: str | None = None
    namespace: str | None = None


EFFORTS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 24576, "xhigh": 32768, "max": 49152}
"""How many tokens of thinking each effort stands for, where one format counts and the other names."""


@dataclass(frozen=True, slots=True)
class Reasoning:
    """How much to think. `effort` is a name of EFFORTS or `none`; `budget_tokens` a count; either may be None, both
    None: as much as the model sees fit."""

    at: str
    effort: str | None = None
    budget_tokens: int | None = None
    is_shown: bool = True
    """Whether the client wants to read it."""

    @property
    def is_off(self) -> bool:
        return self.effort == "none"

    def find_effort(self) -> str | None:
        """The effort said, or the largest one that the budget pays for; None: as the model sees fit."""
        if self.effort is not None or self.budget_tokens is None:
            return self.effort
        paid = [name for name, tokens in EFFORTS.items() if tokens <= self.budget_tokens]
        return paid[-1] if paid else "minimal"

    def find_budget(self) -> int | None:
        """The budget said, or what the effort stands for, in tokens; None: as the model sees fit."""
        if self.budget_tokens is not None or self.effort is None:
            return self.budget_tokens
        return EFFORTS.get(self.effort)


@dataclass(frozen=True, slots=True)
class OutputShape:
    """The answer is to be JSON; `schema` None: any JSON object."""

    at: str
    schema: Mapping[str, Any] | None = None
    name: str = "answer"
    description: str | None = None
    strict: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """A request. None is always "not said": the upstream's own default holds."""

    messages: tuple[Message, ...]
    system: tuple[Text, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: tuple[str, ...] = ()
    reasoning: Reasoning | None = None
    output: OutputShape | None = None
    verbosity: str | None = None
    """`low`, `medium`, `high`: a hint."""
    service_tier: str | None = None
    """In OpenAI's words (`auto`, `default`, `flex`, `priority`): a hint."""
    user: str | None = None
    """Whom the client serves, for the provider's abuse checks: a hint."""
    cache_key: str | None = None
    """A hint."""
    is_streaming: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    """What the client calls a member of this class, where it is not its name here: `max_tokens` may be
    `max_output_tokens`."""

    def where(self, member: str) -> str:
        """The client's own name of a member, for sentences."""
        return self.names.get(member, member)

    def untranslatable(self, member: str, api_format: str, why: str = "") -> Untranslatable:
        """As the function of this name, for a member of this class."""
        return untranslatable(self.where(member), api_format, why)


def untranslatable(at: str, api_format: str, why: str = "") -> Untranslatable:
    """The refusal of the field `at`; `why` is a clause such as `it has no seeds`, and may tell the way out."""
    reason = f": {why}" if why else ""
    return Untranslatable(
        f"`{at}` cannot be said in the format `{api_format}` that this model is served in{reason}.", param=at
    )


# --- What several formats do alike --------------------------------------------------------------------


def with_prompt(chat: Chat, prompt: SystemPrompt | None) -> Chat:
    """The chat with the operator's prompt before, or instead of, what the client said as system."""
    if prompt is None:
        return chat
    ours = Text(prompt.text)
    if prompt.mode is PromptMode.REPLACE:
        kept = tuple(message for message in chat.messages if message.role is not Role.SYSTEM)
        return replace(chat, system=(ours,), messages=kept)
    return replace(chat, system=(ours, *chat.system))


def list_functions(chat: Chat, api_format: str) -> list[Tool]:
    """The tools that the client itself runs; a provider's own tools cannot be run by another provider.

    One that is merely offered beside the client's own is left out: the answer is made with the others. One that is
    all there is, or that must be called, is refused. Raises Untranslatable.
    """
    own = [tool for tool in chat.tools if tool.kind is not ToolKind.HOSTED]
    hosted = [tool for tool in chat.tools if tool.kind is ToolKind.HOSTED]
    choice = chat.tool_choice
    forced = choice is not None and choice.mode is ToolMode.ONE and not any(tool.name == choice.name for tool in own)
    if hosted and (not own or forced):
        raise untranslatable(hosted[0].at, api_format, f"`{hosted[0].name}` is run by another provider")
    return own


def parse_arguments(call: ToolCall) -> dict[str, Any]:
    """The arguments as an object, a custom tool's text as its `input`. Raises Untranslatable when they are none."""
    if call.kind is ToolKind.CUSTOM:
        return {"input": call.arguments}
    arguments = load_arguments(call.arguments)
    if not isinstance(arguments, dict):
        raise Untranslatable(
            f"`{call.at}` must hold the arguments as the JSON text of an object, not too deep.", param=call.at
        )
    return arguments


CUSTOM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
    "additionalProperties": False,
}
"""The arguments of a custom tool where it is said as a function."""


def describe_custom(tool: Tool) -> str:
    """What a custom tool's description says where it is a function: its grammar too, since nothing else enforces it."""
    parts = [tool.description or ""]
    if tool.grammar:
        definition = tool.grammar.get("definition")
        parts.append(f"`input` must follow this {tool.grammar.get('syntax', '')} grammar:\n{definition}")
    return "\n\n".join(part for part in parts if part)


# --- The answer ---------------------------------------------------------------------------------------


class Stop(StrEnum):
    """Why an answer ended."""

    END = "end"
    LENGTH = "length"
    """`max_tokens`, or the context is full."""
    SEQUENCE = "sequence"
    """One of the client's stop sequences."""
    TOOL_CALLS = "tool_calls"
    REFUSED = "refused"
    """The model or the provider's filter did not want to."""
    PAUSED = "paused"
    """A long turn of the provider's own tools; sent back as it is, it goes on."""


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A whole answer. Its usage is read by the upstream's format as for every answer, and is not here."""

    parts: tuple[AnswerPart, ...]
    stop: Stop = Stop.END
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class ChatFrame:
    """What stands around an answer: the request that it answers, and what ids are made of."""

    chat: Chat
    model: str
    """The name that the client called."""
    request_id: str
    """Letters and digits, unique to this request: ids begin with a word of the format and go on with it."""
    created_s: int
    """Unix time of the request, in seconds."""
    wants_usage: bool = True
    """Whether the client of a stream wants to be told its usage."""

    def make_id(self, prefix: str, number: int | None = None) -> str:
        """An id that nothing else has: `make_id("call_", 2)`."""
        return f"{prefix}{self.request_id}" if number is None else f"{prefix}{self.request_id}{number:02d}"
