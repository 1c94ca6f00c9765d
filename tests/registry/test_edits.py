"""Live edits beside files that go on declaring what is edited: locks, the way back, and who has which row."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from live_registry import LiveRegistry, model

from quart_proxy.core.errors import Conflict, FieldLocked, InvalidFields, PlanRefused
from quart_proxy.store.changes import Actor, read_version
from quart_proxy.store.database import Database
from registry.apply import Applied, apply_bundle, read_bundle
from registry.doctor import examine
from registry.edits import delete_entity, detach_entity, revert_entity, roll_back, save_document
from registry.entities import EntityKey, Policy
from registry.field_states import describe_entity
from registry.files.sources import SourceFile
from registry.marks import find_marks
from registry.schema import parse_model
from registry.state import load_live, lock_registry

HEAD = "version: 1\nproviders:\n  one: {api_format: openai, api_url: https://one.example/v1}\n"
PRICE = "pricing: {input: 1.00, output: 8.00}"
LOCKED = "ownership:\n  - {fields: ['pricing.*'], mode: yaml}\n"
A, B, OLD, NEW = (EntityKey("model", key) for key in ("a", "b", "old", "new"))
ADA = Actor("ada")
ENFORCE = Policy(mode="enforce", on_conflict="take-yaml")
DEFER = Policy(on_conflict="defer")


@pytest.fixture
def registry(database: Database) -> LiveRegistry:
    return LiveRegistry(database)


def models(*stanzas: str, more: str = "", head: str = HEAD) -> str:
    return head + "models:\n" + "".join(f"  {stanza}\n" for stanza in stanzas) + more


def stanza(key: str, price: str = PRICE, **fields: str) -> str:
    more = "".join(f", {name}: {value}" for name, value in fields.items())
    return f"{key}: {{provider: one, {price}{more}}}"


async def apply(registry: LiveRegistry, text: str, policy: Policy = DEFER) -> Applied:
    files = read_bundle([SourceFile("models.yaml", text)])
    return await apply_bundle(registry.database, files, policy, actor=ADA, is_attended=False)


async def act(registry: LiveRegistry, act: Callable[..., Awaitable[Any]], *given: Any, **options: Any) -> Any:
    async with registry.database.transaction() as connection:
        await lock_registry(connection)
        return await act(connection, *given, actor=ADA, **options)


async def save(registry: LiveRegistry, key: str, **fields: Any) -> None:
    document, _ = parse_model(key, {"provider": "one", "pricing": {"input": "1.00", "output": "8.00"}, **fields})
    await act(registry, save_document, document)


async def edit(registry: LiveRegistry, key: EntityKey, **leaves: Any) -> None:
    """Dots are written as two underscores; None takes a leaf out."""
    before = dict((await registry.leaves())[key])
    after = before | {path.replace("__", "."): value for path, value in leaves.items()}
    await registry.put({str(key): {path: value for path, value in after.items() if value is not None}})


async def rows(registry: LiveRegistry) -> dict[EntityKey, int]:
    live = (await registry.state()).live
    return {key: entry.entity_id for key, entry in live.items() if key.kind == "model"}


async def pricing(registry: LiveRegistry, key: EntityKey) -> dict[str, Any]:
    leaves = (await registry.leaves())[key]
    return {path.removeprefix("pricing."): value for path, value in leaves.items() if path.startswith("pricing.")}


async def state_of(registry: LiveRegistry, key: EntityKey) -> tuple[str, str]:
    """As the view of the one says it, and as lists do."""
    async with registry.database.snapshot() as connection:
        described = await describe_entity(connection, key)
        live = await load_live(connection)
        return described["state"], (await find_marks(connection, live))[key].state


# --- the key ------------------------------------------------------------------------------------------


async def rename_and_go_back(registry: LiveRegistry, policy: Policy = DEFER, more: str = "") -> str:
    """The files renamed `old` to `new`, and the rename was rolled back. Returns the files."""
    moved = more + "moved:\n  - {from: old, to: new}\n"
    await apply(registry, models(stanza("old"), more=more), policy)
    await apply(registry, models(stanza("new"), more=moved), policy)
    await act(registry, roll_back, 1, is_enforced=policy is ENFORCE)
    return models(stanza("new"), more=moved)


@pytest.mark.parametrize("said", [OLD, NEW], ids=str)
async def test_revert_after_a_rename_was_rolled_back_renames_the_row_again(
    registry: LiveRegistry, said: EntityKey
) -> None:
    await rename_and_go_back(registry)
    (row,) = (await rows(registry)).values()
    await act(registry, revert_entity, said, ())
    assert await rows(registry) == {NEW: row}
    last = "SELECT entity_id, key, moved_from, action FROM registry_changes ORDER BY revision_id DESC LIMIT 1"
    assert await registry.rows(last) == [(row, "new", "old", "rename")]
    async with registry.database.snapshot() as connection:
        assert all(check.ok for check in await examine(connection, None))


async def test_revert_of_one_field_leaves_the_key_that_was_rolled_back(registry: LiveRegistry) -> None:
    await rename_and_go_back(registry)
    await edit(registry, OLD, pricing__input="1.10")
    await act(registry, revert_entity, NEW, ["pricing.input"])
    assert (await rows(registry)).keys() == {OLD}
    assert (await pricing(registry, OLD))["input"] == "1.00"


async def test_row_under_the_key_before_is_drifted_and_its_fields_are_locked_still(registry: LiveRegistry) -> None:
    await rename_and_go_back(registry, more=LOCKED)
    assert await state_of(registry, OLD) == ("drifted", "drifted")
    with pytest.raises(FieldLocked):
        await save(registry, "old", pricing={"input": "9.00", "output": "9.00"})


async def test_rollback_of_a_rename_under_enforce_holds_both_keys(registry: LiveRegistry) -> None:
    await rename_and_go_back(registry, ENFORCE)
    assert {(hold.kind, hold.key) for hold in (await registry.state()).holds} == {OLD, NEW}


async def test_row_that_is_live_is_given_to_nobody_else(registry: LiveRegistry) -> None:
    await rename_and_go_back(registry)
    (row,) = (await rows(registry)).values()
    await save(registry, "new", display_name="Another")
    now = await rows(registry)
    assert (now[OLD], len(now)) == (row, 2)


async def test_model_deleted_live_and_moved_in_the_files_comes_back_with_its_row(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a")))
    (row,) = (await rows(registry)).values()
    await act(registry, delete_entity, A)
    moved = models(stanza("b"), more="moved: [{from: a, to: b}]\n")
    await apply(registry, moved)
    await save(registry, "b")
    assert await rows(registry) == {B: row}
    await act(registry, delete_entity, B)
    await apply(registry, moved, ENFORCE)
    assert await rows(registry) == {B: row}


async def test_rename_that_waits_for_its_conflict_shows_it_where_the_model_is_live(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a")))
    await edit(registry, A, pricing__input="1.10")
    await apply(registry, models(stanza("b", PRICE.replace("1.00", "1.20")), more="moved: [{from: a, to: b}]\n"))
    assert await state_of(registry, A) == ("conflict", "conflict")
    async with registry.database.snapshot() as connection:
        assert (await describe_entity(connection, A))["conflicts"] == ["model.b/pricing"]


# --- groups and locks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edited", "paths"),
    [
        ({"pricing.free": True, "pricing.input": None, "pricing.output": None}, ()),
        ({"pricing.cached_input": "0.90", "pricing.output": "9.00"}, ()),
        ({"pricing.cached_input": "0.90", "pricing.output": "9.00"}, ("pricing.output",)),
        (
            {
                "upstreams.default.provider": None,
                "upstreams.default.api_format": "openai",
                "upstreams.default.api_url": "https://x.example/v1",
            },
            ("provider",),
        ),
    ],
    ids=["free", "a rate more", "one rate", "another address"],
)
async def test_revert_gives_up_what_live_added_to_the_group(
    registry: LiveRegistry, edited: dict[str, Any], paths: tuple[str, ...]
) -> None:
    await apply(registry, models(stanza("a")))
    before = await registry.leaves()
    await edit(registry, A, **edited)
    await act(registry, revert_entity, A, paths)
    assert await registry.leaves() == before


async def test_revert_of_a_group_leaves_the_others_edited(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a")))
    await edit(registry, A, pricing__output="9.00", description="live", **{"upstreams.default.weight": 5})
    await act(registry, revert_entity, A, ["pricing.input"])
    live = (await registry.leaves())[A]
    assert (live["pricing.output"], live["description"], live["upstreams.default.weight"]) == ("8.00", "live", 5)


async def test_what_was_deleted_lives_again_only_as_the_files_own_it(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a")))
    await act(registry, delete_entity, A)
    await apply(registry, models(stanza("a"), more=LOCKED))
    for other in ({"pricing": {"free": True}}, {"pricing": {"input": "0.10", "output": "8.00"}}, {"pricing": None}):
        with pytest.raises(FieldLocked, match=r"`pricing\.\w+` of model/a is owned"):
            await save(registry, "a", **other)
    await save(registry, "a", description="the page's own")
    assert (await pricing(registry, A), (await registry.leaves())[A]["description"]) == (
        {"input": "1.00", "output": "8.00"},
        "the page's own",
    )


# --- detached -----------------------------------------------------------------------------------------


async def test_detached_model_stays_so_until_somebody_agrees_or_the_files_let_go_of_it(registry: LiveRegistry) -> None:
    both = models(stanza("a"), stanza("b"))
    await apply(registry, both)
    await act(registry, detach_entity, A, reason="ours now")
    for text in (both, both + "# a comment\n"):
        applied = await apply(registry, text)
        assert [conflict.address for conflict in applied.plan.conflicts] == ["model.a/entity"]
        assert A not in (await registry.state()).base
    with pytest.raises(PlanRefused):
        await apply(registry, both, Policy(allow_stale=True))
    await apply(registry, models(stanza("b")))
    assert (await registry.state()).detached == frozenset()
    await apply(registry, both + "# another comment\n")
    assert A in (await registry.state()).base, "the files took it up anew, and live says the same"


@pytest.mark.parametrize(
    "policy",
    [Policy(adopt=True), Policy(resolutions={"model.a/entity": "live"}), ENFORCE],
    ids=["adopt", "live", "all"],
)
async def test_detached_model_is_given_back_once(registry: LiveRegistry, policy: Policy) -> None:
    await apply(registry, models(stanza("a")))
    await act(registry, detach_entity, A, reason="ours now")
    await apply(registry, models(stanza("a")), policy)
    state = await registry.state()
    assert (A in state.base, state.detached) == (True, frozenset())
    assert (await apply(registry, models(stanza("a")))).plan.conflicts == ()


async def test_detached_model_that_was_deleted_is_not_made_anew(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a"), stanza("b")))
    await act(registry, detach_entity, A, reason="ours now")
    await act(registry, delete_entity, A)
    applied = await apply(registry, models(stanza("a"), stanza("b")))
    assert [conflict.kind for conflict in applied.plan.conflicts] == ["deleted-in-ui"]
    assert (await rows(registry)).keys() == {B}


async def test_conflicts_of_what_is_detached_are_none_any_more(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a"), stanza("b")))
    for key in (A, B):
        await edit(registry, key, pricing__input="1.10")
    dearer = PRICE.replace("1.00", "1.20")
    await apply(registry, models(stanza("a", dearer), stanza("b", dearer)))
    await act(registry, detach_entity, A, reason="ours now")
    assert await registry.rows("SELECT key FROM registry_conflicts") == [("b",)]


# --- rollback -----------------------------------------------------------------------------------------


async def test_rollback_does_not_delete_what_is_protected(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a", protect="true")))
    with pytest.raises(Conflict, match=r"protected \(model/a\)"):
        await act(registry, roll_back, 0)
    assert A in await registry.leaves()
    await edit(registry, A, protect=None)
    await act(registry, roll_back, 0)
    assert await registry.leaves() == {}


async def test_rollback_to_a_key_that_another_model_has_says_so(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a")))
    await apply(registry, models(stanza("b"), more="moved: [{from: a, to: b}]\n"))
    await registry.put({"model/a": model(display_name="Other")})
    before = await rows(registry)
    with pytest.raises(InvalidFields, match=r"models\.a: another model has this key"):
        await act(registry, roll_back, 1, only=[B])
    assert await rows(registry) == before
    await act(registry, roll_back, 1, only=[A, B])
    assert await rows(registry) == {A: before[B]}


@pytest.mark.parametrize(
    ("verb", "given", "options"),
    [
        pytest.param(roll_back, (1,), {}, id="rollback"),
        pytest.param(revert_entity, (A, ()), {}, id="revert"),
        pytest.param(detach_entity, (A,), {"reason": "x"}, id="detach"),
    ],
)
async def test_what_was_looked_at_must_be_in_force_still(
    registry: LiveRegistry, verb: Any, given: tuple[Any, ...], options: dict[str, Any]
) -> None:
    await apply(registry, models(stanza("a")))
    await edit(registry, A, pricing__input="1.10")
    before = await registry.state()
    with pytest.raises(Conflict, match="at revision 2 by now, not at 1"):
        await act(registry, verb, *given, expected=1, **options)
    assert await registry.state() == before
    await act(registry, verb, *given, expected=2, **options)


async def test_holds_of_a_rollback_end_when_the_files_change(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a")), ENFORCE)
    dearer = models(stanza("a", PRICE.replace("8.00", "9.00")))
    await apply(registry, dearer, ENFORCE)
    await act(registry, roll_back, 1, is_enforced=True)
    await apply(registry, dearer, ENFORCE)
    assert len((await registry.state()).holds) == 1
    await apply(registry, models(stanza("a", PRICE.replace("8.00", "10.00"))), ENFORCE)
    assert (await registry.state()).holds == ()
    assert (await pricing(registry, A))["output"] == "10.00"


# --- what every worker is told ------------------------------------------------------------------------


async def version(registry: LiveRegistry) -> int:
    async with registry.database.read() as connection:
        return (await read_version(connection))[0]


async def test_conflict_that_is_new_is_told_to_every_worker_once(registry: LiveRegistry) -> None:
    await apply(registry, models(stanza("a")))
    dearer = models(stanza("a", PRICE.replace("1.00", "1.20")))
    await edit(registry, A, pricing__input="1.10")
    await apply(registry, dearer)
    await edit(registry, A, pricing__input="1.15")
    before = await version(registry)
    assert not (await apply(registry, dearer)).is_changed
    assert await version(registry) == before + 1, "the same conflict has another price by now"
    await apply(registry, dearer)
    assert await version(registry) == before + 1
