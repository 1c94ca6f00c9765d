"""The tables of the merge, row by row."""

# The rows have the numbers that the documents give them.
# ruff: noqa: N802

from collections.abc import Mapping
from typing import Any

import pytest
from merge_model import World

from registry.entities import (
    BaseEntry,
    Desired,
    EntityKey,
    Hold,
    Leaves,
    LiveEntry,
    OwnershipRule,
    Policy,
    Stanza,
    Value,
)
from registry.merge import merge
from registry.merging.ownership import mode_of
from registry.outcome import EntityOutcome, LeafOutcome, Merged

M, N = EntityKey("model", "m"), EntityKey("model", "n")
P = EntityKey("provider", "p")
ENTITY_ID = 7
UPSTREAM: Leaves = {"upstreams.default.provider": "p"}
YAML = (OwnershipRule(("*",), "yaml"),)
UI = (OwnershipRule(("*",), "ui"),)
PRICES: Leaves = {"pricing.input": "3", "pricing.output": "15"}
SPARE: Leaves = {"upstreams.spare.provider": "p", "upstreams.spare.weight": 10}
Documents = Mapping[EntityKey, Leaves]


def merged(
    ours: Documents,
    base: Documents,
    live: Documents,
    *,
    ownership: tuple[OwnershipRule, ...] = (),
    moved: Mapping[str, str] | None = None,
    removed: Mapping[str, bool] | None = None,
    tombstones: Mapping[EntityKey, int] | None = None,
    holds: tuple[Hold, ...] = (),
    **policy: Any,
) -> Merged:
    stanzas = {key: Stanza(leaves) for key, leaves in ours.items()}
    return merge(
        Desired("main", stanzas, ownership, moved or {}, removed or {}),
        {key: BaseEntry(ENTITY_ID, leaves) for key, leaves in base.items()},
        {key: LiveEntry(ENTITY_ID, leaves) for key, leaves in live.items()},
        tombstones=tombstones or {},
        policy=Policy(**policy),
        holds=holds,
    )


def one(ours: Leaves | None, base: Leaves | None, live: Leaves | None, **more: Any) -> EntityOutcome:
    """What becomes of the model `m`. None: that side has no such model."""
    sides = ({} if side is None else {M: side} for side in (ours, base, live))
    [outcome] = merged(*sides, **more).entities
    return outcome


def leaf(path: str, ours: Leaves, base: Leaves, live: Leaves, **more: Any) -> tuple[str, str, Value]:
    """Case, kind and result of one leaf in a model that all three sides have."""
    outcome = one(UPSTREAM | ours, UPSTREAM | base, UPSTREAM | live, **more)
    found = {field.path: field for field in outcome.fields}
    assert outcome.after is not None
    if path not in found:
        return "noop", "noop", outcome.after.get(path)
    field = found[path]
    assert outcome.after.get(path) == field.result or outcome.action == "deferred"
    return field.case, field.kind, field.result


def conflicts(ours: Leaves, base: Leaves, live: Leaves, **more: Any) -> list[tuple[str, str]]:
    outcome = one(UPSTREAM | ours, UPSTREAM | base, UPSTREAM | live, **more)
    return [(conflict.group, conflict.kind) for conflict in outcome.conflicts]


def field_of(outcome: EntityOutcome, path: str) -> LeafOutcome:
    return next(field for field in outcome.fields if field.path == path)


X, Y, Z = ({"description": value} for value in ("x", "y", "z"))
NULL: Leaves = {"description": None}
NONE: Leaves = {}

# --- leaves -------------------------------------------------------------------------------------------


def test_F1_a_leaf_that_no_file_names_stays() -> None:
    outcome = one(UPSTREAM, UPSTREAM, UPSTREAM | X)
    assert (outcome.action, outcome.fields, outcome.after) == ("noop", (), UPSTREAM | X)


def test_F2_a_new_leaf_is_set_where_live_has_none() -> None:
    assert leaf("description", X, NONE, NONE) == ("F2", "set", "x")


def test_F3_a_new_leaf_that_live_says_too_is_adopted() -> None:
    assert leaf("description", X, NONE, X) == ("F3", "adopt", "x")
    assert one(UPSTREAM | X, UPSTREAM, UPSTREAM | X).base_after == UPSTREAM | X


def test_F4_a_new_leaf_that_live_says_otherwise_is_a_conflict() -> None:
    assert leaf("description", X, NONE, Y) == ("F4", "claim-conflict", "y")
    assert conflicts(X, NONE, Y) == [("description", "claim")]


def test_F5_nothing_changed() -> None:
    outcome = one(UPSTREAM | X, UPSTREAM | X, UPSTREAM | X)
    assert (outcome.case, outcome.action, outcome.fields, outcome.unchanged) == ("E3", "noop", (), 2)


@pytest.mark.parametrize("live", [Y, NONE], ids=["edited", "unset"])
def test_F6_an_edit_of_an_unchanged_leaf_is_kept_as_drift(live: Leaves) -> None:
    assert leaf("description", X, X, live) == ("F6", "drift", live.get("description"))
    outcome = one(UPSTREAM | X, UPSTREAM | X, UPSTREAM | live)
    assert [field.path for field in outcome.drift] == ["description"]
    assert not outcome.is_changed and outcome.base_after == UPSTREAM | X


