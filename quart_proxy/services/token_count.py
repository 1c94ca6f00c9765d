"""How many tokens a request would have as input, told before it is made: by the provider that would serve it, or else
by an estimate of our own. It is free: nothing is held, charged or written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from quart_proxy.core.chat import with_prompt
from quart_proxy.core.errors import Untranslatable, UpstreamError, UpstreamFailed, UpstreamRejected
from quart_proxy.core.formats import ClientFormat, ClientRequest, Format
from quart_proxy.core.prompts import SystemPrompt
from quart_proxy.core.token_estimate import estimate_input_tokens
from quart_proxy.core.usage import InvalidCount, parse_count
from quart_proxy.services.auth import Caller
from quart_proxy.services.refusals import read_refusal
from quart_proxy.services.routing import Route, Router
from quart_proxy.settings import ERROR_BYTES_MAX
from quart_proxy.upstream.client import Timeouts, UpstreamClient, UpstreamExchange

PATIENCE = Timeouts(connect_s=2.0, first_byte_s=5.0, idle_s=2.0, total_s=7.0)
"""A client counts before it asks, and can do with an estimate."""
ANSWER_BYTES_MAX = 64 * 1024
FAULTS_OF_THE_BODY = frozenset({400, 413, 422})
"""What a provider refuses so, it would refuse to answer too. Any other refusal says nothing of the request: many
providers of the format do not count."""


@dataclass(frozen=True, slots=True)
class TokenCount:
    """`is_estimate`: nobody who knows was asked, or nobody answered."""

    input_tokens: int
    is_estimate: bool


class TokenCounter:
    def __init__(self, router: Router, client: UpstreamClient) -> None:
        self._router = router
        self._client = client

    async def count(self, caller: Caller, client_format: ClientFormat, request: ClientRequest) -> TokenCount:
        """With the system prompt that would be added. The first upstream of the model is asked if it speaks the
        client's format; what others would be sent is estimated.

        Raises what `Router.find_route` raises, InvalidRequest and Untranslatable for a body that would be refused, and
        UpstreamRejected when the provider refuses it.
        """
        route = await self._router.find_route(caller, request.model, client_format)
        spoken = route.targets[0].spoken
        if not isinstance(spoken, Format) or spoken.name != client_format.name or spoken.count_url is None:
            return TokenCount(_estimate(client_format, request.body, route.prompt), is_estimate=True)
        try:
            return TokenCount(await self._ask(spoken, spoken.count_url, request, route), is_estimate=False)
        except UpstreamError as error:
            if isinstance(error, UpstreamRejected) and error.status in FAULTS_OF_THE_BODY:
                raise
            failure = error
        try:
            return TokenCount(_estimate(client_format, request.body, route.prompt), is_estimate=True)
        except Untranslatable:
            # It is good for this provider, which alone could have counted it.
            raise failure from None

    async def _ask(self, spoken: Format, count_url: Callable[[str], str], request: ClientRequest, route: Route) -> int:
        target = route.targets[0]
        exchange = await self._client.open(
            count_url(target.upstream.api_url),
            headers={**target.headers, **request.headers},
            body=spoken.render_request(request, actual_model=target.upstream.actual_model, prompt=route.prompt),
            timeouts=PATIENCE,
        )
        try:
            return await _read_count(exchange)
        finally:
            await exchange.close()


async def _read_count(exchange: UpstreamExchange) -> int:
    if not 200 <= exchange.status < 300:
        raise await read_refusal(exchange, ERROR_BYTES_MAX)
    body, _ = await exchange.read(ANSWER_BYTES_MAX)
    try:
        return parse_count(orjson.loads(body)["input_tokens"], "input_tokens")
    except (orjson.JSONDecodeError, TypeError, KeyError, InvalidCount):
        raise UpstreamFailed("The provider's answer holds no count.", is_retryable=False) from None


def _estimate(client_format: ClientFormat, body: Mapping[str, Any], prompt: SystemPrompt | None) -> int:
    assert client_format.client_chat is not None, "a count is asked for in a format of conversations"
    # What is only counted needs no limit.
    chat = client_format.client_chat.parse_chat({"max_tokens": 1, **body})
    return estimate_input_tokens(with_prompt(chat, prompt))
