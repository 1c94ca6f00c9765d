"""Anthropic's usage object: disjoint already, but its top level leaves out iterations and cache lives."""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.usage import NOTHING_READ, Dimension, InvalidCount, Reading, Usage, parse_count
from quart_proxy.core.usage_fields import Counts, list_unpriced

_WRITTEN = "cache_creation_input_tokens"
_WRITTEN_5M = "cache_creation.ephemeral_5m_input_tokens"
_WRITTEN_1H = "cache_creation.ephemeral_1h_input_tokens"
_COUNTS = ("input_tokens", "cache_read_input_tokens", _WRITTEN, "output_tokens")
_THINKING = "output_tokens_details.thinking_tokens"
# Fetching pages costs tokens only; searching the web costs a fee, so it is not here.
_KNOWN = frozenset({*_COUNTS, _WRITTEN_5M, _WRITTEN_1H, _THINKING, "server_tool_use.web_fetch_requests"})


def read_usage(usage: object, model: object) -> Reading:
    """The reading of a usage object of an answer by `model`. Null and an object without counts say nothing.

    Where `iterations` are listed, their sum counts, as the top level leaves some of them out. One by another
    model is named as unpriced: it may cost another price.
    """
    if usage is None:
        return NOTHING_READ
    if not isinstance(usage, dict):
        return Reading(invalid="usage")
    try:
        counted = _count(usage)
    except InvalidCount as error:
        return Reading(invalid=error.path)
    if counted is None:
        return NOTHING_READ
    unpriced = list_unpriced(usage, _KNOWN) + _list_unpriced_iterations(_iterations(usage), model)
    return Reading(counted, unpriced=tuple(dict.fromkeys(unpriced)))


def _count(usage: Mapping[str, Any]) -> Usage | None:
    top = Counts(usage)
    tokens = _count_one(top)
    iterations = _iterations(usage)
    if iterations:
        tokens = dict.fromkeys(Dimension, 0)
        for index, iteration in enumerate(iterations):
            for dimension, count in _count_one(Counts(iteration, f"usage.iterations[{index}]")).items():
                tokens[dimension] = parse_count(tokens[dimension] + count, "usage.iterations")
    elif top.find_first(*_COUNTS) is None:
        return None
    return Usage(tokens, top.find(_THINKING))


def _iterations(usage: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The iterations, if each of them can be counted; else none, and the top level counts."""
    iterations = usage.get("iterations")
    if not isinstance(iterations, list):
        return []
    countable: list[Mapping[str, Any]] = [
        iteration
        for iteration in iterations
        if isinstance(iteration, dict) and any(iteration.get(name) is not None for name in _COUNTS)
    ]
    return countable if len(countable) == len(iterations) else []


def _count_one(counts: Counts) -> dict[Dimension, int]:
    written, one_hour = _count_written(counts)
    return {
        Dimension.INPUT: counts.largest("input_tokens"),
        Dimension.CACHED_INPUT: counts.largest("cache_read_input_tokens"),
        Dimension.CACHE_WRITE: written - one_hour,
        Dimension.CACHE_WRITE_1H: one_hour,
        Dimension.OUTPUT: counts.largest("output_tokens"),
    }


def _count_written(counts: Counts) -> tuple[int, int]:
    """Tokens written to the cache, and those of them with the life of an hour.

    The end of a stream may raise the sum without splitting it anew: then the old split is dropped.
    """
    five_minutes, one_hour = counts.largest(_WRITTEN_5M), counts.largest(_WRITTEN_1H)
    written = counts.find(_WRITTEN)
    if written is None:
        written = five_minutes + one_hour
    return written, one_hour if five_minutes + one_hour == written else 0


def _list_unpriced_iterations(iterations: list[Mapping[str, Any]], model: object) -> tuple[str, ...]:
    names: list[str] = []
    for iteration in iterations:
        names += (f"iterations.{name}" for name in list_unpriced(iteration, _KNOWN))
        if iteration.get("model") not in (None, model):
            names.append("iterations.model")
    return tuple(names)
