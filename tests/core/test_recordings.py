"""Recorded traffic of some thirty providers gives the usage that an independent parser found in it."""

import json
import random
from typing import Any

from quart_proxy.core.formats import FORMATS, Format, StreamStep
from quart_proxy.core.provider_errors import MESSAGE_CHARACTERS_MAX, read_error_message
from quart_proxy.core.sse import Event, SseParser
from quart_proxy.core.usage import Dimension, Reading

Exchange = dict[str, Any]

FORMAT_OF = {
    "chat.completions": "openai",
    "messages": "anthropic",
    "responses": "openai_responses",
    "embeddings": "openai_embeddings",
}


def parse(chunks: list[bytes]) -> list[Event]:
    parser = SseParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    rest = parser.close()
    return [*events, rest] if rest else events


def cut(body: bytes, rng: random.Random) -> list[bytes]:
    chunks = []
    while body:
        size = rng.choice((1, 2, 3, 7, 40, 333, 1500, 9000))
        chunks.append(body[:size])
        body = body[size:]
    return chunks


def format_of(exchange: Exchange) -> Format:
    return FORMATS[FORMAT_OF[exchange["endpoint"]]]


def body_of(exchange: Exchange) -> bytes:
    body: str = exchange["response"]["body"]
    return body.encode()


def read_exchange(exchange: Exchange) -> Reading:
    format_ = format_of(exchange)
    if not exchange["stream"]:
        return format_.read_answer(body_of(exchange)).reading
    reader = format_.open_stream()
    for event in parse([body_of(exchange)]):
        reader.read(event)
    return reader.reading()


def counts_of(reading: Reading) -> dict[str, Any]:
    if reading.usage is None:
        return {"has_usage": False, "input": 0, "cached": 0, "written": 0, "output": 0}
    count = reading.usage.count
    return {
        "has_usage": True,
        "input": count(Dimension.INPUT),
        "cached": count(Dimension.CACHED_INPUT),
        "written": count(Dimension.CACHE_WRITE) + count(Dimension.CACHE_WRITE_1H),
        "output": count(Dimension.OUTPUT),
    }


def expected_counts(exchange: Exchange) -> dict[str, Any]:
    expected = exchange["expected"]
    tokens = exchange.get("expected_all_iterations") or expected
    return {
        "has_usage": expected["has_usage"],
        "input": tokens["input_tokens"],
        "cached": tokens["cached_input_tokens"],
        "written": tokens["cache_write_tokens"],
        "output": tokens["output_tokens"],
    }


def test_recorded_usage_is_read_exactly(success: Exchange) -> None:
    reading = read_exchange(success)
    assert reading.invalid is None
    if success.get("expected_ambiguous"):
        assert reading.usage is not None
        assert all(count >= 0 for count in reading.usage.tokens.values())
        return
    assert counts_of(reading) == expected_counts(success)
    if reading.usage is not None:
        assert reading.usage.reasoning == success["expected"]["reasoning_tokens"]


def test_recorded_hour_long_cache_writes_are_told_apart(success: Exchange) -> None:
    usage = read_exchange(success).usage
    one_hour = usage.count(Dimension.CACHE_WRITE_1H) if usage else 0
    assert one_hour == success["expected"].get("cache_write_1h_tokens", 0)


def test_recorded_web_searches_raise_an_alarm(success: Exchange) -> None:
    searched = "web_search_requests" in success["expected"].get("server_tool_use", {})
    assert ("server_tool_use.web_search_requests" in read_exchange(success).unpriced) is searched


def test_any_chunking_of_a_recorded_stream_gives_the_same(stream: Exchange) -> None:
    body = body_of(stream)
    whole = parse([body])
    assert b"".join(event.raw for event in whole) == body
    rng = random.Random(stream["id"])
    # Byte by byte on a prefix and a suffix: the whole of a long stream would only take longer.
    small = body if len(body) <= 60_000 else body[:30_000] + body[-30_000:]
    assert parse([small[i : i + 1] for i in range(len(small))]) == parse([small])
    for _ in range(3):
        assert parse(cut(body, rng)) == whole


def test_recorded_stream_ends_as_it_was_recorded(stream: Exchange) -> None:
    body = body_of(stream)
    reader = format_of(stream).open_stream()
    steps = [reader.read(event) for event in parse([body])]
    has_error = "event: error\n" in stream["response"]["body"] or "response.failed" in stream["response"]["body"]
    has_terminal = any(
        marker in body for marker in (b"data: [DONE]", b"event: message_stop", b'"type":"response.completed"')
    )
    assert (StreamStep.ERROR in steps) is has_error
    assert (StreamStep.TERMINAL in steps) is has_terminal
    if not has_terminal:
        ended_well = stream["provider"] in ("perplexity", "gpustack")
        assert reader.is_complete_without_terminal() is ended_well


def test_usage_only_chunk_of_a_recorded_stream_has_no_content(chat_stream: Exchange) -> None:
    reader = format_of(chat_stream).open_stream()
    events = parse([body_of(chat_stream)])
    only_usage = [event for event in events if reader.read(event) is StreamStep.USAGE_ONLY]
    assert len(only_usage) == ("usage_chunk_empty_choices" in chat_stream["features"])


def test_model_of_a_recorded_answer_is_renamed_and_nothing_else(whole_answer: Exchange) -> None:
    body = body_of(whole_answer)
    assert_only_renamed(body, format_of(whole_answer).rename_model(body, "our-name"))


def test_model_of_a_recorded_stream_is_renamed_and_nothing_else(stream: Exchange) -> None:
    format_ = format_of(stream)
    for event in parse([body_of(stream)]):
        renamed = format_.rename_event(event, "our-name")
        (again,) = parse([renamed])
        assert again.name == event.name
        assert len(renamed) - len(event.raw) == len(again.data) - len(event.data)
        assert_only_renamed(event.data, again.data)


def assert_only_renamed(before: bytes, after: bytes) -> None:
    try:
        document = json.loads(before)
    except ValueError:
        assert after == before
        return
    for holder in (document, document.get("message"), document.get("response")):
        if isinstance(holder, dict) and isinstance(holder.get("model"), str):
            assert len(after) - len(before) == len(b"our-name") - len(holder["model"].encode())
            holder["model"] = "our-name"
            break
    assert json.loads(after) == document


def test_recorded_error_is_not_usage_and_its_sentence_is_read(refusal: Exchange) -> None:
    body = body_of(refusal)
    assert format_of(refusal).read_answer(body).reading.usage is None
    found = read_error_message(body)
    assert found.message
    assert len(found.message) <= MESSAGE_CHARACTERS_MAX
    assert "sk-fake" not in found.message
    assert found.code is None or not found.code.isdigit()


def test_recorded_answer_with_an_error_inside_tells_it(whole_answer: Exchange) -> None:
    error = format_of(whole_answer).read_answer(body_of(whole_answer)).error
    assert (error is not None) is ("content-filtering-f7337c" in whole_answer["id"])
