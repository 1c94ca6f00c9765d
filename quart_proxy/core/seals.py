"""What a provider signs or encrypts of its model's thinking, kept across the turns of any client.

Only the provider that made it can use it, and most refuse a turn that lacks it. In another format's clothes it travels
as a token that says whose it is; the client sends it back, as it does its own, and it is put back into its place.
"""

import re
from dataclasses import dataclass

MARK = "qpseal1"
_TOKEN = re.compile(rf"{MARK}\.(?P<api_format>[a-z_]+)\.(?P<kind>[a-z]+)\.(?P<data>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Seal:
    """`data` is the provider's own text, byte for byte; "" where there was none to keep. `kind` is the format's own
    word for what it is, such as `signature` or `redacted`."""

    api_format: str
    data: str
    kind: str = "signature"

    def __str__(self) -> str:
        """The token. Letters, digits and what the data holds: one text in JSON."""
        return f"{MARK}.{self.api_format}.{self.kind}.{self.data}"


def read_seal(text: str, api_format: str, kind: str = "signature") -> Seal:
    """The seal in a text that a client of `api_format` sent back: a token of ours, or the format's own of this kind."""
    found = _TOKEN.fullmatch(text)
    if found is None:
        return Seal(api_format, text, kind)
    return Seal(found["api_format"], found["data"], found["kind"])


def write_seal(seal: Seal, api_format: str) -> str:
    """The text that a client of `api_format` keeps: the format's own as it is, any other as a token."""
    return seal.data if seal.api_format == api_format else str(seal)
