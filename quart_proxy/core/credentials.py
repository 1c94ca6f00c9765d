"""The text form of the keys that we give to clients: `sk-`, 43 random characters, 6 of checksum.

The checksum tells a key of ours from a vendor's key or a typing error without a look into the database.
What is stored is the sha256 of the whole text: 256 random bits cannot be guessed, so a slow hash would buy
nothing and cost every request.
"""

import hashlib
import zlib

from quart_proxy.core.errors import InvalidRequest, Unauthenticated

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PREFIX = "sk-"
BODY_LENGTH = 43
CHECKSUM_LENGTH = 6
KEY_LENGTH = len(PREFIX) + BODY_LENGTH + CHECKSUM_LENGTH
RANDOM_BYTES = 32


def encode_key(random_bytes: bytes) -> str:
    """The key that 32 random bytes stand for."""
    assert len(random_bytes) == RANDOM_BYTES
    body = _base62(int.from_bytes(random_bytes, "big"), BODY_LENGTH)
    return PREFIX + body + _checksum(body)


def is_key(text: str) -> bool:
    """Whether `text` has the form and the checksum of a key of ours. Says nothing of whether it was issued."""
    if len(text) != KEY_LENGTH or not text.startswith(PREFIX) or not text.isascii():
        return False
    body = text[len(PREFIX) : -CHECKSUM_LENGTH]
    return text[-CHECKSUM_LENGTH:] == _checksum(body)


def choose_key(bearer: str | None, x_api_key: str | None) -> str:
    """The key of ours among the two credentials that a request may carry.

    A foreign key beside ours is passed over: a vendor's key left in the environment is common. Raises
    InvalidRequest for two different keys of ours, and Unauthenticated when none is ours.
    """
    ours = {text for text in (bearer, x_api_key) if text is not None and is_key(text)}
    if len(ours) > 1:
        raise InvalidRequest("Two different API keys were sent; send one.")
    if not ours:
        if bearer or x_api_key:
            raise Unauthenticated("The API key is not one of this proxy's: they begin with sk- and have a checksum.")
        raise Unauthenticated(
            "An API key is missing: send it as `Authorization: Bearer sk-...` or `x-api-key: sk-...`."
        )
    return ours.pop()


def digest_key(key: str) -> bytes:
    """What is stored and looked up in place of the key: 32 bytes."""
    return hashlib.sha256(key.encode()).digest()


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
