"""What a format reads from a client's request, and what it sends to the upstream."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from quart_proxy.core import openai_style
from quart_proxy.core.errors import InvalidRequest
from quart_proxy.core.formats import FORMATS, Format, load_formats
from quart_proxy.core.prompts import PromptMode, SystemPrompt
from quart_proxy.core.sse import Event, SseParser

OPENAI, ANTHROPIC = FORMATS["openai"], FORMATS["anthropic"]
RESPONSES, EMBEDDINGS = FORMATS["openai_responses"], FORMATS["openai_embeddings"]
PREPEND = SystemPrompt("Ours.", PromptMode.PREPEND)
REPLACE = SystemPrompt("Ours.", PromptMode.REPLACE)
MINIMAL: dict[str, Any] = {"model": "m", "messages": [], "input": "text"}


def render(format_: Format, body: dict[str, Any], prompt: SystemPrompt | None = None) -> dict[str, Any]:
    request = format_.parse_request(json.dumps({**MINIMAL, **body}).encode())
    before = copy.deepcopy(request.body)
    rendered: dict[str, Any] = json.loads(format_.render_request(request, actual_model="real", prompt=prompt))
    assert request.body == before
    assert rendered["model"] == "real"
    return rendered


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", None),
        (b'{"model":', None),
        (b'{"model":"\xff"}', None),
        (b'{"model":NaN}', None),
        (b"[]", None),
        (b'"model"', None),
        (b"[" * 5000 + b"]" * 5000, None),
        (b'{"messages":[],"input":"x"}', "model"),
        (b'{"messages":[],"input":"x","model":null}', "model"),
        (b'{"messages":[],"input":"x","model":7}', "model"),
        (b'{"messages":[],"input":"x","model":" "}', "model"),
        (b'{"messages":[],"input":"x","model":"a\\u0000b"}', "model"),
        (b'{"messages":[],"input":"x","model":"a\\nb"}', "model"),
        (b'{"messages":[],"input":"x","model":"' + b"m" * 201 + b'"}', "model"),
        (b'{"messages":[],"input":"x","model":"m","stream":"yes"}', "stream"),
        (b'{"messages":[],"input":"x","model":"m","stream":1}', "stream"),
    ],
)
def test_request_that_cannot_be_understood_names_the_field(name: str, body: bytes, param: str | None) -> None:
    with pytest.raises(InvalidRequest) as caught:
        FORMATS[name].parse_request(body)
    assert caught.value.param == param
    assert len(caught.value.message) < 300


def test_bad_json_is_told_with_its_position() -> None:
    with pytest.raises(InvalidRequest, match="line 2 column"):
        OPENAI.parse_request(b'{"model":\n oops}')


@pytest.mark.parametrize(
    ("format_", "field", "value"),
    [
        (OPENAI, "messages", "hello"),
        (OPENAI, "messages", None),
        (OPENAI, "stream_options", "usage"),
        (ANTHROPIC, "messages", {}),
        (ANTHROPIC, "system", 7),
        (RESPONSES, "instructions", ["a"]),
        (EMBEDDINGS, "input", None),
        (EMBEDDINGS, "stream", True),
    ],
)
def test_field_of_the_wrong_kind_is_refused_by_name(format_: Format, field: str, value: Any) -> None:
    with pytest.raises(InvalidRequest) as caught:
        format_.parse_request(json.dumps({**MINIMAL, field: value}).encode())
    assert caught.value.param == field


@pytest.mark.parametrize(
    ("format_", "limits", "expected"),
    [
        (OPENAI, {"max_tokens": 5}, 5),
        (OPENAI, {"max_completion_tokens": 7, "max_tokens": 5}, 7),
        (OPENAI, {"max_completion_tokens": "7", "max_tokens": 5}, 5),
        (OPENAI, {"max_tokens": 0}, None),
        (OPENAI, {"max_tokens": True}, None),
        (OPENAI, {}, None),
        (ANTHROPIC, {"max_tokens": 5}, 5),
        (RESPONSES, {"max_output_tokens": 5}, 5),
        (EMBEDDINGS, {"max_tokens": 5}, None),
    ],
)
def test_output_limit_is_read_leniently(format_: Format, limits: dict[str, Any], expected: int | None) -> None:
    assert format_.parse_request(json.dumps({**MINIMAL, **limits}).encode()).output_tokens_max == expected


@pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)
def test_unknown_fields_reach_the_upstream(format_: Format) -> None:
    body = {"vendor_option": {"deep": [1, None, "ü"]}, "metadata": {"model": "untouched"}}
    rendered = render(format_, body)
    assert body.items() <= rendered.items()


@pytest.mark.parametrize(
    ("options", "wants_usage", "expected"),
    [
        ({}, False, {"include_usage": True}),
        ({"stream_options": None}, False, {"include_usage": True}),
        ({"stream_options": {"include_usage": False}}, False, {"include_usage": True}),
        ({"stream_options": {"include_usage": True}}, True, {"include_usage": True}),
        ({"stream_options": {"other": 1}}, False, {"other": 1, "include_usage": True}),
    ],
)
def test_usage_is_always_asked_of_a_stream(options: Any, wants_usage: bool, expected: Any) -> None:
    body = {"stream": True, **options}
    assert render(OPENAI, body)["stream_options"] == expected
    assert OPENAI.parse_request(json.dumps({**MINIMAL, **body}).encode()).wants_usage is wants_usage


def test_usage_is_not_asked_where_it_always_comes() -> None:
    assert "stream_options" not in render(OPENAI, {"stream": False})
    assert "stream_options" not in render(ANTHROPIC, {"stream": True})
    assert "stream_options" not in render(RESPONSES, {"stream": True})


def message(role: str, content: str = "Theirs.") -> dict[str, str]:
    return {"role": role, "content": content}


@pytest.mark.parametrize(
    ("theirs", "prompt", "expected"),
    [
        ([message("user")], PREPEND, [message("system", "Ours."), message("user")]),
        (
            [message("system"), message("user")],
            PREPEND,
            [message("system", "Ours."), message("system"), message("user")],
        ),
        (
            [message("developer"), message("user")],
            PREPEND,
            [message("developer", "Ours."), message("developer"), message("user")],
        ),
        ([], PREPEND, [message("system", "Ours.")]),
        (
            [message("system"), message("user"), message("developer")],
            REPLACE,
            [message("developer", "Ours."), message("user")],
        ),
        (
            [message("user"), 7, {"role": ["odd"]}],
            REPLACE,
            [message("system", "Ours."), message("user"), 7, {"role": ["odd"]}],
        ),
    ],
)
def test_prompt_in_chat_messages(theirs: list[Any], prompt: SystemPrompt, expected: list[Any]) -> None:
    assert render(OPENAI, {"messages": theirs}, prompt)["messages"] == expected


BLOCK = {"type": "text", "text": "Theirs.", "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("theirs", "prompt", "expected"),
    [
        (None, PREPEND, "Ours."),
        ("", PREPEND, "Ours."),
        ("Theirs.", PREPEND, "Ours.\n\nTheirs."),
        ([BLOCK], PREPEND, [{"type": "text", "text": "Ours."}, BLOCK]),
        ("Theirs.", REPLACE, "Ours."),
        ([BLOCK], REPLACE, "Ours."),
    ],
)
def test_prompt_in_anthropic_system(theirs: Any, prompt: SystemPrompt, expected: Any) -> None:
    assert render(ANTHROPIC, {"system": theirs}, prompt)["system"] == expected


def test_prompt_in_responses_instructions() -> None:
    items = [message("system"), message("user"), message("developer"), {"type": "reasoning"}]
    both = render(RESPONSES, {"instructions": "Theirs.", "input": items}, PREPEND)
    assert (both["instructions"], both["input"]) == ("Ours.\n\nTheirs.", items)
    ours = render(RESPONSES, {"instructions": "Theirs.", "input": items}, REPLACE)
    assert (ours["instructions"], ours["input"]) == ("Ours.", [message("user"), {"type": "reasoning"}])
    assert render(RESPONSES, {"input": "text"}, PREPEND)["instructions"] == "Ours."


def test_embeddings_take_no_prompt() -> None:
    assert render(EMBEDDINGS, {}, PREPEND) == render(EMBEDDINGS, {})


@pytest.mark.parametrize(
    ("format_", "api_url", "expected"),
    [
        (OPENAI, "https://api.openai.com/v1", "https://api.openai.com/v1/chat/completions"),
        (OPENAI, "https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
        (OPENAI, "https://api.openai.com", "https://api.openai.com/v1/chat/completions"),
        (OPENAI, "http://127.0.0.1:9000/", "http://127.0.0.1:9000/v1/chat/completions"),
        (OPENAI, "https://g.test/v1beta/openai", "https://g.test/v1beta/openai/chat/completions"),
        (OPENAI, "https://az.test/d/gpt?api-version=1", "https://az.test/d/gpt/chat/completions?api-version=1"),
        (RESPONSES, "https://api.openai.com/v1", "https://api.openai.com/v1/responses"),
        (EMBEDDINGS, "https://api.openai.com", "https://api.openai.com/v1/embeddings"),
        (ANTHROPIC, "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        (ANTHROPIC, "https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        (ANTHROPIC, "https://gw.test/anthropic", "https://gw.test/anthropic/v1/messages"),
    ],
)
def test_upstream_url(format_: Format, api_url: str, expected: str) -> None:
    assert format_.upstream_url(api_url) == expected


def test_credentials_go_where_the_provider_looks() -> None:
    assert OPENAI.credential_headers("k") == {"authorization": "Bearer k"}
    assert ANTHROPIC.credential_headers("k") == {"x-api-key": "k"}
    assert ANTHROPIC.default_headers == {"anthropic-version": "2023-06-01"}


@pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)
def test_heartbeat_is_one_event_that_says_nothing(format_: Format) -> None:
    (heartbeat,) = SseParser().feed(format_.heartbeat)
    assert (heartbeat.name, heartbeat.data) in ((None, b""), ("ping", b'{"type": "ping"}'))


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b'data: {"model":"a"}\n\n', b'data: {"model":"ours"}\n\n'),
        (b'data:{"model":"a"}\r\n\r\n', b'data:{"model":"ours"}\r\n\r\n'),
        (b'\xef\xbb\xbfdata: {"model":"a"}\n\n', b'\xef\xbb\xbfdata: {"model":"ours"}\n\n'),
        (b'event: x\rdata:  {"model":"a"} \rid: 1\r\r', b'event: x\rdata:  {"model":"ours"} \rid: 1\r\r'),
        (b': data: {"model":"a"}\ndata: {"model":"a"}\n\n', b': data: {"model":"a"}\ndata: {"model":"ours"}\n\n'),
        (b'data: {"model":\ndata: "a"}\n\n', b'data: {"model":\ndata: "a"}\n\n'),
        (b"data: [DONE]\n\n", b"data: [DONE]\n\n"),
        (b": comment\n\n", b": comment\n\n"),
    ],
)
def test_renamed_event_keeps_its_framing(raw: bytes, expected: bytes) -> None:
    parser = SseParser()
    events: list[Event | None] = [*parser.feed(raw), parser.close()]
    (event,) = (event for event in events if event)
    assert OPENAI.rename_event(event, "ours") == expected


def test_piece_of_an_event_is_not_renamed() -> None:
    piece = Event(b'"model":"a"}\n\n', None, b'{"model":"a"}', is_whole=False)
    assert OPENAI.rename_event(piece, "ours") == piece.raw


def test_every_file_of_the_package_is_a_format() -> None:
    assert set(FORMATS) == {"openai", "anthropic", "openai_responses", "openai_embeddings"}
    assert {format_.api_format for format_ in FORMATS.values()} == {"openai", "anthropic", "openai_responses"}


def test_two_files_with_one_name_are_both_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "twin_formats"
    package.mkdir()
    for name in ("__init__", "first", "second"):
        source = "" if name == "__init__" else "from quart_proxy.core.formats.openai import FORMAT as FORMAT\n"
        (package / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match=r"first\.py and .*second\.py"):
        load_formats("twin_formats", [str(package)])


def test_failure_without_a_sentence_is_still_a_failure() -> None:
    assert openai_style.find_failure({"error": {"code": 500}})
    assert openai_style.find_failure({"choices": []}) is None
