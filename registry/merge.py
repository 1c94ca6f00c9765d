"""The three-way merge, field by field. Pure."""

from collections.abc import Mapping, Sequence

from registry.entities import BaseEntry, Desired, EntityKey, Hold, LiveEntry, Policy
from registry.outcome import Merged


def merge(
    desired: Desired,
    base: Mapping[EntityKey, BaseEntry],
    live: Mapping[EntityKey, LiveEntry],
    *,
    tombstones: Mapping[EntityKey, int],
    policy: Policy,
    holds: Sequence[Hold] = (),
) -> Merged:
    raise NotImplementedError
