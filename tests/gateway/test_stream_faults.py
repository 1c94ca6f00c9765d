"""Streams that break, lie, stall or are framed oddly: what the client sees, and what is billed."""

import asyncio
import json
from typing import Any

import pytest
from scripted import STREAM_HEAD, Connection, ScriptedProvider
from tabs import (
    FORMATS,
    HEARTBEATS,
    PATHS,
    TERMINALS,
    Tab,
    after_heartbeats,
    assert_broken_off,
    body_for,
    cost_of,
    documents_in,
    tokens_of,
)

from quart_proxy.core.money import ZERO
from quart_proxy.core.usage import Dimension

DONE = b"data: [DONE]\n\n"
USAGE = b'data: {"model":"x","choices":[],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}\n\n'
FINISH = b'data: {"model":"x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
TOKENS = {Dimension.INPUT: 100, Dimension.OUTPUT: 20}


def text_chunk(text: str = "hello") -> bytes:
    return b'data: {"model":"x","choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text.encode()


async def scripted_model(tab: Tab, scripted: ScriptedProvider, api_format: str = "openai", **fields: Any) -> str:
    return await tab.add_model("anything", api_format, api_url=scripted.url, **fields)


async def assert_charged(tab: Tab, outcome: str = "completed") -> None:
    row = await tab.row()
    assert {dimension: count for dimension, count in row.tokens.items() if count} == TOKENS
    assert (row.outcome, row.cost) == (outcome, cost_of(row.tokens))
    assert await tab.spent() == row.cost


# --- cut ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["cut_after", "fin_after", "eof_after"])
@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_stream_cut_after_any_event_is_billed_by_what_was_reported(tab: Tab, api_format: str, how: str) -> None:
    whole = await tab.add_model("sandbox:words=4", api_format)
    events = (await tab.ask(whole, api_format, stream=True, nonce=whole, **asking_usage(api_format))).text.count("\n\n")
    models = {
        count: await tab.add_model(f"sandbox:words=4,delay_ms=5,{how}={count}", api_format) for count in range(events)
    }

    async def ask(count: int) -> tuple[int, Any]:
        model = models[count]
        return count, await tab.ask(model, api_format, stream=True, nonce=model, **asking_usage(api_format))

    answers = await asyncio.gather(*(ask(count) for count in models))
    rows = {row.model: row for row in await tab.rows(1 + events)}
    for count, answer in answers:
        entry, row = await tab.entry(models[count]), rows[models[count]]
        if how == "eof_after" and api_format == "openai" and b'"finish_reason":"stop"' in answer.content:
            # It said that it had finished: only the terminal event was left out.
            assert answer.content.endswith(DONE)
            assert row.outcome == ("completed" if entry["usage_sent"] else "no_usage")
        elif answer.status_code == 502:
            # Nothing had come: the status was still open.
            assert count == 0 or how == "cut_after"
            assert row.outcome in ("upstream_error", "interrupted")
        else:
            assert_broken_off(answer.content, api_format, "stream_interrupted")
            assert row.outcome in ("error_after_usage", "interrupted")
            # A reset may overtake the bytes before it: those were sent, and never arrived.
            assert how == "cut_after" or (row.outcome == "error_after_usage") is entry["usage_sent"]
        if row.price_id is not None:
            assert row.tokens == tokens_of(entry["usage_promised"])
            assert row.cost == cost_of(row.tokens)
        assert (row.price_id is not None) is (row.outcome in ("completed", "error_after_usage"))
    assert await tab.spent() == sum(row.cost for row in rows.values())


def asking_usage(api_format: str) -> dict[str, Any]:
    return {"stream_options": {"include_usage": True}} if api_format == "openai" else {}


@pytest.mark.parametrize("fault", ["cut_after_usage=1,delay_ms=20", "error_after_usage=1"])
@pytest.mark.parametrize("api_format", ["openai", "anthropic"])
async def test_what_breaks_between_usage_and_the_end_is_billed(tab: Tab, api_format: str, fault: str) -> None:
    model = await tab.add_model(f"sandbox:words=4,{fault}", api_format)
    answer = await tab.ask(model, api_format, stream=True, nonce=model)
    assert_broken_off(answer.content, api_format)
    if fault.startswith("error"):
        await tab.assert_billed(await tab.entry(model), "error_after_usage")
    else:
        assert (await tab.row()).outcome in ("error_after_usage", "interrupted")


