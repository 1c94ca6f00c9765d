"""What has to hold together: names, providers and keys, when one entity waits and the rest goes on."""

from pathlib import Path
from typing import Any

import pytest
from live_registry import LiveRegistry, entity, model

from quart_proxy.core.errors import InvalidFields
from quart_proxy.settings import Settings
from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database
from quart_proxy.store.registry_holds import create_hold
from registry.apply import apply_bundle, plan_bundle, read_bundle
from registry.edits import roll_back
from registry.entities import Policy
from registry.export import export
from registry.files.sources import SourceFile
from registry.planning.drift import find_drift
from registry.planning.plan_document import Plan
from registry.planning.render_markdown import render_markdown
from registry.planning.render_plan import render_text
from registry.state import lock_registry
from registry.sync import SyncReport, sync_registry

PRICE = "pricing: {input: 1.00, output: 8.00}"
HEAD = "version: 1\nproviders:\n  one: {api_format: openai, api_url: https://one.example/v1}\n"
TWO = "  two: {api_format: openai, api_url: https://two.example/v1}\n"
OLD = f"{HEAD}models:\n  old: {{provider: one, {PRICE}, display_name: Chat}}\n"
NEW = f"{HEAD}models:\n  new: {{provider: one, {PRICE}, display_name: Chat}}\nmoved:\n  - {{from: old, to: new}}\n"


@pytest.fixture
def registry(database: Database) -> LiveRegistry:
    return LiveRegistry(database)


def models(**stanzas: str) -> str:
    return "models:\n" + "".join(f"  {key}: {{{stanza}}}\n" for key, stanza in stanzas.items())


async def sync(database: Database, folder: Path, text: str, mode: str = "three-way", **options: Any) -> SyncReport:
    (folder / "models.yaml").write_text(text)
    settings = Settings(data_dir=folder, models_file=str(folder / "models.yaml"), registry_sync=mode, **options)
    return await sync_registry(database, settings, actor="startup:test")


async def plan(database: Database, text: str, policy: Policy | None = None) -> Plan:
    async with database.snapshot() as connection:
        return (await plan_bundle(connection, read_bundle([SourceFile("models.yaml", text)]), policy or Policy())).plan


async def edit(registry: LiveRegistry, key: str, **leaves: Any) -> None:
    before = (await registry.leaves())[entity(f"model/{key}")]
    await registry.put({f"model/{key}": {**before, **{path.replace("__", "."): v for path, v in leaves.items()}}})


async def live(registry: LiveRegistry) -> dict[str, int]:
    return {key.key: entry.entity_id for key, entry in (await registry.state()).live.items() if key.kind == "model"}


# --- providers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_edited", [True, False], ids=["by-an-edited-model", "by-a-model-of-the-page"])
async def test_provider_that_is_needed_still_is_not_pruned_until_it_is_not(
    database: Database, registry: LiveRegistry, tmp_path: Path, is_edited: bool
) -> None:
    await sync(database, tmp_path, HEAD + TWO + models(a=f"provider: one, {PRICE}", b=f"provider: two, {PRICE}"))
    if is_edited:
        await edit(registry, "b", pricing__input="1.10")
    else:
        await registry.put({"model/page": model("two")})
    left = HEAD + models(a="provider: one, pricing: {input: 1.20, output: 8.00}")
    report = await sync(database, tmp_path, left, registry_sync_prune=True)
    assert (report.outcome, report.is_ok) == ("applied", True)
    assert "provider/two (models are served by it: " in report.message
    assert (await registry.leaves())[entity("model/a")]["pricing.input"] == "1.20"
    await registry.put({"model/page": None} if not is_edited else {"model/b": None})
    await sync(database, tmp_path, left, registry_sync_prune=True)
    assert entity("provider/two") not in await registry.leaves()


