"""The terminal event is a promise: it leaves only when the charge cannot be lost any more."""

import asyncio
from decimal import Decimal

import pytest
from product import Product
from scripted import ScriptedProvider
from tabs import FORMATS, HEARTBEATS, TERMINALS, Tab, Wire, after_heartbeats, locked_user

from quart_proxy.services.billing import Settler


async def until_settled(product: Product) -> None:
    async with asyncio.timeout(10):
        while product.service(Settler).backlog:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("api_format", FORMATS)
async def test_the_terminal_event_waits_for_the_commit(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:words=3", api_format)
    async with locked_user(tab):
        wire = await tab.call(model, api_format, nonce=model)
        before = await wire.read_until(HEARTBEATS[api_format])
        assert (await tab.entry(model))["terminal_sent"]
        assert TERMINALS[api_format] not in before
        assert before.count(b"data:") > 3, "the content does not wait"
        assert await tab.product.rows(user_id=tab.user_id) == []
    assert TERMINALS[api_format] in await wire.read_all()
    await tab.assert_billed(await tab.entry(model))


@pytest.mark.usefixtures("hasty_settlers")
async def test_the_terminal_event_comes_from_the_spool_when_the_database_does_not_commit(tab: Tab) -> None:
    model = await tab.add_model("sandbox:words=3")
    settler = tab.product.service(Settler)
    async with locked_user(tab):
        wire = await tab.call(model, nonce=model)
        assert TERMINALS["openai"] in await wire.read_all()
        assert settler.backlog > 0
        assert await tab.product.rows(user_id=tab.user_id) == []
    await tab.assert_billed(await tab.entry(model))
    await until_settled(tab.product)


@pytest.mark.usefixtures("hasty_settlers")
async def test_a_document_waits_for_the_commit_too(tab: Tab) -> None:
    model = await tab.add_model("sandbox:words=3")
    before = await tab.product.balance(tab.user_id)
    async with locked_user(tab):
        answer = await tab.ask(model, nonce=model)
        assert answer.status_code == 200
        assert tab.product.service(Settler).backlog > 0
        cost, left = (Decimal(answer.headers[f"x-quart-proxy-{name}"]) for name in ("cost", "balance"))
        assert cost > 0
        # The charge is in what is left before it is in the database.
        assert left == before - cost
    await tab.assert_billed(await tab.entry(model))
    await until_settled(tab.product)


@pytest.mark.usefixtures("hasty_settlers")
async def test_a_client_that_leaves_while_the_charge_is_made_durable_is_billed_once(tab: Tab) -> None:
    model = await tab.add_model("sandbox:words=3")
    async with locked_user(tab):
        wires = [await tab.call(model, nonce=f"{model}-{number}") for number in range(4)]
        for wire in wires:
            await wire.read_events(4)
            wire.reset()
    rows = await tab.rows(4)
    assert {row.outcome for row in rows} == {"completed"}
    assert await tab.spent() == sum(row.cost for row in rows)
    await until_settled(tab.product)
    assert await tab.product.imbalances() == []


async def test_no_heartbeat_stands_inside_a_large_terminal_event_that_waits(
    tab: Tab, scripted: ScriptedProvider
) -> None:
    model = await tab.add_model("anything", "openai_responses", api_url=scripted.url)
    event = b'event: response.completed\ndata: {"type":"response.completed","response":{"output":"'
    event += b"x" * (17 * 2**20) + b'","usage":{"input_tokens":100,"output_tokens":20,"total_tokens":120}}}\n\n'
    scripted.streams(event)
    wire: Wire
    async with locked_user(tab):
        wire = await tab.call(model, "openai_responses")
        await wire.read_until(b"x" * 2**24)
        await asyncio.sleep(0.6)
        assert not wire.received.endswith(b"\n\n")
    body = await wire.read_all()
    assert after_heartbeats(body, "openai_responses") == event
    assert (await tab.row()).outcome == "completed"