async def test_a_reset_after_usage_was_read_is_billed(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await scripted_model(tab, scripted)

    async def script(connection: Connection) -> None:
        event = text_chunk() + FINISH + USAGE
        head = STREAM_HEAD.replace(b"connection: close", b"transfer-encoding: chunked")
        await connection.send(head + b"%x\r\n%s\r\n" % (len(event), event))
        await asyncio.sleep(0.1)
        connection.reset()

    scripted.script = script
    answer = await tab.ask(model, stream=True)
    assert_broken_off(answer.content, "openai", "stream_interrupted")
    await assert_charged(tab, "error_after_usage")


@pytest.mark.parametrize("api_format", FORMATS)
async def test_an_error_in_a_stream_ends_it_unbilled(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:words=6,error_in_stream=3", api_format)
    answer = await tab.ask(model, api_format, stream=True)
    assert TERMINALS[api_format] not in answer.content
    assert "The sandbox was asked to fail here" in answer.text
    row = await tab.assert_free("upstream_error")
    assert row.error_code == "upstream_error"


@pytest.mark.parametrize(
    "failure",
    [
        b'event: error\ndata: {"error":{"message":"Failed.","type":"x","failed_generation":"f"}}\n\n',
        b'data: {"error":{"code":502,"message":"Failed."},"choices":[{"delta":{},"finish_reason":"error"}]}\n\n',
        b'data: {"error":"Failed."}\n\n',
    ],
    ids=["groq", "openrouter", "text"],
)
@pytest.mark.parametrize("usage", [USAGE, b""], ids=["after usage", "without usage"])
async def test_failures_of_many_providers_end_a_stream_without_done(
    tab: Tab, scripted: ScriptedProvider, failure: bytes, usage: bytes
) -> None:
    model = await scripted_model(tab, scripted)
    scripted.streams(text_chunk(), usage, failure, text_chunk("more"), DONE)
    answer = await tab.ask(model, stream=True)
    # On a busy machine the charge takes longer than a heartbeat of these tests.
    assert answer.content.replace(b": heartbeat\n\n", b"").endswith(failure)
    if usage:
        await assert_charged(tab, "error_after_usage")
    else:
        await tab.assert_free("upstream_error")


async def test_responses_failed_is_passed_on_behind_its_error(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await scripted_model(tab, scripted, "openai_responses")
    begun = b'event: response.created\ndata: {"type":"response.created","response":{"id":"r"}}\n\n'
    error = b'event: error\ndata: {"type":"error","error":{"message":"No."}}\n\n'
    failed = b'event: response.failed\ndata: {"type":"response.failed","response":{"id":"r","status":"failed"}}\n\n'
    scripted.streams(begun, error, failed)
    content = (await tab.ask(model, "openai_responses", stream=True)).content
    assert content.replace(HEARTBEATS["openai_responses"], b"") == begun + error + failed
    await tab.assert_free("upstream_error")


async def test_a_stream_that_begins_with_its_failure_is_an_error(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await scripted_model(tab, scripted, "anthropic")
    scripted.streams(
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    )
    answer = await tab.ask(model, "anthropic", stream=True)
    assert answer.status_code == 529
    assert answer.json()["error"]["type"] == "overloaded_error"
    await tab.assert_free("upstream_error")


# --- usage ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["negative", "huge", "string", "bool", "float", "nan", "null"])
@pytest.mark.parametrize("api_format", FORMATS)
async def test_invalid_usage_is_never_billed_and_the_answer_arrives(tab: Tab, api_format: str, kind: str) -> None:
    model = await tab.add_model(f"sandbox:words=3,usage={kind}", api_format)
    for stream in (True, False):
        answer = await tab.ask(model, api_format, stream=stream)
        assert answer.status_code == 200
        assert not stream or TERMINALS[api_format] in answer.content
    for row in await tab.rows(2):
        assert row.cost == 0
        assert row.outcome == ("no_usage" if kind == "null" else "usage_invalid")
    assert await tab.spent() == 0


@pytest.mark.parametrize("api_format", FORMATS)
async def test_an_answer_without_usage_is_free_and_arrives(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:no_usage=1", api_format)
    for stream in (True, False):
        answer = await tab.ask(model, api_format, stream=stream)
        assert answer.status_code == 200
        assert not stream or TERMINALS[api_format] in answer.content
    assert {(row.outcome, row.cost) for row in await tab.rows(2)} == {("no_usage", ZERO)}


@pytest.mark.parametrize("kind", ["nul", "decreasing", "every_chunk", "twice"])
@pytest.mark.parametrize("api_format", FORMATS)
async def test_odd_but_valid_usage_is_billed_once(tab: Tab, api_format: str, kind: str) -> None:
    model = await tab.add_model(f"sandbox:words=5,cached=7,cache_write=3,reasoning=2,usage={kind}", api_format)
    assert (await tab.ask(model, api_format, stream=True, nonce=model)).status_code == 200
    await tab.assert_billed(await tab.entry(model))


# --- silence --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_stall_is_filled_with_heartbeats_and_ends_in_an_error(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:words=9,stall_after=2", api_format, limits={"idle_timeout_s": 1})
    body = (await tab.ask(model, api_format, stream=True)).content
    assert body.count(HEARTBEATS[api_format]) >= 2
    assert_broken_off(body, api_format, "upstream_timeout")
    row = await tab.assert_free("interrupted")
    assert (row.status, row.error_code) == (200, "upstream_timeout")


@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_hang_before_the_head_is_filled_with_heartbeats_and_ends_in_an_error(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:hang=1", api_format, limits={"first_byte_timeout_s": 1})
    answer = await tab.ask(model, api_format, stream=True)
    assert answer.status_code == 200
    assert answer.content.startswith(HEARTBEATS[api_format] * 2)
    assert_broken_off(answer.content, api_format, "upstream_timeout")
    await tab.assert_free("upstream_error")


@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_refusal_after_the_first_heartbeat_becomes_an_event(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:first_byte_ms=500,status=429", api_format)
    answer = await tab.ask(model, api_format, stream=True)
    assert answer.status_code == 200
    assert answer.content.startswith(HEARTBEATS[api_format])
    assert_broken_off(answer.content, api_format, "upstream_rate_limited")
    row = await tab.assert_free("upstream_error")
    assert (row.status, row.upstream_status) == (200, 429)


@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_late_answer_comes_whole_behind_the_heartbeats(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:first_byte_ms=500,words=3", api_format)
    answer = await tab.ask(model, api_format, stream=True, nonce=model)
    assert answer.content.startswith(HEARTBEATS[api_format])
    assert TERMINALS[api_format] in answer.content
    await tab.assert_billed(await tab.entry(model))


async def test_a_late_document_has_no_heartbeats(tab: Tab) -> None:
    model = await tab.add_model("sandbox:first_byte_ms=500,words=3")
    answer = await tab.ask(model)
    assert answer.json()["model"] == model
    assert b"heartbeat" not in answer.content


@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_stream_without_end_is_cut_at_the_total_limit(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:endless=1,delay_ms=10", api_format, limits={"timeout_s": 1})
    answer = await tab.ask(model, api_format, stream=True)
    assert_broken_off(answer.content, api_format, "upstream_timeout")
    await tab.assert_free("interrupted")


async def test_a_heartbeat_never_stands_inside_an_event(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await scripted_model(tab, scripted, "anthropic")
    event = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"slow"}}\n\n'

    async def script(connection: Connection) -> None:
        await connection.send(STREAM_HEAD)
        for part in (event[:30], event[30:60], event[60:-1], event[-1:] + b"event: message_stop\n"):
            await connection.send(part)
            await asyncio.sleep(0.35)
        await connection.send(b'data: {"type":"message_stop"}\n\n')

    scripted.script = script
    body = (await tab.ask(model, "anthropic", stream=True)).content
    heartbeat = HEARTBEATS["anthropic"]
    assert body.count(heartbeat) >= 3
    assert body.replace(heartbeat, b"") == event + b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    await tab.assert_free("no_usage")


# --- framing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "framing", ["split=1", "crlf=1", "cr=1", "bom=1", "comments=1", "crlf=1,split=1,comments=1", "burst=1"]
)
@pytest.mark.parametrize("api_format", FORMATS)
async def test_any_framing_passes_as_it_came_and_is_billed(tab: Tab, api_format: str, framing: str) -> None:
    actual = f"sandbox:words=4,{framing}"
    model = await tab.add_model(actual, api_format)
    answer = await tab.ask(model, api_format, stream=True, nonce=model, **asking_usage(api_format))
    direct = await tab.product.client.post(
        tab.product.sandbox_url + PATHS[api_format],
        json={**body_for(api_format, actual, True, model), **asking_usage(api_format)},
        headers={"anthropic-version": "2023-06-01"},
    )
    entry, other = await tab.ledger(model)
    theirs = direct.content.replace(actual.encode(), model.encode())
    theirs = theirs.replace(f"{other['number']:016x}".encode(), f"{entry['number']:016x}".encode())
    assert answer.content.replace(HEARTBEATS[api_format], b"") == theirs
    await tab.assert_billed(entry)


async def test_done_is_made_up_where_it_is_missing(tab: Tab) -> None:
    model = await tab.add_model("sandbox:words=3,no_done=1")
    answer = await tab.ask(model, stream=True, nonce=model)
    assert answer.content.endswith(DONE)
    await tab.assert_billed(await tab.entry(model))


@pytest.mark.parametrize("api_format", ["anthropic", "openai_responses"])
async def test_no_other_terminal_event_is_made_up(tab: Tab, api_format: str) -> None:
    model = await tab.add_model("sandbox:words=3,no_done=1", api_format)
    answer = await tab.ask(model, api_format, stream=True)
    assert_broken_off(answer.content, api_format, "stream_interrupted")


@pytest.mark.parametrize("unended", [b"data: [DONE]", b"data: [DONE]\n", b"data: [DONE]\r"])
async def test_an_unended_terminal_event_is_completed(tab: Tab, scripted: ScriptedProvider, unended: bytes) -> None:
    model = await scripted_model(tab, scripted)
    scripted.streams(text_chunk(), FINISH, USAGE, unended)
    answer = await tab.ask(model, stream=True)
    assert answer.content.endswith(unended + b"\n\n")
    await assert_charged(tab)


async def test_an_unended_last_event_that_is_whole_is_completed(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await scripted_model(tab, scripted)
    scripted.streams(text_chunk(), USAGE, FINISH[:-2])
    answer = await tab.ask(model, stream=True)
    assert answer.content == (text_chunk() + FINISH).replace(b'"x"', f'"{model}"'.encode()) + DONE
    await assert_charged(tab)


async def test_an_unended_error_event_reaches_the_client(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await scripted_model(tab, scripted)
    scripted.streams(text_chunk(), b'data: {"error":{"message":"Failed."}}')
    answer = await tab.ask(model, stream=True)
    assert_broken_off(answer.content, "openai")
    await tab.assert_free("upstream_error")


async def test_half_an_event_is_not_passed_on(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await scripted_model(tab, scripted)
    scripted.streams(text_chunk(), text_chunk()[:30])
    answer = await tab.ask(model, stream=True)
    assert len(documents_in(answer.content)) == 2
    assert_broken_off(answer.content, "openai", "stream_interrupted")


@pytest.mark.parametrize("together", [True, False])
async def test_nothing_follows_the_terminal_event(tab: Tab, scripted: ScriptedProvider, together: bool) -> None:
    model = await scripted_model(tab, scripted)
    parts = [text_chunk(), FINISH, USAGE, DONE, text_chunk("late"), b": late\n\n", DONE]
    scripted.streams(*([b"".join(parts)] if together else parts))
    answer = await tab.ask(model, stream=True)
    assert answer.content.endswith(DONE)
    assert answer.content.count(DONE) == 1
    assert b"late" not in answer.content
    await assert_charged(tab)


@pytest.mark.parametrize("content_type", [b"text/plain", b"application/octet-stream", b"", b"TEXT/EVENT-STREAM"])
async def test_a_stream_with_a_wrong_content_type_is_a_stream(
    tab: Tab, scripted: ScriptedProvider, content_type: bytes
) -> None:
    model = await scripted_model(tab, scripted)
    header = b"content-type: " + content_type + b"\r\n" if content_type else b""
    head = b"HTTP/1.1 200 OK\r\n" + header + b"connection: close\r\n\r\n"
    scripted.says(head, text_chunk(), USAGE, DONE)
    answer = await tab.ask(model, stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content.endswith(DONE)
    await assert_charged(tab)


async def test_events_that_cannot_be_read_pass_and_later_usage_counts(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await scripted_model(tab, scripted)
    odd = (
        b'data: {"usage": broken\n\n' + b"data\n\n" + b"id: 7\nretry: 5\n\n" + b"data: \xff\xfe\n\n" + b"data: [1]\n\n"
    )
    scripted.streams(odd, text_chunk(), USAGE, DONE)
    answer = await tab.ask(model, stream=True)
    assert answer.content.startswith(odd)
    await assert_charged(tab)


@pytest.mark.parametrize("junk", [b"zz\r\nhello\r\n", b"5\r\nhello", b"-1\r\n\r\n", b"ffffffffffffffffff\r\nhello"])
async def test_broken_chunked_framing_breaks_the_stream_off(tab: Tab, scripted: ScriptedProvider, junk: bytes) -> None:
    model = await scripted_model(tab, scripted, limits={"idle_timeout_s": 1})
    event = text_chunk()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    scripted.says(head + b"%x\r\n%s\r\n" % (len(event), event), junk)
    answer = await tab.ask(model, stream=True)
    if answer.status_code == 200:
        assert_broken_off(answer.content, "openai")
    else:
        assert answer.status_code == 502
    assert (await tab.row()).cost == 0


# --- large events -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10 * 2**20, 17 * 2**20])
@pytest.mark.parametrize("api_format", FORMATS)
async def test_a_large_event_passes_whole_and_later_usage_is_billed(tab: Tab, api_format: str, size: int) -> None:
    model = await tab.add_model(f"sandbox:words=2,big_event={size}", api_format)
    answer = await tab.ask(model, api_format, stream=True, nonce=model)
    assert answer.content.count(b"x" * 1000) * 1000 >= size - 1000
    assert TERMINALS[api_format] in answer.content[-10_000:] or size * 2 < len(answer.content)
    await tab.assert_billed(await tab.entry(model))


async def test_a_break_inside_a_large_event_still_ends_in_a_readable_error(
    tab: Tab, scripted: ScriptedProvider
) -> None:
    model = await scripted_model(tab, scripted, limits={"idle_timeout_s": 1})

    async def script(connection: Connection) -> None:
        await connection.send(STREAM_HEAD + b'data: {"a":"' + b"x" * (17 * 2**20))
        await connection.wait_until_gone()

    scripted.script = script
    body = after_heartbeats((await tab.ask(model, stream=True)).content, "openai")
    assert b"heartbeat" not in body, "a heartbeat would stand inside the event"
    last = body.split(b"\n\n")[-2]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "upstream_timeout"
    assert len(body) > 17 * 2**20


async def test_a_large_terminal_event_is_whole_and_billed(tab: Tab, scripted: ScriptedProvider) -> None:
    model = await scripted_model(tab, scripted, "openai_responses")
    usage = b'"usage":{"input_tokens":100,"output_tokens":20,"total_tokens":120}'
    event = b'event: response.completed\ndata: {"type":"response.completed","response":{"output":"'
    event += b"x" * (17 * 2**20) + b'",' + usage + b"}}\n\n"
    scripted.streams(event, b"event: late\ndata: {}\n\n")
    body = (await tab.ask(model, "openai_responses", stream=True)).content
    assert after_heartbeats(body, "openai_responses") == event
    await assert_charged(tab)