def test_F7_a_change_of_the_file_is_applied_where_nobody_edited() -> None:
    assert leaf("description", Y, X, X) == ("F7", "update", "y")


def test_F8_an_edit_that_came_into_the_file_converges() -> None:
    assert leaf("description", Y, X, Y) == ("F8", "converge", "y")
    outcome = one(UPSTREAM | Y, UPSTREAM | X, UPSTREAM | Y)
    assert not outcome.is_changed and outcome.base_after == UPSTREAM | Y


@pytest.mark.parametrize("live", [Z, NONE], ids=["edited", "unset"])
def test_F9_a_leaf_that_both_sides_changed_is_a_conflict(live: Leaves) -> None:
    assert leaf("description", Y, X, live) == ("F9", "both-conflict", live.get("description"))
    assert conflicts(Y, X, live) == [("description", "both")]


def test_F10_a_leaf_that_left_the_file_is_unset() -> None:
    assert leaf("description", NONE, X, X) == ("F10", "unset", None)


def test_F11_a_leaf_that_left_the_file_after_an_edit_is_released() -> None:
    assert leaf("description", NONE, X, Y) == ("F11", "release", "y")
    assert one(UPSTREAM, UPSTREAM | X, UPSTREAM | Y).base_after == UPSTREAM


def test_F12_a_leaf_that_both_sides_removed_is_no_conflict() -> None:
    outcome = one(UPSTREAM, UPSTREAM | X, UPSTREAM)
    assert (outcome.action, outcome.fields, outcome.base_after) == ("noop", (), UPSTREAM)


def test_F13_null_declares_that_a_leaf_is_unset_and_is_merged_like_any_value() -> None:
    assert leaf("description", NULL, X, X) == ("F7", "update", None)
    assert leaf("description", NULL, X, NONE) == ("F8", "converge", None)
    assert leaf("description", NULL, X, Y)[:2] == ("F9", "both-conflict")
    assert leaf("description", NULL, NONE, Y)[:2] == ("F4", "claim-conflict")
    assert leaf("description", NULL, NULL, Y) == ("F6", "drift", "y")
    assert leaf("description", X, NULL, NONE) == ("F7", "update", "x")
    assert leaf("description", NULL, NONE, NONE) == ("noop", "noop", None)
    assert leaf("description", NONE, NULL, Y) == ("F11", "release", "y")


@pytest.mark.parametrize("more", [{"mode": "enforce"}, {"ownership": YAML}], ids=["enforce", "yaml"])
def test_where_the_file_rules_edits_of_what_it_declares_are_reverted(more: dict[str, Any]) -> None:
    assert leaf("description", X, NONE, Y, **more) == ("F4", "revert", "x")
    assert leaf("description", X, X, Y, **more) == ("F6", "revert", "x")
    assert leaf("description", X, X, NONE, **more) == ("F6", "revert", "x")
    assert leaf("description", Y, X, Z, **more) == ("F9", "revert", "y")
    assert leaf("description", NONE, NONE, Y, **more) == ("noop", "noop", "y")
    assert leaf("description", NONE, X, Y, **more) == ("F11", "release", "y")
    assert conflicts(Y, X, Z, **more) == []


# --- ownership ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["three-way", "enforce"])
def test_a_leaf_of_the_page_is_seeded_once(mode: str) -> None:
    more: dict[str, Any] = {"ownership": UI, "mode": mode}
    assert leaf("description", X, NONE, NONE, **more) == ("F2", "set", "x")
    assert leaf("description", X, NONE, Y, **more) == ("F4", "seeded", "y")
    assert leaf("description", Y, X, X, **more) == ("F7", "seeded", "x")
    assert leaf("description", X, X, NONE, **more) == ("F6", "seeded", None)
    assert leaf("description", Y, X, Z, **more) == ("F9", "seeded", "z")
    assert leaf("description", NONE, X, X, **more) == ("F10", "seeded", "x")
    assert leaf("description", X, X, X, **more) == ("noop", "noop", "x")
    assert leaf("tags", {"tags": ("a", "b")}, {"tags": ("a",)}, {"tags": ("c",)}, **more) == ("F7", "seeded", ("c",))
    outcome = one(UPSTREAM | Y, UPSTREAM | X, UPSTREAM | Z, **more)
    assert (outcome.drift, outcome.conflicts, outcome.base_after) == ((), (), UPSTREAM | Y)


def test_the_first_rule_that_matches_says_who_owns_a_leaf() -> None:
    rules = (
        OwnershipRule(("provider",), "ui", models=("gpt-*",)),
        OwnershipRule(("upstreams.*.provider", "pricing.*"), "yaml"),
        OwnershipRule(("api_*",), "yaml", providers=("p",)),
        OwnershipRule(("pricing.*",), "ui"),
    )
    gpt, other = EntityKey("model", "gpt-5"), EntityKey("model", "claude")
    assert mode_of(rules, gpt, "upstreams.default.provider") == "ui"
    assert mode_of(rules, gpt, "upstreams.spare.provider") == "yaml"
    assert mode_of(rules, other, "upstreams.default.provider") == "yaml"
    assert mode_of(rules, other, "pricing.input") == "yaml"
    assert mode_of(rules, P, "api_url") == "yaml"
    assert mode_of(rules, EntityKey("provider", "q"), "api_url") == "merge"
    assert mode_of(rules, other, "api_url") == "merge"
    assert mode_of(rules, other, "Pricing.input") == "merge"


