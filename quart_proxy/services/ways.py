"""How one request goes to one upstream, and how its answer comes back: as it is, or in another format."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import cached_property

import orjson

from quart_proxy.core.chat import Chat, ChatFrame, with_prompt
from quart_proxy.core.formats import Answer, ClientChat, ClientFormat, ClientRequest, Format, UpstreamChat
from quart_proxy.core.token_estimate import estimate_input_tokens
from quart_proxy.core.usage_fields import load_lenient
from quart_proxy.services.passage import Passage, SameFormatPassage, TranslatedPassage
from quart_proxy.services.routing import Route
from quart_proxy.services.targets import Target

Put = Callable[[bytes], Awaitable[None]]


class Way(ABC):
    """The way of a request to `target`. `body` and `headers` are what the upstream is sent."""

    target: Target
    body: bytes
    headers: Mapping[str, str]

    @abstractmethod
    def render_answer(self, body: bytes, answer: Answer) -> bytes:
        """A whole answer of the upstream, in which `answer` was read, for the client."""

    @abstractmethod
    def open_passage(self, put: Put, on_first: Callable[[], None]) -> Passage:
        """The way back of a stream."""


class SameFormat(Way):
    """Client and upstream speak one format: the client's own JSON there, the provider's own bytes back."""

    def __init__(self, spoken: Format, request: ClientRequest, route: Route, target: Target) -> None:
        self.target = target
        self.body = spoken.render_request(request, actual_model=target.upstream.actual_model, prompt=route.prompt)
        self.headers = {**target.headers, **request.headers}
        self._format = spoken
        self._request = request

    def render_answer(self, body: bytes, answer: Answer) -> bytes:
        return self._format.rename_model(body, self._request.model)

    def open_passage(self, put: Put, on_first: Callable[[], None]) -> Passage:
        return SameFormatPassage(
            self._format,
            model=self._request.model,
            wants_usage=self._request.wants_usage,
            put=put,
            on_first=on_first,
        )


class Translated(Way):
    """The client's chat in the upstream's format, and the answer in the client's."""

    def __init__(
        self, client: ClientChat, spoken: UpstreamChat, frame: ChatFrame, route: Route, target: Target
    ) -> None:
        self.target = target
        self.body = orjson.dumps(
            spoken.render_chat(
                frame.chat,
                actual_model=target.upstream.actual_model,
                max_tokens_default=route.model.limits.get("max_output_tokens"),
            )
        )
        self.headers = target.headers
        self._client = client
        self._spoken = spoken
        self._frame = frame

    def render_answer(self, body: bytes, answer: Answer) -> bytes:
        parsed = self._spoken.parse_answer(load_lenient(body), self._frame)
        return orjson.dumps(self._client.render_answer(parsed, answer.reading.usage, self._frame))

    def open_passage(self, put: Put, on_first: Callable[[], None]) -> Passage:
        return TranslatedPassage(
            self.target.spoken,
            reader=self._spoken.open_reader(self._frame),
            writer=self._client.open_writer(self._frame),
            input_tokens_estimated=lambda: estimate_input_tokens(self._frame.chat),
            put=put,
            on_first=on_first,
        )


class Ways:
    """The ways of one request. Its chat is read once, and only when an upstream speaks another format."""

    def __init__(
        self, client: ClientFormat, request: ClientRequest, route: Route, *, request_id: str, created_s: int
    ) -> None:
        self._client = client
        self._request = request
        self._route = route
        self._request_id = request_id
        self._created_s = created_s

    def find(self, target: Target) -> Way:
        """The way to `target`. Raises InvalidRequest and Untranslatable for what cannot be said there."""
        spoken, client = target.spoken, self._client.client_chat
        if isinstance(spoken, Format) and spoken.name == self._client.name:
            return SameFormat(spoken, self._request, self._route, target)
        assert client is not None, "the router gives no target that cannot be asked"
        assert spoken.upstream_chat is not None, "the router gives no target that cannot be asked"
        return Translated(client, spoken.upstream_chat, self._frame, self._route, target)

    @cached_property
    def _frame(self) -> ChatFrame:
        assert self._client.client_chat is not None
        chat: Chat = self._client.client_chat.parse_chat(self._request.body)
        return ChatFrame(
            chat=replace(with_prompt(chat, self._route.prompt), is_streaming=self._request.is_streaming),
            model=self._request.model,
            request_id=self._request_id,
            created_s=self._created_s,
            wants_usage=self._request.wants_usage,
        )
