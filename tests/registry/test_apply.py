# ruff: noqa: N802
"""Applying files to a real database: all or nothing, once, in order, and never an older state over a newer one."""

import asyncio
from typing import Any

import pytest
from live_registry import LiveRegistry, entity

from quart_proxy.core.errors import InvalidFields, InvalidRegistry, PlanRefused, StalePlan
from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database
from quart_proxy.upstream.reach import Reach
from registry.apply import Applied, Bundle, apply_bundle, plan_bundle, read_bundle
from registry.edits import roll_back
from registry.entities import Policy
from registry.files.sources import SourceFile
from registry.state import lock_registry

HEAD = """\
version: 1
providers:
  one: {api_format: openai, api_url: https://one.example/v1, api_key: "${env:ONE_API_KEY}"}
"""
ADA = Actor("ada")


def bundle(models: str, *, head: str = HEAD, name: str = "models.yaml", **origin: Any) -> Bundle:
    return read_bundle([SourceFile(name, f"{head}models:\n{models}" if models else f"{head}models: {{}}\n")], **origin)


def stanza(key: str, *, price: str = "1.00", **fields: str) -> str:
    more = "".join(f"    {name}: {value}\n" for name, value in fields.items())
    return f"  {key}:\n    provider: one\n    pricing: {{input: {price}, output: 8.00}}\n{more}"


@pytest.fixture
def registry(database: Database) -> LiveRegistry:
    return LiveRegistry(database)


async def apply(database: Database, files: Bundle, **options: Any) -> Applied:
    policy = options.pop("policy", Policy())
    return await apply_bundle(database, files, policy, actor=options.pop("actor", ADA), **options)


async def edit(registry: LiveRegistry, name: str, **leaves: Any) -> None:
    """An admin's edit of the one entity; dots are written as two underscores."""
    before = (await registry.leaves())[entity(name)]
    changed = {path.replace("__", "."): value for path, value in leaves.items()}
    await registry.put({name: {**before, **changed}}, message="by hand")


# --- once, whole, in order ----------------------------------------------------------------------------


async def test_L19_eight_applies_at_once_make_one_revision(database: Database, registry: LiveRegistry) -> None:
    await apply(database, bundle(stanza("a")))
    files = bundle(stanza("a", price="1.20"))
    databases = [Database(database.url) for _ in range(8)]
    try:
        done = await asyncio.gather(*(apply(one, files) for one in databases))
    finally:
        await asyncio.gather(*(one.close() for one in databases))
    assert sorted(applied.is_changed for applied in done) == [False] * 7 + [True]
    assert {applied.revision for applied in done} == {2}
    assert await registry.rows("SELECT id FROM registry_revisions ORDER BY id") == [(1,), (2,)]


async def test_L1_same_files_again_change_nothing_and_make_no_revision(
    database: Database, registry: LiveRegistry
) -> None:
    files = bundle(stanza("a") + stanza("b"))
    first = await apply(database, files)
    versions = await registry.rows("SELECT key, row_version FROM models ORDER BY key")
    again = await apply(database, files)
    assert (first.revision, first.is_changed) == (1, True)
    assert (again.revision, again.is_changed, again.plan.exit_code) == (1, False, 0)
    assert await registry.rows("SELECT key, row_version FROM models ORDER BY key") == versions


async def test_L14_order_of_keys_and_files_does_not_matter(database: Database) -> None:
    await apply(database, bundle(stanza("a") + stanza("b")))
    turned = [SourceFile("z.yaml", f"version: 1\nmodels:\n{stanza('b')}{stanza('a')}"), SourceFile("a.yaml", HEAD)]
    async with database.snapshot() as connection:
        plan = (await plan_bundle(connection, read_bundle(turned), Policy())).plan
    assert (plan.exit_code, plan.counts["update"]) == (0, 0)


async def test_L9_conflict_in_one_model_keeps_the_whole_file_out(database: Database, registry: LiveRegistry) -> None:
    await apply(database, bundle(stanza("a") + stanza("b")))
    await edit(registry, "model/a", pricing__input="1.10")
    before = await registry.leaves()
    with pytest.raises(PlanRefused) as refused:
        await apply(database, bundle(stanza("a", price="1.20") + stanza("b", price="1.20")))
    (conflict,) = refused.value.plan["conflicts"]
    assert conflict["address"] == "model.a/pricing"
    assert (conflict["base"]["pricing.input"], conflict["live"]["pricing.input"]) == ("1.00", "1.10")
    assert conflict["ours"]["pricing.input"] == "1.20"
    assert conflict["live_author"]["actor"] == "ada"
    assert refused.value.plan["exit"] == 3
    assert await registry.leaves() == before


