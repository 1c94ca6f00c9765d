"""What the events of a stream mean, in small streams of our own."""

import json
from typing import Any

import pytest

from quart_proxy.core import sse
from quart_proxy.core.formats import FORMATS, StreamReader, StreamStep
from quart_proxy.core.sse import Event, SseParser, encode_event
from quart_proxy.core.usage import NOTHING_READ, Dimension

FORWARD, USAGE_ONLY, TERMINAL, ERROR = StreamStep


def event(document: Any, name: str | None = None, **style: Any) -> Event:
    data = document if isinstance(document, bytes) else json.dumps(document, **style).encode()
    (parsed,) = SseParser().feed(encode_event(data, name))
    return parsed


def play(format_name: str, *events: Event) -> tuple[StreamReader, list[StreamStep]]:
    reader = FORMATS[format_name].open_stream()
    return reader, [reader.read(each) for each in events]


def tokens(reader: StreamReader) -> tuple[int, int] | None:
    usage = reader.reading().usage
    return (usage.count(Dimension.INPUT), usage.count(Dimension.OUTPUT)) if usage else None


def chunk(**more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": "x"}, "finish_reason": None}
    return {"id": "c", "model": "m", "choices": [choice], **more}


def usage(prompt: Any, completion: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion}


DONE = event(b"[DONE]")
FINISH = event(chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]))


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n ", " :\t")])
def test_openai_usage_chunk_is_told_from_content(separators: tuple[str, str]) -> None:
    style: dict[str, Any] = {"separators": separators}
    reader, steps = play(
        "openai",
        event(chunk(usage=None), **style),
        event(chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}]), **style),
        event(chunk(choices=[], usage=usage(5, 6)), **style),
        DONE,
    )
    assert steps == [FORWARD, FORWARD, USAGE_ONLY, TERMINAL]
    assert tokens(reader) == (5, 6)
    assert reader.is_usage_final()


