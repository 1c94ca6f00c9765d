"""Gemini's `usageMetadata`: the cache is inside the prompt, thoughts and the prompts of tools stand beside.

Field names and what includes what: Google's reference of `UsageMetadata`.
"""

from quart_proxy.core.openai_usage import split_input
from quart_proxy.core.usage import NOTHING_READ, Dimension, InvalidCount, Reading, Usage, parse_count
from quart_proxy.core.usage_fields import Counts, list_unpriced

_KNOWN = frozenset(
    f"{part}TokenCount" for part in ("prompt", "candidates", "total", "thoughts", "cachedContent", "toolUsePrompt")
)


def read_usage_metadata(usage: object) -> Reading:
    """The reading of a `usageMetadata` value. Null, and an object without prompt and candidates, say nothing."""
    if usage is None:
        return NOTHING_READ
    if not isinstance(usage, dict):
        return Reading(invalid="usageMetadata")
    try:
        counted = _count(Counts(usage, "usageMetadata"))
    except InvalidCount as error:
        return Reading(invalid=error.path)
    return Reading(counted, unpriced=list_unpriced(usage, _KNOWN)) if counted else NOTHING_READ


def _count(counts: Counts) -> Usage | None:
    if counts.find_first("promptTokenCount", "candidatesTokenCount") is None:
        return None
    prompt, tools = counts.find("promptTokenCount") or 0, counts.find("toolUsePromptTokenCount") or 0
    candidates, thoughts = counts.find("candidatesTokenCount") or 0, counts.find("thoughtsTokenCount")
    output = candidates + (thoughts or 0)
    if thoughts is None:
        # Models that keep their thoughts to themselves count them in the total alone.
        output = max(output, (counts.find("totalTokenCount") or 0) - prompt - tools)
    tokens = split_input(
        parse_count(prompt + tools, "usageMetadata.promptTokenCount"), counts.largest("cachedContentTokenCount"), 0
    )
    tokens[Dimension.OUTPUT] = parse_count(output, "usageMetadata.candidatesTokenCount")
    return Usage(tokens, thoughts)
