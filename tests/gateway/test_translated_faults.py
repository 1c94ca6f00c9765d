"""Streams that break, lie, stall or are framed oddly on their way into another format: what the client sees, and what
is billed. `test_stream_faults.py` says the same of streams that pass through."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from grammars import GRAMMARS
from scripted import STREAM_HEAD, Connection, ScriptedProvider
from tabs import Tab, cost_of, documents_in, locked_user, tokens_of

from quart_proxy.core.chat_events import ChatEvent
from quart_proxy.core.formats.openai.reading import Reader
from quart_proxy.core.sse import Event, SseParser
from quart_proxy.services.relay_pool import RelayPool

UPSTREAMS = ("openai", "anthropic", "openai_responses", "gemini")
PATHS = {
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "openai_responses": "/v1/responses",
    "openai_completions": "/v1/completions",
}
PAIRS = [(client, upstream) for client in PATHS for upstream in UPSTREAMS if client != upstream]
TERMINALS = {"anthropic": b"message_stop", "openai_responses": b"response.completed"}
HEARTBEATS = {"anthropic": b'event: ping\ndata: {"type": "ping"}\n\n'}
AT_ONCE = 16
NO_DONE = {
    "openai": ("completed", "whole"),
    "anthropic": ("error_after_usage", "broken"),
    "openai_responses": ("interrupted", "broken"),
    "gemini": ("interrupted", "broken"),
}
"""What comes of a stream without its last event: only Chat Completions has told everything before it."""


@dataclass(frozen=True)
class Fault:
    """A scenario of the sandbox, and what comes of it: the outcomes that may be written down, and whether the client
    gets a `whole` stream, a `broken` one, or an error with one of these statuses."""

    scenario: str
    outcomes: frozenset[str]
    ends: frozenset[str | int]
    limits: Mapping[str, int] = field(default_factory=dict)
    heartbeats_min: int = 0


def fault(scenario: str, outcomes: str, *ends: str | int, heartbeats_min: int = 0, **limits: int) -> Fault:
    return Fault(scenario, frozenset(outcomes.split()), frozenset(ends), limits, heartbeats_min)


FRAMINGS = ("split=1", "crlf=1", "cr=1", "bom=1", "comments=1", "burst=1", "crlf=1,split=3,comments=1")
FRAMINGS += ("big_event=300000", "usage=nul", "usage=every_chunk", "usage=decreasing", "usage=twice", "think=1")
LIES = ("negative", "huge", "string", "bool", "float", "nan")


def faults_of(upstream: str) -> list[Fault]:
    """Where a stream broke before it said a word the status is still open, and tells it."""
    # The end of a Responses stream is its usage: nothing behind it is heard.
    after_usage = ("completed", "whole") if upstream == "openai_responses" else ("error_after_usage", "broken")
    return [
        *(fault(f"words=4,cached=7,{framing}", "completed", "whole") for framing in FRAMINGS),
        *(fault(f"words=4,usage={lie}", "usage_invalid", "whole") for lie in LIES),
        fault("words=4,usage=null", "no_usage", "whole"),
        fault("words=4,no_usage=1", "no_usage", "whole"),
        fault("words=4,no_done=1", *NO_DONE[upstream]),
        *(
            fault(f"words=9,delay_ms=5,{how}={count}", "interrupted", "broken", 502)
            for how in ("cut_after", "eof_after", "fin_after")
            for count in (1, 4)
        ),
        fault("words=4,error_in_stream=0", "upstream_error", 502, 529),
        fault("words=4,delay_ms=5,error_in_stream=4", "upstream_error", "broken", 502),
        fault("words=4,delay_ms=5,error_after_usage=1", *after_usage),
        fault("words=4,delay_ms=5,cut_after_usage=1", f"{after_usage[0]} interrupted", after_usage[1], "broken"),
        fault("gzip=1", "upstream_error", 502),
        fault("html=1", "upstream_error", 502),
        fault("redirect=1", "upstream_error", 502),
        fault("error_in_200=1", "upstream_error", 502),
        fault("status=429,retry_after=60", "upstream_error", 429),
        fault("status=500,usage=1", "upstream_error", 502),
        fault("status=400", "upstream_error", 400),
        fault("hang=1", "upstream_error", "broken", heartbeats_min=2, first_byte_timeout_s=1),
        fault("words=20,stall_after=6", "interrupted", "broken", heartbeats_min=2, idle_timeout_s=1),
        fault("words=20,stall_after=1", "interrupted", "broken", heartbeats_min=2, idle_timeout_s=1),
        fault("endless=1,delay_ms=10", "interrupted", "broken", timeout_s=1),
    ]


@pytest.fixture(scope="module")
def models() -> dict[str, dict[str, Fault]]:
    """By upstream, the faults that its models have, by name: every client calls the same ones."""
    return {}


def body_for(client: str, model: str, nonce: str) -> dict[str, Any]:
    text = f"hello there nonce:{nonce}"
    body: dict[str, Any] = {"model": model, "stream": True}
    match client:
        case "openai_responses":
            return {**body, "input": text}
        case "openai_completions":
            return {**body, "prompt": text, "stream_options": {"include_usage": True}}
        case "anthropic":
            body["max_tokens"] = 1000
        case _:
            body["stream_options"] = {"include_usage": True}
    return {**body, "messages": [{"role": "user", "content": text}]}


def cut(body: bytes) -> list[Event]:
    parser = SseParser()
    events = parser.feed(body)
    assert parser.close() is None, "the stream ends inside an event"
    return [event for event in events if event.data]


def assert_broken(client: str, body: bytes, events: list[Event]) -> None:
    """It ends in an error event of the client's format, and without the terminal one."""
    assert TERMINALS.get(client, b"[DONE]") not in body
    last = documents_in(body)[-1]
    assert last["error"]["message"]
    if client.startswith("openai_r") or client == "anthropic":
        assert (events[-1].name, last["type"]) == ("error", "error")
    errors = [document for document in documents_in(body) if document.get("error")]
    assert errors == [last], "it is told once, and last"