# --- groups -------------------------------------------------------------------------------------------


def price(**rates: str) -> Leaves:
    return {f"pricing.{dimension}": rate for dimension, rate in rates.items()}


@pytest.mark.parametrize(
    ("ours", "base", "live"),
    [
        pytest.param(price(input="2", output="15"), PRICES, price(input="3", output="14"), id="F7 and F6"),
        pytest.param(price(input="2"), PRICES, price(input="3", output="14"), id="F7 and F11"),
        pytest.param(price(output="15"), PRICES, price(input="3", output="14"), id="F10 and F6"),
        pytest.param({**PRICES, **price(cached_input="1")}, PRICES, price(input="3", output="14"), id="F2 and F6"),
        pytest.param(price(input="2", output="15"), PRICES, {**PRICES, **price(cached_input="1")}, id="F7 and F1"),
        pytest.param(price(input="3"), {}, price(output="9"), id="F2 and F1"),
    ],
)
def test_a_price_is_never_made_of_two(ours: Leaves, base: Leaves, live: Leaves) -> None:
    assert conflicts(ours, base, live) == [("pricing", "group")]
    outcome = one(UPSTREAM | ours, UPSTREAM | base, UPSTREAM | live, on_conflict="take-yaml")
    assert outcome.after == UPSTREAM | ours and outcome.conflicts == ()
    outcome = one(UPSTREAM | ours, UPSTREAM | base, UPSTREAM | live, on_conflict="keep-live")
    assert (outcome.after, outcome.base_after) == (UPSTREAM | live, UPSTREAM | ours)


def test_a_group_in_conflict_is_merged_in_no_leaf() -> None:
    live = {**price(input="3", output="14"), "description": "x"}
    outcome = one(UPSTREAM | price(input="2", output="15") | X, UPSTREAM | PRICES, UPSTREAM | live)
    assert {field.path: (field.kind, field.result) for field in outcome.fields} == {
        "description": ("adopt", "x"),
        "pricing.input": ("both-conflict", "3"),
        "pricing.output": ("both-conflict", "14"),
    }
    [conflict] = outcome.conflicts
    assert conflict.address == "model.m/pricing"
    assert (conflict.base, conflict.live) == (PRICES, price(input="3", output="14"))
    assert conflict.ours == price(input="2", output="15")


def test_edits_alone_and_edits_that_agree_are_no_conflict() -> None:
    assert conflicts(PRICES, PRICES, price(input="3", output="14", cached_input="1")) == []
    assert conflicts(price(input="2", output="15"), PRICES, price(input="2", output="15")) == []
    assert conflicts(price(input="2"), PRICES, price(input="3")) == []
    assert conflicts(price(input="2", output="15") | X, PRICES, PRICES | Y) == [("description", "claim")]


def test_the_connection_of_a_provider_is_a_group_with_its_headers() -> None:
    base = {"api_url": "https://a.example", "api_format": "openai"}
    live = {**base, "headers.x-team": "one"}
    found = merged({P: {**base, "api_url": "https://b.example"}}, {P: base}, {P: live})
    assert [(conflict.address, conflict.kind) for conflict in found.conflicts] == [("provider.p/connection", "group")]


def test_where_the_file_wins_in_a_group_it_wins_throughout() -> None:
    inline = {"upstreams.default.api_url": "https://x.example", "upstreams.default.api_format": "openai"}
    outcome = one(UPSTREAM, UPSTREAM, inline, mode="enforce")
    assert outcome.after == UPSTREAM
    free, rates = {**UPSTREAM, "pricing.free": True}, {**UPSTREAM, **PRICES}
    assert one(free, UPSTREAM, rates, ownership=(OwnershipRule(("pricing.*",), "yaml"),)).after == free
    beside = {**UPSTREAM, **PRICES, "pricing.cached_input": "1"}
    assert one(UPSTREAM | PRICES, UPSTREAM | PRICES, beside, mode="enforce").after == beside


# --- sets ---------------------------------------------------------------------------------------------


def tags(*elements: str) -> Leaves:
    return {"tags": elements or None}


def test_what_either_side_added_to_a_set_or_took_out_stays_so() -> None:
    found = leaf("tags", tags("a", "new"), tags("a", "b"), {"tags": ("b", "hers")})
    assert found == ("F7", "update", ("hers", "new"))
    assert conflicts(tags("a", "new"), tags("a", "b"), {"tags": ("b", "hers")}) == []


def test_drift_of_a_set_is_what_live_misses() -> None:
    assert leaf("tags", tags("a"), tags("a"), {"tags": ("a", "hers")}) == ("noop", "noop", ("a", "hers"))
    assert leaf("tags", tags("a", "b"), tags("a", "b"), {"tags": ("b",)}) == ("F6", "drift", ("b",))
    assert leaf("tags", tags("a"), tags("a"), {}) == ("F6", "drift", None)


def test_a_set_is_new_adopted_or_converges() -> None:
    assert leaf("tags", tags("a"), {}, {"tags": ("b",)}) == ("F2", "set", ("a", "b"))
    assert leaf("tags", tags("a"), {}, {"tags": ("a", "b")}) == ("F3", "adopt", ("a", "b"))
    assert leaf("tags", tags("a", "b"), tags("a"), {"tags": ("a", "b")}) == ("F8", "converge", ("a", "b"))


