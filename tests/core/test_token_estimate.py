"""The local estimate of a prompt: near enough to plan by, whatever the prompt is made of."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quart_proxy.core.chat import Chat, Document, Image, Message, OutputShape, Role, Source, Text, Tool, ToolResult
from quart_proxy.core.token_estimate import (
    IMAGE_TOKENS,
    MESSAGE_TOKENS,
    PAGE_BYTES,
    PAGE_TOKENS,
    TOOLS_TOKENS,
    estimate_input_tokens,
)


def estimate(*parts: Text | Image | Document | ToolResult, **members: object) -> int:
    return estimate_input_tokens(Chat(messages=(Message(Role.USER, parts),), **members))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The quick brown fox jumps over the lazy dog.", 11),
        ("Быстрая лиса", 6),
        ("春眠不覚暁処処聞啼鳥", 10),
        ("안녕하세요 세계", 8),
        ("\U0001f600\U0001f600", 4),
        ("", 0),
    ],
)
def test_text_counts_by_its_script(text: str, tokens: int) -> None:
    assert estimate(Text(text)) == MESSAGE_TOKENS + tokens


def test_nothing_is_one_token() -> None:
    assert estimate_input_tokens(Chat(messages=())) == 1


def test_everything_that_is_sent_counts() -> None:
    plain = estimate(Text("Hi"))
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    assert estimate(Text("Hi"), system=(Text("x" * 400),)) == plain + 100
    assert estimate(Text("Hi"), Image(Source(url="https://x/y.png"))) == plain + IMAGE_TOKENS
    assert estimate(Text("Hi"), Image(Source(url="u"), detail="low")) < plain + 100
    assert estimate(Text("Hi"), ToolResult("t", (Text("x" * 400),))) >= plain + 100
    assert estimate(Text("Hi"), tools=(Tool("look", "t", schema=schema),)) > plain + TOOLS_TOKENS
    assert estimate(Text("Hi"), output=OutputShape("o", schema)) >= plain + len(orjson.dumps(schema)) // 4
    pages = Document(Source(base64="A" * (PAGE_BYTES * 4)))
    assert estimate(Text("Hi"), pages) == plain + 3 * PAGE_TOKENS


@given(st.text(), st.text())
def test_more_text_is_never_fewer_tokens(text: str, more: str) -> None:
    assert estimate(Text(text + more)) >= estimate(Text(text))
