"""One call as its answer needs to know it, and the pieces that every format makes its answer of."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

import orjson

from quart_proxy.sandbox.question import Question
from quart_proxy.sandbox.reply import Reply, plan_reply
from quart_proxy.sandbox.scenarios import VALID_USAGE, Scenario

TEXT = (
    "Hello from the sandbox! Every word of this sentence is one output token, "
    "so the receipt below is easy to check by counting."
)
WORDS = TEXT.split()
CREATED = 1_750_000_000
"""Unix time of every answer: a fixed one, so that equal questions get equal answers."""

ID = "@sandbox-call-id@"
"""Stands for the id of the call until the bytes are sent: answers are rendered once for many calls."""
STAMP = "@sandbox-stamp@"
"""Stands for the monotonic clock until the moment of sending."""
NAN = "@sandbox-nan@"


@dataclass(frozen=True, slots=True)
class Counts:
    """Tokens by dimension; no token is in two of them, and reasoning is a part of the output."""

    input: int
    cached_input: int
    cache_write: int
    cache_write_1h: int
    output: int
    reasoning: int

    @property
    def prompt(self) -> int:
        return self.input + self.cached_input + self.cache_write + self.cache_write_1h

    def grown_by(self, tokens: int) -> "Counts":
        return Counts(
            self.input + tokens,
            self.cached_input,
            self.cache_write,
            self.cache_write_1h,
            self.output + tokens,
            self.reasoning,
        )

    def with_output(self, output: int) -> "Counts":
        return Counts(
            self.input,
            self.cached_input,
            self.cache_write,
            self.cache_write_1h,
            output,
            min(self.reasoning, output),
        )


@dataclass(frozen=True, slots=True)
class Call:
    """What an answer depends on. Equal calls have equal answers, but for the id."""

    model: str
    counts: Counts
    words: int
    limited: bool
    """Whether the output limit cut the answer short."""
    include_usage: bool
    include_seal: bool
    """Whether a client of the Responses format wants the sealed thought itself."""
    reply: Reply
    scenario: Scenario = field(compare=False)
    """Not compared: it follows from the model name, and is slow to hash."""

    def text_of(self, index: int) -> str:
        """The word at `index`, with the space before it."""
        if self.scenario.stamp:
            return f"stamp:{STAMP};"
        if index == 0 and self.scenario.big_event:
            return "x" * self.scenario.big_event
        if quote := self.reply.quote:
            return quote[index % len(quote)]
        return WORDS[0] if index == 0 else " " + WORDS[index % len(WORDS)]

    @property
    def has_text(self) -> bool:
        """A call of a tool stands alone, unless words are asked for; every other answer has a text, if an empty one."""
        return self.words > 0 or not self.reply.tool_calls

    @property
    def text(self) -> str:
        return "".join(self.text_of(index) for index in range(self.words))

    @property
    def indexes(self) -> Iterator[int]:
        """The number of each word; without end when the scenario says so."""
        return iter(count()) if self.scenario.endless else iter(range(self.words))

    def running_counts(self, index: int) -> Counts | None:
        """What the usage is said to be beside the word at `index`; None when nothing is said there."""
        if self.scenario.usage == "every_chunk":
            return self.counts.with_output(index + 1)
        if self.scenario.usage == "decreasing":
            return self.counts.grown_by(max(0, self.words - index))
        return None

    def mark(self, text: str) -> str:
        """`text`, with a NUL character in it when the scenario asks for that."""
        return text + "\0" if self.scenario.usage == "nul" else text


@dataclass(frozen=True, slots=True)
class Frame:
    """One event of a stream, as bytes."""

    data: bytes
    usage: bool = False
    """Whether it carries the final usage, and one that may be billed."""
    terminal: bool = False


class Format(Protocol):
    """How one provider speaks."""

    def __hash__(self) -> int:
        """Rendered answers are kept by format and call."""

    @property
    def id_prefix(self) -> str: ...

    @property
    def request_id_header(self) -> str: ...

    def check(self, question: Question, headers: Any) -> None:
        """Raises InvalidQuestion for what this provider would refuse."""

    def check_history(self, question: Question, scenario: Scenario) -> None:
        """Raises InvalidQuestion for a thought that this provider did not make, or one that it misses."""

    def frames(self, call: Call) -> Iterator[Frame]:
        """The whole stream, event by event."""

    def render_body(self, call: Call) -> bytes:
        """The whole answer as one JSON document."""

    def render_usage(self, call: Call, counts: Counts) -> dict[str, Any]: ...

    def render_error(self, status: int, message: str) -> dict[str, Any]: ...

    def render_error_event(self, message: str) -> bytes: ...


def measure(question: Question, scenario: Scenario) -> Call:
    """The call that a question and its scenario make."""
    reply = plan_reply(question, scenario)
    words, limited = _count_words(question, scenario, reply)
    reasoning = (scenario.reasoning or 0) + reply.reasoning_tokens
    counts = Counts(
        input=question.input_tokens,
        cached_input=scenario.cached or 0,
        cache_write=scenario.cache_write or 0,
        cache_write_1h=scenario.cache_write_1h or 0,
        output=words + reply.tool_tokens + reasoning,
        reasoning=reasoning,
    )
    return Call(question.model, counts, words, limited, question.include_usage, question.include_seal, reply, scenario)


def _count_words(question: Question, scenario: Scenario, reply: Reply) -> tuple[int, bool]:
    """The words of the text, and whether the output limit cut it short."""
    if scenario.words is not None:
        return scenario.words, False
    if scenario.rate:
        return scenario.rate * (scenario.seconds or 1), False
    if reply.tool_calls:
        return 0, False
    words = len(reply.quote or WORDS)
    if question.output_limit is not None and question.output_limit < words:
        return max(0, question.output_limit), True
    return words, False


def spoil_usage(usage: dict[str, Any], call: Call) -> dict[str, Any]:
    """A good usage object, made as bad as the scenario asks for."""
    if call.scenario.unknown_usage_field:
        usage = {**usage, "mystery_tokens": 7, "mystery_details": {"mystery_tokens": 7}}
    fault = call.scenario.usage
    if fault is None or fault in VALID_USAGE:
        return usage
    return {key: _spoil(value, fault) for key, value in usage.items()}


def _spoil(value: Any, fault: str) -> Any:
    if isinstance(value, dict):
        return {key: _spoil(inner, fault) for key, inner in value.items()}
    if type(value) is not int:
        return value
    faulty: dict[str, Any] = {
        "negative": -value - 1,
        "huge": 10**18 + value,
        "string": str(value),
        "bool": True,
        "float": value + 0.5,
        "null": None,
        "nan": NAN,
    }
    return faulty[fault]


def encode(document: Any) -> bytes:
    """JSON bytes. The one number that JSON does not have is put in afterwards."""
    return orjson.dumps(document).replace(f'"{NAN}"'.encode(), b"NaN")


def encode_event(document: Any, event: str | None = None) -> bytes:
    """One server-sent event."""
    head = f"event: {event}\n".encode() if event else b""
    return head + b"data: " + encode(document) + b"\n\n"
