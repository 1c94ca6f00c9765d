"""How the sandbox is told to misbehave: by the model name, so that a proxy in between passes it through.

`sandbox` behaves. `sandbox:<key>=<value>,...` behaves as the fields below say; each field is one key, and its
sentence is what `docs/sandbox.md` prints. Any other model name behaves like `sandbox`.
"""

import dataclasses
import difflib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

PREFIX = "sandbox:"
NUMBER_MAX = 10**9

VALID_USAGE = frozenset({"1", "nul", "decreasing", "every_chunk", "twice"})
"""Values of `usage` whose last report is one that may be billed."""
INVALID_USAGE = frozenset({"negative", "huge", "string", "bool", "float", "null", "nan"})


class InvalidScenario(ValueError):
    """A model name whose scenario cannot be read; the sentence says which part."""


def _number(sentence: str) -> Any:
    return dataclasses.field(default=None, metadata={"sentence": sentence, "kind": "number"})


def _flag(sentence: str) -> Any:
    return dataclasses.field(default=False, metadata={"sentence": sentence, "kind": "1"})


def _choice(sentence: str, values: frozenset[str]) -> Any:
    return dataclasses.field(default=None, metadata={"sentence": sentence, "kind": "choice", "values": values})


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to do other than answer well. A number that is None was not asked for."""

    words: int | None = _number("Answer with this many words, whatever `max_tokens` says.")
    cached: int | None = _number("Count this many prompt tokens more, as read from a cache.")
    cache_write: int | None = _number("Count this many prompt tokens more, as written to a cache.")
    cache_write_1h: int | None = _number(
        "Count this many prompt tokens more, as written to a one hour cache (OpenAI: a plain write)."
    )
    reasoning: int | None = _number("Count this many output tokens more, as reasoning.")

    think: bool = _flag("Think first, in a few words that count as reasoning, and seal the thought.")
    tool_call: bool = _flag("Call the first tool that is offered; once its result is there, quote it.")
    tool_calls: int | None = _number("The same with so many calls at once; with `shell` too.")
    shell: bool = _flag(
        "After a line `run: <command>` of the user, run it in the client's shell; then quote its result."
    )

    first_byte_ms: int | None = _number("Wait so long before the status line.")
    delay_ms: int | None = _number("Wait so long between two events.")
    rate: int | None = _number("Send so many events a second, on a schedule that does not drift.")
    seconds: int | None = _number("With `rate`: answer with `rate` x `seconds` words (1 second when not said).")
    stamp: bool = _flag("Each word is `stamp:<ns>;`, the monotonic clock in nanoseconds at the moment of sending.")
    burst: bool = _flag("Send the whole stream in one write.")
    split: int | None = _number("Write slices of this many bytes, each on its own; 1 is a write for every byte.")

    status: int | None = _number("Answer with this status (300 to 599) and an error body of the format.")
    retry_after: int | None = _number("With `status`: send a Retry-After header of so many seconds.")
    html: bool = _flag("Answer with an HTML page; without `status` it is a 200.")
    error_in_200: bool = _flag("Answer 200 with an error body.")
    redirect: bool = _flag("Answer 302 to `/_sandbox/canary`, which counts its visitors.")
    hang: bool = _flag("Read the request and never answer.")

    cut_after: int | None = _number("Reset the connection after so many events.")
    cut_after_usage: bool = _flag("Reset the connection right after the event that carries the final usage.")
    eof_after: int | None = _number("End the answer cleanly after so many events, without the terminal event.")
    fin_after: int | None = _number("Close the connection after so many events, in the middle of the chunked body.")
    stall_after: int | None = _number("Fall silent after so many events and keep the connection open.")
    error_in_stream: int | None = _number("Send an error event after so many events, then end.")
    error_after_usage: bool = _flag("Send an error event right after the event with the final usage, then end.")
    no_done: bool = _flag("Leave out the terminal event.")
    endless: bool = _flag("Never stop.")

    no_usage: bool = _flag("Never report usage.")
    usage: str | None = _choice(
        "`negative`, `huge`, `string`, `bool`, `float`, `null`, `nan`: every count in the usage is so. "
        "`nul`: good counts beside texts with NUL characters. `every_chunk`: a running one after each word. "
        "`decreasing`: the same, falling to the true counts. `twice`: the final usage two times. "
        "`1`: with `status`, put a valid usage into the error body.",
        VALID_USAGE | INVALID_USAGE,
    )
    unknown_usage_field: bool = _flag("Add counts that no provider has documented to the usage.")

    crlf: bool = _flag("End lines with CR LF.")
    cr: bool = _flag("End lines with CR.")
    bom: bool = _flag("Begin the stream with a byte order mark.")
    comments: bool = _flag("Put comments between events and inside them.")
    big_event: int | None = _number("Make the first word this many bytes long.")
    gzip: bool = _flag("Compress the answer, asked or not.")

    @property
    def reports_valid_usage(self) -> bool:
        return not self.no_usage and self.usage not in INVALID_USAGE


KEYS = {field.name: field for field in dataclasses.fields(Scenario)}
"""Every scenario key, in the order of the documentation."""

WELL_BEHAVED = Scenario()


def sentence_of(key: str) -> str:
    """What a key does, in one sentence or a few."""
    return str(KEYS[key].metadata["sentence"])


@lru_cache(maxsize=4096)
def parse_scenario(model: str) -> Scenario:
    """The scenario that a model name asks for. Raises InvalidScenario."""
    if not model.startswith(PREFIX):
        return WELL_BEHAVED
    chosen: dict[str, Any] = {}
    for part in filter(None, model.removeprefix(PREFIX).split(",")):
        key, _, text = part.partition("=")
        if key not in KEYS:
            nearest = difflib.get_close_matches(key, KEYS, n=1)
            hint = f"; did you mean `{nearest[0]}`?" if nearest else "."
            raise InvalidScenario(f"The sandbox has no scenario key `{key}`{hint}")
        chosen[key] = _parse_value(key, text)
    return Scenario(**chosen)


def _parse_value(key: str, text: str) -> int | str | bool:
    metadata = KEYS[key].metadata
    if metadata["kind"] == "1":
        if text not in ("0", "1"):
            raise InvalidScenario(f"The scenario key `{key}` is 0 or 1, not `{text}`.")
        return text == "1"
    if metadata["kind"] == "choice":
        if text not in metadata["values"]:
            raise InvalidScenario(f"The scenario key `{key}` is one of {', '.join(sorted(metadata['values']))}.")
        return text
    if not (text.isascii() and text.isdigit()) or int(text) > NUMBER_MAX:
        raise InvalidScenario(f"The scenario key `{key}` is a whole number up to {NUMBER_MAX}, not `{text}`.")
    if key == "status" and not 300 <= int(text) <= 599:
        raise InvalidScenario("The scenario key `status` is a number from 300 to 599.")
    return int(text)
