"""What a request consumed, in tokens by dimension. Dimensions are disjoint: no token is in two of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

COUNT_MAX = 2**31 - 1
"""A count above this is not a count: the largest context windows are some millions of tokens."""


class Dimension(StrEnum):
    """What tokens are priced by. A new dimension is one line here, a migration that adds its three columns, and
    the formats that read it."""

    INPUT = "input"
    """Prompt tokens that were neither read from nor written to a cache."""
    CACHED_INPUT = "cached_input"
    """Prompt tokens read from a cache."""
    CACHE_WRITE = "cache_write"
    """Prompt tokens written to a cache with the provider's usual (5 minute) life."""
    CACHE_WRITE_1H = "cache_write_1h"
    """Prompt tokens written to a cache that lives one hour."""
    OUTPUT = "output"
    """Generated tokens, reasoning included."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens by dimension. An absent dimension is zero tokens; `reasoning` is a part of the output, and None
    when the provider did not say."""

    tokens: Mapping[Dimension, int]
    reasoning: int | None = None

    def count(self, dimension: Dimension) -> int:
        return self.tokens.get(dimension, 0)

    @property
    def input_total(self) -> int:
        """Every prompt token, however it was cached."""
        return sum(count for dimension, count in self.tokens.items() if dimension is not Dimension.OUTPUT)


@dataclass(frozen=True, slots=True)
class Reading:
    """What an exchange said about its usage.

    `usage` is None when nothing was reported, or when what was reported is not valid: then `invalid` names
    the first field that is not a count. `unpriced` names usage fields that hold a number above zero and that
    no price covers: they are worth an alarm, and never an error.
    """

    usage: Usage | None = None
    invalid: str | None = None
    unpriced: tuple[str, ...] = field(default=())


NOTHING_READ = Reading()


class InvalidCount(ValueError):
    """A usage field that is not a count. `path` names it, such as `usage.prompt_tokens`."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def parse_count(value: object, path: str) -> int:
    """`value` as a token count; None (absent, null) is 0.

    Only an int from 0 to COUNT_MAX is a count: `True` is an int to Python, and a float, a string, a negative
    or a huge number in a bill is a fault of whoever sent it. Raises InvalidCount.
    """
    if value is None:
        return 0
    if type(value) is not int or not 0 <= value <= COUNT_MAX:
        raise InvalidCount(path)
    return value
