"""The load client, against the sandbox: what it counts is what was sent."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest
from click.testing import CliRunner

from bench.load import find_terminal, main, make_body, run_json, run_paced, run_streams
from bench.report import render_table
from bench.result import measure_percentiles
from quart_proxy.sandbox import serve_sandbox

HEADERS = {"anthropic-version": "2023-06-01"}
PATHS = ["/v1/chat/completions", "/v1/messages", "/v1/responses"]


@pytest.fixture
async def base_url() -> AsyncIterator[str]:
    async with serve_sandbox() as url:
        yield url


@pytest.mark.parametrize("path", PATHS)
async def test_json_run_makes_exactly_the_requests_asked_for(base_url: str, path: str) -> None:
    url = base_url + path
    result = await run_json(url, make_body(url, "sandbox", stream=False), HEADERS, connections=3, requests=50)
    assert (result.requests, result.errors, result.faults) == (50, 0, {})
    assert result.end.p50_ms > 0
    assert result.bytes > 50 * 100


@pytest.mark.parametrize("scenario", ["", ",burst=1", ",split=1", ",split=13"])
async def test_stream_run_counts_each_event_once_however_it_is_cut(base_url: str, scenario: str) -> None:
    url = base_url + "/v1/chat/completions"
    body = make_body(url, f"sandbox:words=5{scenario}", stream=True)
    result = await run_streams(url, body, {}, connections=2, requests=6)
    assert (result.requests, result.errors) == (6, 0)
    assert result.events == 6 * (5 + 4)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("no_done=1", "no terminal event"),
        ("eof_after=2", "no terminal event"),
        ("cut_after=2", "reset"),
        ("fin_after=2", "truncated"),
        ("status=429", "status 429"),
    ],
)
async def test_bad_streams_are_errors_with_their_reason(base_url: str, path: str, scenario: str, reason: str) -> None:
    url = base_url + path
    body = make_body(url, f"sandbox:{scenario}", stream=True)
    result = await run_streams(url, body, HEADERS, connections=2, requests=4)
    assert (result.requests, result.faults) == (0, {reason: 4})


async def test_run_is_bounded_by_seconds(base_url: str) -> None:
    url = base_url + "/v1/embeddings"
    result = await run_json(url, make_body(url, "sandbox", stream=False), {}, connections=2, seconds=0.2)
    assert result.requests > 0
    assert result.errors == 0


async def test_each_request_may_have_its_own_body(base_url: str) -> None:
    url = base_url + "/v1/chat/completions"

    def body(number: int) -> bytes:
        turn = {"role": "user", "content": f"nonce:{number}"}
        return orjson.dumps({"model": "sandbox", "messages": [turn]})

    async with serve_sandbox() as other:
        url = other + "/v1/chat/completions"
        await run_json(url, body, {}, connections=4, requests=20)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(other.rpartition(":")[2]))
        writer.write(b"GET /_sandbox/ledger HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        _, _, ledger = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    assert sorted(int(entry["nonce"]) for entry in orjson.loads(ledger)) == list(range(20))


async def test_paced_run_measures_the_lateness_of_every_word(base_url: str) -> None:
    url = base_url + "/v1/messages"
    body = make_body(url, "sandbox:rate=100,words=20,stamp=1", stream=True)
    result = await run_paced(url, body, HEADERS, streams=5, seconds=0.2)
    assert (result.requests, result.errors) == (5, 0)
    assert result.events == 5 * (20 + 6)
    assert 0 < result.lateness.p50_ms <= result.lateness.max_ms


async def test_nobody_listening_is_an_oserror() -> None:
    with pytest.raises(OSError, match=r"."):
        await run_json("http://127.0.0.1:1/v1/messages", b"{}", {}, connections=1, requests=1)


async def test_command_prints_json_and_fails_on_errors(base_url: str) -> None:
    url = base_url + "/v1/chat/completions"
    good = await asyncio.to_thread(CliRunner().invoke, main, [url, "-n", "5", "-c", "2", "--json"])
    assert good.exit_code == 0
    assert orjson.loads(good.output)["requests"] == 5
    bad = await asyncio.to_thread(CliRunner().invoke, main, [url, "-n", "2", "--model", "sandbox:status=500"])
    assert bad.exit_code == 1
    assert "2 x status 500" in bad.output


def test_terminal_of_an_unknown_path_must_be_said() -> None:
    assert find_terminal("http://x/v1/messages?beta=true") == b"event: message_stop"
    with pytest.raises(ValueError, match="not known"):
        find_terminal("http://x/v1/other")


def test_percentiles_of_nothing_are_zero_and_of_one_are_it() -> None:
    assert measure_percentiles([]).p99_ms == 0
    assert measure_percentiles([0.002]).p99_ms == pytest.approx(2)
    assert measure_percentiles([number / 1000 for number in range(1, 101)]).p90_ms == pytest.approx(91)


def test_table_aligns_numbers_right_and_shows_gaps() -> None:
    table = render_table([{"name": "a", "n": 1}, {"name": "long", "n": 12345, "x": None}])
    assert table.splitlines() == ["name       n  x", "----  ------  -", "a          1  -", "long  12,345  -"]
    assert render_table([]) == ""
