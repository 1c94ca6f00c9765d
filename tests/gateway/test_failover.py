"""A model with several upstreams: the next one answers when one fails before the first byte, and only one is billed."""

import asyncio
import random
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from product import Product
from scripted import STREAM_HEAD, Connection, ScriptedProvider
from tabs import Tab, cost_of, tokens_of

from quart_proxy.services import attempts
from quart_proxy.services.cooldown import Cooldowns
from quart_proxy.store.catalog import Upstream

NO_BODY = b"content-length: 0\r\nconnection: close\r\n\r\n"
KEY = "${env:SANDBOX_API_KEY}"


@pytest.fixture(autouse=True)
def rested(running: Product) -> Iterator[None]:
    """Every test finds every upstream well."""
    yield
    running.service(Cooldowns)._states.clear()


def sandbox(running: Product, scenario: str, key: str, *, api_format: str = "openai", **fields: Any) -> Upstream:
    url = running.sandbox_url + ("/v1" if api_format.startswith("openai") else "")
    return Upstream(key=key, api_format=api_format, api_url=url, api_key=KEY, actual_model=scenario, **fields)


def at(url: str, key: str, **fields: Any) -> Upstream:
    return Upstream(key=key, api_format="openai", api_url=f"{url}/v1", api_key=KEY, actual_model="x", **fields)


async def a_model(tab: Tab, *upstreams: Upstream, **routing: Any) -> str:
    """A model with these upstreams, one priority each, in this order. Its name."""
    name = f"Model-{uuid4().hex[:8]}"
    await tab.product.add_model(name, upstreams=upstreams, extra={"routing": routing})
    return name


