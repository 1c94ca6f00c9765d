"""Why a Gemini answer ended: its words for it, and which of them are no answer at all.

The words are those of Google's reference of `FinishReason` and `BlockReason`; others may come.
"""

from collections.abc import Mapping
from typing import Any

from quart_proxy.core.chat import Stop
from quart_proxy.core.provider_errors import read_error

_UNSPECIFIED = "UNSPECIFIED"
_STOPS: Mapping[str, Stop] = {
    "STOP": Stop.END,
    "MAX_TOKENS": Stop.LENGTH,
    "SAFETY": Stop.REFUSED,
    "RECITATION": Stop.REFUSED,
    "LANGUAGE": Stop.REFUSED,
    "BLOCKLIST": Stop.REFUSED,
    "PROHIBITED_CONTENT": Stop.REFUSED,
    "SPII": Stop.REFUSED,
    "MODEL_ARMOR": Stop.REFUSED,
    "IMAGE_SAFETY": Stop.REFUSED,
    "IMAGE_PROHIBITED_CONTENT": Stop.REFUSED,
    "IMAGE_RECITATION": Stop.REFUSED,
}
_ACCIDENTS = frozenset(
    {
        "MALFORMED_FUNCTION_CALL",
        "MALFORMED_RESPONSE",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MISSING_THOUGHT_SIGNATURE",
    }
)
"""The model did not bring about what it began; asked again, it mostly does."""


def find_candidate(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first candidate of an answer or a chunk; the only one, as no more are asked for."""
    candidates = chunk.get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates else None
    return first if isinstance(first, dict) else {}


def list_parts(candidate: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []


def find_stop(chunk: Mapping[str, Any]) -> Stop | None:
    """Why the answer ends with this chunk; None: it goes on. A word that nobody knows is an end like any other."""
    if _find_word(chunk.get("promptFeedback"), "blockReason") is not None:
        return Stop.REFUSED
    word = _find_word(find_candidate(chunk), "finishReason")
    return None if word is None else _STOPS.get(word, Stop.END)


def says_something(chunk: Mapping[str, Any]) -> bool:
    """Whether there is a text, a call or a file in it. Thoughts alone are no answer."""
    return any(
        not part.get("thought") and any(part.get(kind) for kind in ("text", "functionCall", "inlineData"))
        for part in list_parts(find_candidate(chunk))
    )


def find_failure(chunk: Mapping[str, Any], *, has_said: bool) -> str | None:
    """The failure that a chunk, or a whole answer, reports, as a safe sentence; None: it reports none.

    `has_said`: the answer said something before. Then an accident only ends it: what there is of it was paid for, and
    may be all that was wanted. An accident without any answer is a failure, so that clients ask again.
    """
    failure = chunk.get("error")
    if failure:
        return read_error(failure).message or "The provider reported a failure without saying which."
    word = _find_word(find_candidate(chunk), "finishReason")
    if word in _ACCIDENTS and not has_said and not says_something(chunk):
        return f"The model gave no answer: {word}."
    return None


def _find_word(holder: object, member: str) -> str | None:
    word = holder.get(member) if isinstance(holder, dict) else None
    return word if isinstance(word, str) and word and not word.endswith(_UNSPECIFIED) else None
