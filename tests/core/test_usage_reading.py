"""The quirks of providers in small vectors of our own: which tokens a usage object comes to."""

import json
from typing import Any

import pytest

from quart_proxy.core.formats import FORMATS
from quart_proxy.core.usage import NOTHING_READ, Dimension, Reading
from quart_proxy.core.usage_fields import load_lenient

BIG = 2**31


def read(format_name: str, usage: Any, **more: Any) -> Reading:
    return FORMATS[format_name].read_answer(json.dumps({"usage": usage, **more}).encode()).reading


def counts(reading: Reading) -> tuple[int, int, int, int, int] | None:
    """Input, cached, written, written for an hour, output."""
    if reading.usage is None:
        return None
    return tuple(reading.usage.count(dimension) for dimension in Dimension)  # type: ignore[return-value]


def chat(prompt: Any, completion: Any, total: Any = None, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **more}


CHAT_CASES: dict[str, tuple[dict[str, Any], tuple[int, int, int, int, int]]] = {
    "plain": (chat(10, 4, 14), (10, 0, 0, 0, 4)),
    "no total": (chat(10, 4), (10, 0, 0, 0, 4)),
    "all zero": (chat(0, 0, 0), (0, 0, 0, 0, 0)),
    "cached is inside the prompt": (
        chat(10, 4, 14, prompt_tokens_details={"cached_tokens": 6}),
        (4, 6, 0, 0, 4),
    ),
    "cached and written are inside the prompt": (
        chat(30, 4, 34, prompt_tokens_details={"cached_tokens": 20, "cache_write_tokens": 7}),
        (3, 20, 7, 0, 4),
    ),
    "cached under two names counts once": (
        chat(10, 4, 14, prompt_cache_hit_tokens=6, prompt_tokens_details={"cached_tokens": 6}),
        (4, 6, 0, 0, 4),
    ),
    "DeepSeek's hit counter alone": (
        chat(10, 4, 14, prompt_cache_hit_tokens=6, prompt_cache_miss_tokens=4),
        (4, 6, 0, 0, 4),
    ),
    "Mistral's num_cached_tokens": (chat(10, 4, 14, num_cached_tokens=3), (7, 3, 0, 0, 4)),
    "Moonshot's cached_tokens at the top": (chat(10, 4, 14, cached_tokens=10), (0, 10, 0, 0, 4)),
    "Anthropic's names in a chat usage": (
        chat(30, 4, 34, cache_read_input_tokens=5, cache_creation_input_tokens=6),
        (19, 5, 6, 0, 4),
    ),
    "Anthropic's names, outside the prompt": (
        chat(30, 4, 45, cache_read_input_tokens=5, cache_creation_input_tokens=6),
        (30, 5, 6, 0, 4),
    ),
    "more cached than prompt": (
        chat(10, 4, 14, prompt_tokens_details={"cached_tokens": 50}),
        (0, 10, 0, 0, 4),
    ),
    "the same tokens cached and written": (
        chat(10, 4, 14, prompt_tokens_details={"cached_tokens": 9, "cache_write_tokens": 9}),
        (0, 9, 9, 0, 4),
    ),
    "reasoning is inside the completion": (
        chat(10, 9, 19, completion_tokens_details={"reasoning_tokens": 5}),
        (10, 0, 0, 0, 9),
    ),
    "xAI: reasoning beside the completion": (
        chat(10, 4, 19, completion_tokens_details={"reasoning_tokens": 5}),
        (10, 0, 0, 0, 9),
    ),
    "Vercel and Gemini: reasoning in no sum": (
        chat(10, 4, 14, completion_tokens_details={"reasoning_tokens": 50}),
        (10, 0, 0, 0, 54),
    ),
    "Gemini: thinking only in the total": (chat(10, 4, 40), (10, 0, 0, 0, 30)),
    "details say how much was reasoning: the parts win": (
        chat(10, 9, 40, completion_tokens_details={"reasoning_tokens": 5}),
        (10, 0, 0, 0, 9),
    ),
    "total below its parts: the parts win": (chat(10, 4, 3), (10, 0, 0, 0, 4)),
    "voxtral: audio beside the prompt": (
        chat(10, 4, 114, prompt_tokens_details={"audio_tokens": 100, "cached_tokens": 0}),
        (110, 0, 0, 0, 4),
    ),
    "audio inside the prompt": (chat(10, 4, 14, prompt_tokens_details={"audio_tokens": 8}), (10, 0, 0, 0, 4)),
    "null details": (chat(10, 4, 14, prompt_tokens_details=None, completion_tokens_details=None), (10, 0, 0, 0, 4)),
    "running usage with nulls": (chat(10, None, None), (10, 0, 0, 0, 0)),
}


@pytest.mark.parametrize("case", CHAT_CASES)
def test_chat_usage(case: str) -> None:
    usage, expected = CHAT_CASES[case]
    assert counts(read("openai", usage)) == expected


@pytest.mark.parametrize("usage", [None, {}, {"total_tokens": 0}, {"prompt_tokens": None, "cost": 0.1}])
def test_usage_without_counts_says_nothing(usage: Any) -> None:
    assert read("openai", usage) == NOTHING_READ
    assert read("anthropic", usage and {"cost": 0.1}) == NOTHING_READ
    assert read("openai_responses", usage) == NOTHING_READ


