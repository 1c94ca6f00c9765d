"""An event that is recognised by its shape is passed on exactly as if it had been read."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from quart_proxy.core.event_shape import EventShape
from quart_proxy.core.formats import FORMATS, StreamStep
from quart_proxy.core.sse import SseParser, encode_event

OPENAI_FIRST = {"id": "c-1", "object": "chat.completion.chunk", "model": "actual", "choices": []}
AZURE_LAST = {"choices": [], "id": "c-1", "model": "actual"}


def chunk(document: dict[str, object], text: str, **more: object) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return encode_event(orjson.dumps({**document, "choices": [choice], **more}))


def pass_on(stream: bytes, *, by_shape: bool) -> list[bytes]:
    """What a client would get of each event, and what each event meant."""
    spoken = FORMATS["openai"]
    reader, shape, given_out = spoken.open_stream(), EventShape(), []
    for event in SseParser().feed(stream):
        if by_shape and (known := shape.match(event.raw)) is not None:
            given_out.append(known)
            continue
        step, renamed = reader.read(event), spoken.rename_event(event, "asked for")
        if step is StreamStep.FORWARD:
            shape.learn(event.raw, renamed)
        given_out.append(renamed)
    return [*given_out, repr(reader.reading()).encode()]


texts = st.lists(st.text(max_size=20) | st.sampled_from(['"', "\\", 'model":"actual', "actual", "\n", ""]), max_size=12)


@given(texts=texts, first=st.sampled_from([OPENAI_FIRST, AZURE_LAST]))
def test_shape_changes_no_byte_and_no_reading(texts: list[str], first: dict[str, object]) -> None:
    events = [chunk(first, text) for text in texts]
    events.insert(len(events) // 2, chunk(first, "x", usage={"prompt_tokens": 3, "completion_tokens": 4}))
    stream = b"".join(events)

    assert pass_on(stream, by_shape=True) == pass_on(stream, by_shape=False)


def test_an_event_of_the_same_shape_is_recognised() -> None:
    shape = EventShape()
    raw = chunk(OPENAI_FIRST, "one")
    shape.learn(raw, raw.replace(b"actual", b"asked"))

    assert shape.match(chunk(OPENAI_FIRST, "two")) == chunk(OPENAI_FIRST, "two").replace(b"actual", b"asked")


def test_a_quote_in_the_text_must_be_read() -> None:
    shape = EventShape()
    raw = chunk(OPENAI_FIRST, "one")
    shape.learn(raw, raw)

    assert shape.match(chunk(OPENAI_FIRST, 'two"')) is None
    assert shape.match(raw.replace(b"one", b'one","finish_reason":"stop')) is None


def test_usage_that_changes_must_be_read() -> None:
    shape = EventShape()
    raw = chunk(OPENAI_FIRST, "one", usage={"completion_tokens": 1})
    shape.learn(raw, raw)

    assert shape.match(chunk(OPENAI_FIRST, "two", usage={"completion_tokens": 2})) is None
