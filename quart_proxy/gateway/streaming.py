"""A relay as an HTTP answer: whole, or as a stream with heartbeats into every silence."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

from quart import Response, g

from quart_proxy.core.errors import InvalidRequest
from quart_proxy.core.formats import ClientFormat
from quart_proxy.core.money import format_money
from quart_proxy.http import authenticated, event_stream, header_values, read_body, request_id, service
from quart_proxy.services.dispatch import Dispatcher
from quart_proxy.services.relay import Answer, Relay
from quart_proxy.services.relay_pool import RelayPool
from quart_proxy.settings import Settings

CLIENT_ID_HEADERS = (b"x-client-request-id", b"x-request-id", b"idempotency-key")
UNSTALLING_BYTES_MAX = 64 * 1024
PASSED_HEADER = re.compile(r"[\x20-\x7e]{1,1000}")
"""What a client's header may hold that is passed on: printable, so that it stays one header."""


async def relay_request(client_format: ClientFormat, endpoint: str) -> Response:
    """Answer the request being handled, whose body is in `client_format`."""
    caller = await authenticated()
    body = await read_body()
    relay = await service(Dispatcher).dispatch(
        request_id=request_id(),
        caller=caller,
        endpoint=endpoint,
        format=client_format,
        request=replace(client_format.parse_request(body), headers=passed_headers(client_format)),
        body_bytes=len(body),
        client_request_id=_client_id(),
        client_agent=next(iter(header_values(b"user-agent")), None),
    )
    # Whatever comes of it: the headers tell how the caller's minute stands.
    g.allowances = relay.allowances
    return await _answer(relay)


async def _answer(relay: Relay) -> Response:
    _abandon_at_end(relay)
    if not relay.exchange.streamed:
        answer = await asyncio.shield(relay.head)
        assert answer is not None
        return _whole(answer)
    heartbeat_s = service(Settings).heartbeat_s
    is_late = False
    try:
        # Until a first byte came or a heartbeat is due the status is still open: an upstream's 429 is a 429.
        async with asyncio.timeout(heartbeat_s):
            answer = await asyncio.shield(relay.head)
    except TimeoutError:
        answer = relay.begin_stream()
        is_late = True
    if answer is not None:
        return _whole(answer)
    return event_stream(_bytes(relay, heartbeat_s, is_late=is_late))


def _abandon_at_end(relay: Relay) -> None:
    """Tell the relay when nobody reads it any more, and let it end this task if that hangs.

    The end of the task tells it for certain: a generator that the web server never began runs no `finally`.
    """
    outbox, pool, task = relay.outbox, service(RelayPool), asyncio.current_task()
    assert task is not None

    def abandon_unread(_: object) -> None:
        # Or the relay would hold this task and the task the relay: a ring, which only the collector takes apart.
        outbox.on_stall = None
        if not outbox.is_finished:
            pool.abandon(relay)

    def give_up() -> None:
        pool.abandon(relay)
        # A client that takes no bytes leaves this task in a write that nothing else would end.
        task.cancel()

    task.add_done_callback(abandon_unread)
    outbox.on_stall = give_up


def _whole(answer: Answer) -> Response:
    headers = {
        "x-quart-proxy-cost": format_money(answer.cost),
        "x-quart-proxy-balance": format_money(answer.balance),
    }
    response = Response(answer.body, 200, headers, content_type=answer.content_type)
    if len(answer.body) <= UNSTALLING_BYTES_MAX:
        # A timeout costs a task; an answer that the socket's own buffer takes cannot stall.
        response.timeout = None
    return response


async def _bytes(relay: Relay, heartbeat_s: float, *, is_late: bool) -> AsyncIterator[bytes]:
    if is_late:
        yield relay.format.heartbeat
    while (data := await relay.outbox.get(heartbeat_s)) != b"":
        if data is not None:
            yield data
        elif not relay.is_inside_event:
            yield relay.format.heartbeat


def passed_headers(client_format: ClientFormat) -> dict[str, str]:
    """The client's headers that its format lets through; one that is there twice is one list. Raises
    InvalidRequest."""
    passed = {}
    for name in client_format.client_headers:
        value = ",".join(header_values(name.encode()))
        if value and not PASSED_HEADER.fullmatch(value):
            raise InvalidRequest(f"The header `{name}` must have 1 to 1,000 printable characters.", param=name)
        if value:
            passed[name] = value
    return passed


def _client_id() -> str | None:
    """The client's own name for this request: kept beside ours, never in its place."""
    for name in CLIENT_ID_HEADERS:
        for value in header_values(name):
            return value
    return None