async def test_deferred_conflict_waits_and_the_rest_is_applied(database: Database, registry: LiveRegistry) -> None:
    await apply(database, bundle(stanza("a") + stanza("b")))
    await edit(registry, "model/a", pricing__input="1.10")
    files = bundle(stanza("a", price="1.20") + stanza("b", price="1.20"))
    for _ in range(2):
        applied = await apply(database, files, policy=Policy(on_conflict="defer"))
        assert [conflict.address for conflict in applied.plan.conflicts] == ["model.a/pricing"]
    live = await registry.leaves()
    assert live[entity("model/a")]["pricing.input"] == "1.10"
    assert live[entity("model/b")]["pricing.input"] == "1.20"
    assert await registry.rows("SELECT kind, key, grp FROM registry_conflicts") == [("model", "a", "pricing")]


@pytest.mark.parametrize(("choice", "price"), [("yaml", "1.20"), ("live", "1.10")])
async def test_resolution_decides_one_group_and_the_conflict_is_gone(
    database: Database, registry: LiveRegistry, choice: Any, price: str
) -> None:
    await apply(database, bundle(stanza("a")))
    await edit(registry, "model/a", pricing__input="1.10")
    files = bundle(stanza("a", price="1.20"))
    await apply(database, files, policy=Policy(resolutions={"model.a/pricing": choice}))
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == price
    again = await apply(database, files)
    assert again.plan.conflicts == ()
    assert len(again.plan.drift) == (0 if choice == "yaml" else 1)


# --- stale, and what cannot be ------------------------------------------------------------------------


async def test_L18_lower_number_or_replaced_files_never_change_what_is_live(
    database: Database, registry: LiveRegistry
) -> None:
    old, new = bundle(stanza("a"), seq=7), bundle(stanza("a", price="1.20"), seq=8)
    await apply(database, old)
    await apply(database, new)
    before = await registry.leaves()
    without_number = bundle(stanza("a"))
    for stale in (old, without_number):
        with pytest.raises(PlanRefused) as refused:
            await apply(database, stale)
        assert [guard["code"] for guard in refused.value.plan["guards"]] == ["stale"]
    assert await registry.leaves() == before
    # A revert in git is the same files under a higher number.
    reverted = await apply(database, bundle(stanza("a"), seq=9))
    assert reverted.is_changed
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.00"


async def test_files_that_only_gave_fields_away_are_stale_once_others_replaced_them(
    database: Database, registry: LiveRegistry
) -> None:
    owned = "ownership:\n  - {fields: ['pricing.*'], mode: yaml}\n"
    await apply(database, bundle(stanza("a")))
    await apply(database, bundle(stanza("a") + owned))
    await apply(database, bundle(stanza("a", price="1.20") + owned))
    with pytest.raises(PlanRefused, match="applied before"):
        await apply(database, bundle(stanza("a") + owned))
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.20"


async def test_plan_that_something_overtook_is_not_applied(database: Database, registry: LiveRegistry) -> None:
    await apply(database, bundle(stanza("a")))
    files = bundle(stanza("a", price="1.20"))
    async with database.snapshot() as connection:
        fingerprint = (await plan_bundle(connection, files, Policy())).plan.fingerprint
    await edit(registry, "model/a", description="new")
    with pytest.raises(StalePlan):
        await apply(database, files, fingerprint=fingerprint)
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.00"


async def test_name_that_a_live_model_has_refuses_the_whole_with_a_sentence(
    database: Database, registry: LiveRegistry
) -> None:
    await apply(database, bundle(stanza("a")))
    await registry.put({"model/mine": {"upstreams.default.provider": "one", "display_name": "Fast"}})
    with pytest.raises(InvalidFields, match="is a name of the model mine"):
        await apply(database, bundle(stanza("a") + stanza("b", display_name="FAST")))
    assert entity("model/b") not in await registry.leaves()


async def test_upstreams_that_both_sides_took_away_leave_a_sentence_and_no_empty_model(
    database: Database, registry: LiveRegistry
) -> None:
    two = "  a:\n    pricing: {free: true}\n    upstreams:\n      x: {provider: one}\n      y: {provider: one}\n"
    await apply(database, bundle(two))
    before = {p: v for p, v in (await registry.leaves())[entity("model/a")].items() if not p.startswith("upstreams.x")}
    await registry.put({"model/a": before})
    with pytest.raises((InvalidFields, PlanRefused)):
        await apply(database, bundle(two.replace("      y: {provider: one}\n", "")))
    assert (await registry.leaves())[entity("model/a")] == before


