"""Gemini's `thoughtSignature` as a seal: its kind says on what part it stood, and must stand again.

A model of the third generation refuses a turn whose calls lack theirs (Google's guide to thought signatures).
"""

from quart_proxy.core.seals import Seal

ON_CALL = "signature"
"""On the call that follows."""
ON_TEXT = "text"
"""On the text that went before; alone on an empty one, as the end of a stream has it."""
ON_THOUGHT = "thought"
"""On the thought itself."""

UNSIGNED = "skip_thought_signature_validator"
"""What Google's guide gives to calls that another model made, or that lost their signature on the way."""


def make_seal(signature: str, place: str) -> Seal:
    return Seal("gemini", signature, place)


def find_signature(seal: Seal | None) -> str | None:
    """What Gemini signed; None: nothing, or it was another provider."""
    return seal.data or None if seal is not None and seal.api_format == "gemini" else None