@pytest.mark.parametrize("ours", [{}, tags()], ids=["undeclared", "empty"])
def test_a_set_that_left_the_file_takes_its_elements_along(ours: Leaves) -> None:
    assert leaf("tags", ours, tags("a", "b"), {"tags": ("a", "hers")})[2] == ("hers",)
    assert leaf("tags", ours, tags("a"), {"tags": ("a",)})[2] is None
    assert leaf("tags", ours, tags("a"), {"tags": ("hers",)})[2] == ("hers",)


@pytest.mark.parametrize("more", [{"mode": "enforce"}, {"ownership": YAML}], ids=["enforce", "yaml"])
def test_where_the_file_rules_what_misses_in_a_set_is_added_again(more: dict[str, Any]) -> None:
    assert leaf("tags", tags("a"), tags("a"), {"tags": ("hers",)}, **more) == ("F6", "revert", ("a", "hers"))
    assert leaf("tags", tags("a", "b"), tags("a"), {}, **more) == ("F7", "update", ("a", "b"))


# --- upstreams ----------------------------------------------------------------------------------------


def test_an_upstream_that_left_the_file_goes_if_nobody_edited_it() -> None:
    outcome = one(UPSTREAM, UPSTREAM | SPARE, UPSTREAM | SPARE)
    assert outcome.after == UPSTREAM
    assert {(field.path, field.case, field.kind) for field in outcome.fields} == {
        ("upstreams.spare.provider", "F10", "unset"),
        ("upstreams.spare.weight", "F10", "unset"),
    }


def test_an_upstream_that_left_the_file_after_an_edit_is_a_conflict() -> None:
    live = {**UPSTREAM, **SPARE, "upstreams.spare.weight": 50}
    sides = (UPSTREAM, UPSTREAM | SPARE, live)
    outcome = one(*sides)
    [conflict] = outcome.conflicts
    assert (conflict.address, conflict.kind) == ("model.m/upstreams.spare", "prune-of-modified")
    assert outcome.after == live
    assert one(*sides, on_conflict="take-yaml").after == UPSTREAM
    kept = one(*sides, on_conflict="keep-live")
    assert (kept.after, kept.base_after, kept.conflicts) == (live, UPSTREAM, ())
    weights = (OwnershipRule(("upstreams.*.weight",), "ui"),)
    assert one(*sides, ownership=weights).after == UPSTREAM


def test_an_upstream_that_was_deleted_live_stays_deleted() -> None:
    outcome = one(UPSTREAM | SPARE, UPSTREAM | SPARE, UPSTREAM)
    assert (outcome.after, outcome.conflicts) == (UPSTREAM, ())
    assert [field.path for field in outcome.drift] == ["upstreams.spare.provider", "upstreams.spare.weight"]
    locked = one(UPSTREAM | SPARE, UPSTREAM | SPARE, UPSTREAM, ownership=YAML)
    assert locked.after == UPSTREAM
    assert one(UPSTREAM | SPARE, UPSTREAM | SPARE, UPSTREAM, mode="enforce").after == UPSTREAM | SPARE


def test_an_upstream_that_was_deleted_live_and_changed_in_the_file_is_a_conflict() -> None:
    changed = {**UPSTREAM, **SPARE, "upstreams.spare.weight": 50}
    sides = (changed, UPSTREAM | SPARE, UPSTREAM)
    [conflict] = one(*sides).conflicts
    assert (conflict.address, conflict.kind) == ("model.m/upstreams.spare", "deleted-in-ui")
    assert one(*sides, on_conflict="take-yaml").after == changed
    kept = one(*sides, on_conflict="keep-live")
    assert (kept.after, kept.base_after) == (UPSTREAM, changed)
    weights = (OwnershipRule(("upstreams.*.weight",), "ui"),)
    seeded = one(*sides, ownership=weights)
    assert (seeded.after, seeded.conflicts) == (UPSTREAM, ())


def test_an_upstream_that_is_new_in_the_file_is_merged_with_one_of_that_key() -> None:
    assert one(UPSTREAM | SPARE, UPSTREAM, UPSTREAM).after == UPSTREAM | SPARE
    assert one(UPSTREAM | SPARE, UPSTREAM, UPSTREAM | SPARE).base_after == UPSTREAM | SPARE
    other = {**SPARE, "upstreams.spare.weight": 20}
    assert conflicts(SPARE, {}, other) == [("upstreams.spare.weight", "claim")]


def test_an_upstream_that_only_live_has_is_untouched_in_every_mode() -> None:
    for mode in ("three-way", "enforce"):
        assert one(UPSTREAM | X, UPSTREAM, UPSTREAM | SPARE, mode=mode).after == UPSTREAM | SPARE | X


# --- entities -----------------------------------------------------------------------------------------

DOCUMENT: Leaves = {**UPSTREAM, "display_name": "GPT", "pricing.free": True}


def test_E1_a_new_entity_is_created() -> None:
    outcome = one({**DOCUMENT, "enabled": None}, None, None)
    assert (outcome.case, outcome.action, outcome.entity_id) == ("E1", "create", None)
    assert (outcome.before, outcome.after, outcome.base_after) == (None, DOCUMENT, {**DOCUMENT, "enabled": None})
    assert {field.kind for field in outcome.fields} == {"set"} and outcome.unchanged == 1


