"""The sandbox provider, seen through the official SDKs and through plain HTTP."""

import asyncio
import contextlib
import hashlib
import os
import re
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import anthropic
import openai
import orjson
import pytest
from click.testing import CliRunner
from yarl import URL

from quart_proxy.sandbox import command, serve_sandbox
from quart_proxy.sandbox.scenarios import KEYS, InvalidScenario, parse_scenario, sentence_of

ROOT = Path(__file__).parents[2]
WIRE_DIR = Path(os.environ.get("WIRE_DIR") or ROOT.parent / "shared" / "wire")
ASK: list[Any] = [{"role": "user", "content": "Say something. nonce:n-1."}]
ANTHROPIC_HEADERS = {"anthropic-version": "2023-06-01"}
STREAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"messages": ASK, "stream_options": {"include_usage": True}}),
    "messages": ("/v1/messages", {"messages": ASK, "max_tokens": 1000}),
    "responses": ("/v1/responses", {"input": ASK}),
    "gemini": ("/v1beta/models/", {"contents": [{"role": "user", "parts": [{"text": ASK[0]["content"]}]}]}),
}
TERMINALS = {
    "chat": b"data: [DONE]",
    "messages": b"event: message_stop",
    "responses": b"event: response.completed",
    "gemini": b'"finishReason":"STOP"',
}
USAGE = re.compile(rb'"usage(?:Metadata)?":{')
FORMATS = sorted(STREAMED)


class Client:
    """Plain HTTP to one sandbox."""

    def __init__(self, base_url: str, session: aiohttp.ClientSession) -> None:
        self.base_url = base_url
        self.session = session

    def post(self, spoken: str, model: str, *, stream: bool = True, **headers: str) -> Any:
        path, body = STREAMED[spoken]
        if spoken == "gemini":
            path += quote(model, safe="") + (":streamGenerateContent?alt=sse" if stream else ":generateContent")
        return self.session.post(
            URL(self.base_url + path, encoded=True),
            json={"model": model, "stream": stream, **body},
            headers={**ANTHROPIC_HEADERS, **headers},
            allow_redirects=False,
        )

    async def read(self, spoken: str, model: str, *, stream: bool = True) -> bytes:
        async with self.post(spoken, model, stream=stream) as response:
            assert response.status == 200
            body: bytes = await response.read()
            return body

    async def read_until_break(self, spoken: str, model: str, *, stream: bool = True) -> tuple[bytes, Exception]:
        """What arrived, and what broke it."""
        received = b""
        async with self.post(spoken, model, stream=stream) as response:
            try:
                async for piece in response.content.iter_any():
                    received += piece
            except (aiohttp.ClientError, OSError) as fault:
                return received, fault
        raise AssertionError("the answer did not break")

    async def ledger(self, query: str = "") -> list[dict[str, Any]]:
        async with self.session.get(f"{self.base_url}/_sandbox/ledger{query}") as response:
            entries: list[dict[str, Any]] = orjson.loads(await response.read())
            return entries

    async def last_entry(self) -> dict[str, Any]:
        return (await self.ledger())[-1]

    async def wait_for_entry(self, field: str) -> dict[str, Any]:
        """The last entry, once `field` of it is true."""
        while True:
            entries = await self.ledger()
            if entries and entries[-1][field]:
                return entries[-1]
            await asyncio.sleep(0.01)

    async def totals(self) -> dict[str, Any]:
        async with self.session.get(f"{self.base_url}/_sandbox/totals") as response:
            sums: dict[str, Any] = orjson.loads(await response.read())
            return sums


@contextlib.asynccontextmanager
async def open_client(replay_dir: Path | None = None) -> AsyncIterator[Client]:
    async with serve_sandbox(replay_dir=replay_dir) as base_url, aiohttp.ClientSession() as session:
        yield Client(base_url, session)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with open_client() as opened:
        yield opened


@pytest.fixture
async def openai_client(client: Client) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{client.base_url}/v1", api_key="sk-up", max_retries=0) as sdk:
        yield sdk


@pytest.fixture
async def anthropic_client(client: Client) -> AsyncIterator[anthropic.AsyncAnthropic]:
    async with anthropic.AsyncAnthropic(base_url=client.base_url, api_key="sk-up", max_retries=0) as sdk:
        yield sdk


