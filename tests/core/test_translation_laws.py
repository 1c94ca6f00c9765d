"""What holds of every pair of formats: what is said arrives, in an order that clients can read, and is counted once."""

import itertools
from typing import Any

import orjson
import pytest
from grammars import GRAMMARS
from hypothesis import given, settings
from hypothesis import strategies as st
from translating import (
    BOTH,
    CLIENTS,
    UPSTREAMS,
    answers,
    cut_events,
    make_frame,
    read_stream,
    usages,
    write_stream,
    write_upstream,
)

from quart_proxy.core.chat import AnswerPart, ChatAnswer, Refusal, Stop, Text, Thinking, ToolCall
from quart_proxy.core.chat_events import (
    ChatEvent,
    Cited,
    PartBegan,
    PartEnded,
    PartGrew,
    Stopped,
    collect_answer,
    list_events,
)
from quart_proxy.core.formats import UPSTREAM_FORMATS
from quart_proxy.core.sse import SseParser
from quart_proxy.core.usage import Dimension, Usage

PAIRS = list(itertools.product(sorted(UPSTREAMS), sorted(CLIENTS)))
FEW = settings(max_examples=25)


def join(answer: ChatAnswer) -> list[tuple[Any, ...]]:
    """What an answer says: neighbours of one kind joined, as some formats have no border between them. A refusal is
    words like others where a format has no other word for it."""
    said: list[tuple[Any, ...]] = []
    for part in answer.parts:
        match part:
            case ToolCall():
                said.append(("call", part.id, part.name, orjson.loads(part.arguments or "{}"), part.kind))
            case Thinking():
                _add(said, "thinking", part.text)
            case Text() | Refusal():
                _add(said, "words", part.text)
    return said


def _add(said: list[tuple[Any, ...]], kind: str, text: str) -> None:
    if said and said[-1][0] == kind:
        said[-1] = (kind, said[-1][1] + text)
    elif text:
        said.append((kind, text))


def by_kind(answer: ChatAnswer) -> dict[str, Any]:
    """As `join`, of a whole answer in a format that has a place for each kind, and no order among them."""
    said = join(answer)
    return {
        "thinking": "".join(each[1] for each in said if each[0] == "thinking"),
        "words": sorted("".join(each[1] for each in said if each[0] == "words")),
        "calls": [each for each in said if each[0] == "call"],
    }


def assert_grammar(events: list[ChatEvent]) -> None:
    """`(PartBegan (PartGrew | Cited)* PartEnded)* Stopped`, and each part is what grew."""
    begun: AnswerPart | None = None
    text = ""
    assert [isinstance(event, Stopped) for event in events] == [False] * (len(events) - 1) + [True]
    for event in events[:-1]:
        match event:
            case PartBegan(part):
                assert begun is None
                begun, text = part, ""
            case PartGrew(more):
                assert begun is not None and more
                text += more
            case Cited():
                assert isinstance(begun, Text)
            case PartEnded(part):
                assert type(part) is type(begun)
                assert text == (part.arguments if isinstance(part, ToolCall) else part.text)
                begun = None
    assert begun is None


def assert_same_usage(read: Usage | None, sent: Usage, name: str) -> None:
    """Every token once and in its dimension; only Anthropic tells how long what was written lives."""
    assert read is not None
    tokens = dict(sent.tokens)
    if name != "anthropic":
        tokens[Dimension.CACHE_WRITE] += tokens.pop(Dimension.CACHE_WRITE_1H)
    if name == "gemini":
        tokens[Dimension.INPUT] += tokens.pop(Dimension.CACHE_WRITE)
    assert {dimension: read.count(dimension) for dimension in tokens} == tokens
    assert (read.reasoning or 0) == (sent.reasoning or 0)


# --- One format ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOTH)
@FEW
@given(answers(), usages())
def test_a_stream_is_read_as_it_was_written(name: str, answer: ChatAnswer, usage: Usage) -> None:
    frame = make_frame()
    body = write_stream(name, list_events(answer), usage, frame)
    GRAMMARS[name](cut_events(body))
    events, read, is_good = read_stream(name, body, frame)
    assert is_good
    assert_grammar(events)
    assert join(collect_answer(events)) == join(answer)
    assert collect_answer(events).stop is answer.stop
    assert_same_usage(read, usage, name)


