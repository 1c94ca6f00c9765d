"""From a merge to a plan: where each change stands in the files, who made the other one, and what it will do. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from quart_proxy.core.errors import ModelNotFound
from quart_proxy.core.money import parse_money
from registry.entities import Desired, EntityKey, Leaves, Origin, Policy, Stanza
from registry.files.positions import is_reference
from registry.leaves import split_path
from registry.outcome import WHOLE, Conflict, EntityOutcome, Flaw, LeafKind, LeafOutcome, Merged
from registry.planning.drift import DriftItem, Evidence, list_drift
from registry.planning.facts import Facts, find_author
from registry.planning.guards import find_guards
from registry.planning.plan_document import HeldLeaf, Plan, PlanConflict, PlanEntity, PlanField, PlanFlaw
from registry.planning.shown import plural, shown_author, shown_percent

__all__ = ["Plan", "make_plan"]

USERS_MAX = 8
"""How many users of a provider are named before the rest is counted."""

_ELSEWHERE: frozenset[LeafKind] = frozenset({"noop", "drift", "claim-conflict", "both-conflict", "held"})
"""Leaves that are no field of the plan: nothing happens, or they are listed as drift, a conflict, or held."""
_NOT_LISTED = frozenset({"tombstone", "release", "orphan", "forget", "deleted", "renamed", "deferred"})
"""What becomes of the whole entity, so that its leaves need no line each."""
_NOWHERE = Stanza({})


def make_plan(
    merged: Merged, desired: Desired, origin: Origin, policy: Policy, facts: Facts, *, is_attended: bool = True
) -> Plan:
    """What applying `merged` would do. `is_attended`: someone asked for it and can answer a guard about holds."""
    planner = _Planner(desired, origin, facts)
    return Plan(
        source=desired.source,
        origin=origin,
        revision=facts.revision,
        state_digest=facts.state_digest,
        edits_since=facts.edits_since,
        last=facts.last,
        policy=policy,
        at=facts.now,
        entities=tuple(entity for outcome in merged.entities if (entity := planner.find_entity(outcome))),
        drift=tuple(item for outcome in merged.entities for item in planner.list_drift(outcome)),
        conflicts=tuple(
            planner.conflict(outcome, conflict) for outcome in merged.entities for conflict in outcome.conflicts
        ),
        guards=find_guards(merged, desired, policy, facts, origin, is_attended=is_attended),
        held=_held(merged),
        hints=merged.hints,
        flaws=tuple(planner.flaw(flaw) for flaw in merged.flaws),
        overlay=desired.overlay,
    )


def _held(merged: Merged) -> tuple[HeldLeaf, ...]:
    leaves = {(outcome.key, leaf.path): leaf for outcome in merged.entities for leaf in outcome.fields}
    found = (leaves.get(held) for held in merged.held)
    return tuple(
        HeldLeaf(key, path, leaf.ours if leaf else None, leaf.live if leaf else None)
        for (key, path), leaf in zip(merged.held, found, strict=True)
    )


@dataclass(frozen=True, slots=True)
class _Planner:
    """One plan in the making."""

    desired: Desired
    origin: Origin
    facts: Facts

    def find_entity(self, outcome: EntityOutcome) -> PlanEntity | None:
        """What the plan says about an entity; None where there is nothing to say."""
        entity = PlanEntity(
            entity=outcome.key,
            id=outcome.entity_id,
            action=outcome.action,
            case=outcome.case,
            moved_from=outcome.moved_from,
            moved_location=self._place(f"moved/{outcome.moved_from}"),
            deferred_by=outcome.deferred_by,
            flaw=outcome.flaw.message if outcome.flaw else None,
            location=self._location(outcome),
            fields=() if outcome.action in _NOT_LISTED else tuple(self._fields(outcome)),
            notes=tuple(self._notes(outcome)),
            unchanged=outcome.unchanged,
        )
        return entity if entity.tallies else None

    def list_drift(self, outcome: EntityOutcome) -> list[DriftItem]:
        evidence = self._evidence(outcome)
        if outcome.action == "deleted":
            return [evidence.deleted("", self._stanza(outcome).leaves)]
        if outcome.action == "renamed" and outcome.live_key is not None:
            return [evidence.renamed(outcome.live_key)]
        differences = [(leaf.path, leaf.ours, leaf.live) for leaf in outcome.drift]
        return list_drift(evidence, differences, outcome.before or {})

    def conflict(self, outcome: EntityOutcome, conflict: Conflict) -> PlanConflict:
        stanza = self._stanza(outcome)
        paths = sorted({*conflict.base, *conflict.live, *conflict.ours})
        places = [] if conflict.group == WHOLE else [stanza.places[path] for path in paths if path in stanza.places]
        return PlanConflict(
            entity=conflict.entity,
            group=conflict.group,
            kind=conflict.kind,
            address=conflict.address,
            triple_digest=conflict.triple_digest,
            base=conflict.base,
            live=conflict.live,
            ours=conflict.ours,
            location=next(iter(places), stanza.place) or None,
            yaml_author=self.origin.author,
            live_author=find_author(self.facts.authors, _known_as(outcome), paths),
        )

    def flaw(self, flaw: Flaw) -> PlanFlaw:
        """A document's own flaw is named with its entity, as the whole registry's are already."""
        within = f"{flaw.entity.kind}s.{flaw.entity.key}"
        path = flaw.path if flaw.path.startswith(f"{within}.") else ".".join(filter(None, (within, flaw.path)))
        return PlanFlaw(path, flaw.message, self.desired.stanzas.get(flaw.entity, _NOWHERE).place or None)

    # --- places and people ----------------------------------------------------------------------------

    def _stanza(self, outcome: EntityOutcome) -> Stanza:
        """A rename that waits has the old key, and its conflicts the new one."""
        names = (outcome.key, *(conflict.entity for conflict in outcome.conflicts))
        return next((self.desired.stanzas[name] for name in names if name in self.desired.stanzas), _NOWHERE)

    def _place(self, name: str) -> str | None:
        return self.desired.places.get(name)

    def _location(self, outcome: EntityOutcome) -> str | None:
        return self._stanza(outcome).place or self._place(f"removed/{outcome.key.key}")

    def _evidence(self, outcome: EntityOutcome) -> Evidence:
        return Evidence(outcome.key, _known_as(outcome), self._stanza(outcome).places, self.facts.authors)

    # --- fields ---------------------------------------------------------------------------------------

    def _fields(self, outcome: EntityOutcome) -> Iterator[PlanField]:
        stanza = self._stanza(outcome)
        for leaf in outcome.fields:
            if _is_listed(leaf):
                yield PlanField(
                    path=leaf.path,
                    case=leaf.case,
                    kind=leaf.kind,
                    base=leaf.base,
                    live=leaf.live,
                    ours=leaf.ours,
                    result=leaf.result,
                    location=stanza.places.get(leaf.path),
                    via=stanza.vias.get(leaf.path),
                    note=self._field_note(outcome, leaf),
                )

    def _field_note(self, outcome: EntityOutcome, leaf: LeafOutcome) -> str | None:
        said = (_percent(leaf), _new_host(outcome, leaf), self._undone(outcome, leaf))
        return "; ".join(sentence for sentence in said if sentence) or None

    def _undone(self, outcome: EntityOutcome, leaf: LeafOutcome) -> str | None:
        if leaf.kind != "revert" or not leaf.changes_live:
            return None
        author = find_author(self.facts.authors, _known_as(outcome), [leaf.path])
        return f"undoes the live edit of {shown_author(author)}" if author else "undoes a live edit"

    # --- entities -------------------------------------------------------------------------------------

    def _notes(self, outcome: EntityOutcome) -> Iterator[str]:
        if outcome.action == "tombstone":
            is_reviewed = outcome.key.kind == "model" and outcome.key.key in self.desired.removed
            yield "named under removed in the files" if is_reviewed else "pruned: it left the files"
            if outcome.key.kind == "model":
                yield self._traffic(outcome)
        if outcome.action == "deferred":
            disputed = {conflict.group for conflict in outcome.conflicts}
            waiting = sum(_is_listed(leaf) and leaf.group not in disputed for leaf in outcome.fields)
            if waiting and WHOLE not in disputed:
                yield f"{plural(waiting, 'other change')} held back with it"
        if outcome.key.kind == "provider" and outcome.action not in ("create", "restore", "deferred"):
            yield self._users(_known_as(outcome))

    def _traffic(self, outcome: EntityOutcome) -> str:
        count = self.facts.requests_24h.get(_known_as(outcome).key, 0)
        if not count:
            return "served no requests in the last 24 h"
        return (
            f"served {plural(count, 'request')} in the last 24 h; "
            f"clients will get {ModelNotFound.status} {ModelNotFound.code}"
        )

    def _users(self, provider: EntityKey) -> str:
        users = {
            key.key: count
            for key, leaves in sorted(self.facts.live.items())
            if key.kind == "model" and (count := _upstreams_of(leaves, provider.key))
        }
        named = [f"{key}: {plural(count, 'upstream')}" for key, count in users.items()]
        hidden = len(named) - USERS_MAX
        names = ", ".join(named[:USERS_MAX]) + (f" and {hidden} more" if hidden > 0 else "")
        return f"used by {plural(len(users), 'model')} ({names})" if users else "used by no model"


def _is_listed(leaf: LeafOutcome) -> bool:
    """A seeded field is worth a line when the file's value changed: it will not have the effect it looks like."""
    return leaf.kind not in _ELSEWHERE and not (leaf.kind == "seeded" and leaf.base == leaf.ours)


