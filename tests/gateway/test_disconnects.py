"""Clients that leave: whatever they read, the answer is billed once, with what the provider really counted."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from product import TESTER, Product
from scripted import STREAM_HEAD, Connection, ScriptedProvider
from tabs import FORMATS, TERMINALS, Tab, Wire, body_for, cost_of, tokens_of

from quart_proxy.core.usage import Dimension
from quart_proxy.services import relay as relay_module
from quart_proxy.services import relay_pool as relay_pool_module
from quart_proxy.services.relay_pool import RelayPool

LEAVE: tuple[Callable[[Wire], None], ...] = (Wire.close, Wire.reset, Wire.half_close)


async def until(condition: Callable[[], bool], timeout_s: float = 10) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("api_format", FORMATS)
async def test_leaving_after_any_event_bills_real_usage_once(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:words=6,delay_ms=15", api_format)
    whole = (await tab.ask(model, api_format, stream=True, nonce=f"{model}-whole")).text
    events = whole.count("\n\n")
    nonces = [f"{model}-{count:02}-{way}" for count in range(events + 1) for way in range(len(LEAVE))]

    async def leave(count: int, way: int, nonce: str) -> None:
        wire = await tab.call(model, api_format, nonce=nonce)
        if count:
            await wire.read_events(count)
        LEAVE[way](wire)

    await asyncio.gather(*(leave(int(nonce.split("-")[2]), int(nonce[-1]), nonce) for nonce in nonces))
    rows = await tab.rows(1 + len(nonces))
    entries = await tab.ledger(model)
    assert len(entries) == len(rows), "each call reached the provider once"
    assert all(entry["usage_sent"] for entry in entries)
    assert {row.outcome for row in rows} == {"completed"}
    assert sum(row.cost for row in rows) == sum(cost_of(tokens_of(entry["usage_promised"])) for entry in entries)
    assert await tab.spent() == sum(row.cost for row in rows)


@pytest.mark.parametrize("leave", LEAVE)
@pytest.mark.parametrize("stream", [True, False])
async def test_leaving_before_the_first_byte_bills_real_usage(
    tab: Tab, leave: Callable[[Wire], None], stream: bool
) -> None:
    model = await tab.add_model("sandbox:first_byte_ms=300")
    wire = await tab.call(model, stream=stream, nonce=model)
    await tab.entry(model)
    leave(wire)
    await tab.row()
    await tab.assert_billed(await tab.entry(model))


async def test_more_departures_than_may_be_read_on_cut_the_provider(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_pool_module, "DRAINS_MAX", 1)
    model = await tab.add_model("sandbox:words=20,delay_ms=60")
    wires = [await tab.call(model, nonce=f"{model}-{number}") for number in range(3)]
    for wire in wires:
        await wire.read_events(2)
    for wire in wires:
        wire.close()
    rows = await tab.rows(3)
    outcomes = sorted(row.outcome for row in rows)
    assert outcomes == ["aborted_unmetered", "aborted_unmetered", "completed"]
    assert all((row.cost > 0) is (row.outcome == "completed") for row in rows)
    entries = await tab.ledger(model)
    assert sorted(entry["usage_sent"] for entry in entries) == [False, False, True]
    assert sorted(entry["client_gone"] for entry in entries) == [False, True, True]
    assert await tab.spent() == sum(row.cost for row in rows)


async def test_an_answer_without_end_is_not_read_for_ever_for_nobody(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "DRAIN_TIMEOUT_S", 0.2)
    model = await tab.add_model("sandbox:endless=1,delay_ms=20")
    wire = await tab.call(model, nonce=model)
    await wire.read_events(2)
    wire.close()
    row = await tab.assert_free("aborted_unmetered")
    assert row.error_code == "stream_interrupted"
    assert row.status == 200


async def test_leaving_before_the_answer_was_begun_is_noticed(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The web server drops an answer whose head it cannot send without ever asking for its body."""
    monkeypatch.setattr(relay_module, "DRAIN_TIMEOUT_S", 0.2)
    model = await tab.add_model("sandbox:endless=1,delay_ms=20")
    body = json.dumps(body_for("openai", model, True, model)).encode()
    is_gone = asyncio.Event()
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await is_gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        assert (message["type"], message["status"]) == ("http.response.start", 200)
        is_gone.set()
        await asyncio.sleep(60)

    headers = [(name.encode(), value.encode()) for name, value in tab.headers.items()]
    path = "/v1/chat/completions"
    scope: dict[str, Any] = {"type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": path}
    scope |= {"raw_path": path.encode(), "query_string": b"", "headers": headers, "root_path": "", "asgi": {}}
    app: Any = tab.product.app
    await asyncio.gather(asyncio.create_task(app(scope, receive, send)), return_exceptions=True)
    await tab.assert_free("aborted_unmetered")