INVALID = [-1, BIG, 10**18, 10**30, 1.5, 12.0, "12", "", True, False, [], {}, [3], float("nan"), float("inf")]


@pytest.mark.parametrize("value", INVALID, ids=repr)
@pytest.mark.parametrize(
    ("format_name", "usage", "field"),
    [
        ("openai", {"prompt_tokens": 5, "completion_tokens": 5}, "prompt_tokens"),
        ("openai", {"prompt_tokens": 5, "completion_tokens": 5}, "completion_tokens"),
        ("openai", {"prompt_tokens": 5, "completion_tokens": 5}, "total_tokens"),
        ("openai", {"prompt_tokens": 5, "completion_tokens": 5}, "cached_tokens"),
        ("openai_embeddings", {}, "total_tokens"),
        ("openai_embeddings", {"total_tokens": 5}, "prompt_tokens"),
        ("openai_responses", {"input_tokens": 5}, "output_tokens"),
        ("openai_responses", {"output_tokens": 5}, "input_tokens"),
        ("anthropic", {"input_tokens": 5}, "output_tokens"),
        ("anthropic", {"input_tokens": 5, "output_tokens": 5}, "cache_creation_input_tokens"),
    ],
)
def test_what_is_no_count_makes_the_usage_invalid(
    format_name: str, usage: dict[str, Any], field: str, value: Any
) -> None:
    reading = read(format_name, {**usage, field: value})
    assert reading.usage is None
    assert reading.invalid == f"usage.{field}"


@pytest.mark.parametrize("value", INVALID, ids=repr)
def test_what_is_no_count_in_details_makes_the_usage_invalid(value: Any) -> None:
    usage = chat(10, 5, prompt_tokens_details={"cached_tokens": value})
    assert read("openai", usage).invalid == "usage.prompt_tokens_details.cached_tokens"
    iterations = [{"input_tokens": 1, "output_tokens": value}]
    reading = read("anthropic", {"input_tokens": 1, "output_tokens": 1, "iterations": iterations})
    assert reading.invalid == "usage.iterations[0].output_tokens"


@pytest.mark.parametrize("usage", [3, "12", True, [], [chat(1, 1)]], ids=repr)
@pytest.mark.parametrize("format_name", FORMATS)
def test_usage_that_is_no_object_is_invalid(format_name: str, usage: Any) -> None:
    assert read(format_name, usage) == Reading(invalid="usage")


@pytest.mark.parametrize("format_name", ["openai", "openai_embeddings"])
def test_null_counts_are_absent(format_name: str) -> None:
    assert counts(read(format_name, chat(5, None, None))) == (5, 0, 0, 0, 0)


def test_nul_in_a_text_does_not_hide_the_usage() -> None:
    body = b'{"choices":[{"message":{"content":"a\x00b"}}],"usage":{"prompt_tokens":5,"completion_tokens":6}}'
    assert counts(FORMATS["openai"].read_answer(body).reading) == (5, 0, 0, 0, 6)