async def test_model_of_a_provider_that_is_held_back_waits_and_the_rest_is_applied(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    await sync(database, tmp_path, HEAD + models(a=f"provider: one, {PRICE}", c=f"provider: one, {PRICE}"))
    async with database.transaction() as connection:
        await create_hold(connection, reason="INC", by="ada", kind="provider", key="two")
    changed = models(a=f"provider: two, {PRICE}", c="provider: one, pricing: {input: 1.30, output: 8.00}")
    report = await sync(database, tmp_path, HEAD + TWO + changed)
    assert 'model/a (no provider "two")' in report.message
    leaves = await registry.leaves()
    assert leaves[entity("model/a")]["upstreams.default.provider"] == "one"
    assert leaves[entity("model/c")]["pricing.input"] == "1.30"


async def test_hold_of_a_field_keeps_its_model_from_being_removed(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    await sync(database, tmp_path, HEAD + models(a=f"provider: one, {PRICE}", b=f"provider: one, {PRICE}"))
    async with database.transaction() as connection:
        await create_hold(connection, reason="INC", by="ada", kind="model", key="b", fields="pricing.*")
    text = HEAD + models(a=f"provider: one, {PRICE}") + "removed:\n  - {id: b, destroy: true}\n"
    await sync(database, tmp_path, text)
    assert await live(registry) == {"a": 1, "b": 2}


# --- names --------------------------------------------------------------------------------------------


async def test_name_that_a_waiting_model_keeps_makes_who_takes_it_wait_and_nobody_else(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    before = models(a=f"provider: one, {PRICE}, aliases: [x]", b=f"provider: one, {PRICE}", c=f"provider: one, {PRICE}")
    await sync(database, tmp_path, HEAD + before)
    await edit(registry, "a", pricing__input="1.10")
    after = models(
        a="provider: one, pricing: {input: 1.20, output: 8.00}",
        b=f"provider: one, {PRICE}, aliases: [x]",
        c="provider: one, pricing: {input: 1.30, output: 8.00}",
    )
    report = await sync(database, tmp_path, HEAD + after)
    assert report.conflicts == 1
    assert 'model/b ("x" is a name of the model a)' in report.message
    leaves = await registry.leaves()
    assert leaves[entity("model/c")]["pricing.input"] == "1.30"
    assert "aliases" not in leaves[entity("model/b")]


async def test_plan_says_what_cannot_be_before_an_apply_does(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    text = HEAD + models(a=f"provider: one, {PRICE}")
    await sync(database, tmp_path, text)
    await edit(registry, "a", aliases=("new",))
    text = HEAD + models(a=f"provider: one, {PRICE}", new=f"provider: one, {PRICE}")
    found = await plan(database, text)
    assert (found.exit_code, found.is_refused) == (1, True)
    said = 'Fault: models.new.display_name: "new" is a name of the model a'
    assert said in render_text(found)
    assert "**Fault**" in render_markdown(found)
    assert Plan.from_json(found.as_json()) == found
    with pytest.raises(InvalidFields, match="is a name of the model a"):
        await apply_bundle(
            database, read_bundle([SourceFile("models.yaml", text)]), Policy(), actor=Actor("ada"), is_attended=True
        )


@pytest.mark.parametrize(
    ("declared", "edited"),
    [("aliases: [gpt]", {}), ("aliases: [gpt-5]", {"aliases": ("GPT-5",)})],
    ids=["of-its-own-name", "of-a-live-alias"],
)
async def test_name_in_other_letters_is_no_difference(
    database: Database, registry: LiveRegistry, tmp_path: Path, declared: str, edited: dict[str, Any]
) -> None:
    text = HEAD + models(a=f"provider: one, {PRICE}, display_name: GPT, {declared}")
    await sync(database, tmp_path, text, "enforce")
    if edited:
        await edit(registry, "a", **edited)
    before = (await registry.state()).revision
    for _ in range(2):
        assert (await sync(database, tmp_path, text, "enforce")).outcome == "unchanged"
    state = await registry.state()
    assert (state.revision, find_drift(state.ownership, state.base, state.live, {})) == (before, ())
    files = [SourceFile("models.yaml", text)]
    assert list(export(files, read_bundle(files).desired, state.base, state.live).files) == files


async def test_alias_that_the_files_write_in_other_letters_is_rewritten(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    await sync(database, tmp_path, HEAD + models(a=f"provider: one, {PRICE}, aliases: [gpt-5]"))
    await sync(database, tmp_path, HEAD + models(a=f"provider: one, {PRICE}, aliases: [GPT-5]"))
    assert (await registry.leaves())[entity("model/a")]["aliases"] == ("GPT-5",)


# --- keys ---------------------------------------------------------------------------------------------


async def roll(database: Database, revision: int, *, is_enforced: bool = False) -> None:
    async with database.transaction() as connection:
        await lock_registry(connection)
        await roll_back(connection, revision, actor=Actor("ada"), is_enforced=is_enforced)


async def test_rename_that_was_rolled_back_is_drift_and_one_row(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    await sync(database, tmp_path, OLD)
    await sync(database, tmp_path, NEW)
    await roll(database, 1)
    assert await live(registry) == {"old": 1}
    assert (await sync(database, tmp_path, NEW)).outcome == "unchanged"
    state = await registry.state()
    (item,) = find_drift(state.ownership, state.base, state.live, {})
    assert (str(item.entity), item.path, item.yaml, item.live) == ("model/new", "key", "new", "old")
    assert [(one.path, one.live) for one in (await plan(database, NEW)).drift] == [("key", "old")]
    files = [SourceFile("models.yaml", NEW)]
    assert "is called old live" in export(files, read_bundle(files).desired, state.base, state.live).skipped[0]


@pytest.mark.parametrize(("choice", "key", "price"), [("yaml", "new", "7.00"), ("live", "old", "8.00")])
async def test_rename_that_was_rolled_back_and_changed_in_the_files_is_a_conflict(
    database: Database, registry: LiveRegistry, tmp_path: Path, choice: Any, key: str, price: str
) -> None:
    await sync(database, tmp_path, OLD)
    await sync(database, tmp_path, NEW)
    await roll(database, 1)
    changed = NEW.replace("8.00", "7.00")
    (conflict,) = (await plan(database, changed)).conflicts
    assert conflict.kind == "renamed-in-ui"
    policy = Policy(resolutions={conflict.address: choice})
    await apply_bundle(database, read_bundle([SourceFile("models.yaml", changed)]), policy, actor=Actor("ada"))
    assert await live(registry) == {key: 1}
    assert (await registry.leaves())[entity(f"model/{key}")]["pricing.output"] == price
    assert (await sync(database, tmp_path, changed)).outcome == "unchanged"


async def test_rolled_back_rename_is_held_under_enforce_until_the_files_change(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    await sync(database, tmp_path, OLD, "enforce")
    await sync(database, tmp_path, NEW, "enforce")
    await roll(database, 1, is_enforced=True)
    await sync(database, tmp_path, NEW, "enforce")
    assert await live(registry) == {"old": 1}
    await sync(database, tmp_path, NEW + "# changed\n", "enforce")
    assert await live(registry) == {"new": 1}


async def test_model_whose_every_field_is_the_files_comes_back_when_it_was_deleted_live(
    database: Database, registry: LiveRegistry, tmp_path: Path
) -> None:
    text = HEAD + "ownership:\n  - {fields: ['*'], mode: yaml}\n" + models(a=f"provider: one, {PRICE}")
    await sync(database, tmp_path, text)
    await registry.put({"model/a": None})
    await sync(database, tmp_path, text)
    assert await live(registry) == {"a": 1}