async def test_an_answer_that_is_cut_gives_its_hold_back(tab: Tab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_pool_module, "DRAINS_MAX", 0)
    model = await tab.add_model("sandbox:endless=1,delay_ms=20")
    _, tab.key = await tab.product.accounts.create_key(
        TESTER, user_id=tab.user_id, name="one at a time", max_concurrency=1
    )
    await tab.product.refresh()
    for _ in range(3):
        wire = await tab.call(model)
        await wire.read_events(1)
        wire.close()
        await until(lambda: len(tab.product.service(RelayPool)) == 0)
    assert {row.outcome for row in await tab.rows(3)} == {"aborted_unmetered"}


async def test_a_reader_that_stops_reading_is_given_up_and_billed(
    tab: Tab, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "WRITE_STALL_S", 1.0)
    event = b'data: {"choices":[{"delta":{"content":"' + b"x" * 2**16 + b'"}}]}\n\n'
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010}}\n\n'
    events = 640
    sent = 0

    async def script(connection: Connection) -> None:
        nonlocal sent
        await connection.send(STREAM_HEAD)
        for _ in range(events):
            await connection.send(event)
            sent += 1
        await connection.send(usage + b"data: [DONE]\n\n")

    scripted.script = script
    model = await tab.add_model("anything", api_url=scripted.url)
    wire = await tab.open_wire(receive_bytes=4096)
    body = b'{"model":"%s","stream":true,"messages":[]}' % model.encode()
    await wire.send("POST", "/v1/chat/completions", body, **tab.headers)
    assert await wire.read_head() == 200
    await asyncio.sleep(0.5)
    assert 0 < sent < events, "the provider is read no faster than the client reads"
    row = await tab.row()
    assert row.outcome == "completed"
    assert (row.tokens[Dimension.INPUT], row.tokens[Dimension.OUTPUT]) == (1000, 10)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await wire.read_all()
    assert TERMINALS["openai"] not in wire.received


async def test_a_storm_of_connect_and_drop_leaves_the_service_whole(running: Product, tab: Tab) -> None:
    model = await tab.add_model("sandbox:words=3")

    async def drop(number: int) -> None:
        wire = await tab.call(model, stream=number % 2 == 0, nonce=model)
        if number % 3:
            await asyncio.sleep(0.002 * (number % 7))
        (wire.reset if number % 5 else wire.close)()

    for start in range(0, 300, 50):
        await asyncio.gather(*(drop(number) for number in range(start, start + 50)))
    await until(lambda: len(running.service(RelayPool)) == 0)
    answers = await asyncio.gather(*(tab.ask(model, stream=number % 2 == 0, nonce=model) for number in range(50)))
    assert [answer.status_code for answer in answers] == [200] * 50
    await until(lambda: len(running.service(RelayPool)) == 0)
    rows = await running.rows(50, user_id=tab.user_id)
    calls = await tab.ledger(model)
    assert len([row for row in rows if row.price_id]) == len([call for call in calls if call["usage_sent"]])
    assert await tab.spent() == sum(row.cost for row in rows)
    assert await running.imbalances() == []
