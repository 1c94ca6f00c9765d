"""The official SDKs, which put streams together again as clients do, over a server that answers what it is told to."""

from collections.abc import Callable, Mapping
from typing import Any

import anthropic
import httpx2
import openai

_CHAT: Any = {"model": "ours", "messages": [{"role": "user", "content": "Hello"}]}
_MESSAGE: Any = {**_CHAT, "max_tokens": 5}
_RESPONSE: Any = {"model": "ours", "input": "Hello"}


class Sdks:
    """Clients are dear to make: one of each serves all tests of a module."""

    def __init__(self) -> None:
        self._answer = httpx2.Response(200)
        http = httpx2.Client(transport=httpx2.MockTransport(lambda _: self._answer))
        self.openai = openai.OpenAI(api_key="sk-x", base_url="http://h.example/v1", http_client=http, max_retries=0)
        self.anthropic = anthropic.Anthropic(
            api_key="sk-x", base_url="http://h.example", http_client=http, max_retries=0
        )

    def read(self, client: str, body: bytes, *, is_stream: bool) -> Any:
        """What the SDK of a client's format makes of an answer, whole or streamed: its own object."""
        kind = "text/event-stream" if is_stream else "application/json"
        self._answer = httpx2.Response(200, content=body, headers={"content-type": kind})
        return _READ[client](self, is_stream)


def _read_chat(sdks: Sdks, is_stream: bool) -> Any:
    if not is_stream:
        return sdks.openai.chat.completions.create(**_CHAT)
    with sdks.openai.chat.completions.stream(**_CHAT) as stream:
        try:
            return stream.get_final_completion()
        except openai.LengthFinishReasonError as cut:
            return cut.completion


def _read_message(sdks: Sdks, is_stream: bool) -> Any:
    if not is_stream:
        return sdks.anthropic.messages.create(**_MESSAGE)
    with sdks.anthropic.messages.stream(**_MESSAGE) as stream:
        return stream.get_final_message()


def _read_response(sdks: Sdks, is_stream: bool) -> Any:
    if not is_stream:
        return sdks.openai.responses.create(**_RESPONSE)
    with sdks.openai.responses.stream(**_RESPONSE) as stream:
        # Of an answer that was cut the SDK keeps no snapshot; the last event has it whole.
        *_, last = stream
        return last.response


_READ: Mapping[str, Callable[[Sdks, bool], Any]] = {
    "openai": _read_chat,
    "anthropic": _read_message,
    "openai_responses": _read_response,
}