async def test_entity_of_another_source_is_not_taken(database: Database) -> None:
    await apply(database, bundle(stanza("a")))
    with pytest.raises(InvalidRegistry, match="managed by the source `main`"):
        await apply(database, bundle(stanza("a"), head=HEAD.replace("version: 1\n", "version: 1\nsource: other\n")))


async def test_names_swap_in_one_apply(database: Database, registry: LiveRegistry) -> None:
    await apply(database, bundle(stanza("a", display_name="Fast") + stanza("b", display_name="Slow")))
    await apply(database, bundle(stanza("a", display_name="Slow") + stanza("b", display_name="Fast")))
    live = await registry.leaves()
    assert [live[entity(f"model/{key}")]["display_name"] for key in "ab"] == ["Slow", "Fast"]


# --- coming and going ---------------------------------------------------------------------------------


async def test_L17_moved_model_keeps_its_row_and_moving_again_is_nothing(
    database: Database, registry: LiveRegistry
) -> None:
    await apply(database, bundle(stanza("old", display_name="Fast")))
    (row,) = await registry.rows("SELECT id FROM models")
    moved = bundle(stanza("new", display_name="Fast") + "moved:\n  - {from: old, to: new}\n")
    assert (await apply(database, moved)).plan.counts["move"] == 1
    assert not (await apply(database, moved)).is_changed
    assert await registry.rows("SELECT id, key FROM models") == [(row[0], "new")]


async def test_what_left_the_file_goes_on_being_served_until_it_is_pruned_or_removed_by_name(
    database: Database, registry: LiveRegistry
) -> None:
    await apply(database, bundle(stanza("a") + stanza("b") + stanza("c")))
    await apply(database, bundle(stanza("a") + stanza("b")))
    assert entity("model/c") in await registry.leaves()
    await apply(database, bundle(stanza("a")), policy=Policy(prune=True))
    assert entity("model/b") not in await registry.leaves()
    assert entity("model/c") in await registry.leaves(), "it was released before, so nobody's file prunes it"


async def test_model_deleted_live_stays_deleted_and_comes_back_on_request(
    database: Database, registry: LiveRegistry
) -> None:
    await apply(database, bundle(stanza("a") + stanza("b")))
    (row,) = await registry.rows("SELECT id FROM models WHERE key = 'b'")
    await registry.put({"model/b": None})
    await apply(database, bundle(stanza("a") + stanza("b") + "# a comment\n"))
    assert entity("model/b") not in await registry.leaves()
    await apply(database, bundle(stanza("a") + stanza("b")), policy=Policy(mode="enforce", allow_stale=True))
    assert await registry.rows("SELECT id FROM models WHERE key = 'b' AND deleted_at IS NULL") == [row]


async def test_model_deleted_live_and_renamed_in_the_file_stays_deleted(
    database: Database, registry: LiveRegistry
) -> None:
    await apply(database, bundle(stanza("a") + stanza("old")))
    await registry.put({"model/old": None})
    moved = bundle(stanza("a") + stanza("new") + "moved:\n  - {from: old, to: new}\n")
    await apply(database, moved)
    assert set(await registry.leaves()) == {entity("provider/one"), entity("model/a")}
    assert not (await apply(database, moved)).is_changed


async def test_protected_model_outlives_its_stanza(database: Database, registry: LiveRegistry) -> None:
    await apply(database, bundle(stanza("a") + stanza("b", protect="true")))
    with pytest.raises(PlanRefused) as refused:
        await apply(database, bundle(stanza("a")), policy=Policy(prune=True))
    assert [guard["code"] for guard in refused.value.plan["guards"]] == ["protected"]
    assert entity("model/b") in await registry.leaves()


async def test_files_that_change_nothing_live_are_a_revision_once(database: Database, registry: LiveRegistry) -> None:
    await apply(database, bundle(stanza("a")))
    files = bundle("  # one line more\n" + stanza("a"))
    versions = await registry.rows("SELECT key, row_version FROM models")
    assert [(await apply(database, files)).revision for _ in range(2)] == [2, 2]
    assert await registry.rows("SELECT key, row_version FROM models") == versions
    ((places,),) = await registry.rows("SELECT places FROM registry_base WHERE kind = 'model'")
    assert places["pricing.input"] == "models.yaml:8"


async def test_L13_rolled_back_values_are_drift_that_the_same_files_leave_alone(
    database: Database, registry: LiveRegistry
) -> None:

    await apply(database, bundle(stanza("a")))
    newer = bundle(stanza("a", price="1.20"))
    await apply(database, newer)
    async with database.transaction() as connection:
        await lock_registry(connection)
        rolled = await roll_back(connection, 1, actor=ADA)
    assert (rolled.revision, rolled.held) == (3, ())
    again = await apply(database, newer)
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.00"
    assert [item.path for item in again.plan.drift] == ["pricing.input"]
    with pytest.raises(PlanRefused):
        await apply(database, bundle(stanza("a", price="1.30")))


