"""What an apply refuses although nobody disagrees: changes that are more often a mistake than meant.

A guard is a question to a person. Each has a flag that says "it is meant", but for `protected`: that takes an apply
of its own, in which `protect` leaves the files.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from quart_proxy.core.money import format_money, parse_money
from quart_proxy.core.pricing import BASE, FALLBACK, Price
from quart_proxy.core.references import is_secret
from quart_proxy.core.usage import Dimension
from registry.entities import Desired, EntityKey, Leaves, Origin, Policy
from registry.leaves import parse_entity, split_path, tier_path
from registry.outcome import EntityOutcome, Merged
from registry.planning.facts import Facts
from registry.planning.shown import plural, shown_percent
from registry.uses import list_merged_uses, list_uses

PRUNED_MAX = 3
PRUNED_MAX_PERCENT = 30
"""Of the managed models: fewer models than both allow may leave without a flag."""
PRICE_JUMP = Decimal("0.5")
NAMED_MAX = 5
"""How much of one kind a message names before it counts."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One refusal. `message` is a sentence with the way out; `flag` is that of `registry apply`, or None."""

    code: str
    message: str
    flag: str | None = None
    entities: tuple[EntityKey, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "flag": self.flag,
            "entities": [str(entity) for entity in self.entities],
        }

    @classmethod
    def from_json(cls, guard: Mapping[str, Any]) -> "Guard":
        entities = tuple(parse_entity(entity) for entity in guard["entities"])
        return cls(guard["code"], guard["message"], guard["flag"], entities)


def find_guards(
    merged: Merged, desired: Desired, policy: Policy, facts: Facts, origin: Origin, *, is_attended: bool
) -> tuple[Guard, ...]:
    """Every guard that refuses this apply. `is_attended`: someone asked for it; a sync passes held parts by, and its
    files are as trusted as the settings that name them."""
    found = (
        None if policy.allow_stale else _stale(origin, facts),
        None if policy.allow_empty else _empty(desired, facts),
        None if policy.allow_mass_prune else _mass_prune(merged, desired, facts),
        _protected(merged, facts),
        None if policy.allow_price_jump else _price_jump(merged),
        None if policy.allow_new_host or not is_attended else _new_host(merged, facts),
        None if policy.ignore_hold or not is_attended else _held(merged),
    )
    return tuple(guard for guard in found if guard is not None)


def _stale(origin: Origin, facts: Facts) -> Guard | None:
    """Sequence numbers decide where both sides have one; else whether these files were already replaced."""
    last = facts.last
    if last is not None and last.seq is not None and origin.seq is not None:
        if origin.seq >= last.seq:
            return None
        reason = f"These files are number {origin.seq}, and number {last.seq} was applied already"
    elif facts.superseded:
        reason = "These very files were applied before, and others since"
    else:
        return None
    return Guard("stale", f"{reason}; apply the newer ones, or pass --allow-stale to go back.", "--allow-stale")


def _empty(desired: Desired, facts: Facts) -> Guard | None:
    managed = _managed(facts)
    if not managed or any(entity.kind == "model" for entity in desired.stanzas):
        return None
    message = (
        f"The files declare no model, and {plural(len(managed), 'model')} came from them; "
        "look for a wrong path or a lost file, or pass --allow-empty if that is meant."
    )
    return Guard("empty", message, "--allow-empty", managed)


def _mass_prune(merged: Merged, desired: Desired, facts: Facts) -> Guard | None:
    """A removal that the files name was reviewed, and does not count."""
    pruned = tuple(key for key in _removed(merged) if key.kind == "model" and key.key not in desired.removed)
    managed = len(_managed(facts))
    if len(pruned) <= PRUNED_MAX or 100 * len(pruned) <= PRUNED_MAX_PERCENT * managed:
        return None
    message = (
        f"This would remove {len(pruned)} of {plural(managed, 'managed model')} ({_listed(pruned)}); "
        "name them under `removed`, or pass --allow-mass-prune if that is meant."
    )
    return Guard("mass-prune", message, "--allow-mass-prune", pruned)


def _protected(merged: Merged, facts: Facts) -> Guard | None:
    sides = (facts.live, facts.base)
    found = tuple(key for key in _removed(merged) if any(side.get(key, {}).get("protect") is True for side in sides))
    if not found:
        return None
    message = (
        f"This would remove what is protected ({_listed(found)}); set `protect: false` and apply that first, "
        "then remove it in an apply of its own."
    )
    return Guard("protected", message, None, found)


def _price_jump(merged: Merged) -> Guard | None:
    jumps = [(entity.key, jump) for entity in merged.entities for jump in _jumps(entity)]
    if not jumps:
        return None
    message = (
        f"Prices would jump: {_listed([f'{key} {jump}' for key, jump in jumps])}; "
        "check them, or pass --allow-price-jump if that is meant."
    )
    return Guard("price-jump", message, "--allow-price-jump", tuple(dict.fromkeys(key for key, _ in jumps)))