def test_E2_an_entity_that_was_made_live_is_adopted_if_it_says_the_same() -> None:
    outcome = one(DOCUMENT, None, DOCUMENT | X)
    assert (outcome.case, outcome.action, outcome.is_changed) == ("E2", "adopt", False)
    assert (outcome.entity_id, outcome.base_after) == (ENTITY_ID, DOCUMENT)


def test_E2_otherwise_somebody_has_to_agree() -> None:
    live = {**DOCUMENT, "display_name": "other"}
    outcome = one(DOCUMENT | X, None, live)
    assert (outcome.action, outcome.after, outcome.base_after) == ("deferred", live, None)
    assert [(each.address, each.kind) for each in outcome.conflicts] == [("model.m/entity", "unadopted")]
    adopted = one(DOCUMENT | X, None, live, adopt=True, on_conflict="defer")
    assert [(each.address, each.kind) for each in adopted.conflicts] == [("model.m/display_name", "claim")]
    assert one(DOCUMENT | X, None, DOCUMENT, adopt=True).after == DOCUMENT | X
    assert one(DOCUMENT | X, None, live, resolutions={"model.m/entity": "yaml"}).after == DOCUMENT | X
    kept = one(DOCUMENT | X, None, live, resolutions={"model.m/entity": "live"})
    assert (kept.after, kept.base_after, kept.conflicts) == (live | X, DOCUMENT | X, ())


def test_E3_an_entity_of_both_sides_is_merged() -> None:
    outcome = one(DOCUMENT | X, DOCUMENT, DOCUMENT)
    assert (outcome.case, outcome.action, outcome.entity_id) == ("E3", "update", ENTITY_ID)
    assert (outcome.before, outcome.after) == (DOCUMENT, DOCUMENT | X)


@pytest.mark.parametrize("on_conflict", ["fail", "defer", "keep-live", "take-yaml"])
def test_E4_an_entity_that_was_deleted_live_stays_deleted(on_conflict: str) -> None:
    outcome = one(DOCUMENT, DOCUMENT, None, tombstones={M: ENTITY_ID}, on_conflict=on_conflict)
    assert (outcome.case, outcome.action, outcome.is_changed) == ("E4", "deleted", False)
    assert (outcome.base_after, outcome.conflicts) == (DOCUMENT, ())


def test_E4_comes_back_under_enforce_with_its_id() -> None:
    outcome = one(DOCUMENT, DOCUMENT, None, tombstones={M: ENTITY_ID}, mode="enforce")
    assert (outcome.case, outcome.action, outcome.entity_id, outcome.after) == ("E4", "restore", ENTITY_ID, DOCUMENT)


def test_E5_an_entity_deleted_live_and_changed_in_the_file_is_a_conflict() -> None:
    sides = (DOCUMENT | X, DOCUMENT, None)
    outcome = one(*sides)
    assert (outcome.case, outcome.action, outcome.base_after) == ("E5", "deferred", DOCUMENT)
    assert [(each.address, each.kind) for each in outcome.conflicts] == [("model.m/entity", "deleted-in-ui")]
    restored = one(*sides, tombstones={M: ENTITY_ID}, resolutions={"model.m/entity": "yaml"})
    assert (restored.action, restored.entity_id, restored.after) == ("restore", ENTITY_ID, DOCUMENT | X)
    kept = one(*sides, resolutions={"model.m/entity": "live"})
    assert (kept.action, kept.after, kept.base_after) == ("deleted", None, DOCUMENT | X)
    described = (OwnershipRule(("description",), "ui"),)
    assert one(*sides, ownership=described).case == "E4"


def test_E6_an_entity_that_left_the_file_goes_on_being_served() -> None:
    outcome = one(None, DOCUMENT, DOCUMENT)
    assert (outcome.case, outcome.action, outcome.after, outcome.base_after) == ("E6", "orphan", DOCUMENT, None)


def test_E6_is_removed_with_prune() -> None:
    outcome = one(None, DOCUMENT, DOCUMENT, prune=True)
    assert (outcome.action, outcome.entity_id, outcome.after) == ("tombstone", ENTITY_ID, None)


def test_E6_is_removed_or_released_by_a_reviewed_entry() -> None:
    assert one(None, DOCUMENT, DOCUMENT, removed={"m": True}).action == "tombstone"
    released = one(None, DOCUMENT, DOCUMENT, removed={"m": False}, prune=True)
    assert (released.action, released.after, released.base_after) == ("release", DOCUMENT, None)


def test_E7_an_edited_entity_is_not_removed_without_a_word() -> None:
    edited = DOCUMENT | X
    assert one(None, DOCUMENT, edited).action == "orphan"
    assert one(None, DOCUMENT, edited, removed={"m": False}).action == "release"
    for more in ({"prune": True}, {"removed": {"m": True}}):
        outcome = one(None, DOCUMENT, edited, **more)  # type: ignore[arg-type]
        assert (outcome.case, outcome.action, outcome.base_after) == ("E7", "deferred", DOCUMENT)
        assert [each.kind for each in outcome.conflicts] == ["prune-of-modified"]
        assert one(None, DOCUMENT, edited, on_conflict="take-yaml", **more).action == "tombstone"  # type: ignore[arg-type]
        kept = one(None, DOCUMENT, edited, on_conflict="keep-live", **more)  # type: ignore[arg-type]
        assert (kept.action, kept.after, kept.base_after) == ("orphan", edited, None)