async def test_rollback_under_enforce_is_held_until_the_files_change(
    database: Database, registry: LiveRegistry
) -> None:

    enforce = Policy(mode="enforce", on_conflict="take-yaml")
    await apply(database, bundle(stanza("a")), policy=enforce)
    newer = bundle(stanza("a", price="1.20"))
    await apply(database, newer, policy=enforce)
    async with database.transaction() as connection:
        await lock_registry(connection)
        rolled = await roll_back(connection, 1, actor=ADA, is_enforced=True)
    assert rolled.held == (entity("model/a"),)
    await apply(database, newer, policy=enforce, is_attended=False)
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.00"
    await apply(database, bundle(stanza("a", price="1.30")), policy=enforce, is_attended=False)
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.30"


# --- where keys may go --------------------------------------------------------------------------------

EVIL = HEAD.replace("one.example", "evil.example")
OWNED_LIVE = EVIL + 'ownership: [{fields: ["*"], mode: ui}]\n'


async def test_key_goes_to_a_new_host_neither_at_once_nor_by_way_of_the_base(
    database: Database, registry: LiveRegistry
) -> None:
    await apply(database, bundle(stanza("a")))
    for head in (EVIL, OWNED_LIVE):
        with pytest.raises(PlanRefused, match=r"evil\.example"):
            await apply(database, bundle(stanza("a"), head=head))
    # Everything leaves the files, and the next are as if they were the first.
    anything = Policy(allow_empty=True, adopt=True, on_conflict="take-yaml")
    await apply(database, bundle("", head="version: 1\n"), policy=Policy(allow_empty=True))
    for head in (EVIL.replace("one:", "two:"), EVIL.replace("version: 1", "version: 1\nsource: other")):
        with pytest.raises(PlanRefused, match=r"evil\.example"):
            await apply(database, bundle("", head=head), policy=anything)
    assert (await registry.leaves())[entity("provider/one")]["api_url"] == "https://one.example/v1"
    meant = Policy(allow_new_host=True, adopt=True, on_conflict="take-yaml")
    await apply(database, bundle(stanza("a"), head=EVIL), policy=meant)
    assert (await registry.leaves())[entity("provider/one")]["api_url"] == "https://evil.example/v1"


async def test_host_that_the_settings_name_for_a_key_is_not_asked_about(
    database: Database, registry: LiveRegistry
) -> None:
    await apply(database, bundle(stanza("a")))
    moved = bundle(stanza("a"), head=EVIL)
    with pytest.raises(PlanRefused, match="NAME@host"):
        await apply(database, moved, reach=Reach(("*_API_KEY", "ONE_API_KEY@other.example")))
    await apply(database, moved, reach=Reach(("*_API_KEY", "ONE_API_KEY@evil.example")))
    assert (await registry.leaves())[entity("provider/one")]["api_url"] == "https://evil.example/v1"


async def test_files_beyond_the_reach_are_refused_with_every_place(database: Database, registry: LiveRegistry) -> None:
    head = HEAD.replace("ONE_API_KEY", "DATABASE_URL")
    inline = "  b:\n    api_format: openai\n    api_url: http://169.254.169.254/v1\n    api_key: ${file:/etc/passwd}\n"
    with pytest.raises(InvalidRegistry) as refused:
        await apply(database, bundle(stanza("a") + inline, head=head), reach=Reach(("*_API_KEY",)))
    assert [(fault["code"], fault["path"], fault["line"]) for fault in refused.value.faults] == [
        ("E303", "providers.one.api_key", 3),
        ("E303", "models.b.api_key", 11),
        ("E304", "models.b.api_url", 10),
    ]
    assert await registry.leaves() == {}


async def test_plan_names_the_new_references_that_lead_to_no_key(database: Database) -> None:
    def find_reason(reference: str, url: str, sealed: tuple[str, str] | None) -> str | None:
        return "the variable is not set" if url.startswith("https://one.example") else None

    files = bundle(stanza("a"))
    async with database.snapshot() as connection:
        planned = await plan_bundle(connection, files, Policy(), find_reason=find_reason)
    assert planned.plan.hints == ("provider/one: ${env:ONE_API_KEY} leads to no key: the variable is not set",)
    await apply(database, files)
    async with database.snapshot() as connection:
        planned = await plan_bundle(connection, bundle(stanza("a", price="1.10")), Policy(), find_reason=find_reason)
    assert planned.plan.hints == ()
