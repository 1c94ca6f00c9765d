"""One string is replaced, and nothing else is touched."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quart_proxy.core.json_edit import replace_string

PATHS = (("model",), ("message", "model"), ("response", "model"))

KEYS = st.sampled_from(["model", "message", "response", "id", "choices", 'mo"del', "usage", "ü"])
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["model", "message", '"model":"x"', "ß\\"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=6)
STYLES = st.sampled_from(
    [
        {"separators": (",", ":")},
        {"indent": 2},
        {"ensure_ascii": False},
        {"separators": (" ,\t", "\r\n: ")},
    ]
)


def replaced(document: Any, value: str) -> Any:
    """The document with its leaf replaced, by the plain way of parsing."""
    copy = json.loads(json.dumps(document))
    for path in PATHS:
        holder = copy
        for key in path[:-1]:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and path[-1] in holder:
            if isinstance(holder[path[-1]], str):
                holder[path[-1]] = value
            return copy
    return copy


@given(DOCUMENTS, STYLES, st.text(max_size=10).filter(lambda text: text.isprintable()))
def test_only_that_leaf_is_changed(document: dict[str, Any], style: dict[str, Any], value: str) -> None:
    text = json.dumps(document, **style).encode()
    result = replace_string(text, PATHS, value)
    assert json.loads(result) == replaced(document, value)
    if replaced(document, value) == document:
        assert json.loads(result) == document


@given(DOCUMENTS, STYLES)
def test_replacing_back_gives_the_bytes_again(document: dict[str, Any], style: dict[str, Any]) -> None:
    document = {**document, "model": "first"}
    text = json.dumps(document, **style).encode()
    assert replace_string(replace_string(text, PATHS, "second"), PATHS, "first") == text


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[DONE]",
        b"null",
        b"[]",
        b'"model"',
        b'[{"model":"a"}]',
        b'{"id":1}',
        b'{"model":3}',
        b'{"model":null,"message":{"model":"a"}}',
        b'{"model":{"model":"a"}}',
        b'{"choices":[{"model":"a"}]}',
        b'{"delta":{"model":"a"},"id":"x"}',
        b'{"text":"\\"model\\":\\"a\\""}',
        b'{"message":"model","response":["model"]}',
        b'{"message":{"model":"a"},"message":3}',
        b'{"choices":[],"model":"a"',
        b'{"choices":[}],"model":"a"}',
    ],
)
def test_text_without_the_path_is_returned_as_it_is(text: bytes) -> None:
    assert replace_string(text, PATHS, "ours") is text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"model":"a"}', b'{"model":"ours"}'),
        (b' { "x" : 1.5e3 , "model" : "a" , "y" : [] }', b' { "x" : 1.5e3 , "model" : "ours" , "y" : [] }'),
        (b'{"choices":[{"model":"a"}],"model":"b"}', b'{"choices":[{"model":"a"}],"model":"ours"}'),
        (b'{"message":{"model":"a"},"model":"b"}', b'{"message":{"model":"a"},"model":"ours"}'),
        (b'{"type":"model","model":"a\\"b"}', b'{"type":"model","model":"ours"}'),
        (b'{"message":{"id":"x","model":"a"}}  ', b'{"message":{"id":"x","model":"ours"}}  '),
        (
            b'{"response":{"tools":[{"model":"t"}],"model":"a"}}',
            b'{"response":{"tools":[{"model":"t"}],"model":"ours"}}',
        ),
        (b'{"mod\\u0065l":"a"}', b'{"mod\\u0065l":"ours"}'),
        (b'{"model":"a","model":"b"}', b'{"model":"a","model":"ours"}'),
        ('{"é":"ü","x":[],"model":"ä"}'.encode(), '{"é":"ü","x":[],"model":"ours"}'.encode()),
    ],
)
def test_string_is_replaced_where_it_stands(text: bytes, expected: bytes) -> None:
    assert replace_string(text, PATHS, "ours") == expected


def test_name_with_quotes_stays_one_string() -> None:
    result = replace_string(b'{"model":"a"}', PATHS, 'say "hi"\\\n')
    assert json.loads(result) == {"model": 'say "hi"\\\n'}


def test_very_deep_text_is_left_alone() -> None:
    text = b'{"x":' + b"[" * 5000 + b"]" * 5000 + b',"model":"a"}'
    assert replace_string(text, PATHS, "ours") is text