def test_E8_an_entity_that_is_gone_on_both_sides_is_forgotten() -> None:
    outcome = one(None, DOCUMENT, None, tombstones={M: ENTITY_ID})
    assert (outcome.case, outcome.action, outcome.is_changed, outcome.base_after) == ("E8", "forget", False, None)


@pytest.mark.parametrize("mode", ["seed-missing", "three-way", "enforce"])
def test_E9_an_entity_that_only_live_has_is_untouched(mode: str) -> None:
    assert merged({}, {}, {M: DOCUMENT}, mode=mode, prune=True, removed={"m": True}).entities == ()


def test_E10_a_tombstone_lives_again_with_nothing_of_what_it_had() -> None:
    outcome = one(DOCUMENT, None, None, tombstones={M: ENTITY_ID})
    assert (outcome.case, outcome.action, outcome.entity_id, outcome.after) == ("E10", "restore", ENTITY_ID, DOCUMENT)


def test_E11_a_moved_entity_keeps_its_row_and_is_merged() -> None:
    [outcome] = merged({N: DOCUMENT | Y}, {M: DOCUMENT | X}, {M: DOCUMENT | X}, moved={"m": "n"}).entities
    assert (outcome.case, outcome.action, outcome.key, outcome.moved_from) == ("E11", "rename", N, "m")
    assert (outcome.entity_id, outcome.after, outcome.base_after) == (ENTITY_ID, DOCUMENT | Y, DOCUMENT | Y)
    assert field_of(outcome, "description").case == "F7"


def test_E11_chains_resolve_and_what_has_moved_already_is_no_matter() -> None:
    k = EntityKey("model", "k")
    chain = {"k": "m", "m": "n"}
    [outcome] = merged({N: DOCUMENT}, {k: DOCUMENT}, {k: DOCUMENT}, moved=chain).entities
    assert (outcome.key, outcome.moved_from) == (N, "k")
    [outcome] = merged({N: DOCUMENT}, {N: DOCUMENT}, {N: DOCUMENT, M: DOCUMENT}, moved=chain).entities
    assert (outcome.key, outcome.action) == (N, "noop")


def test_E11_two_rows_for_one_name_are_a_conflict_that_no_policy_resolves() -> None:
    for on_conflict in ("fail", "defer", "take-yaml", "keep-live"):
        found = merged(
            {N: DOCUMENT}, {M: DOCUMENT}, {M: DOCUMENT, N: DOCUMENT | X}, moved={"m": "n"}, on_conflict=on_conflict
        )
        assert [(each.address, each.kind) for each in found.conflicts] == [("model.n/entity", "claim")]
        assert [(each.key, each.action, each.is_changed) for each in found.entities] == [
            (M, "deferred", False),
            (N, "deferred", False),
        ]
        assert [each.base_after for each in found.entities] == [DOCUMENT, None]


def test_E11_a_name_that_was_the_key_follows_it_and_a_hint_says_so() -> None:
    found = merged({N: UPSTREAM}, {M: UPSTREAM}, {M: UPSTREAM}, moved={"m": "n"})
    assert found.entities[0].after == UPSTREAM
    assert found.hints == ('clients that ask for "m" will have to ask for "n": the model has no display_name',)
    assert merged({N: DOCUMENT}, {M: DOCUMENT}, {M: DOCUMENT}, moved={"m": "n"}).hints == ()
    alias = {**UPSTREAM, "aliases": ("m",)}
    assert merged({N: alias}, {M: UPSTREAM}, {M: UPSTREAM}, moved={"m": "n"}).hints == ()


def test_E11_a_name_that_is_the_new_key_is_its_default_now() -> None:
    named = {**UPSTREAM, "display_name": "n"}
    [outcome] = merged({N: {**UPSTREAM, "display_name": None}}, {M: named}, {M: named}, moved={"m": "n"}).entities
    assert (outcome.fields, outcome.after) == ((), UPSTREAM)


def test_E11_what_was_deleted_under_the_old_key_stays_deleted() -> None:
    [outcome] = merged({N: DOCUMENT}, {M: DOCUMENT}, {}, moved={"m": "n"}, tombstones={M: ENTITY_ID}).entities
    assert (outcome.case, outcome.action, outcome.entity_id) == ("E4", "deleted", ENTITY_ID)
    assert (outcome.key, outcome.moved_from, outcome.base_after) == (N, "m", DOCUMENT)


def test_a_rename_in_conflict_stays_under_its_old_key() -> None:
    found = merged({N: DOCUMENT | Y}, {M: DOCUMENT | X}, {M: DOCUMENT | Z}, moved={"m": "n"}, on_conflict="defer")
    [outcome] = found.entities
    assert (outcome.key, outcome.action, outcome.moved_from, outcome.is_changed) == (M, "deferred", None, False)
    assert outcome.base_after == DOCUMENT | X
    assert [conflict.address for conflict in found.conflicts] == ["model.n/description"]


# --- modes and policies -------------------------------------------------------------------------------


def test_off_is_a_merge_of_nothing() -> None:
    assert merged({M: DOCUMENT}, {}, {}, mode="off") == Merged(())