FAILING = ["sandbox:status=500", "sandbox:status=503", "sandbox:status=529", "sandbox:status=429,retry_after=60"]
FAILING += ["sandbox:status=401", "sandbox:status=404", "sandbox:html=1", "sandbox:cut_after=0", "sandbox:redirect=1"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("failing", FAILING)
async def test_the_next_upstream_answers_and_is_billed_alone(
    tab: Tab, running: Product, failing: str, stream: bool
) -> None:
    nonce = uuid4().hex
    model = await a_model(tab, sandbox(running, failing, "first"), sandbox(running, "sandbox", "second", priority=1))
    answer = await tab.ask(model, stream=stream, nonce=nonce)
    assert answer.status_code == 200, answer.text
    failed, answered = await tab.ledger(nonce)
    assert (failed["model"], answered["model"]) == (failing, "sandbox")
    row = await tab.row()
    assert (row.outcome, row.upstream, row.upstream_status) == ("completed", f"{model}/second", 200)
    assert row.tokens == tokens_of(answered["usage_promised"])
    assert await tab.spent() == row.cost == cost_of(row.tokens) > 0
    assert row.attempts is not None
    (attempt,) = row.attempts
    assert attempt["upstream"] == f"{model}/first"
    assert attempt["status"] == failed["status"]
    assert attempt["error"]


async def test_an_upstream_that_is_not_there_is_passed_over(tab: Tab, running: Product, nobody: str) -> None:
    model = await a_model(tab, at(nobody, "first"), sandbox(running, "sandbox", "second", priority=1))
    assert (await tab.ask(model)).status_code == 200
    row = await tab.row()
    assert row.attempts == [
        {
            "upstream": f"{model}/first",
            "status": None,
            "error": "upstream_unreachable",
            "after_ms": row.attempts[0]["after_ms"],  # type: ignore[index]
            "pause_ms": row.attempts[0]["pause_ms"],  # type: ignore[index]
        }
    ]


async def test_an_upstream_that_is_too_slow_is_passed_over(tab: Tab, running: Product) -> None:
    slow = sandbox(running, "sandbox:hang=1", "first")
    name = f"Model-{uuid4().hex[:8]}"
    await running.add_model(
        name,
        upstreams=(slow, sandbox(running, "sandbox", "second", priority=1)),
        limits={"first_byte_timeout_s": 1},
        extra={},
    )
    assert (await tab.ask(name, stream=True)).status_code == 200
    row = await tab.row()
    assert [attempt["error"] for attempt in row.attempts or []] == ["upstream_timeout"]


async def test_one_upstream_that_fails_for_a_moment_is_asked_again(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await a_model(tab, at(scripted.url, "only"), max_attempts=3)
    good = b'{"id":"x","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}'
    asked: list[Connection] = []
    asked_after_ms: list[float] = []
    begun = time.monotonic()

    async def script(connection: Connection) -> None:
        asked.append(connection)
        asked_after_ms.append((time.monotonic() - begun) * 1000)
        if len(asked) < 3:
            await connection.send(b"HTTP/1.1 503 Busy\r\n" + NO_BODY)
        else:
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: "
            await connection.send(head + str(len(good)).encode() + b"\r\n\r\n" + good)

    scripted.script = script
    assert (await tab.ask(model)).status_code == 200
    row = await tab.row()
    assert [attempt["status"] for attempt in row.attempts or []] == [503, 503]
    assert asked[0].body == asked[2].body
    for attempt, next_ms in zip(row.attempts or [], asked_after_ms[1:], strict=True):
        # The pause is told beside the attempt, and is no part of it: the next one began after both.
        assert attempt["pause_ms"] >= attempts.PAUSE_S * 700
        assert attempt["after_ms"] + attempt["pause_ms"] <= next_ms + 1


async def test_the_last_failure_is_the_answer_when_all_fail(tab: Tab, running: Product) -> None:
    model = await a_model(
        tab,
        sandbox(running, "sandbox:status=500", "first"),
        sandbox(running, "sandbox:status=429,retry_after=33", "second", priority=1),
        max_attempts=2,
    )
    answer = await tab.ask(model)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "33")
    row = await tab.assert_free("upstream_error")
    assert (row.upstream, row.upstream_status, row.error_code) == (f"{model}/second", 429, "upstream_rate_limited")
    assert [attempt["status"] for attempt in row.attempts or []] == [500]


@pytest.mark.parametrize("scenario", ["sandbox:status=400", "sandbox:status=413", "sandbox:status=422"])
async def test_a_request_that_is_refused_is_tried_nowhere_else(tab: Tab, running: Product, scenario: str) -> None:
    model = await a_model(tab, sandbox(running, scenario, "a"), sandbox(running, "sandbox", "b", priority=1))
    assert (await tab.ask(model)).status_code == int(scenario[-3:])
    assert (await tab.assert_free("upstream_error")).attempts is None


@pytest.mark.parametrize("broken", ["sandbox:cut_after=3", "sandbox:error_in_stream=3", "sandbox:eof_after=3"])
async def test_nothing_is_tried_again_when_the_client_has_seen_a_word(tab: Tab, running: Product, broken: str) -> None:
    nonce = uuid4().hex
    paced = broken + ",delay_ms=30"
    model = await a_model(tab, sandbox(running, paced, "a"), sandbox(running, "sandbox", "b", priority=1))
    answer = await tab.ask(model, stream=True, nonce=nonce)
    assert b"error" in answer.content
    assert len(await tab.ledger(nonce)) == 1
    assert (await tab.row()).attempts is None
    assert await tab.spent() == 0


async def test_a_failure_that_reports_its_usage_is_billed_and_not_tried_again(
    tab: Tab, scripted: ScriptedProvider
) -> None:
    model = await a_model(tab, at(scripted.url, "a"), at(scripted.url, "b", priority=1))
    scripted.answers(
        200,
        b'{"error":{"message":"Broke."},"usage":{"prompt_tokens":30,"completion_tokens":2,"total_tokens":32}}',
        "content-type: application/json",
    )
    before = len(scripted.requests)
    assert (await tab.ask(model)).status_code == 502
    assert len(scripted.requests) == before + 1
    row = await tab.row()
    assert (row.outcome, row.attempts) == ("error_after_usage", None)
    assert await tab.spent() == row.cost > 0


async def test_heartbeats_do_not_hinder_another_upstream(
    tab: Tab, running: Product, scripted: ScriptedProvider
) -> None:
    model = await a_model(tab, at(scripted.url, "a"), sandbox(running, "sandbox", "b", priority=1))

    async def script(connection: Connection) -> None:
        await asyncio.sleep(0.5)
        await connection.send(b"HTTP/1.1 500 No\r\n" + NO_BODY)

    scripted.script = script
    answer = await tab.ask(model, stream=True)
    assert answer.content.startswith(b": heartbeat\n\n")
    assert answer.content.endswith(b"data: [DONE]\n\n")
    assert b"error" not in answer.content
    assert (await tab.row()).upstream == f"{model}/b"


async def test_a_client_that_left_is_the_reason_for_no_other_attempt(
    tab: Tab, running: Product, scripted: ScriptedProvider
) -> None:
    model = await a_model(tab, at(scripted.url, "a"), sandbox(running, "sandbox", "b", priority=1))
    gone = asyncio.Event()

    async def script(connection: Connection) -> None:
        wire.close()
        await asyncio.wait_for(gone.wait(), 10)
        await connection.send(b"HTTP/1.1 500 No\r\n" + NO_BODY)

    scripted.script = script
    nonce = uuid4().hex
    wire = await tab.call(model, nonce=nonce)
    await asyncio.sleep(0.3)
    gone.set()
    assert (await tab.row()).upstream == f"{model}/a"
    assert await tab.ledger(nonce) == []


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
async def test_a_client_that_leaves_in_the_pause_is_the_reason_for_no_other_attempt(
    tab: Tab, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(attempts, "PAUSE_S", 1.0)
    model = await a_model(tab, at(scripted.url, "only"))
    asked: list[Connection] = []
    is_refused = asyncio.Event()

    async def script(connection: Connection) -> None:
        asked.append(connection)
        await connection.send(b"HTTP/1.1 503 Busy\r\n" + NO_BODY)
        is_refused.set()

    scripted.script = script
    wire = await tab.call(model, stream=stream)
    await is_refused.wait()
    await asyncio.sleep(0.1)
    wire.close()
    row = await tab.assert_free("upstream_error")
    assert (len(asked), row.attempts, row.upstream_status) == (1, None, 503)


async def test_a_stream_that_reports_a_failure_is_no_success_of_its_upstream(
    tab: Tab, running: Product, scripted: ScriptedProvider
) -> None:
    model = await a_model(tab, at(scripted.url, "only"), max_attempts=1)
    scripted.answers(500, b"")
    assert (await tab.ask(model)).status_code == 502

    async def script(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n')
        await asyncio.sleep(0.05)
        await connection.send(b'data: {"error":{"message":"Overloaded"}}\n\n')

    scripted.script = script
    assert "Overloaded" in (await tab.ask(model, stream=True)).text
    await tab.rows(2)
    assert len(running.service(Cooldowns)._states) == 1, "what failed before is not forgotten"


@pytest.mark.parametrize("end", [b"\n\n", b"\n", b""], ids=["ended", "half ended", "not ended"])
@pytest.mark.parametrize("client", ["openai", "anthropic"])
async def test_a_stream_of_nothing_but_a_failure_is_tried_elsewhere_however_it_ends(
    tab: Tab, running: Product, scripted: ScriptedProvider, client: str, end: bytes
) -> None:
    model = await a_model(tab, at(scripted.url, "a"), sandbox(running, "sandbox", "b", priority=1))
    scripted.streams(b'data: {"error":{"message":"Overloaded"}}' + end)
    answer = await tab.ask(model, client, stream=True)
    assert answer.status_code == 200
    assert "error" not in answer.text
    assert (await tab.row()).upstream == f"{model}/b"


async def test_an_upstream_of_another_format_stands_in(tab: Tab, running: Product) -> None:
    for client in ("openai", "anthropic", "openai_responses"):
        for spare in ("anthropic", "openai_responses", "gemini", "openai"):
            customer = await Tab.open(running)
            model = await a_model(
                customer,
                sandbox(running, "sandbox:status=500", "first", api_format=client),
                sandbox(running, "sandbox", "second", api_format=spare, priority=1),
            )
            answer = await customer.ask(model, client, stream=True)
            assert answer.status_code == 200, (client, spare, answer.text)
            row = await customer.row()
            assert (row.outcome, row.upstream) == ("completed", f"{model}/second")
            assert await customer.spent() == row.cost > 0


async def test_what_one_upstream_cannot_be_told_another_one_is(tab: Tab, running: Product) -> None:
    model = await a_model(
        tab,
        sandbox(running, "sandbox", "a", api_format="anthropic"),
        sandbox(running, "sandbox", "b", priority=1),
    )
    assert (await tab.ask(model, logit_bias={"50256": -100})).status_code == 200
    row = await tab.row()
    assert (row.upstream, row.attempts) == (f"{model}/b", None)


async def test_what_no_upstream_can_be_told_is_refused_by_its_name(tab: Tab, running: Product) -> None:
    model = await a_model(tab, sandbox(running, "sandbox", "a", api_format="anthropic"))
    answer = await tab.ask(model, logit_bias={"50256": -100})
    assert answer.status_code == 422
    assert (answer.json()["error"]["code"], answer.json()["error"]["param"]) == ("untranslatable", "logit_bias")
    row = await tab.assert_free("refused")
    assert (row.status, row.error_code, row.upstream) == (422, "untranslatable", None)


async def test_weights_share_what_comes_and_one_of_none_gets_nothing(tab: Tab, running: Product) -> None:
    nonce = uuid4().hex
    shares = {"sandbox:words=1": 3, "sandbox:words=2": 1, "sandbox:words=3": 0}
    model = await a_model(
        tab,
        *(sandbox(running, name, f"u{number}", weight=weight) for number, (name, weight) in enumerate(shares.items())),
    )
    random.seed(4)
    await asyncio.gather(*(tab.ask(model, nonce=f"{nonce}{turn}") for turn in range(80)))
    called = [entry["model"] for entry in await tab.ledger(nonce)]
    assert len(called) == 80
    assert called.count("sandbox:words=1") > called.count("sandbox:words=2") > 5
    assert called.count("sandbox:words=3") == 0


async def test_an_upstream_that_asked_for_rest_gets_it_while_another_is_there(tab: Tab, running: Product) -> None:
    nonce = uuid4().hex
    model = await a_model(
        tab,
        sandbox(running, "sandbox:status=429,retry_after=60", "first"),
        sandbox(running, "sandbox", "second", priority=1),
    )
    for turn in range(4):
        assert (await tab.ask(model, nonce=f"{nonce}{turn}")).status_code == 200
    models = [entry["model"] for entry in await tab.ledger(nonce)]
    assert models == ["sandbox:status=429,retry_after=60", *["sandbox"] * 4]


async def test_failover_under_load_loses_no_request_and_bills_each_once(
    tab: Tab, running: Product, scripted: ScriptedProvider
) -> None:
    turns = 0

    async def flap(connection: Connection) -> None:
        nonlocal turns
        turns += 1
        match turns % 4:
            case 0:
                await connection.send(b"HTTP/1.1 502 No\r\n" + NO_BODY)
            case 1:
                connection.reset()
            case 2:
                await connection.send(STREAM_HEAD + b'data: {"error":{"message":"Overloaded"}}\n\n')
            case _:
                await connection.send(
                    b"HTTP/1.1 429 Slow\r\nretry-after: 0\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                )

    scripted.script = flap
    nonce = uuid4().hex
    model = await a_model(
        tab, at(scripted.url, "first"), sandbox(running, "sandbox", "second", priority=1), cooldown="0s"
    )
    answers = await asyncio.gather(
        *(tab.ask(model, stream=turn % 2 == 0, nonce=f"{nonce}x{turn}x") for turn in range(120))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert turns > 30
    rows = await tab.rows(120)
    entries = {entry["nonce"]: entry for entry in await tab.ledger(nonce)}
    assert len(entries) == 120
    promised = sum(cost_of(tokens_of(entry["usage_promised"])) for entry in entries.values())
    assert {row.outcome for row in rows} == {"completed"}
    assert sum(row.cost for row in rows) == promised == await tab.spent()
    assert all(row.upstream == f"{model}/second" for row in rows)
    assert sum(len(row.attempts or []) for row in rows) == turns
    assert await running.imbalances() == []
