"""The SSE parser keeps every byte, and the network's cuts make no difference."""

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from quart_proxy.core import sse
from quart_proxy.core.sse import Event, SseParser, encode_event

LINES = st.sampled_from(
    [
        b"data: {}",
        b"data:no space",
        b"data:  two spaces",
        b"data",
        "data: «schön» 🦆".encode(),
        b"data: nul\x00inside",
        b"event: delta",
        b"event:bare",
        b": comment",
        b":",
        b"id: 1",
        b"retry: 3000",
        b"unknown: field",
        b"\xff\xfe not utf-8",
        b"",
        b"",
    ]
)
LINE_ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])
STREAMS = st.builds(
    lambda bom, lines, rest: bom + b"".join(line + end for line, end in lines) + rest,
    st.sampled_from([b"", b"\xef\xbb\xbf"]),
    st.lists(st.tuples(LINES, LINE_ENDS), max_size=30),
    st.sampled_from([b"", b"data: cut", b"\r"]),
)


def feed(chunks: list[bytes]) -> list[Event]:
    parser = SseParser()
    events = [event for chunk in chunks for event in parser.feed(chunk)]
    rest = parser.close()
    assert parser.at_boundary
    return [*events, rest] if rest else events


def cut(stream: bytes, positions: list[int]) -> list[bytes]:
    marks = [0, *sorted(position % (len(stream) + 1) for position in positions), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(marks)]


def data_of(stream: bytes) -> list[bytes]:
    """What the standard says of a stream, done the slow and plain way; events without data left out."""
    lines = re.split(rb"\r\n|\r|\n", stream.removeprefix(b"\xef\xbb\xbf"))
    found: list[bytes] = []
    data: list[bytes] = []
    for line in [*lines, b""]:
        field, _, value = line.partition(b":")
        if line == b"" and data:
            found.append(b"\n".join(data))
            data = []
        if field == b"data":
            data.append(value[1:] if value[:1] == b" " else value)
    return found


@given(STREAMS, st.lists(st.integers(0, 2000), max_size=12))
@example(b"data: x\r\n\r\n", [9])
@example(b"data: x\n\n\n\ndata: y\n\n", [8, 9, 10])
@example(b"\xef\xbb\xbfdata: x\n\n", [1, 2, 3])
def test_every_chunking_gives_the_same_events(stream: bytes, positions: list[int]) -> None:
    whole = feed([stream])
    assert feed(cut(stream, positions)) == whole
    assert feed([stream[i : i + 1] for i in range(len(stream))]) == whole


@given(STREAMS)
def test_raw_of_all_events_is_the_stream(stream: bytes) -> None:
    assert b"".join(event.raw for event in feed([stream])) == stream


@given(STREAMS)
def test_data_is_what_the_standard_says(stream: bytes) -> None:
    assert [event.data for event in feed([stream]) if b"data" in event.raw] == data_of(stream)


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_any_bytes_come_through(stream: bytes, positions: list[int]) -> None:
    events = feed(cut(stream, positions))
    assert b"".join(event.raw for event in events) == stream
    assert events == feed([stream])


@pytest.mark.parametrize(
    ("raw", "name", "data"),
    [
        (b"data: a\n\n", None, b"a"),
        (b"data:a\n\n", None, b"a"),
        (b"data:  a\n\n", None, b" a"),
        (b"data: a\ndata: b\n\n", None, b"a\nb"),
        (b"event: ping\ndata: {}\n\n", "ping", b"{}"),
        (b"data: {}\nevent: late\n\n", "late", b"{}"),
        (b"event: ping\r\ndata: {}\r\n\r\n", "ping", b"{}"),
        (b": keep-alive\n\n", None, b""),
        (b"id: 7\nretry: 10\ndata: a\n\n", None, b"a"),
        (b"\xef\xbb\xbfdata: a\n\n", None, b"a"),
        (b"\n", None, b""),
    ],
)
def test_fields_of_one_event(raw: bytes, name: str | None, data: bytes) -> None:
    assert SseParser().feed(raw) == [Event(raw, name, data)]


def test_bom_counts_only_at_the_start() -> None:
    _, second = feed([b"data: a\n\n\xef\xbb\xbfdata: b\n\n"])
    assert second.data == b""


def test_event_is_delivered_with_its_blank_line_and_not_later() -> None:
    parser = SseParser()
    assert parser.feed(b"data: a\n") == []
    assert not parser.at_boundary
    assert [event.data for event in parser.feed(b"\n")] == [b"a"]
    assert parser.at_boundary


def test_lone_cr_at_the_end_waits_for_its_lf() -> None:
    parser = SseParser()
    assert parser.feed(b"data: a\r\n\r") == []
    (event,) = parser.feed(b"\ndata: b")
    assert event.raw == b"data: a\r\n\r\n"


def test_stream_that_ends_without_a_blank_line_leaves_a_rest() -> None:
    parser = SseParser()
    parser.feed(b'data: {"cut')
    assert parser.close() == Event(b'data: {"cut', None, b'{"cut')
    assert parser.close() is None


def test_ten_megabytes_in_one_event_are_whole() -> None:
    stream = b'event: big\ndata: {"text":"' + b"x" * 10_000_000 + b'"}\n\n'
    for size in (1 << 16, 997):
        (event,) = feed([stream[i : i + size] for i in range(0, len(stream), size)])
        assert event.is_whole
        assert event.name == "big"
        assert event.raw == stream


@pytest.mark.parametrize("size", [1, 5, 64, 1000, 100_000])
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n"])
def test_oversized_event_comes_in_pieces_that_are_the_stream(
    monkeypatch: pytest.MonkeyPatch, size: int, line_end: bytes
) -> None:
    monkeypatch.setattr(sse, "EVENT_BYTES_MAX", 4096)
    monkeypatch.setattr(sse, "TAIL_BYTES_MAX", 64)
    tail = b'"usage":{"prompt_tokens":5}}'
    big = b"event: big" + line_end + b'data: {"text":"' + b"x" * 9000 + b'",' + tail + line_end * 2
    stream = b"data: before" + line_end * 2 + big + b"data: after" + line_end * 2
    events = feed([stream[i : i + size] for i in range(0, len(stream), size)])
    assert b"".join(event.raw for event in events) == stream
    assert [event.data for event in events if event.is_whole] == [b"before", b"after"]
    pieces = [event for event in events if not event.is_whole]
    assert b"".join(piece.raw for piece in pieces) == big
    assert all(piece.data == b"" and piece.name is None for piece in pieces[:-1])
    assert pieces[-1].name == "big"
    assert pieces[-1].data.endswith(tail)
    assert len(pieces[-1].data) == 64


def test_oversized_event_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "EVENT_BYTES_MAX", 4096)
    parser = SseParser()
    chunk = b"x" * 1000
    for _ in range(500):
        parser.feed(chunk)
        assert len(parser._pending) <= 4096 + len(chunk)
    assert not parser.at_boundary


@given(st.binary(max_size=100), st.none() | st.text(max_size=20))
def test_encoded_event_reads_back_as_one_event(data: bytes, name: str | None) -> None:
    if name is not None and re.search(r"[\ud800-\udfff]", name):
        return
    (event,) = feed([encode_event(data, name)])
    assert event.data == re.sub(rb"\r\n|\r", b"\n", data)
    assert (event.name is None) is (name is None)
