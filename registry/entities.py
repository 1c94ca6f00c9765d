"""What is merged: entities made of leaves, as the file declares them, as it last did, and as they are.

    ours    what the files declare now                     -> `Stanza`, all of them in `Desired`
    base    what they declared when they were last applied -> `BaseEntry`
    live    what PostgreSQL holds and serves                -> `LiveEntry`

A leaf is a dotted path and its value, such as `pricing.input` and `"1.25"`. In `ours` and `base`, a path that is
missing is not declared, and one whose value is None is declared to be unset. In `live` only what is set is there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

Kind = Literal["provider", "model"]
KINDS: tuple[Kind, ...] = ("provider", "model")

SOURCE_DEFAULT = "main"
"""The name of a set of files that gives itself none."""

Value = str | int | bool | tuple[str, ...] | None
"""Text, a number, a flag, or a set as a sorted tuple. Prices are dollars as text. None: unset."""
Leaves = Mapping[str, Value]

Ownership = Literal["merge", "yaml", "ui"]
Mode = Literal["off", "seed-missing", "three-way", "enforce"]
OnConflict = Literal["fail", "defer", "keep-live", "take-yaml"]
Choice = Literal["yaml", "live"]


class EntityKey(NamedTuple):
    """The name of an entity, written `model/gpt-main`."""

    kind: Kind
    key: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.key}"


@dataclass(frozen=True, slots=True)
class Stanza:
    """One entity as the files declare it, with `defaults` and `extends` filled in.

    `places` has `models.yaml:41` for each leaf, `vias` the ones that came from elsewhere, such as
    `defaults.model` or `profiles.chat`. `place` is where the stanza begins.
    """

    leaves: Leaves
    places: Mapping[str, str] = field(default_factory=dict)
    vias: Mapping[str, str] = field(default_factory=dict)
    place: str = ""


@dataclass(frozen=True, slots=True)
class BaseEntry:
    """One entity as it was declared at the last apply. `entity_id` is the row that it was applied to."""

    entity_id: int
    leaves: Leaves
    places: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveEntry:
    """One entity as it is served: only the leaves that are set."""

    entity_id: int
    leaves: Leaves
    row_version: int = 1


@dataclass(frozen=True, slots=True)
class OwnershipRule:
    """Who may change the leaves that match `fields` (globs). `models` and `providers` are globs of keys; with
    neither the rule is for all entities, with one of them for that kind alone."""

    fields: tuple[str, ...]
    mode: Ownership
    models: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "fields": list(self.fields),
            "mode": self.mode,
            **({"models": list(self.models)} if self.models else {}),
            **({"providers": list(self.providers)} if self.providers else {}),
        }

    @classmethod
    def from_json(cls, rule: Mapping[str, Any]) -> "OwnershipRule":
        return cls(tuple(rule["fields"]), rule["mode"], tuple(rule.get("models", ())), tuple(rule.get("providers", ())))


@dataclass(frozen=True, slots=True)
class Origin:
    """Which state of the files this is. `digest` is over their names and bytes; `rev` and `author` are for people,
    a git commit and who made it; `seq` grows with time, such as a build number. None: not given."""

    digest: str
    rev: str | None = None
    seq: int | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True)
class Desired:
    """All that the files of one source declare. `moved` is (from, to) with the places of the entries; `removed`
    is by model key: True to destroy, False to release."""

    source: str
    stanzas: Mapping[EntityKey, Stanza]
    ownership: tuple[OwnershipRule, ...] = ()
    moved: Mapping[str, str] = field(default_factory=dict)
    """From the old key of a model to its new one."""
    removed: Mapping[str, bool] = field(default_factory=dict)
    """By the key of a model that left the files: True destroys it, False releases it."""
    places: Mapping[str, str] = field(default_factory=dict)
    """Where the entries of `moved` and `removed` stand, by `moved/<from>` and `removed/<id>`."""
    overlay: str | None = None
    """The overlay that is laid over the files; None: none is."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A part of the registry that unattended syncs leave alone until `until`. None: of any kind, key or field.

    `source_digest`: only while the files are these (a rollback under `enforce` sets it).
    """

    id: int
    reason: str
    by: str
    until: datetime | None = None
    kind: Kind | None = None
    key: str | None = None
    fields: str | None = None
    source_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How to merge: the mode, what to do with conflicts, and what was allowed by hand."""

    mode: Mode = "three-way"
    on_conflict: OnConflict = "fail"
    prune: bool = False
    adopt: bool = False
    ignore_hold: bool = False
    allow_mass_prune: bool = False
    allow_empty: bool = False
    allow_price_jump: bool = False
    allow_new_host: bool = False
    allow_stale: bool = False
    resolutions: Mapping[str, Choice] = field(default_factory=dict)
    """By group, such as `model.claude-sonnet/pricing`."""
