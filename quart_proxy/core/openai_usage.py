"""The usage object of chat completions and embeddings, as the many providers fill it in.

`prompt_tokens` should include what was cached and written, `completion_tokens` the reasoning, and
`total_tokens` should be their sum. Where a provider counts otherwise its total tells; the cases are those of
recorded traffic.
"""

from collections.abc import Callable
from typing import Any

from quart_proxy.core.usage import NOTHING_READ, Dimension, InvalidCount, Reading, Usage, parse_count
from quart_proxy.core.usage_fields import Counts, list_unpriced

# Several names for the same tokens: the largest counts, they are never added.
_CACHED = (
    "prompt_tokens_details.cached_tokens",
    "cached_tokens",
    "num_cached_tokens",
    "prompt_cache_hit_tokens",
    "cache_read_input_tokens",
)
_WRITTEN = ("prompt_tokens_details.cache_write_tokens", "cache_creation_input_tokens")
_REASONING = ("completion_tokens_details.reasoning_tokens", "reasoning_tokens")
_AUDIO = "prompt_tokens_details.audio_tokens"
_KNOWN = frozenset(
    {"prompt_tokens", "completion_tokens", "total_tokens", "prompt_cache_miss_tokens", "audio_prompt_tokens"}
    | {*_CACHED, *_WRITTEN, *_REASONING, _AUDIO}
    | {f"prompt_tokens_details.{part}_tokens" for part in ("text", "image", "video", "multimodal")}
    | {f"completion_tokens_details.{part}_tokens" for part in ("text", "audio", "image", "video")}
    | {f"completion_tokens_details.{part}_prediction_tokens" for part in ("accepted", "rejected")}
)


def read_chat_usage(usage: object) -> Reading:
    """The reading of a `usage` value. Null, and an object without prompt and completion, say nothing."""
    return _read(usage, _count_chat)


def read_embeddings_usage(usage: object) -> Reading:
    """The reading of an embeddings `usage` value. Some providers give only the total: it is the input."""
    return _read(usage, _count_embeddings)


def render_chat_usage(usage: Usage) -> dict[str, Any]:
    """The `usage` that says this: read again it is the same, but that writes to a cache of an hour have no name of
    their own."""
    output = usage.count(Dimension.OUTPUT)
    written = usage.count(Dimension.CACHE_WRITE) + usage.count(Dimension.CACHE_WRITE_1H)
    rendered: dict[str, Any] = {
        "prompt_tokens": usage.input_total,
        "completion_tokens": output,
        "total_tokens": usage.input_total + output,
        "prompt_tokens_details": {"cached_tokens": usage.count(Dimension.CACHED_INPUT)},
    }
    if written:
        rendered["prompt_tokens_details"]["cache_write_tokens"] = written
    if usage.reasoning is not None:
        # More reasoning than output would be read as standing beside it.
        rendered["completion_tokens_details"] = {"reasoning_tokens": min(usage.reasoning, output)}
    return rendered


def split_input(prompt: int, cached: int, written: int) -> dict[Dimension, int]:
    """Prompt tokens, which include the cached and the written ones, by dimension.

    Some providers report more cached than prompt tokens, or the same tokens as cached and as written: cached
    is at most the prompt, and the plain rest never negative.
    """
    cached = min(cached, prompt)
    return {
        Dimension.INPUT: max(prompt - cached - written, 0),
        Dimension.CACHED_INPUT: cached,
        Dimension.CACHE_WRITE: written,
    }


def _read(usage: object, count: Callable[[Counts], Usage | None]) -> Reading:
    if usage is None:
        return NOTHING_READ
    if not isinstance(usage, dict):
        return Reading(invalid="usage")
    try:
        counted = count(Counts(usage))
    except InvalidCount as error:
        return Reading(invalid=error.path)
    return Reading(counted, unpriced=list_unpriced(usage, _KNOWN)) if counted else NOTHING_READ


def _count_chat(counts: Counts) -> Usage | None:
    prompt, completion = counts.find("prompt_tokens"), counts.find("completion_tokens")
    total = counts.find("total_tokens")
    if prompt is None and completion is None:
        return None
    cached, written = counts.largest(*_CACHED), counts.largest(*_WRITTEN)
    reasoning = counts.find_first(*_REASONING)
    inputs, output = prompt or 0, completion or 0
    extra = (total or 0) - inputs - output
    if extra > 0:
        more_input, more_output = _explain(extra, counts, reasoning, cached + written)
        inputs, output = inputs + more_input, output + more_output
    elif (reasoning or 0) > output:
        # Vercel's gateway leaves Gemini's reasoning out of the completion and out of the total.
        output = parse_count(output + (reasoning or 0), "usage.completion_tokens")
    tokens = split_input(inputs, cached, written)
    tokens[Dimension.OUTPUT] = output
    return Usage(tokens, reasoning)


def _explain(extra: int, counts: Counts, reasoning: int | None, cache: int) -> tuple[int, int]:
    """Which input and output make up the tokens that a total has beyond prompt and completion."""
    if extra == reasoning:
        return 0, extra  # xAI counts reasoning beside the completion
    if extra in (counts.find(_AUDIO), cache):
        return extra, 0  # Mistral counts audio beside the prompt; cached tokens counted Anthropic's way
    if reasoning is None:
        return 0, extra  # Gemini shows its thinking in the total only
    return 0, 0


def _count_embeddings(counts: Counts) -> Usage | None:
    prompt, total = counts.find("prompt_tokens"), counts.find("total_tokens")
    completion = counts.find("completion_tokens")
    if prompt is None and total is None:
        return None
    return Usage({Dimension.INPUT: prompt if prompt is not None else total or 0, Dimension.OUTPUT: completion or 0})