def test_azure_chunk_without_choices_and_usage_is_content() -> None:
    _, steps = play("openai", event({"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}))
    assert steps == [FORWARD]


@pytest.mark.parametrize(
    "last",
    [
        chunk(usage=usage(5, 6)),
        chunk(x_groq={"id": "r", "usage": usage(5, 6)}),
        chunk(usage=None, x_groq={"usage": usage(5, 6)}),
        chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop", "usage": usage(5, 6)}]),
    ],
)
def test_usage_is_found_where_providers_put_it(last: dict[str, Any]) -> None:
    reader, steps = play("openai", event(last, separators=(",", ":")))
    assert steps == [FORWARD]
    assert tokens(reader) == (5, 6)


def test_usage_in_two_places_counts_once() -> None:
    reader, _ = play("openai", event(chunk(x_groq={"usage": usage(5, 6)})), event(chunk(choices=[], usage=usage(5, 6))))
    assert tokens(reader) == (5, 6)


def test_last_of_a_running_usage_wins() -> None:
    reader, _ = play("openai", *(event(chunk(usage=usage(5, count))) for count in (None, 1, 2, 7)), FINISH)
    assert tokens(reader) == (5, 7)


def test_last_valid_usage_wins_over_an_invalid_one() -> None:
    reader, _ = play("openai", event(chunk(usage=usage(5, 6))), event(chunk(usage=usage(5, "7"))))
    assert tokens(reader) == (5, 6)
    reader, _ = play("openai", event(chunk(usage=usage(5, "7"))))
    assert reader.reading().invalid == "usage.completion_tokens"
    assert not reader.is_usage_final()


def test_running_usage_does_not_make_a_cut_stream_complete() -> None:
    reader, _ = play("openai", event(chunk(usage=usage(5, 1))), event(chunk(usage=usage(5, 2))))
    assert not reader.is_complete_without_terminal()
    assert not reader.is_usage_final()
    reader.read(FINISH)
    assert reader.is_complete_without_terminal()
    assert reader.is_usage_final()


def test_text_that_looks_like_usage_is_text() -> None:
    text = '{"usage":{"prompt_tokens":1},"finish_reason":"stop","error":{"message":"x"}} [DONE]'
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    reader, steps = play("openai", event(chunk(choices=[choice])))
    assert steps == [FORWARD]
    assert reader.reading() == NOTHING_READ
    assert not reader.is_complete_without_terminal()


def test_key_spelled_with_escapes_is_still_that_key() -> None:
    reader, _ = play("openai", event(b'{"choices":[],"us\\u0061ge":{"prompt_tokens":5,"completion_tokens":6}}'))
    assert tokens(reader) == (5, 6)


@pytest.mark.parametrize(
    "failure",
    [
        event({"error": {"message": "no", "status_code": 400}}, "error"),
        event({"error": {"message": "no", "code": 502}}),
        event({"error": "no"}),
        event(chunk(error={"code": 502, "message": "no"})),
        event(b"not json", "error"),
    ],
)
def test_openai_failure_inside_a_stream(failure: Event) -> None:
    _, steps = play("openai", event(chunk()), failure)
    assert steps == [FORWARD, ERROR]


def test_usage_beside_a_failure_counts() -> None:
    reader, steps = play("openai", event(chunk(error={"message": "no"}, usage=usage(5, 6))), DONE)
    assert steps == [ERROR, TERMINAL]
    assert tokens(reader) == (5, 6)


@pytest.mark.parametrize("format_name", FORMATS)
@pytest.mark.parametrize("data", [b"", b'{"usage":', b"\xff\xfe", b'"usage"', b"[1]", b"null", b'{"type":7,"usage":7}'])
def test_event_that_cannot_be_read_is_passed_on(format_name: str, data: bytes) -> None:
    reader, steps = play(format_name, event(data))
    assert steps == [FORWARD]
    assert reader.reading().usage is None


def start(**more: Any) -> Event:
    message = {"model": "claude", "usage": {"input_tokens": 17, "output_tokens": 1, **more}}
    return event({"type": "message_start", "message": message}, "message_start")


def delta(**usage: Any) -> Event:
    return event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage}, "message_delta")


TEXT = event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x"}}, "content_block_delta")
STOP = event({"type": "message_stop"}, "message_stop")


def test_anthropic_stream() -> None:
    reader, steps = play("anthropic", start(), event({"type": "ping"}, "ping"), TEXT, delta(output_tokens=9), STOP)
    assert steps == [FORWARD, FORWARD, FORWARD, FORWARD, TERMINAL]
    assert tokens(reader) == (17, 9)
    assert reader.is_usage_final()


def test_anthropic_end_overrules_the_start_field_by_field() -> None:
    first = start(cache_read_input_tokens=4, cache_creation_input_tokens=6)
    reader, _ = play("anthropic", first, delta(output_tokens=5), delta(input_tokens=20, output_tokens=9))
    found = reader.reading().usage
    assert found is not None
    assert [found.count(dimension) for dimension in Dimension] == [20, 4, 6, 0, 9]


def test_anthropic_null_at_the_end_keeps_the_start() -> None:
    reader, _ = play("anthropic", start(), delta(input_tokens=None, output_tokens=9))
    assert tokens(reader) == (17, 9)


def test_anthropic_split_of_the_start_is_kept_while_it_adds_up() -> None:
    split = {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 4}
    first = start(cache_creation_input_tokens=6, cache_creation=split)
    for total, expected in ((6, (2, 4)), (9, (9, 0))):
        reader, _ = play("anthropic", first, delta(cache_creation_input_tokens=total, output_tokens=1))
        found = reader.reading().usage
        assert found is not None
        assert (found.count(Dimension.CACHE_WRITE), found.count(Dimension.CACHE_WRITE_1H)) == expected


def test_anthropic_start_alone_is_not_final() -> None:
    reader, _ = play("anthropic", start(), TEXT)
    assert tokens(reader) == (17, 1)
    assert not reader.is_usage_final()
    assert not reader.is_complete_without_terminal()


def test_anthropic_invalid_end_is_not_replaced_by_the_placeholder() -> None:
    reader, _ = play("anthropic", start(), delta(output_tokens="9"), STOP)
    assert reader.reading().invalid == "usage.output_tokens"


def test_anthropic_failure_inside_a_stream() -> None:
    failure = event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")
    assert play("anthropic", start(), failure)[1] == [FORWARD, ERROR]


def test_anthropic_types_are_read_without_event_lines() -> None:
    events = [event(json.loads(each.data)) for each in (start(), TEXT, delta(output_tokens=9), STOP)]
    reader, steps = play("anthropic", *events)
    assert steps == [FORWARD, FORWARD, FORWARD, TERMINAL]
    assert tokens(reader) == (17, 9)


def response(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "response": {"model": "m", "error": None, **more}}


USAGE = {"input_tokens": 5, "output_tokens": 6}


@pytest.mark.parametrize("with_name", [True, False])
@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("response.completed", TERMINAL),
        ("response.incomplete", TERMINAL),
        ("response.failed", ERROR),
    ],
)
def test_responses_last_event(kind: str, step: StreamStep, with_name: bool) -> None:
    created = response("response.created", usage=None)
    last = response(kind, usage=USAGE)
    reader, steps = play(
        "openai_responses",
        event(created, "response.created" if with_name else None),
        event({"type": "keepalive"}, "keepalive"),
        event({"type": "response.output_text.delta", "delta": '"response.completed"'}),
        event(last, kind if with_name else None),
    )
    assert steps == [FORWARD, FORWARD, FORWARD, step]
    assert tokens(reader) == (5, 6)
    assert not reader.is_complete_without_terminal()


def test_responses_error_event() -> None:
    assert play("openai_responses", event({"type": "error", "error": {"code": "x", "message": "no"}}))[1] == [ERROR]


def test_usage_is_found_at_the_end_of_an_oversized_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "EVENT_BYTES_MAX", 4096)
    padding = "x" * 100_000
    for format_name, name, document, last_step in (
        ("openai", None, {"x": padding, "choices": [], "usage": usage(5, 6)}, FORWARD),
        ("anthropic", "message_delta", {"x": padding, "type": "message_delta", "usage": USAGE}, FORWARD),
        (
            "openai_responses",
            "response.completed",
            {"response": {"output": padding, "usage": USAGE}, "type": "response.completed"},
            TERMINAL,
        ),
        (
            "openai_responses",
            None,
            {"response": {"output": padding, "usage": USAGE}, "type": "response.completed"},
            TERMINAL,
        ),
    ):
        stream = encode_event(json.dumps(document).encode(), name)
        parser = SseParser()
        events = [each for i in range(0, len(stream), 1500) for each in parser.feed(stream[i : i + 1500])]
        assert len(events) > 1
        reader, steps = play(format_name, *events)
        assert tokens(reader) == (5, 6), format_name
        assert steps == [FORWARD] * (len(events) - 1) + [last_step]
