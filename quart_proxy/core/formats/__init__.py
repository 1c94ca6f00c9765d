"""The formats that clients and providers speak: one file each, found by its name.

A file exports `FORMAT`, a record of what can be done in that format. Formats do not know each other; what
several of them share stands beside this package, not in it.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol

from quart_proxy.core.errors import ProxyError
from quart_proxy.core.prompts import SystemPrompt
from quart_proxy.core.sse import Event
from quart_proxy.core.usage import Reading


class StreamStep(Enum):
    """What an event means to whoever passes it on."""

    FORWARD = auto()
    """Pass it on."""
    USAGE_ONLY = auto()
    """Exists only to carry usage: pass it on if the client asked for usage."""
    TERMINAL = auto()
    """Ends a complete stream: hold it back until the charge is durable."""
    ERROR = auto()
    """The provider reports a failure inside the stream."""


class StreamReader(Protocol):
    """Reads one stream of a provider as it passes."""

    def read(self, event: Event) -> StreamStep:
        """Take note of one event. Never raises: an event that cannot be read is passed on as it is."""

    def reading(self) -> Reading:
        """The usage so far. The last valid report wins; reports are never added up."""

    def is_usage_final(self) -> bool:
        """Whether `reading()` is a total, not what was known at the start or on the way."""

    def is_complete_without_terminal(self) -> bool:
        """Whether a stream that ends here, cleanly but without its terminal event, has told all."""


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """What a client asks for. `body` is its own JSON, unknown fields included, and is never changed."""

    body: dict[str, Any]
    model: str
    is_streaming: bool
    wants_usage: bool
    """Whether the client asked for usage at the end of a stream."""
    output_tokens_max: int | None
    """None when the client set no limit that can be understood."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The client's own headers that an upstream may see, names in lower case."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a whole 2xx JSON answer says. `error` is a failure told inside it, as a sentence safe to show."""

    reading: Reading
    error: str | None = None
    id: str | None = None
    """What the provider calls this answer."""


class RenderRequest(Protocol):
    def __call__(self, request: ClientRequest, *, actual_model: str, prompt: SystemPrompt | None) -> bytes: ...


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """One format, as functions."""

    name: str
    api_format: str
    """Which `api_format` of an upstream serves it as it is."""
    parse_request: Callable[[bytes], ClientRequest]
    """The request in a body. Raises InvalidRequest, naming the field."""
    render_request: RenderRequest
    """The body for the upstream: the client's own, the model renamed, the prompt added, usage asked for."""
    endpoint: str
    """The path under `/v1` at which clients call it, as the log of requests names it."""
    upstream_url: Callable[[str], str]
    """The address to call, from the `api_url` of an upstream."""
    models_url: Callable[[str], str]
    """The address of the provider's own list of models."""
    credential_headers: Callable[[str], dict[str, str]]
    """The headers that carry the provider's key."""
    rename_model: Callable[[bytes, str], bytes]
    """A JSON text with the model's name in it replaced, and every other byte kept."""
    read_answer: Callable[[bytes], Answer]
    open_stream: Callable[[], StreamReader]
    render_error: Callable[[ProxyError, str], dict[str, Any]]
    """The body of an error answer, from the error and the request id."""
    encode_error_event: Callable[[ProxyError, str], bytes]
    """The event that ends a broken stream."""
    heartbeat: bytes = b": heartbeat\n\n"
    answer_member: str | None = None
    """The member of a stream's first event that is the answer; None: the event's own members are."""
    terminal: bytes | None = None
    """What ends a complete stream whose provider sent no terminal event; None if there is no such stream."""
    default_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers the upstream needs when the client did not send them."""
    client_headers: frozenset[str] = frozenset()
    """Which of a client's headers the upstream may see, names in lower case. No other one is passed on."""

    def rename_event(self, event: Event, name: str) -> bytes:
        """The bytes of `event` with the model renamed in its data; framing and padding stay as they came.

        Data on several lines, in pieces or not JSON stays as it is.
        """
        raw, data = event.raw, event.data
        renamed = self.rename_model(data, name)
        if renamed is data or b"\n" in data or not event.is_whole:
            return raw
        if raw.startswith(b"data: "):
            return b"data: " + renamed + raw[len(data) + 6 :]
        start = _find_data(raw, data)
        return raw[:start] + renamed + raw[start + len(data) :] if start >= 0 else raw


def find_answer_id(document: Any, member: str | None = None) -> str | None:
    """The `id` of an answer, or of the answer in `member` of an event; None: it has none."""
    answer = document.get(member) if member is not None and isinstance(document, dict) else document
    found = answer.get("id") if isinstance(answer, dict) else None
    return found if isinstance(found, str) and found else None


def _find_data(raw: bytes, data: bytes) -> int:
    """Where the one data line of an event has its value; -1 if it cannot be told."""
    for line_start in (b"data: ", b"data:"):
        at = raw.find(line_start + data)
        # A comment may hold the same text: the field must begin a line.
        while at > 0 and raw[at - 1 : at] not in (b"\n", b"\r", b"\xbf"):
            at = raw.find(line_start + data, at + 1)
        if at >= 0:
            return at + len(line_start)
    return -1


def load_formats(package: str, path: Iterable[str]) -> dict[str, Format]:
    """Every format in the files of a package, by name. Raises ValueError if two files claim one name."""
    found: dict[str, tuple[Format, str]] = {}
    for module_info in pkgutil.iter_modules(path):
        module = importlib.import_module(f"{package}.{module_info.name}")
        candidate = module.FORMAT
        assert isinstance(candidate, Format), f"{module.__file__}: FORMAT is not a Format"
        if candidate.name in found:
            raise ValueError(
                f"two files define the format {candidate.name!r}: {found[candidate.name][1]} and {module.__file__}"
            )
        found[candidate.name] = (candidate, str(module.__file__))
    return {name: candidate for name, (candidate, _) in found.items()}


FORMATS: Mapping[str, Format] = load_formats(__name__, __path__)
SPOKEN = frozenset(spoken.api_format for spoken in FORMATS.values())
"""Every `api_format` of an upstream that can be served."""