def events_of(stream: bytes) -> list[bytes]:
    return [event for event in stream.split(b"\n\n") if event]


def data_of(stream: bytes) -> list[dict[str, Any]]:
    lines = [line for line in stream.splitlines() if line.startswith(b"data: {")]
    return [orjson.loads(line.removeprefix(b"data: ")) for line in lines]


# The official SDKs


async def test_openai_sdk_reads_chat_completion(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.chat.completions.create(model="sandbox:words=3,cached=100,reasoning=5", messages=ASK)
    assert answer.choices[0].message.content == "Hello from the"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 8
    assert answer.usage.prompt_tokens == 107
    assert answer.usage.prompt_tokens_details is not None
    assert answer.usage.prompt_tokens_details.cached_tokens == 100
    assert answer.usage.completion_tokens_details is not None
    assert answer.usage.completion_tokens_details.reasoning_tokens == 5


async def test_openai_sdk_stream_helper_ends_with_usage(openai_client: openai.AsyncOpenAI) -> None:
    async with openai_client.chat.completions.stream(
        model="sandbox:words=4", messages=ASK, stream_options={"include_usage": True}
    ) as stream:
        kinds = [event.type async for event in stream]
        final = await stream.get_final_completion()
    # One for each word, and the empty one that the real provider begins with.
    assert kinds.count("content.delta") == 5
    assert final.choices[0].message.content == "Hello from the sandbox!"
    assert final.usage is not None
    assert final.usage.completion_tokens == 4


async def test_chat_stream_has_no_usage_unless_asked(openai_client: openai.AsyncOpenAI) -> None:
    stream = await openai_client.chat.completions.create(model="sandbox", messages=ASK, stream=True)
    chunks = [chunk async for chunk in stream]
    assert all(chunk.usage is None and chunk.choices for chunk in chunks)


async def test_openai_sdk_reads_response(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.responses.create(model="sandbox:words=3,reasoning=2", input="Hi")
    assert answer.status == "completed"
    assert answer.output_text == "Hello from the"
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (1, 5)
    assert answer.usage.output_tokens_details.reasoning_tokens == 2


async def test_openai_sdk_response_stream_helper_completes(openai_client: openai.AsyncOpenAI) -> None:
    async with openai_client.responses.stream(model="sandbox:words=3", input="Hi") as stream:
        numbers = [event.sequence_number async for event in stream]
        final = await stream.get_final_response()
    assert numbers == list(range(len(numbers)))
    assert final.output_text == "Hello from the"
    assert final.usage is not None
    assert final.usage.output_tokens == 3


async def test_output_limit_makes_response_incomplete(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.responses.create(model="sandbox", input="Hi", max_output_tokens=2)
    assert answer.status == "incomplete"
    assert answer.incomplete_details is not None
    assert answer.incomplete_details.reason == "max_output_tokens"


async def test_openai_sdk_reads_embeddings(openai_client: openai.AsyncOpenAI) -> None:
    answer = await openai_client.embeddings.create(model="sandbox", input=["one", "two", "one"], dimensions=8)
    first, second, third = (item.embedding for item in answer.data)
    assert len(first) == 8
    assert first == third
    assert first != second
    assert answer.usage.prompt_tokens == 3


async def test_embeddings_are_the_same_numbers_in_both_encodings(openai_client: openai.AsyncOpenAI) -> None:
    plain = await openai_client.embeddings.create(model="sandbox", input="x", encoding_format="float")
    packed = await openai_client.embeddings.create(model="sandbox", input="x")
    assert plain.data[0].embedding == pytest.approx(packed.data[0].embedding)


async def test_both_sdks_list_models(
    openai_client: openai.AsyncOpenAI, anthropic_client: anthropic.AsyncAnthropic
) -> None:
    ids = [model.id async for model in openai_client.models.list()]
    assert "sandbox" in ids
    assert ids == [model.id async for model in anthropic_client.models.list()]
    assert (await openai_client.models.retrieve("sandbox")).id == "sandbox"


async def test_anthropic_sdk_reads_message(anthropic_client: anthropic.AsyncAnthropic) -> None:
    answer = await anthropic_client.messages.create(
        model="sandbox:words=3,cached=7,cache_write=5,cache_write_1h=4", max_tokens=100, messages=ASK
    )
    assert answer.content[0].type == "text"
    assert answer.content[0].text == "Hello from the"
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens == 7
    assert answer.usage.cache_read_input_tokens == 7
    assert answer.usage.cache_creation_input_tokens == 9
    assert answer.usage.cache_creation is not None
    assert answer.usage.cache_creation.ephemeral_1h_input_tokens == 4
    assert answer.usage.output_tokens == 3
    assert answer._request_id == "req_0000000000000001"


async def test_anthropic_sdk_stream_helper_builds_message(anthropic_client: anthropic.AsyncAnthropic) -> None:
    async with anthropic_client.messages.stream(model="sandbox", max_tokens=5, messages=ASK) as stream:
        text = "".join([piece async for piece in stream.text_stream])
        final = await stream.get_final_message()
    assert text == "Hello from the sandbox! Every"
    assert final.stop_reason == "max_tokens"
    assert final.usage.output_tokens == 5


async def test_anthropic_sdk_counts_tokens_for_free(client: Client, anthropic_client: anthropic.AsyncAnthropic) -> None:
    counted = await anthropic_client.messages.count_tokens(model="sandbox", messages=ASK)
    made = await anthropic_client.messages.create(model="sandbox", max_tokens=9, messages=ASK)
    assert counted.input_tokens == made.usage.input_tokens
    assert [entry["usage_promised"] is None for entry in await client.ledger()] == [True, False]


async def test_sdks_raise_their_errors_for_a_status(
    openai_client: openai.AsyncOpenAI, anthropic_client: anthropic.AsyncAnthropic
) -> None:
    with pytest.raises(openai.RateLimitError) as limited:
        await openai_client.chat.completions.create(model="sandbox:status=429,retry_after=7", messages=ASK)
    assert limited.value.response.headers["retry-after"] == "7"
    assert limited.value.code == "rate_limit_exceeded"
    with pytest.raises(anthropic.APIStatusError) as overloaded:
        await anthropic_client.messages.create(model="sandbox:status=529", max_tokens=9, messages=ASK)
    assert overloaded.value.status_code == 529
    body: Any = overloaded.value.body
    assert body["error"]["type"] == "overloaded_error"


async def test_anthropic_sdk_raises_for_error_in_stream(anthropic_client: anthropic.AsyncAnthropic) -> None:
    model = "sandbox:error_in_stream=4"
    with pytest.raises(anthropic.APIStatusError, match="asked to fail"):
        async with anthropic_client.messages.stream(model=model, max_tokens=9, messages=ASK) as stream:
            await stream.get_final_message()


# The ledger


async def test_call_is_in_the_ledger_before_any_byte_is_sent(client: Client) -> None:
    path, body = STREAMED["chat"]
    request = asyncio.create_task(
        client.session.post(client.base_url + path, json={"model": "sandbox:hang=1", **body}).__aenter__()
    )
    entry = await client.wait_for_entry("model")
    assert not request.done()
    assert entry["model"] == "sandbox:hang=1"
    assert (entry["status"], entry["usage_promised"]) == (None, None)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    await client.wait_for_entry("client_gone")


async def test_ledger_tells_what_was_received_but_no_credential(client: Client) -> None:
    key = "sk-secret"
    async with client.post("chat", "sandbox:words=2", Authorization=f"Bearer {key}", Extra="yes") as response:
        await response.read()
        assert response.headers["x-request-id"] == (await client.last_entry())["request_id"]
    entry = await client.last_entry()
    assert entry["credential_sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert entry["headers"]["extra"] == "yes"
    assert entry["headers"]["authorization"] == "[credential]"
    assert key not in str(entry)
    assert entry["body"]["messages"] == ASK
    assert entry["nonce"] == "n-1"
    assert entry["path"] == "/v1/chat/completions"


async def test_ledger_filters_by_nonce_and_forgets_on_delete(client: Client) -> None:
    await client.read("messages", "sandbox")
    assert len(await client.ledger("?nonce=n-1")) == 1
    assert await client.ledger("?nonce=n-2") == []
    async with client.session.delete(client.base_url + "/_sandbox/ledger") as response:
        assert response.status == 204
    assert await client.ledger() == []
    assert (await client.totals())["calls"] == 0


async def test_nonce_is_found_in_content_parts(client: Client) -> None:
    parts = [{"type": "text", "text": "nonce:old"}, {"type": "text", "text": "then nonce:part.2, go"}]
    turns = [{"role": "user", "content": "nonce:before"}, {"role": "user", "content": parts[1:]}]
    body = {"model": "sandbox", "messages": turns}
    async with client.session.post(client.base_url + "/v1/chat/completions", json=body) as response:
        assert response.status == 200
    assert (await client.last_entry())["nonce"] == "part.2"


@pytest.mark.parametrize("spoken", FORMATS)
async def test_all_formats_promise_the_same_tokens(client: Client, spoken: str) -> None:
    written = 0 if spoken == "gemini" else 20
    await client.read(spoken, f"sandbox:words=3,cached=10,cache_write={written},reasoning=2")
    entry = await client.last_entry()
    assert entry["usage_promised"] == {
        "input": 7,
        "cached_input": 10,
        "cache_write": written,
        "cache_write_1h": 0,
        "output": 5,
        "reasoning": 2,
    }
    assert (entry["usage_sent"], entry["terminal_sent"], entry["status"]) == (True, True, 200)


async def test_totals_sum_promised_and_sent_by_model(client: Client) -> None:
    for _ in range(3):
        await client.read("chat", "sandbox:words=2", stream=False)
    await client.read("chat", "sandbox:words=5,no_usage=1", stream=False)
    totals = await client.totals()
    assert totals["calls"] == 4
    assert totals["promised"]["output"] == 11
    assert totals["sent"]["output"] == 6
    assert totals["models"]["sandbox:words=2"]["sent"]["input"] == 21
    assert totals["models"]["sandbox:words=5,no_usage=1"]["sent"]["output"] == 0


# Misbehaviour


async def test_unknown_scenario_key_is_refused_with_the_nearest(client: Client) -> None:
    async with client.post("chat", "sandbox:word=3") as response:
        assert response.status == 400
        assert "did you mean `words`" in orjson.loads(await response.read())["error"]["message"]


@pytest.mark.parametrize("text", ["words=-1", "words=x", "burst=2", "status=200", "usage=odd", "words=9999999999"])
def test_scenario_values_are_checked(text: str) -> None:
    with pytest.raises(InvalidScenario):
        parse_scenario(f"sandbox:{text}")


@pytest.mark.parametrize("spoken", FORMATS)
@pytest.mark.parametrize("scenario", ["burst=1", "split=1", "split=7", "gzip=1", "delay_ms=1", "rate=500,words=3"])
async def test_delivery_does_not_change_the_stream(client: Client, spoken: str, scenario: str) -> None:
    plain = re.sub(rb"_?\w*0{12}\d{4}|sandbox:[\w=,]+", b"", await client.read(spoken, "sandbox:words=3"))
    model = f"sandbox:{scenario}" if "words" in scenario else f"sandbox:words=3,{scenario}"
    shaped = re.sub(rb"_?\w*0{12}\d{4}|sandbox:[\w=,]+", b"", await client.read(spoken, model))
    assert shaped == plain


@pytest.mark.parametrize("spoken", FORMATS)
async def test_framing_keeps_the_events(client: Client, spoken: str) -> None:
    plain = data_of(await client.read(spoken, "sandbox:words=3"))
    for scenario, line_end in (("crlf=1", b"\r\n"), ("cr=1", b"\r"), ("comments=1", b"\n"), ("bom=1", b"\n")):
        raw = await client.read(spoken, f"sandbox:words=3,{scenario}")
        assert raw.startswith(b"\xef\xbb\xbf") == (scenario == "bom=1")
        assert (b": inside an event" in raw) == (scenario == "comments=1")
        assert raw.endswith(line_end * 2)
        if line_end == b"\r":
            assert b"\n" not in raw
        assert len(data_of(raw.removeprefix(b"\xef\xbb\xbf"))) == len(plain)


@pytest.mark.parametrize("spoken", FORMATS)
async def test_cut_after_resets_after_the_promised_events(client: Client, spoken: str) -> None:
    received, fault = await client.read_until_break(spoken, "sandbox:cut_after=3")
    assert len(events_of(received)) == 3
    assert "ConnectionResetError" in str(fault)
    entry = await client.last_entry()
    assert (entry["events_sent"], entry["usage_sent"], entry["terminal_sent"]) == (3, False, False)


async def test_cut_sends_a_tcp_reset(client: Client) -> None:
    host, port = client.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    body = orjson.dumps({"model": "sandbox:cut_after=1", "stream": True, "messages": ASK})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    with contextlib.suppress(ConnectionResetError):
        await writer.wait_closed()


@pytest.mark.parametrize("spoken", FORMATS)
async def test_cut_after_usage_comes_after_usage_was_sent(client: Client, spoken: str) -> None:
    received, _ = await client.read_until_break(spoken, "sandbox:cut_after_usage=1")
    assert USAGE.search(events_of(received)[-1])
    assert (await client.last_entry())["usage_sent"] is True


@pytest.mark.parametrize("spoken", FORMATS)
async def test_eof_after_ends_cleanly_without_terminal_event(client: Client, spoken: str) -> None:
    received = await client.read(spoken, "sandbox:eof_after=3")
    assert len(events_of(received)) == 3
    assert (await client.last_entry())["terminal_sent"] is False


async def test_fin_after_truncates_the_chunked_body(client: Client) -> None:
    received, fault = await client.read_until_break("chat", "sandbox:fin_after=3")
    assert len(events_of(received)) == 3
    assert isinstance(fault, aiohttp.ClientPayloadError)


@pytest.mark.parametrize("scenario", ["cut_after=1", "eof_after=1", "fin_after=1", "cut_after_usage=1"])
async def test_broken_document_lacks_its_last_byte(client: Client, scenario: str) -> None:
    received, _ = await client.read_until_break("messages", f"sandbox:{scenario}", stream=False)
    assert orjson.loads(received + b"}")["type"] == "message"
    assert (await client.last_entry())["usage_sent"] is False


async def test_stall_sends_no_more_until_the_client_leaves(client: Client) -> None:
    received = b""
    async with client.post("messages", "sandbox:stall_after=2") as response:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                async for piece in response.content.iter_any():
                    received += piece
        assert not response.content.at_eof()
        response.close()
    assert len(events_of(received)) == 2
    await client.wait_for_entry("client_gone")


@pytest.mark.parametrize("spoken", FORMATS)
async def test_error_in_stream_replaces_the_terminal_event(client: Client, spoken: str) -> None:
    received = await client.read(spoken, "sandbox:error_in_stream=2")
    assert len(events_of(received)) == 3
    assert b"asked to fail here" in events_of(received)[-1]
    assert TERMINALS[spoken] not in received


@pytest.mark.parametrize("spoken", ["chat", "messages"])
async def test_error_after_usage_follows_a_valid_usage(client: Client, spoken: str) -> None:
    received = await client.read(spoken, "sandbox:error_after_usage=1")
    assert USAGE.search(events_of(received)[-2])
    assert b"asked to fail here" in events_of(received)[-1]
    entry = await client.last_entry()
    assert (entry["usage_sent"], entry["terminal_sent"]) == (True, False)


@pytest.mark.parametrize("spoken", FORMATS)
async def test_no_done_leaves_out_the_terminal_event(client: Client, spoken: str) -> None:
    assert TERMINALS[spoken] in await client.read(spoken, "sandbox")
    assert TERMINALS[spoken] not in await client.read(spoken, "sandbox:no_done=1")


@pytest.mark.parametrize("spoken", FORMATS)
@pytest.mark.parametrize("stream", [True, False])
async def test_no_usage_reports_none(client: Client, spoken: str, stream: bool) -> None:
    assert not USAGE.search(await client.read(spoken, "sandbox:no_usage=1", stream=stream))
    entry = await client.last_entry()
    assert entry["usage_sent"] is False
    assert entry["usage_promised"]["output"] > 0


@pytest.mark.parametrize("spoken", FORMATS)
@pytest.mark.parametrize(
    ("fault", "mark"),
    [
        ("negative", rb'(?:output_tokens|completion_tokens|candidatesTokenCount)":-'),
        ("huge", rb'(?:_tokens|TokenCount)":1000000000000000\d\d\d'),
        ("string", rb'(?:_tokens|TokenCount)":"2"'),
        ("bool", rb'(?:_tokens|TokenCount)":true'),
        ("float", rb'(?:_tokens|TokenCount)":2\.5'),
        ("null", rb'(?:_tokens|TokenCount)":null'),
        ("nan", rb'(?:_tokens|TokenCount)":NaN'),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_bad_counts_are_sent_and_never_billable(
    client: Client, spoken: str, fault: str, mark: bytes, stream: bool
) -> None:
    received = await client.read(spoken, f"sandbox:words=2,usage={fault}", stream=stream)
    assert re.search(mark, received)
    assert (await client.last_entry())["usage_sent"] is False


@pytest.mark.parametrize("spoken", FORMATS)
@pytest.mark.parametrize("usage", ["nul", "decreasing", "every_chunk", "twice"])
async def test_odd_but_valid_usage_ends_with_the_promised_counts(client: Client, spoken: str, usage: str) -> None:
    received = await client.read(spoken, f"sandbox:words=6,usage={usage}")
    outputs = [
        int(count)
        for count in re.findall(rb'"(?:output_tokens|completion_tokens|candidatesTokenCount)":(\d+)', received)
    ]
    assert outputs[-1] == 6
    entry = await client.last_entry()
    assert (entry["usage_sent"], entry["usage_promised"]["output"]) == (True, 6)
    if usage == "nul":
        assert b"\\u0000" in received
    if usage == "every_chunk":
        assert outputs == sorted(outputs)
        assert len(outputs) >= 6
    if usage == "decreasing":
        assert outputs == sorted(outputs, reverse=True)
        assert outputs[0] > 6
    if usage == "twice":
        assert outputs[-2:] == [6, 6]


async def test_unknown_usage_field_stands_beside_the_known(client: Client) -> None:
    for spoken in FORMATS:
        assert b'"mystery_tokens":7' in await client.read(spoken, "sandbox:unknown_usage_field=1")
        assert (await client.last_entry())["usage_sent"] is True


@pytest.mark.parametrize("spoken", FORMATS)
async def test_error_body_with_usage_is_not_billable(client: Client, spoken: str) -> None:
    async with client.post(spoken, "sandbox:status=400,usage=1") as response:
        assert response.status == 400
        body = orjson.loads(await response.read())
    assert body["usage"]
    assert body["error"]["message"]
    entry = await client.last_entry()
    assert (entry["usage_promised"], entry["usage_sent"], entry["status"]) == (None, False, 400)


async def test_html_comes_with_any_status(client: Client) -> None:
    for model, status in (("sandbox:status=500,html=1", 500), ("sandbox:html=1", 200)):
        async with client.post("chat", model) as response:
            assert (response.status, response.content_type) == (status, "text/html")


async def test_error_in_200_is_json_even_for_a_stream(client: Client) -> None:
    async with client.post("chat", "sandbox:error_in_200=1") as response:
        assert (response.status, response.content_type) == (200, "application/json")
        assert "error" in orjson.loads(await response.read())


async def test_redirect_leads_to_a_canary_that_counts(client: Client) -> None:
    async with client.post("chat", "sandbox:redirect=1") as response:
        assert response.status == 302
        location = response.headers["Location"]
    assert (await client.totals())["canary_hits"] == 0
    async with client.session.get(location) as response:
        assert response.status == 200
    assert (await client.totals())["canary_hits"] == 1


async def test_gzip_is_sent_unasked(client: Client) -> None:
    for stream in (True, False):
        async with (
            aiohttp.ClientSession(auto_decompress=False, headers={"Accept-Encoding": "identity"}) as session,
            Client(client.base_url, session).post("chat", "sandbox:gzip=1", stream=stream) as response,
        ):
            assert response.headers["Content-Encoding"] == "gzip"
            raw = await response.read()
            assert b"Hello" in zlib.decompress(raw, wbits=31)


async def test_big_event_is_one_event_of_that_size(client: Client) -> None:
    received = await client.read("chat", "sandbox:big_event=3000000,words=1")
    assert max(len(event) for event in events_of(received)) > 3_000_000


@pytest.mark.parametrize("stream", [True, False])
async def test_endless_answer_goes_on_until_the_client_leaves(client: Client, stream: bool) -> None:
    async with client.post("messages", "sandbox:endless=1", stream=stream) as response:
        received = 0
        while received < 1_000_000:
            received += len(await response.content.readany())
        response.close()
    assert (await client.wait_for_entry("client_gone"))["usage_promised"] is None


async def test_stamps_are_monotonic_nanoseconds(client: Client) -> None:
    received = await client.read("chat", "sandbox:rate=200,seconds=1,words=20,stamp=1")
    stamps = [int(stamp) for stamp in re.findall(rb"stamp:(\d+);", received)]
    assert len(stamps) == 20
    assert stamps == sorted(stamps)
    assert len(set(stamps)) == 20


# What the providers refuse too


async def test_anthropic_wants_its_version_and_a_limit(client: Client) -> None:
    url = client.base_url + "/v1/messages"
    for headers, body in (({}, {"max_tokens": 5}), (ANTHROPIC_HEADERS, {})):
        payload = {"model": "sandbox", "messages": ASK, **body}
        async with client.session.post(url, json=payload, headers=headers) as response:
            assert response.status == 400
            assert orjson.loads(await response.read())["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": 1}', b'{"model": "sandbox"}'])
@pytest.mark.parametrize("path", ["chat/completions", "messages", "responses", "embeddings"])
async def test_bad_bodies_are_refused_and_recorded(client: Client, path: str, body: bytes) -> None:
    url = f"{client.base_url}/v1/{path}"
    async with client.session.post(url, data=body, headers=ANTHROPIC_HEADERS) as response:
        assert response.status == 400
    assert (await client.last_entry())["status"] == 400


# Replay


def write_recording(folder: Path, **response: Any) -> None:
    expected = {
        "has_usage": True,
        "input_tokens": 3,
        "cached_input_tokens": 2,
        "cache_write_tokens": 5,
        "cache_write_1h_tokens": 4,
        "output_tokens": 9,
        "reasoning_tokens": None,
    }
    exchange = {"id": "one", "stream": True, "expected": expected, "response": response}
    (folder / "exchanges").mkdir()
    (folder / "exchanges" / "one.json").write_bytes(orjson.dumps(exchange))


async def test_replay_answers_byte_for_byte(tmp_path: Path) -> None:
    body = "".join(f"data: {number} é\r\n\r\n" for number in range(300))
    write_recording(tmp_path, status=200, headers={"content-type": "text/event-stream"}, body=body)
    async with open_client(tmp_path) as client:
        assert await client.read("chat", "replay:one") == body.encode()
        entry = await client.last_entry()
    assert entry["usage_sent"] is True
    assert entry["usage_promised"] == {
        "input": 3,
        "cached_input": 2,
        "cache_write": 1,
        "cache_write_1h": 4,
        "output": 9,
        "reasoning": 0,
    }


@pytest.mark.parametrize("exchange_id", ["none", "../one", "..", "", "a/b"])
async def test_replay_of_an_unknown_id_is_not_found(tmp_path: Path, exchange_id: str) -> None:
    async with open_client(tmp_path) as client, client.post("chat", f"replay:{exchange_id}") as response:
        assert response.status == 404


async def test_every_recording_is_replayed_as_it_was() -> None:
    if not (WIRE_DIR / "index.jsonl").is_file():
        pytest.skip("no recorded traffic: set WIRE_DIR")
    async with open_client(WIRE_DIR) as client:
        for path in sorted((WIRE_DIR / "exchanges").glob("*.json"))[::8]:
            recorded = orjson.loads(path.read_bytes())
            async with client.post("chat", f"replay:{recorded['id']}") as response:
                assert response.status == recorded["response"]["status"]
                assert await response.read() == recorded["response"]["body"].encode()


# Documentation and command


def test_documentation_lists_every_key_with_its_sentence() -> None:
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (.+) \|$", (ROOT / "docs/sandbox.md").read_text(), re.MULTILINE)
    assert rows == [(key, sentence_of(key)) for key in KEYS]


def test_help_shows_an_example() -> None:
    shown = CliRunner().invoke(command, ["--help"])
    assert shown.exit_code == 0
    assert "quart-proxy sandbox --port" in shown.output


async def test_taken_port_is_one_sentence_and_exit_1(client: Client) -> None:
    port = client.base_url.rpartition(":")[2]
    shown = await asyncio.to_thread(CliRunner().invoke, command, ["--port", port])
    assert shown.exit_code == 1
    assert "cannot listen on 127.0.0.1" in shown.output
    assert "Traceback" not in shown.output