def _known_as(outcome: EntityOutcome) -> EntityKey:
    """The name by which facts know an entity: the one before a rename."""
    return EntityKey(outcome.key.kind, outcome.moved_from or outcome.key.key)


def _percent(leaf: LeafOutcome) -> str | None:
    """By how much a price changes."""
    if split_path(leaf.path)[0] != "pricing" or not isinstance(leaf.live, str) or not isinstance(leaf.result, str):
        return None
    old, new = parse_money(leaf.live), parse_money(leaf.result)
    return shown_percent(old, new) if old != new else None


def _new_host(outcome: EntityOutcome, leaf: LeafOutcome) -> str | None:
    """Which credential a changed address will be given, where its host is another one."""
    *tables, name = split_path(leaf.path)
    if name != "api_url" or not isinstance(leaf.live, str) or not isinstance(leaf.result, str):
        return None
    host = urlsplit(leaf.result).netloc
    if host == urlsplit(leaf.live).netloc:
        return None
    references = _references(outcome.after or {}, tables)
    return f"new host: {' and '.join(references) or 'no credential'} will be sent to {host}"


def _references(leaves: Leaves, tables: list[str]) -> list[str]:
    """The references that go out with a request of this provider or upstream."""
    secrets = {path: value for path, value in leaves.items() if isinstance(value, str) and is_reference(value)}
    own = ".".join([*tables, "api_key"])
    return [value for path, value in sorted(secrets.items()) if path == own or path.startswith("headers.")]


def _upstreams_of(leaves: Mapping[str, object], provider: str) -> int:
    """How many upstreams of a model are this provider's."""
    return sum(value == provider for path, value in leaves.items() if split_path(path)[-1] == "provider")