def test_seed_missing_only_creates_what_was_never_here() -> None:
    keys = [EntityKey("model", name) for name in ("based", "live", "gone", "moved", "new")]
    based, live, gone, moved, new = keys
    old = EntityKey("model", "old")
    found = merged(
        dict.fromkeys(keys, DOCUMENT | X),
        {based: DOCUMENT, old: DOCUMENT},
        {live: DOCUMENT, old: DOCUMENT},
        tombstones={gone: 3},
        moved={"old": "moved"},
        mode="seed-missing",
        prune=True,
    )
    assert [(outcome.key, outcome.action) for outcome in found.entities] == [(new, "create")]
    assert moved not in {outcome.key for outcome in found.entities}


BOTH: dict[str, Leaves] = {"ours": DOCUMENT | Y, "base": DOCUMENT | X, "live": DOCUMENT | Z}


def test_fail_blocks_all_and_still_says_what_the_rest_would_be() -> None:
    found = merged({M: BOTH["ours"], N: DOCUMENT}, {M: BOTH["base"]}, {M: BOTH["live"]})
    assert found.is_blocked and len(found.conflicts) == 1
    assert [(outcome.key, outcome.action) for outcome in found.entities] == [(M, "deferred"), (N, "create")]


def test_defer_leaves_the_whole_entity_with_its_base() -> None:
    outcome = one(BOTH["ours"] | {"owned_by": "us"}, BOTH["base"], BOTH["live"], on_conflict="defer")
    assert (outcome.action, outcome.before, outcome.after) == ("deferred", BOTH["live"], BOTH["live"])
    assert outcome.base_after == BOTH["base"] and not any(field.changes_live for field in outcome.fields)
    assert field_of(outcome, "owned_by").kind == "set"


def test_defer_takes_along_what_refers_to_a_deferred_provider() -> None:
    before, after, live = ({"api_url": f"https://{name}.example", "api_format": "openai"} for name in "abc")
    models = {M: DOCUMENT, N: DOCUMENT}
    sides = ({P: after, M: DOCUMENT | X, N: DOCUMENT}, {P: before, **models}, {P: live, **models})
    found = merged(*sides, on_conflict="defer")
    assert [(outcome.key, outcome.action, outcome.deferred_by) for outcome in found.entities] == [
        (P, "deferred", None),
        (M, "deferred", P),
        (N, "noop", None),
    ]
    assert found.entities[1].base_after == DOCUMENT and found.entities[1].conflicts == ()
    away = {**DOCUMENT, "upstreams.default.provider": "q"}
    leaving = merged({**sides[0], M: away}, *sides[1:], on_conflict="defer")
    assert leaving.entities[1].deferred_by == P
    assert merged(*sides, on_conflict="fail").entities[1].action == "update"


def test_keep_live_advances_the_base_so_that_it_is_drift_the_next_time() -> None:
    outcome = one(**BOTH, on_conflict="keep-live")
    assert (outcome.after, outcome.base_after, outcome.conflicts) == (BOTH["live"], BOTH["ours"], ())
    assert field_of(outcome, "description").kind == "keep" and outcome.drift
    assert one(BOTH["ours"], BOTH["ours"], BOTH["live"]).fields[0].kind == "drift"


def test_take_yaml_reverts_what_is_in_conflict_and_nothing_else() -> None:
    outcome = one(**BOTH | {"live": BOTH["live"] | {"owned_by": "her"}}, on_conflict="take-yaml")
    assert outcome.after == BOTH["ours"] | {"owned_by": "her"}
    assert field_of(outcome, "description").kind == "revert"


def test_a_resolution_decides_one_group() -> None:
    ours, base, live = (document | {"owned_by": name} for document, name in zip(BOTH.values(), "abc", strict=True))
    outcome = one(ours, base, live, resolutions={"model.m/description": "yaml"})
    assert [conflict.group for conflict in outcome.conflicts] == ["owned_by"]
    outcome = one(ours, base, live, on_conflict="take-yaml", resolutions={"model.m/owned_by": "live"})
    assert outcome.after == BOTH["ours"] | {"owned_by": "c"}
    other = one(ours, base, live, resolutions={"model.n/description": "yaml", "provider.m/owned_by": "yaml"})
    assert len(other.conflicts) == 2


@pytest.mark.parametrize("group", ["connection", "upstreams.default.connection"])
def test_a_resolution_may_name_the_group_in_the_short_form(group: str) -> None:
    ours, base, live = ({"upstreams.default.provider": name} for name in "pqr")
    assert one(ours, base, live).conflicts[0].address == "model.m/upstreams.default.connection"
    assert one(ours, base, live, resolutions={f"model.m/{group}": "yaml"}).after == ours


# --- holds --------------------------------------------------------------------------------------------


def hold(**scope: Any) -> tuple[Hold]:
    return (Hold(1, "incident", "ann", **scope),)


def test_a_held_leaf_keeps_live_and_base_and_the_rest_is_merged() -> None:
    ours, base = DOCUMENT | Y | {"owned_by": "us"}, DOCUMENT | X
    found = merged({M: ours}, {M: base}, {M: base}, holds=hold(fields="descr*"))
    [outcome] = found.entities
    assert (outcome.after, outcome.base_after) == (base | {"owned_by": "us"}, base | {"owned_by": "us"})
    assert field_of(outcome, "description").kind == "held" and found.held == ((M, "description"),)
    assert merged({M: ours}, {M: base}, {M: base}, holds=hold(), ignore_hold=True).held == ()
    for elsewhere in (hold(kind="provider"), hold(key="n"), hold(kind="model", key="n", fields="*")):
        assert merged({M: ours}, {M: base}, {M: base}, holds=elsewhere).held == ()