def assert_shape(client: str, fault: Fault, model: str, outcome: str, answer: httpx.Response) -> None:
    if answer.status_code != 200:
        assert answer.status_code in fault.ends
        assert answer.json()["error"]["message"]
        return
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert f"sandbox:{fault.scenario}".encode() not in answer.content, "the provider's name of the model"
    heartbeat = HEARTBEATS.get(client, b": heartbeat\n\n")
    assert answer.content.count(heartbeat) >= fault.heartbeats_min
    body = answer.content.replace(heartbeat, b"")
    events = cut(body)
    if "whole" in fault.ends and (outcome == "completed" or "broken" not in fault.ends):
        GRAMMARS[client](events)
        assert model.encode() in body
    else:
        # On a busy machine a heartbeat may have settled the status.
        assert "broken" in fault.ends or answer.content.startswith(heartbeat)
        assert_broken(client, body, events)


@pytest.mark.parametrize(("client", "upstream"), PAIRS, ids=[" to ".join(pair) for pair in PAIRS])
async def test_a_fault_is_told_in_the_clients_format_and_billed_by_what_was_reported(
    tab: Tab, models: dict[str, dict[str, Fault]], client: str, upstream: str
) -> None:
    if upstream not in models:
        made = [(await tab.add_model(f"sandbox:{each.scenario}", upstream, limits=dict(each.limits)), each)
                for each in faults_of(upstream)]  # fmt: skip
        models[upstream] = dict(made)
    faults = models[upstream]

    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(model: str) -> httpx.Response:
        body = body_for(client, model, f"{tab.user_id}-{model}")
        async with turns:
            return await tab.product.client.post(tab.product.base_url + PATHS[client], json=body, headers=tab.headers)

    answers = dict(zip(faults, await asyncio.gather(*map(ask, faults)), strict=True))
    assert not [answer.text for answer in answers.values() if answer.status_code in (401, 500, 503)]
    rows = {row.model: row for row in await tab.rows(len(faults))}
    ledger = {entry["nonce"]: entry for entry in await tab.ledger(f"{tab.user_id}-")}
    for model, each in faults.items():
        row, entry = rows[model], ledger[f"{tab.user_id}-{model}"]
        what = (each.scenario, row.outcome, row.error_code, answers[model].status_code, answers[model].text[-400:])
        assert row.outcome in each.outcomes, what
        if row.outcome == "completed":
            assert row.answer_id == entry["id"], what
        if row.outcome in ("completed", "error_after_usage"):
            assert entry["usage_sent"] and row.price_id is not None, what
            assert (row.tokens, row.cost) == (tokens_of(entry["usage_promised"]), cost_of(row.tokens)), what
        else:
            assert (row.cost, row.price_id) == (0, None), what
        try:
            assert_shape(client, each, model, row.outcome, answers[model])
        except (AssertionError, KeyError, ValueError) as error:
            raise AssertionError(f"{what}: {error}") from error
    assert await tab.spent() == sum(row.cost for row in rows.values())
    assert await tab.product.imbalances() == []


BEGUN = b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
FINISHED = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}\n\n'


async def test_a_silence_inside_an_event_that_nobody_is_sent_has_heartbeats(
    tab: Tab, scripted: ScriptedProvider
) -> None:
    model = await tab.add_model("x", api_url=scripted.url, limits={"idle_timeout_s": 1})

    async def script(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + BEGUN + b'data: {"a":"' + b"x" * (17 * 2**20))
        await connection.wait_until_gone()

    scripted.script = script
    answer = await tab.ask(model, "anthropic", stream=True)
    heartbeat = HEARTBEATS["anthropic"]
    assert answer.content.count(heartbeat) >= 2
    assert_broken("anthropic", answer.content, cut(answer.content.replace(heartbeat, b"")))
    await tab.assert_free("upstream_error")


