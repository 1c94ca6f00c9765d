"""What a provider's refusal becomes for the client: its status by a table, its sentence without its secrets."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from quart_proxy.core.errors import (
    ProxyError,
    UpstreamError,
    UpstreamFailed,
    UpstreamOverloaded,
    UpstreamRateLimited,
    UpstreamRejected,
)
from quart_proxy.core.provider_errors import ProviderMessage, read_error_message
from quart_proxy.upstream.client import UpstreamExchange

RETRY_AFTER_MAX_S = 3600
BODY_TIMEOUT_S = 5.0
"""A refusal is known by its status; its sentence is not worth more of a client's time."""

OVERLOADED = frozenset({"overloaded_error", "overloaded", "server_overloaded", "UNAVAILABLE"})
RATE_LIMITED = frozenset({"rate_limit_error", "rate_limit_exceeded", "RESOURCE_EXHAUSTED"})
"""What providers call these two inside a stream, where there is no status."""

# Our credentials and our account with the provider are no business of the client: to it they are a bad gateway.
OURS = frozenset({401, 402, 403})
OUR_CODES = frozenset({"API_KEY_INVALID"})
"""Google refuses a key with the status 400."""


async def read_refusal(upstream: UpstreamExchange, bytes_max: int) -> ProxyError:
    """The error for an answer that is not 2xx. Reads at most `bytes_max` of its body; a body that breaks off
    changes nothing but the sentence."""
    status = upstream.status
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            body, _ = await upstream.read(bytes_max)
    except (TimeoutError, UpstreamError):
        body = b""
    said = read_error_message(body)
    retry_after_s = parse_retry_after(upstream.headers.get("retry-after"))
    if status == 429:
        return UpstreamRateLimited(said.message or "The provider is limiting its rate.", retry_after_s=retry_after_s)
    if status == 529:
        return UpstreamOverloaded(said.message or "The provider is overloaded.", retry_after_s=retry_after_s)
    is_ours = status in OURS or said.code in OUR_CODES
    if 400 <= status < 500 and not is_ours:
        message = said.message or f"The provider refused the request with status {status}."
        return UpstreamRejected(message, status=status, code=said.code, param=said.param)
    if is_ours:
        message = "The provider refused this proxy's own credentials or account; tell the operator."
        return UpstreamFailed(message, is_retryable=False)
    if status < 500:
        return UpstreamFailed(
            f"The provider answered with status {status}, which means nothing here.", is_retryable=False
        )
    return UpstreamFailed(f"The provider failed with status {status}.", retry_after_s=retry_after_s)


def failure_of(said: ProviderMessage) -> UpstreamError:
    """The error for a failure that a provider reports inside an answer that began with 200."""
    message = said.message or "The provider reported a failure without saying which."
    if said.code in OVERLOADED:
        return UpstreamOverloaded(message)
    if said.code in RATE_LIMITED:
        return UpstreamRateLimited(message)
    return UpstreamFailed(message)


def parse_retry_after(text: str | None) -> int | None:
    """Seconds to wait, from seconds or an HTTP date; None for anything that is neither. From 0 to an hour."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return None
        seconds = (moment - datetime.now(UTC)).total_seconds() if moment.tzinfo else 0.0
    if seconds != seconds:
        return None
    return int(min(max(seconds, 0), RETRY_AFTER_MAX_S))
