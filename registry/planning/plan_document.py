"""A plan: what an apply would do, as one object that text, JSON, Markdown, counts and exit code are made from.

`Plan.from_json(plan.as_json())` is the same plan, so what a server planned is rendered by whoever asked for it.
Counts and exit code are written to JSON for others to read, and never read back: they follow from the rest.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from registry import leaves
from registry.entities import EntityKey, Leaves, Origin, Policy, Value
from registry.leaves import parse_entity, value_as_json, value_from_json
from registry.outcome import WHOLE, Action, ConflictKind, LeafKind
from registry.planning.drift import DriftItem
from registry.planning.facts import Author, LastApply
from registry.planning.guards import Guard

FORMAT = 1

RECORDED = frozenset({"adopt", "converge", "release", "keep", "seeded"})
"""Kinds that change nothing live, but what the files are known to have said."""
_TALLY: Mapping[Action, str] = {
    "create": "create",
    "restore": "create",
    "rename": "move",
    "tombstone": "remove",
    "release": "release",
    "orphan": "release",
    "adopt": "adopt",
    "forget": "record",
    "deferred": "defer",
}
CHANGES = ("create", "update", "move", "remove", "release", "adopt", "record")
"""What an apply would do to entities; `record` only brings up to date what was declared last."""


@dataclass(frozen=True, slots=True)
class PlanField:
    """One leaf of an entity. `note` is what else there is to say about it, such as `-9.1 %`."""

    path: str
    case: str
    kind: LeafKind
    base: Value
    live: Value
    ours: Value
    result: Value
    location: str | None = None
    via: str | None = None
    note: str | None = None

    @property
    def changes_live(self) -> bool:
        return self.result != self.live

    def as_json(self) -> dict[str, Any]:
        return {name: value_as_json(getattr(self, name)) for name in PlanField.__slots__}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "PlanField":
        sides = {side: value_from_json(document[side]) for side in ("base", "live", "ours", "result")}
        return cls(**{**document, **sides})


@dataclass(frozen=True, slots=True)
class PlanEntity:
    """What becomes of one entity, which is `entity` afterwards. `moved_location`: where the files say that it moved.
    `flaw`: why it is left alone although nobody disagrees."""

    entity: EntityKey
    id: int | None
    action: Action
    case: str
    moved_from: str | None = None
    moved_location: str | None = None
    deferred_by: EntityKey | None = None
    flaw: str | None = None
    location: str | None = None
    fields: tuple[PlanField, ...] = ()
    notes: tuple[str, ...] = ()
    unchanged: int = 0

    @property
    def tallies(self) -> tuple[str, ...]:
        """What it counts as: a rename that changes fields is a move and an update."""
        counted = [_TALLY[self.action]] if self.action in _TALLY else []
        if self.action in ("update", "rename", "adopt") and any(field.changes_live for field in self.fields):
            counted.append("update")
        if self.action in ("deleted", "renamed") and (self.case == "E5" or self.moved_from is not None):
            counted.append("record")
        if not counted and any(field.kind in RECORDED for field in self.fields):
            counted.append("record")
        return tuple(counted)

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": self.entity.kind,
            "key": self.entity.key,
            "id": self.id,
            "action": self.action,
            "case": self.case,
            "moved_from": self.moved_from,
            "moved_location": self.moved_location,
            "deferred_by": str(self.deferred_by) if self.deferred_by else None,
            "flaw": self.flaw,
            "location": self.location,
            "fields": [field.as_json() for field in self.fields],
            "notes": list(self.notes),
            "unchanged": self.unchanged,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "PlanEntity":
        return cls(
            entity=parse_entity(f"{document['kind']}/{document['key']}"),
            id=document["id"],
            action=document["action"],
            case=document["case"],
            moved_from=document["moved_from"],
            moved_location=document["moved_location"],
            deferred_by=parse_entity(document["deferred_by"]) if document["deferred_by"] else None,
            flaw=document["flaw"],
            location=document["location"],
            fields=tuple(PlanField.from_json(field) for field in document["fields"]),
            notes=tuple(document["notes"]),
            unchanged=document["unchanged"],
        )


@dataclass(frozen=True, slots=True)
class PlanConflict:
    """One group that two hands changed: three sides, and whose the last two are. The file's author is the plan's
    source; None for live: not known."""

    entity: EntityKey
    group: str
    kind: ConflictKind
    address: str
    triple_digest: str
    base: Leaves
    live: Leaves
    ours: Leaves
    location: str | None = None
    yaml_author: str | None = None
    live_author: Author | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is about the entity as such."""
        return self.group == WHOLE

    def as_json(self) -> dict[str, Any]:
        return {
            "entity": str(self.entity),
            "group": self.group,
            "kind": self.kind,
            "address": self.address,
            "location": self.location,
            "triple_digest": self.triple_digest,
            "base": leaves.as_json(self.base),
            "live": leaves.as_json(self.live),
            "ours": leaves.as_json(self.ours),
            "yaml_author": self.yaml_author,
            "live_author": self.live_author.as_json() if self.live_author else None,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "PlanConflict":
        author = document["live_author"]
        return cls(
            entity=parse_entity(document["entity"]),
            group=document["group"],
            kind=document["kind"],
            address=document["address"],
            triple_digest=document["triple_digest"],
            base=leaves.from_json(document["base"]),
            live=leaves.from_json(document["live"]),
            ours=leaves.from_json(document["ours"]),
            location=document["location"],
            yaml_author=document["yaml_author"],
            live_author=Author.from_json(author) if author else None,
        )


@dataclass(frozen=True, slots=True)
class HeldLeaf:
    """A leaf that a hold keeps as it is live; the whole entity where `path` is empty."""

    entity: EntityKey
    path: str
    yaml: Value
    live: Value

    def as_json(self) -> dict[str, Any]:
        return {
            "entity": str(self.entity),
            "path": self.path,
            "yaml": value_as_json(self.yaml),
            "live": value_as_json(self.live),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "HeldLeaf":
        yaml, live = value_from_json(document["yaml"]), value_from_json(document["live"])
        return cls(parse_entity(document["entity"]), document["path"], yaml, live)


@dataclass(frozen=True, slots=True)
class PlanFlaw:
    """What cannot be of the result, beside what is live: `models.gpt-main.aliases` and a sentence."""

    path: str
    message: str
    location: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "message": self.message, "location": self.location}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "PlanFlaw":
        return cls(document["path"], document["message"], document["location"])


@dataclass(frozen=True, slots=True)
class Plan:
    """All that an apply of these files would do to the registry of `revision`, planned at `at`.

    `entities` are those for which there is something to say; one that is only drifted is in `drift`.
    """

    source: str
    origin: Origin
    revision: int
    state_digest: str
    edits_since: int
    last: LastApply | None
    policy: Policy
    at: datetime
    entities: tuple[PlanEntity, ...] = ()
    drift: tuple[DriftItem, ...] = ()
    conflicts: tuple[PlanConflict, ...] = ()
    guards: tuple[Guard, ...] = ()
    held: tuple[HeldLeaf, ...] = ()
    hints: tuple[str, ...] = ()
    flaws: tuple[PlanFlaw, ...] = ()
    overlay: str | None = None
    """The overlay that is laid over the files; None: none is."""

    @property
    def fingerprint(self) -> str:
        """Of the files, the revision and the policy: where it is the same, the plan is."""
        text = json.dumps([self.origin.digest, self.revision, asdict(self.policy)], sort_keys=True)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    @property
    def counts(self) -> dict[str, int]:
        """How many entities are changed in which way, and how much else there is to say. Zeros are there."""
        counted = dict.fromkeys((*CHANGES, "defer"), 0)
        for entity in self.entities:
            for tally in entity.tallies:
                counted[tally] += 1
        lists = {
            "drift": self.drift,
            "conflict": self.conflicts,
            "guard": self.guards,
            "held": self.held,
            "flaw": self.flaws,
        }
        return counted | {name: len(items) for name, items in lists.items()}

    @property
    def is_pending(self) -> bool:
        return any(self.counts[change] for change in CHANGES)

    @property
    def is_refused(self) -> bool:
        """An apply would change nothing at all."""
        is_blocked = bool(self.conflicts) and self.policy.on_conflict == "fail"
        return is_blocked or bool(self.guards or self.flaws)

    @property
    def exit_code(self) -> int:
        """1 what it comes to cannot be, 4 refused by a guard, 3 conflicts that nobody resolved (also where they are
        deferred), 2 changes pending, 0 nothing to change. Drift is none of them."""
        if self.flaws:
            return 1
        if self.guards:
            return 4
        if self.conflicts:
            return 3
        return 2 if self.is_pending else 0

    def as_json(self) -> dict[str, Any]:
        """Plan format 1, made of JSON's own types."""
        overlay = {} if self.overlay is None else {"overlay": self.overlay}
        return {
            "format": FORMAT,
            "fingerprint": self.fingerprint,
            "planned_at": self.at.isoformat(),
            "source": {"name": self.source, **overlay, **asdict(self.origin)},
            "against": {
                "revision": self.revision,
                "state_digest": self.state_digest,
                "edits_since_apply": self.edits_since,
            },
            "last_apply": {**asdict(self.last), "at": self.last.at.isoformat()} if self.last else None,
            "policy": asdict(self.policy),
            "entities": [entity.as_json() for entity in self.entities],
            "drift": [item.as_json() for item in self.drift],
            "conflicts": [conflict.as_json() for conflict in self.conflicts],
            "guards": [guard.as_json() for guard in self.guards],
            "held": [leaf.as_json() for leaf in self.held],
            "hints": list(self.hints),
            "flaws": [flaw.as_json() for flaw in self.flaws],
            "counts": self.counts,
            "exit": self.exit_code,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "Plan":
        """The plan that was written. Raises ValueError for anything that is no plan of this format."""
        if document.get("format") != FORMAT:
            raise ValueError(f"not a plan of format {FORMAT}")
        try:
            return _parse(document)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a plan of format {FORMAT}: {error}") from error


def _parse(document: Mapping[str, Any]) -> Plan:
    source, against, last = dict(document["source"]), document["against"], document["last_apply"]
    return Plan(
        source=source.pop("name"),
        overlay=source.pop("overlay", None),
        origin=Origin(**source),
        revision=against["revision"],
        state_digest=against["state_digest"],
        edits_since=against["edits_since_apply"],
        last=LastApply(**{**last, "at": datetime.fromisoformat(last["at"])}) if last else None,
        policy=Policy(**document["policy"]),
        at=datetime.fromisoformat(document["planned_at"]),
        entities=tuple(PlanEntity.from_json(entity) for entity in document["entities"]),
        drift=tuple(DriftItem.from_json(item) for item in document["drift"]),
        conflicts=tuple(PlanConflict.from_json(conflict) for conflict in document["conflicts"]),
        guards=tuple(Guard.from_json(guard) for guard in document["guards"]),
        held=tuple(HeldLeaf.from_json(leaf) for leaf in document["held"]),
        hints=tuple(document["hints"]),
        flaws=tuple(PlanFlaw.from_json(flaw) for flaw in document["flaws"]),
    )