@pytest.mark.parametrize("said", [BEGUN, b""], ids=["behind words", "alone"])
async def test_an_event_that_is_too_large_to_be_translated_is_billed_and_not_tried_elsewhere(
    tab: Tab, scripted: ScriptedProvider, said: bytes
) -> None:
    model = await tab.add_model("x", api_url=scripted.url, extra={})
    large = b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % (b"x" * (17 * 2**20))
    scripted.streams(said, large, FINISHED, USAGE, b"data: [DONE]\n\n")
    before = len(scripted.requests)
    answer = await tab.ask(model, "anthropic", stream=True)
    assert "too large" in answer.text
    assert len(answer.content) < 2**16
    row = await tab.row()
    assert (row.outcome, row.attempts, len(scripted.requests)) == ("error_after_usage", None, before + 1)
    assert row.cost == cost_of(row.tokens) == await tab.spent() > 0


@pytest.mark.parametrize("fails_at", [0, 1], ids=["before the first byte", "behind it"])
async def test_a_fault_of_a_translation_makes_no_answer_free(
    tab: Tab, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    model = await tab.add_model("x", api_url=scripted.url)
    read = Reader.read
    count = 0

    def fail(self: Reader, event: Event) -> list[ChatEvent]:
        nonlocal count
        count += 1
        if count > fails_at:
            raise TypeError("something that nobody thought of")
        return read(self, event)

    monkeypatch.setattr(Reader, "read", fail)

    async def script(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        for event in (BEGUN, FINISHED, USAGE, b"data: [DONE]\n\n"):
            await connection.send(event)
            await asyncio.sleep(0.05)

    scripted.script = script
    answer = await tab.ask(model, "anthropic", stream=True)
    body = answer.content.replace(HEARTBEATS["anthropic"], b"")
    if answer.status_code == 200:
        assert_broken("anthropic", body, cut(body))
        assert fails_at == 1 or body != answer.content, "the status was open"
    else:
        assert (answer.status_code, fails_at) == (500, 0)
    assert "nobody thought of" not in answer.text
    row = await tab.row()
    assert (row.outcome, row.error_code) == ("error_after_usage", "internal_error")
    assert row.cost == cost_of(row.tokens) == await tab.spent() > 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("upstream", ["openai", "anthropic", "gemini"])
async def test_a_client_that_leaves_a_translated_answer_is_billed_real_usage_once(
    tab: Tab, upstream: str, stream: bool
) -> None:
    model = await tab.add_model("sandbox:words=6,delay_ms=30,first_byte_ms=50", upstream)
    nonces = [f"{model}-{count}" for count in range(6)]

    async def leave(count: int, nonce: str) -> None:
        wire = await tab.call(model, "openai_responses", stream=stream, nonce=nonce)
        await tab.entry(nonce)
        if count and stream:
            await wire.read_events(count)
        (wire.reset if count % 2 else wire.close)()

    await asyncio.gather(*(leave(count, nonce) for count, nonce in enumerate(nonces)))
    rows, entries = await tab.rows(len(nonces)), await tab.ledger(model)
    assert len(entries) == len(rows) and all(entry["usage_sent"] for entry in entries)
    assert {row.outcome for row in rows} == {"completed"}
    promised = sum(cost_of(tokens_of(entry["usage_promised"])) for entry in entries)
    assert sum(row.cost for row in rows) == promised == await tab.spent()


@pytest.mark.parametrize("client", ["openai", "anthropic", "openai_responses"])
async def test_the_terminal_event_of_a_translated_stream_waits_for_the_commit(tab: Tab, client: str) -> None:
    model = await tab.add_model("sandbox:words=3", "gemini")
    async with locked_user(tab):
        wire = await tab.call(model, client, nonce=model)
        before = await wire.read_until(HEARTBEATS.get(client, b": heartbeat\n\n"))
        assert TERMINALS.get(client, b"[DONE]") not in before
        assert before.count(b"data:") > 3, "the content does not wait"
        assert await tab.product.rows(user_id=tab.user_id) == []
    assert TERMINALS.get(client, b"[DONE]") in await wire.read_all()
    await tab.assert_billed(await tab.entry(model))


async def test_a_worker_that_ends_in_the_pause_before_another_attempt_tells_its_client(
    tab: Tab, scripted: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quart_proxy.services.attempts.PAUSE_S", 2.0)
    model = await tab.add_model("x", api_url=scripted.url, extra={})
    is_refused = asyncio.Event()

    async def script(connection: Connection) -> None:
        await connection.send(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        is_refused.set()

    scripted.script = script
    wire = await tab.call(model, "anthropic")
    await is_refused.wait()
    await asyncio.sleep(0.1)
    tab.product.service(RelayPool).cut()
    body = (await wire.read_all()).replace(HEARTBEATS["anthropic"], b"")
    assert (json.loads(body) if wire.status != 200 else documents_in(body)[-1])["type"] == "error"
    await tab.assert_free("aborted_unmetered")