def _new_host(merged: Merged, facts: Facts) -> Guard | None:
    """A key of this process would go, at once or by a later apply, where nobody sent it yet. A kept key is bound to
    its host already. What the very first files bring along is all new, and is what they are applied for."""
    known = {use.pair for side in (facts.live, facts.base) for use in list_uses(side)} | facts.bound
    new = [
        use
        for use in list_merged_uses(merged)
        if use.pair not in known and not is_secret(use.reference) and (use.entity in facts.live or not facts.is_first)
    ]
    if not new:
        return None
    named = dict.fromkeys(f"{use.entity} {use.reference} to {use.pair[1]}" for use in new)
    message = (
        f"Keys would go to hosts that they did not go to before: {_listed(list(named))}; "
        "name them as NAME@host in REGISTRY_ENV_ALLOW, or pass --allow-new-host if that is meant."
    )
    return Guard("new-host", message, "--allow-new-host", tuple(dict.fromkeys(use.entity for use in new)))


def _held(merged: Merged) -> Guard | None:
    if not merged.held:
        return None
    entities = tuple(dict.fromkeys(key for key, _ in merged.held))
    message = (
        f"A hold keeps {_listed([f'{key} {path}'.rstrip() for key, path in merged.held])} as it is; "
        "lift it with `registry unhold`, or pass --ignore-hold."
    )
    return Guard("held", message, "--ignore-hold", entities)


# --- prices -------------------------------------------------------------------------------------------


def _jumps(entity: EntityOutcome) -> Iterator[str]:
    """What jumps in a model that had a price and stays: a rate by more than half, or to or from nothing, or all of it
    away. Rates are compared as they are charged, for short prompts and for long ones: what one side does not say, a
    rate or a tier, is what is charged in its place there. One that is said for the first time only jumps up."""
    is_going_on = entity.before != entity.after and entity.after is not None
    if entity.key.kind != "model" or not is_going_on or not _is_priced(entity.before):
        return
    before, after = entity.before or {}, entity.after or {}
    if not _is_priced(after):
        yield "loses its price"
        return
    was_free, is_free = (leaves.get("pricing.free") is True for leaves in (before, after))
    if was_free != is_free:
        yield "becomes free" if is_free else "is free no more"
        return
    old_price, new_price = _price(before), _price(after)
    for tier in sorted({BASE, *old_price.tiers, *new_price.tiers}):
        was, now = old_price.tier_of(tier + 1), new_price.tier_of(tier + 1)
        for dimension in Dimension:
            old, new = _charged(old_price, was, dimension), _charged(new_price, now, dimension)
            if old is None or new is None or not _is_jump(old, new):
                continue
            if dimension in _said(old_price, was) or (dimension in _said(new_price, now) and new > old):
                path = tier_path(tier, dimension) if tier else f"pricing.{dimension}"
                yield f"{path} {format_money(old)} -> {format_money(new)} ({shown_percent(old, new)})"


def _is_priced(leaves: Leaves | None) -> bool:
    return leaves is not None and any(path.startswith("pricing.") for path in leaves)


def _is_jump(old: Decimal, new: Decimal) -> bool:
    return not old == new and (not old or not new or abs(new - old) > old * PRICE_JUMP)


def _price(leaves: Leaves) -> Price:
    """The price that the leaves make, complete or not."""
    rates: dict[int, dict[Dimension, Decimal]] = {BASE: {}}
    for path, value in leaves.items():
        if path.startswith("pricing.") and isinstance(value, str):
            *tables, name = split_path(path)
            tier = int(tables[-1]) if len(tables) > 1 else BASE
            rates.setdefault(tier, {})[Dimension(name)] = parse_money(value)
    return Price(0, rates.pop(BASE), tiers=rates)


def _said(price: Price, tier: int) -> Mapping[Dimension, Decimal]:
    return price.tiers[tier] if tier else price.rates


def _charged(price: Price, tier: int, dimension: Dimension) -> Decimal | None:
    """The rate after fallback."""
    rates = _said(price, tier)
    while dimension not in rates and dimension in FALLBACK:
        dimension = FALLBACK[dimension]
    return rates.get(dimension)


# --- what is counted and named ------------------------------------------------------------------------


def _managed(facts: Facts) -> tuple[EntityKey, ...]:
    """The models that are served and came from the files."""
    return tuple(sorted(key for key in facts.base if key.kind == "model" and key in facts.live))


def _removed(merged: Merged) -> tuple[EntityKey, ...]:
    return tuple(entity.key for entity in merged.entities if entity.action == "tombstone")


def _listed(names: Sequence[object]) -> str:
    shown = ", ".join(str(name) for name in names[:NAMED_MAX])
    hidden = len(names) - NAMED_MAX
    return f"{shown} and {hidden} more" if hidden > 0 else shown