def test_a_held_leaf_that_would_not_change_is_not_listed() -> None:
    found = merged({M: DOCUMENT | X}, {M: DOCUMENT | X}, {M: DOCUMENT | Y}, holds=hold())
    assert found.held == () and found.entities[0].drift


def test_a_conflict_that_is_held_waits() -> None:
    found = merged(*({M: side} for side in BOTH.values()), holds=hold(key="m"))
    assert (found.conflicts, found.is_blocked, found.held) == ((), False, ((M, "description"),))
    assert found.entities[0].base_after == BOTH["base"]
    assert found.entities[0].fields[0].kind == "held"


def test_a_hold_on_a_part_of_a_price_holds_the_price() -> None:
    base, ours = UPSTREAM | PRICES, UPSTREAM | price(input="2", output="10")
    found = merged({M: ours}, {M: base}, {M: base}, holds=hold(fields="pricing.input"))
    assert (found.entities[0].after, found.entities[0].base_after) == (base, base)
    assert found.held == ((M, "pricing.input"), (M, "pricing.output"))


def test_an_upstream_is_added_or_removed_whole_or_held_whole() -> None:
    weight = hold(fields="upstreams.*.weight")
    [added] = merged({M: UPSTREAM | SPARE}, {M: UPSTREAM}, {M: UPSTREAM}, holds=weight).entities
    assert (added.after, added.base_after) == (UPSTREAM, UPSTREAM)
    both = UPSTREAM | SPARE
    [gone] = merged({M: UPSTREAM}, {M: both}, {M: both}, holds=weight).entities
    assert (gone.after, gone.base_after) == (both, both)


@pytest.mark.parametrize(
    ("ours", "base", "live", "more"),
    [
        pytest.param({M: DOCUMENT}, {}, {}, {}, id="create"),
        pytest.param({M: DOCUMENT}, {}, {}, {"tombstones": {M: 7}}, id="restore"),
        pytest.param({M: DOCUMENT}, {}, {M: DOCUMENT | X}, {}, id="adopt"),
        pytest.param({M: DOCUMENT | Y}, {}, {M: DOCUMENT | X}, {}, id="unadopted"),
        pytest.param({M: DOCUMENT | X}, {M: DOCUMENT}, {}, {}, id="deleted-in-ui"),
        pytest.param({}, {M: DOCUMENT}, {M: DOCUMENT}, {}, id="orphan"),
        pytest.param({}, {M: DOCUMENT}, {M: DOCUMENT | X}, {"prune": True}, id="prune"),
    ],
)
def test_an_entity_that_is_held_whole_neither_comes_nor_goes(
    ours: Documents, base: Documents, live: Documents, more: dict[str, Any]
) -> None:
    found = merged(ours, base, live, holds=hold(kind="model", key="m"), **more)
    [outcome] = found.entities
    assert (outcome.action, outcome.after, outcome.base_after) == ("noop", live.get(M), base.get(M))
    assert (found.held, found.conflicts) == (((M, ""),), ())


def test_an_entity_that_is_held_whole_keeps_its_key() -> None:
    for key in ("m", "n"):
        found = merged({N: DOCUMENT}, {M: DOCUMENT}, {M: DOCUMENT}, moved={"m": "n"}, holds=hold(key=key))
        [outcome] = found.entities
        assert (outcome.key, outcome.action, outcome.moved_from) == (M, "noop", None)
        assert (outcome.base_after, found.held) == (DOCUMENT, ((N, ""),))


# --- hints and order ----------------------------------------------------------------------------------


def test_a_removal_and_a_creation_that_look_alike_are_hinted_to_be_a_rename() -> None:
    old, new = EntityKey("model", "gpt-5-main"), EntityKey("model", "gpt-main")
    document = {**DOCUMENT, **X, "owned_by": "us", "limits.timeout": "60s"}
    hint = "looks like a rename; add moved: - {from: gpt-5-main, to: gpt-main}"
    alike = merged({new: {**document, "owned_by": "them"}}, {old: document}, {old: document})
    assert alike.hints == (hint,)
    assert merged({new: DOCUMENT | Y}, {old: document}, {old: document}).hints == ()
    said = merged({new: document}, {old: document}, {old: document}, removed={"gpt-5-main": True})
    assert said.hints == ()


def test_outcomes_come_providers_first_and_by_key() -> None:
    found = merged({N: DOCUMENT, M: DOCUMENT, P: {"api_url": "https://a.example"}}, {}, {})
    assert [outcome.key for outcome in found.entities] == [P, M, N]


def test_an_outcome_is_the_next_base_and_live() -> None:
    world = World().with_live(M, DOCUMENT).with_base(M, DOCUMENT)
    desired = Desired("main", {N: Stanza(DOCUMENT | X)}, moved={"m": "n"})
    found = merge(desired, world.base, world.live, tombstones={}, policy=Policy())
    after = world.after(found)
    assert after.served() == {N: (1, DOCUMENT | X)}
    assert after.base == {N: BaseEntry(1, DOCUMENT | X)}
