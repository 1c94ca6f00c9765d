"""How long clients waited for the first byte, counted within fixed bounds: counts of any range can be summed."""

from collections.abc import Sequence
from itertools import pairwise

BOUNDS_MS = (50, 100, 200, 300, 500, 750, 1000, 1500, 2000, 3000, 5000, 7500, 10_000, 20_000, 60_000)
"""A wait is counted at the least of these that it is below; from the last on, in one count more."""
NAMES = (*(f"first_byte_{bound}" for bound in BOUNDS_MS), "first_byte_more")
"""The columns that hold the counts. Another bound is a migration, and old waits cannot be counted again."""


def estimate_percentile(counts: Sequence[int], share: float) -> int | None:
    """Milliseconds that this share (0 to 1) of the waits stays below, as if those within two bounds were spread evenly.
    None when nothing was counted. What lies beyond the last bound is said to be that bound."""
    rank = share * sum(counts)
    if not rank:
        return None
    before = 0
    for (low, high), count in zip(pairwise((0, *BOUNDS_MS)), counts, strict=False):
        if count and before + count >= rank:
            return round(low + (high - low) * (rank - before) / count)
        before += count
    return BOUNDS_MS[-1]
