"""The formats that clients and providers speak: a file or a folder each, found by its name.

Each exports `FORMAT`, a record of what can be done in it: a `ClientFormat` that clients speak, an `UpstreamFormat` that
providers speak, or a `Format`, which is both and passes through as it is. Formats do not know each other: they meet in
`core/chat.py`. What several of them share stands beside this package, not in it.
"""

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Protocol

from quart_proxy.core.chat import Chat, ChatAnswer, ChatFrame
from quart_proxy.core.chat_events import ChatReader, ChatWriter
from quart_proxy.core.errors import ProxyError
from quart_proxy.core.prompts import SystemPrompt
from quart_proxy.core.sse import Event
from quart_proxy.core.usage import Reading, Usage


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


class RenderChat(Protocol):
    def __call__(self, chat: Chat, *, actual_model: str, max_tokens_default: int | None) -> dict[str, Any]: ...


class UpstreamUrl(Protocol):
    def __call__(self, api_url: str, *, actual_model: str, is_streaming: bool) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class ClientChat:
    """How clients of a format say a chat, and how they are answered."""

    parse_chat: Callable[[Mapping[str, Any]], Chat]
    """The chat in a client's own JSON. Raises InvalidRequest for what is wrong, and Untranslatable for what only the
    client's own format can say; either names the field."""
    render_answer: Callable[[ChatAnswer, Usage | None, ChatFrame], dict[str, Any]]
    """The whole answer for the client; a usage of None was not told."""
    open_writer: Callable[[ChatFrame], ChatWriter]


@dataclass(frozen=True, slots=True, eq=False)
class UpstreamChat:
    """How providers of a format are asked for a chat, and how their answers are read."""

    render_chat: RenderChat
    """The body for the upstream, streaming and asked for usage as the chat says. `max_tokens_default` is for a format
    that must be told a limit: the model's own, None where the operator set none. Raises Untranslatable, naming the
    client's field."""
    parse_answer: Callable[[Mapping[str, Any], ChatFrame], ChatAnswer]
    """A whole 2xx answer that reports no failure. Never raises: what cannot be read is not there."""
    open_reader: Callable[[ChatFrame], ChatReader]


@dataclass(frozen=True, eq=False, kw_only=True)
class ClientFormat:
    """A format that clients speak, as functions."""

    name: str
    api_format: str
    """Which `api_format` of an upstream serves it as it is; its own name where none does."""
    endpoint: str
    """The path under `/v1` at which clients call it, as the log of requests names it."""
    parse_request: Callable[[bytes], ClientRequest]
    """The request in a body. Raises InvalidRequest, naming the field."""
    render_error: Callable[[ProxyError, str], dict[str, Any]]
    """The body of an error answer, from the error and the request id."""
    encode_error_event: Callable[[ProxyError, str], bytes]
    """The event that ends a broken stream."""
    heartbeat: bytes = b": heartbeat\n\n"
    client_headers: frozenset[str] = frozenset()
    """Which of a client's headers an upstream of the same format may see, names in lower case. No other one is passed
    on."""
    client_chat: ClientChat | None = None
    """None: requests in this format are no conversations, and pass through or not at all."""


@dataclass(frozen=True, eq=False, kw_only=True)
class UpstreamFormat:
    """A format that providers speak, as functions."""

    name: str
    api_format: str
    upstream_url: UpstreamUrl
    """The address to call, from the `api_url` of an upstream."""
    models_url: Callable[[str], str]
    """The address of the provider's own list of models."""
    credential_headers: Callable[[str], dict[str, str]]
    """The headers that carry the provider's key."""
    read_answer: Callable[[bytes], Answer]
    open_stream: Callable[[], StreamReader]
    default_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers the upstream needs when the client did not send them."""
    answer_member: str | None = None
    """The member of a stream's first event that is the answer; None: the event's own members are."""
    id_member: str = "id"
    """The member of an answer that names it."""
    upstream_chat: UpstreamChat | None = None
    """None: it answers no conversations."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Format(ClientFormat, UpstreamFormat):
    """A format that both speak: what is said passes through as it is, but for the names of models."""

    render_request: RenderRequest
    """The body for the upstream: the client's own, the model renamed, the prompt added, usage asked for."""
    rename_model: Callable[[bytes, str], bytes]
    """A JSON text with the model's name in it replaced, and every other byte kept."""
    count_url: Callable[[str], str] | None = None
    """The address at which the tokens of a request are counted, from the `api_url` of an upstream; None: nowhere."""
    terminal: bytes | None = None
    """What ends a complete stream whose provider sent no terminal event; None if there is no such stream."""

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


def find_answer_id(document: Any, member: str | None = None, id_member: str = "id") -> str | None:
    """What the provider calls an answer, or the answer in `member` of an event; None: it has no name."""
    answer = document.get(member) if member is not None and isinstance(document, dict) else document
    found = answer.get(id_member) if isinstance(answer, dict) else None
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


AnyFormat = ClientFormat | UpstreamFormat


def load_formats(package: str, path: Iterable[str]) -> dict[str, AnyFormat]:
    """Every format in the files and folders of a package, by name. Raises ValueError if two claim one name."""
    found: dict[str, tuple[AnyFormat, str]] = {}
    for module_info in pkgutil.iter_modules(path):
        module = importlib.import_module(f"{package}.{module_info.name}")
        candidate = module.FORMAT
        assert isinstance(candidate, AnyFormat), f"{module.__file__}: FORMAT is not a format"
        if candidate.name in found:
            raise ValueError(
                f"two files define the format {candidate.name!r}: {found[candidate.name][1]} and {module.__file__}"
            )
        found[candidate.name] = (candidate, str(module.__file__))
    return {name: candidate for name, (candidate, _) in found.items()}


_LOADED = load_formats(__name__, __path__)
FORMATS: Mapping[str, Format] = {name: each for name, each in _LOADED.items() if isinstance(each, Format)}
"""What passes through as it is, by name."""
CLIENT_FORMATS: Mapping[str, ClientFormat] = {n: each for n, each in _LOADED.items() if isinstance(each, ClientFormat)}
"""What clients speak, by name."""
UPSTREAM_FORMATS: Mapping[str, UpstreamFormat] = {
    each.api_format: each
    for each in _LOADED.values()
    if isinstance(each, UpstreamFormat) and each.name == each.api_format
}
"""What upstreams speak, by their `api_format`."""
SPOKEN = frozenset(UPSTREAM_FORMATS)
"""Every `api_format` of an upstream that can be served."""


def find_serving(client: ClientFormat, api_format: str) -> UpstreamFormat | None:
    """How an upstream of `api_format` is called for clients of a format: in that one itself where it passes through, in
    its own where it is translated. None: it cannot serve them."""
    if isinstance(client, Format) and client.api_format == api_format:
        return client
    spoken = UPSTREAM_FORMATS.get(api_format)
    if client.client_chat is None or spoken is None or spoken.upstream_chat is None:
        return None
    return spoken
