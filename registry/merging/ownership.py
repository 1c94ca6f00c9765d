"""Who may change a leaf: both hands, the files alone, or the page alone after a first value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache

from registry.entities import Choice, EntityKey, Leaves, Ownership, OwnershipRule
from registry.leaves import shown_path

ALL_FIELDS = "*"
"""The glob of a hold on a whole entity."""
_MATCHES_MAX = 10_000
"""Few paths and fewer rules come again for every model."""


def mode_of(rules: Sequence[OwnershipRule], entity: EntityKey, path: str) -> Ownership:
    """The mode of the first rule that matches; `merge` where none does."""
    return next((rule.mode for rule in rules if _is_for(rule, entity) and is_matched(rule.fields, path)), "merge")


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms one entity is merged. `choices` is by group, `otherwise` for groups without one; None leaves
    a conflict unresolved. `held` are globs of the leaves that keep live and base."""

    entity: EntityKey
    ownership: tuple[OwnershipRule, ...] = ()
    is_enforced: bool = False
    held: tuple[str, ...] = ()
    choices: Mapping[str, Choice] = field(default_factory=dict)
    otherwise: Choice | None = None

    def owner_of(self, path: str) -> Ownership:
        """Who may change the leaf. Under `enforce` what both may change is the file's."""
        mode = mode_of(self.ownership, self.entity, path)
        return "yaml" if self.is_enforced and mode == "merge" else mode

    def is_held(self, path: str) -> bool:
        return bool(self.held) and is_matched(self.held, path)

    @property
    def is_held_whole(self) -> bool:
        return ALL_FIELDS in self.held

    def choice_for(self, group: str) -> Choice | None:
        return self.choices.get(group, self.otherwise)

    def are_alike(self, one: Leaves, other: Leaves) -> bool:
        """Whether both set the same leaves to the same values, those aside that belong to the page."""
        return one == other or all(
            one.get(path) == other.get(path) or self.owner_of(path) == "ui" for path in one.keys() | other.keys()
        )


@lru_cache(maxsize=_MATCHES_MAX)
def is_matched(globs: tuple[str, ...], path: str) -> bool:
    """Whether one of the globs matches the path, as it is or as people write it. Case counts."""
    names = {path, shown_path(path)}
    return any(fnmatchcase(name, glob) for glob in globs for name in names)


def _is_for(rule: OwnershipRule, entity: EntityKey) -> bool:
    if not rule.models and not rule.providers:
        return True
    globs = rule.models if entity.kind == "model" else rule.providers
    return any(fnmatchcase(entity.key, glob) for glob in globs)
