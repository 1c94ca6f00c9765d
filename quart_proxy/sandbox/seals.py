"""What a provider puts on its thoughts so that it knows them again."""

import base64
import hashlib

THOUGHT = "The sandbox thinks before it speaks."


def make_seal(spoken: str, text: str) -> str:
    """The seal of a thought in a format: base64, and always the same one, so that it can be made again to compare."""
    return base64.b64encode(hashlib.sha256(f"sandbox {spoken} {text}".encode()).digest()).decode()