def test_broken_utf8_in_a_text_does_not_hide_the_usage() -> None:
    body = b'{"choices":[{"message":{"content":"\xff"}}],"usage":{"prompt_tokens":5,"completion_tokens":6}}'
    assert counts(FORMATS["openai"].read_answer(body).reading) == (5, 0, 0, 0, 6)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"total_tokens": 12}, (12, 0, 0, 0, 0)),
        ({"prompt_tokens": 12, "total_tokens": 12}, (12, 0, 0, 0, 0)),
        ({"prompt_tokens": 12, "completion_tokens": 0, "total_tokens": 12}, (12, 0, 0, 0, 0)),
    ],
)
def test_embeddings_usage(usage: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert counts(read("openai_embeddings", usage)) == expected


def test_responses_usage_takes_cached_and_written_out_of_the_input() -> None:
    usage = {
        "input_tokens": 30,
        "input_tokens_details": {"cached_tokens": 20, "cache_write_tokens": 7},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 39,
    }
    reading = read("openai_responses", usage)
    assert counts(reading) == (3, 20, 7, 0, 9)
    assert reading.usage is not None
    assert reading.usage.reasoning == 5


def anthropic_usage(**more: Any) -> dict[str, Any]:
    return {
        "input_tokens": 3,
        "cache_read_input_tokens": 20,
        "cache_creation_input_tokens": 30,
        "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
        "output_tokens": 9,
        **more,
    }


def test_anthropic_usage_splits_the_cache_writes_by_life() -> None:
    assert counts(read("anthropic", anthropic_usage())) == (3, 20, 10, 20, 9)


def test_anthropic_split_that_does_not_add_up_is_dropped() -> None:
    assert counts(read("anthropic", anthropic_usage(cache_creation_input_tokens=31))) == (3, 20, 31, 0, 9)


def test_anthropic_split_without_its_sum_counts() -> None:
    assert counts(read("anthropic", anthropic_usage(cache_creation_input_tokens=None))) == (3, 20, 10, 20, 9)


def test_every_iteration_is_billed() -> None:
    iterations = [
        {"type": "compaction", "input_tokens": 100, "output_tokens": 50, "cache_read_input_tokens": 7},
        {"type": "message", **anthropic_usage()},
    ]
    assert counts(read("anthropic", anthropic_usage(iterations=iterations))) == (103, 27, 10, 20, 59)


@pytest.mark.parametrize("iterations", [[], None, [{}], ["message"], [{"input_tokens": 1}, {"type": "?"}]])
def test_iterations_that_cannot_be_counted_leave_the_top_level(iterations: Any) -> None:
    assert counts(read("anthropic", anthropic_usage(iterations=iterations))) == (3, 20, 10, 20, 9)


def test_iteration_of_a_foreign_model_raises_an_alarm() -> None:
    iterations = [{"input_tokens": 1, "output_tokens": 1, "model": "other"}]
    reading = read("anthropic", anthropic_usage(iterations=iterations), model="claude")
    assert reading.unpriced == ("iterations.model",)
    iterations[0]["model"] = "claude"
    assert read("anthropic", anthropic_usage(iterations=iterations), model="claude").unpriced == ()


@pytest.mark.parametrize(
    ("format_name", "extra", "names"),
    [
        ("openai", {"image_generations": 2}, ("image_generations",)),
        ("openai", {"server_tool_use": {"searches": 1, "none": 0}}, ("server_tool_use.searches",)),
        ("openai", {"cost": {"total_cost": 0.1, "request_cost": 0.005}}, ("cost.request_cost",)),
        ("openai", {"cost": 0.1, "market_cost": 1, "total_time": 2.5, "ttft_ms": 9, "cost_details": {"x": 1}}, ()),
        ("openai", {"is_byok": True, "service_tier": "flex", "unknown": None}, ()),
        ("anthropic", {"server_tool_use": {"web_search_requests": 2}}, ("server_tool_use.web_search_requests",)),
        ("anthropic", {"server_tool_use": {"web_search_requests": 0, "web_fetch_requests": 3}}, ()),
        ("openai_responses", {"num_sources_used": 4}, ("num_sources_used",)),
    ],
)
def test_number_that_no_price_covers_is_named(format_name: str, extra: dict[str, Any], names: tuple[str, ...]) -> None:
    usage = {"prompt_tokens": 1, "input_tokens": 1, "output_tokens": 1, "completion_tokens": 1, **extra}
    ours = {"openai": ("input_tokens", "output_tokens")}.get(format_name, ("prompt_tokens", "completion_tokens"))
    for name in ours:
        del usage[name]
    assert read(format_name, usage).unpriced == names


def test_tool_calls_of_a_response_are_named() -> None:
    reading = read(
        "openai_responses",
        {"input_tokens": 1, "output_tokens": 1},
        tool_usage={"web_search": {"num_requests": 2}, "image_gen": {"total_tokens": 0}},
    )
    assert reading.unpriced == ("tool_usage.web_search.num_requests",)


@pytest.mark.parametrize(
    ("format_name", "document"),
    [
        ("openai", {"error": {"message": "Provider says no"}}),
        ("openai", {"error": "Provider says no"}),
        ("openai", {"choices": None, "base_resp": {"status_code": 2061, "status_msg": "Provider says no"}}),
        ("openai", {"choices": [{"error": {"message": "Provider says no", "code": 502}}]}),
        ("openai_embeddings", {"error": {"message": "Provider says no"}}),
        ("openai_responses", {"status": "failed", "error": {"code": "x", "message": "Provider says no"}}),
        ("anthropic", {"type": "error", "error": {"type": "overloaded_error", "message": "Provider says no"}}),
    ],
)
def test_failure_inside_a_good_answer_is_told(format_name: str, document: dict[str, Any]) -> None:
    assert FORMATS[format_name].read_answer(json.dumps(document).encode()).error == "Provider says no"


@pytest.mark.parametrize("format_name", FORMATS)
def test_answer_that_is_no_object_is_a_failure(format_name: str) -> None:
    for body in (b"", b"<html>", b"[]", b"null", b'{"cut":', b"[" * 100_000):
        answer = FORMATS[format_name].read_answer(body)
        assert answer.reading == NOTHING_READ
        assert answer.error


@pytest.mark.parametrize("format_name", FORMATS)
def test_null_error_is_no_failure(format_name: str) -> None:
    document: dict[str, Any] = {"error": None, "base_resp": {"status_code": 0, "status_msg": "success"}, "choices": []}
    assert FORMATS[format_name].read_answer(json.dumps(document).encode()).error is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"\\ud83d"', "\ufffd"),
        (b'"\\uDE00x"', "\ufffdx"),
        (b'["\\ud83d\\ude00", "\\\\ud83d", "\\ud83d"]', ["\U0001f600", "\\ud83d", "\ufffd"]),
        (b'"\xff"', "\ufffd"),
        (b'{"a": NaN', None),
    ],
)
def test_what_a_provider_sends_is_never_read_as_a_text_that_cannot_be_sent_on(text: bytes, value: object) -> None:
    assert load_lenient(text) == value