@pytest.mark.parametrize("name", BOTH)
@FEW
@given(answers(), usages())
def test_a_whole_answer_is_read_as_it_was_written(name: str, answer: ChatAnswer, usage: Usage) -> None:
    frame = make_frame()
    document = orjson.loads(orjson.dumps(CLIENTS[name].render_answer(answer, usage, frame)))
    parsed = UPSTREAMS[name].parse_answer(document, frame)
    assert by_kind(parsed) == by_kind(answer)
    assert parsed.stop is answer.stop
    read = UPSTREAM_FORMATS[name].read_answer(orjson.dumps(document))
    assert read.error is None
    assert_same_usage(read.reading.usage, usage, name)


@pytest.mark.parametrize("name", sorted(CLIENTS))
@FEW
@given(answers(), st.data())
def test_words_may_come_in_any_pieces(name: str, answer: ChatAnswer, data: st.DataObject) -> None:
    events: list[ChatEvent] = []
    for event in list_events(answer):
        if isinstance(event, PartGrew) and len(event.text) > 1:
            at = data.draw(st.integers(1, len(event.text) - 1))
            events += (PartGrew(event.text[:at]), PartGrew(event.text[at:]))
        else:
            events.append(event)
    frame = make_frame()
    pieces = cut_events(write_stream(name, events, Usage({}), frame))
    GRAMMARS[name](pieces)
    if name in BOTH:
        read, _, _ = read_stream(name, b"".join(event.raw for event in pieces), frame)
        assert join(collect_answer(read)) == join(answer)


@pytest.mark.parametrize("name", sorted(CLIENTS))
@FEW
@given(answers(), st.lists(st.integers(1, 60), max_size=30))
def test_bytes_may_come_in_any_chunks(name: str, answer: ChatAnswer, sizes: list[int]) -> None:
    body = write_stream(name, list_events(answer), Usage({}), make_frame())
    parser, events, rest = SseParser(), [], body
    for size in sizes:
        events += parser.feed(rest[:size])
        rest = rest[size:]
    assert [*events, *parser.feed(rest)] == SseParser().feed(body)


# --- Every pair ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("upstream", "client"), PAIRS)
@FEW
@given(answers(), usages())
def test_an_answer_arrives_whoever_gives_it_and_whoever_asked(
    upstream: str, client: str, answer: ChatAnswer, usage: Usage
) -> None:
    frame = make_frame()
    events, read, is_good = read_stream(upstream, write_upstream(upstream, answer, usage, frame), frame)
    assert is_good
    assert_grammar(events)
    assert_same_usage(read, usage, upstream)
    body = write_stream(client, events, read, frame)
    GRAMMARS[client](cut_events(body))
    if client == "openai_completions":
        chunks = [orjson.loads(event.data) for event in cut_events(body)[:-1]]
        words = "".join(choice["text"] for chunk in chunks for choice in chunk["choices"])
        assert words == "".join(each[1] for each in join(answer) if each[0] == "words")
    else:
        again, counted, _ = read_stream(client, body, frame)
        assert join(collect_answer(again)) == join(answer)
        assert collect_answer(again).stop is answer.stop
        assert read is not None
        assert_same_usage(
            counted, Usage({dimension: read.count(dimension) for dimension in Dimension}, read.reasoning), client
        )


@pytest.mark.parametrize("client", sorted(CLIENTS))
@pytest.mark.parametrize("stop", Stop)
def test_every_stop_has_a_word_in_every_format(client: str, stop: Stop) -> None:
    answer = ChatAnswer((Text("Hi."),), stop, "END" if stop is Stop.SEQUENCE else None)
    GRAMMARS[client](cut_events(write_stream(client, list_events(answer), Usage({}), make_frame())))
    assert CLIENTS[client].render_answer(answer, None, make_frame())


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_an_answer_without_usage_ends_like_any_other(client: str) -> None:
    GRAMMARS[client](cut_events(write_stream(client, list_events(ChatAnswer((Text("Hi."),))), None, make_frame())))
