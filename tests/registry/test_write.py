"""The one door of the registry: a write changes rows, history and audit log together, or nothing."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

import asyncpg
import pytest
from books import RATES, open_books
from live_registry import PRICE, PROVIDER, LiveRegistry, begin, entity, model
from sqlalchemy import event, text

from quart_proxy.core.errors import Conflict, InvalidFields, Unavailable
from quart_proxy.store.database import Database
from quart_proxy.store.registry_conflicts import resolve_conflict
from quart_proxy.store.served import list_served_models
from registry.entities import BaseEntry, Leaves, Origin, OwnershipRule
from registry.outcome import Conflict as MergeConflict
from registry.outcome import EntityOutcome
from registry.state import digest_state, lock_registry
from registry.write import Change, Revision, save_conflicts, save_source, write_base, write_revision


@pytest.fixture
async def registry(database: Database) -> LiveRegistry:
    """One provider, and the models `a` and `b`."""
    registry = LiveRegistry(database)
    await registry.put({"provider/one": PROVIDER, "model/a": model(), "model/b": model()})
    return registry


async def faults_of(registry: LiveRegistry, documents: dict[str, Leaves | None]) -> dict[str, str]:
    with pytest.raises(InvalidFields) as refused:
        await registry.put(documents)
    return {fault.param: fault.message for fault in refused.value.faults}


# --- what is written ----------------------------------------------------------------------------------


async def test_what_was_written_is_live_and_is_the_state_of_the_head(registry: LiveRegistry) -> None:
    leaves = model(
        display_name="GPT", aliases=("g", "h"), limits__timeout="120s", tags=("x",), system_prompt__text="Be."
    )
    written = await registry.put({"model/a": leaves})
    state = await registry.state()
    assert (written.id, written.is_new, written.ids) == (2, True, {entity("model/a"): 1})
    assert state.revision == 2
    assert state.live[entity("model/a")].leaves == leaves
    assert state.state_digest == digest_state(await registry.leaves())


async def test_writing_what_is_there_already_writes_nothing(registry: LiveRegistry) -> None:
    before = await registry.state()
    written = await registry.put({"model/a": model(enabled=True, display_name="a"), "provider/one": PROVIDER})
    assert (written.id, written.is_new) == (1, False)
    assert await registry.state() == before


async def test_a_forced_revision_remembers_without_changing(registry: LiveRegistry) -> None:
    async with registry.database.transaction() as connection:
        state = await begin(connection)
        written = await write_revision(connection, state, [], Revision("adopt", "ada"), is_forced=True)
    assert (written.id, written.is_new) == (2, True)
    assert (await registry.state()).state_digest == state.state_digest


async def test_a_write_says_what_changed_and_why(registry: LiveRegistry) -> None:
    async with registry.database.transaction() as connection:
        state = await begin(connection)
        change = Change(
            entity("model/a"),
            state.live[entity("model/a")].leaves,
            model(enabled=False, pricing__output="12.50"),
            why={"pricing.output": "update"},
        )
        origin = Origin("d1", rev="3f2c9ab", seq=842, author="alan")
        about = Revision("sync", "startup", "new price", "main", origin, {"mode": "three-way"})
        await write_revision(connection, state, [change], about, request_id="req_1", address="10.0.0.1")
    assert await registry.rows("SELECT action, fields FROM registry_changes WHERE revision_id = 2") == [
        (
            "update",
            [
                {"path": "enabled", "from": None, "to": False},
                {"path": "pricing.output", "from": "10.00", "to": "12.50", "why": "update"},
            ],
        )
    ]
    kept = (
        "SELECT kind, actor, message, source, source_digest, source_rev, source_seq, source_author, policy, parent_id"
        " FROM registry_revisions WHERE id = 2"
    )
    assert await registry.rows(kept) == [
        ("sync", "startup", "new price", "main", "d1", "3f2c9ab", 842, "alan", {"mode": "three-way"}, 1)
    ]


async def test_each_changed_entity_leaves_an_audit_row_and_workers_are_told_once(registry: LiveRegistry) -> None:
    versions = "SELECT version FROM config_version"
    ((before,),) = await registry.rows(versions)
    await registry.put({"model/a": model(enabled=False), "model/b": None})
    audited = "SELECT actor, action, target, before->>'enabled', after->>'enabled' FROM audit_log ORDER BY id DESC"
    assert (await registry.rows(audited))[:2] == [
        ("ada", "model.delete", "model/b", "true", None),
        ("ada", "model.update", "model/a", "true", "false"),
    ]
    assert await registry.rows(versions) == [(before + 1,)]


async def test_a_name_in_two_writings_is_kept_in_one(registry: LiveRegistry) -> None:
    await registry.put({"model/a": model(display_name="GPT-4", aliases=("gpt-4", "four", "FOUR"))})
    state = await registry.state()
    assert state.live[entity("model/a")].leaves["aliases"] == ("four",)
    assert state.state_digest == digest_state(await registry.leaves())


# --- what is refused ----------------------------------------------------------------------------------


async def test_faults_of_documents_have_their_place(registry: LiveRegistry) -> None:
    nothing: Leaves = {"display_name": "nothing"}
    dear: Leaves = {**model(), "pricing.output": "-1"}
    assert (await faults_of(registry, {"model/a": dear, "model/n": nothing})).keys() == {
        "models.a.pricing.output",
        "models.n",
    }


async def test_a_model_of_an_unknown_provider_is_refused(registry: LiveRegistry) -> None:
    faults = await faults_of(registry, {"model/n": model("oen"), "model/b": {"upstreams.x.y.provider": "z", **PRICE}})
    assert faults == {
        "models.n.provider": 'no provider "oen"; did you mean "one"?',
        "models.b.upstreams.x.y.provider": 'no provider "z"',
    }


async def test_a_provider_may_come_with_its_models_and_go_with_them(registry: LiveRegistry) -> None:
    await registry.put({"model/n": model("two"), "provider/two": PROVIDER})
    await registry.put({"provider/two": None, "model/n": None})
    assert entity("provider/two") not in await registry.leaves()


async def test_a_provider_that_serves_models_stays(registry: LiveRegistry) -> None:
    with pytest.raises(Conflict, match="served by it: a, b"):
        await registry.put({"provider/one": None})
    assert (await registry.state()).revision == 1


@pytest.mark.parametrize("leaves", [{"display_name": "A"}, {"aliases": ("x", "A")}], ids=["display_name", "alias"])
async def test_a_name_of_another_model_is_refused_whatever_its_case(registry: LiveRegistry, leaves: Leaves) -> None:
    faults = await faults_of(registry, {"model/b": {**model(), **leaves}})
    assert list(faults.items()) == [
        ("models.b." + next(iter(leaves)), '"A" is a name of the model a'),
    ]


async def test_a_write_from_an_older_state_is_refused(registry: LiveRegistry) -> None:
    old = await registry.state()
    await registry.put({"model/a": model(enabled=False)})
    with pytest.raises(Conflict, match="in the meantime"):  # noqa: PT012
        async with registry.database.transaction() as connection:
            await lock_registry(connection)
            change = Change(entity("model/b"), old.live[entity("model/b")].leaves, None)
            await write_revision(connection, old, [change], Revision("ui", "ada"))
    assert entity("model/b") in await registry.leaves()


# --- keys and names -----------------------------------------------------------------------------------


async def test_two_models_swap_their_names_in_one_write(registry: LiveRegistry) -> None:
    await registry.put({"model/a": model(display_name="alpha"), "model/b": model(aliases=("beta",))})
    await registry.put({"model/a": model(display_name="beta"), "model/b": model(aliases=("alpha",))})
    names = "SELECT n.name, m.key FROM model_names n JOIN models m ON m.id = n.model_id ORDER BY n.name"
    assert await registry.rows(names) == [("alpha", "b"), ("b", "b"), ("beta", "a")]


async def test_keys_are_swapped_and_passed_on_in_one_write_and_rows_stay(registry: LiveRegistry) -> None:
    await registry.put({"model/c": model(pricing__input="3.00")})
    keys = "SELECT id, key FROM models ORDER BY id"
    assert await registry.rows(keys) == [(1, "a"), (2, "b"), (3, "c")]
    await registry.put({"model/a": model(), "model/b": model()}, moved={"a": "b", "b": "a"})
    assert await registry.rows(keys) == [(1, "b"), (2, "a"), (3, "c")]
    await registry.put(
        {"model/a": model(), "model/c": model(), "model/d": model()}, moved={"a": "b", "c": "a", "d": "c"}
    )
    assert await registry.rows(keys) == [(1, "a"), (2, "c"), (3, "d")]
    assert await registry.rows("SELECT action, moved_from, key FROM registry_changes WHERE revision_id = 4") == [
        ("rename", "b", "a"),
        ("rename", "a", "c"),
        ("rename", "c", "d"),
    ]


async def test_a_key_is_taken_in_the_write_that_gives_it_up(registry: LiveRegistry) -> None:
    state = await registry.state()
    a, b = entity("model/a"), entity("model/b")
    gone = Change(b, state.live[b].leaves, None, state.live[b].entity_id)
    await registry.apply([Change(b, state.live[a].leaves, model(), state.live[a].entity_id, "a"), gone])
    state = await registry.state()
    assert state.live[b].entity_id == 1
    assert a not in state.live
    assert state.state_digest == digest_state(await registry.leaves())


async def test_what_was_deleted_lives_again_as_the_same_row_and_its_names_are_free_meanwhile(
    registry: LiveRegistry,
) -> None:
    await registry.put({"model/a": model(display_name="alpha", aliases=("al",))})
    await registry.put({"model/a": None})
    assert (await registry.state()).tombstones == {entity("model/a"): 1}
    await registry.put({"model/b": model(display_name="AL", aliases=("alpha",))})
    assert await faults_of(registry, {"model/a": model(display_name="alpha")}) == {
        "models.a.display_name": '"alpha" is a name of the model b'
    }
    await registry.put({"model/b": model(), "model/a": model(display_name="alpha")})
    state = await registry.state()
    assert state.live[entity("model/a")].entity_id == 1
    assert state.tombstones == {}
    async with registry.database.read() as connection:
        assert [one.id for one in await list_served_models(connection, "alpha")] == [1]


async def test_an_upstream_whose_key_stays_keeps_its_row(registry: LiveRegistry) -> None:
    both: Leaves = {"upstreams.x.provider": "one", "upstreams.y.provider": "one", **PRICE}
    await registry.put({"model/a": both})
    rows = "SELECT key, id, weight FROM upstreams WHERE model_id = 1 ORDER BY key"
    (_, x, _), _ = await registry.rows(rows)
    await registry.put({"model/a": {"upstreams.x.provider": "one", "upstreams.x.weight": 5, **PRICE}})
    assert await registry.rows(rows) == [("x", x, 5)]


# --- prices -------------------------------------------------------------------------------------------


async def test_a_price_row_is_made_only_when_the_price_changes_and_says_which_revision_priced_it(
    registry: LiveRegistry,
) -> None:
    await registry.put({"model/a": model(enabled=False)})
    await registry.put({"model/a": model(pricing__input="2.00")})
    await registry.put({"model/a": model(pricing__input="2.00", tags=("x",))})
    await registry.put({"model/a": model()})
    prices = "SELECT input, revision_id, valid_to IS NULL FROM prices WHERE model_id = 1 ORDER BY id"
    assert await registry.rows(prices) == [
        (Decimal("1.25"), 1, False),
        (Decimal("2.00"), 3, False),
        (Decimal("1.25"), 5, True),
    ]


async def test_old_bills_go_on_naming_the_price_that_made_them(database: Database) -> None:
    books = await open_books(database)
    await books.settle(books.exchange())
    registry = LiveRegistry(database)
    live = (await registry.state()).live[entity("model/model")].leaves
    await registry.put({"model/new": {**live, "pricing.input": "99.00"}}, moved={"new": "model"})
    await registry.put({"model/new": None})
    assert (await books.rows())[0].price_id == books.price.id
    (price,) = await registry.rows("SELECT input, revision_id FROM prices WHERE id = :id", id=books.price.id)
    assert price == (next(iter(RATES.values())), None)
    await books.assert_balanced()


# --- all or nothing -----------------------------------------------------------------------------------


async def test_writers_at_once_follow_each_other_without_gaps(registry: LiveRegistry) -> None:
    written = await asyncio.gather(*(registry.put({f"model/m{number}": model()}) for number in range(8)))
    assert sorted(one.id for one in written) == list(range(2, 10))
    revisions = await registry.rows("SELECT id, parent_id FROM registry_revisions ORDER BY id")
    assert revisions == [(number, number - 1) for number in range(1, 10)]
    assert len(await registry.leaves()) == 3 + 8


async def test_an_aborted_write_leaves_no_gap_and_no_trace(registry: LiveRegistry) -> None:
    before = await registry.state()
    with pytest.raises(ZeroDivisionError):  # noqa: PT012
        async with registry.database.transaction() as connection:
            state = await begin(connection)
            change = Change(entity("model/n"), None, model())
            assert (await write_revision(connection, state, [change], Revision("ui", "ada"))).id == 2
            raise ZeroDivisionError
    assert await registry.state() == before
    assert (await registry.put({"model/n": model()})).id == 2


async def test_a_connection_that_dies_before_the_commit_leaves_nothing(
    registry: LiveRegistry, database_url: str
) -> None:
    before = await registry.state()
    killer = await asyncpg.connect(database_url)
    with pytest.raises(Unavailable):  # noqa: PT012
        async with registry.database.transaction() as connection:
            state = await begin(connection)
            await write_revision(connection, state, [Change(entity("model/n"), None, model())], Revision("ui", "ada"))
            pid = await connection.scalar(text("SELECT pg_backend_pid()"))
            await killer.execute("SELECT pg_terminate_backend($1)", pid)
    await killer.close()
    assert await registry.state() == before
    assert await registry.rows("SELECT count(*) FROM audit_log WHERE target = 'model/n'") == [(0,)]


async def test_a_writer_that_waits_too_long_is_told_to_come_again(
    registry: LiveRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.state.LOCK_TIMEOUT_S", 0.02)
    async with registry.database.transaction() as holder:
        await begin(holder)
        with pytest.raises(Unavailable):
            await registry.put({"model/n": model()})
    assert (await registry.put({"model/n": model()})).id == 2


async def test_two_thousand_models_are_written_in_a_few_statements(database: Database) -> None:
    registry = LiveRegistry(database)
    many = {entity(f"model/m{number}"): model() for number in range(2000)}
    statements: list[str] = []

    def count(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    async def write(change: Callable[[Leaves], Leaves]) -> int:
        statements.clear()
        async with database.transaction() as connection:
            state = await begin(connection)
            event.listen(connection.sync_connection, "before_cursor_execute", count)
            changes = [
                Change(key, entry.leaves if (entry := state.live.get(key)) else None, change(leaves))
                for key, leaves in many.items()
            ]
            await write_revision(connection, state, changes, Revision("sync", "ada"))
        return len(statements)

    await registry.put({"provider/one": PROVIDER})
    assert await write(lambda leaves: leaves) < 60
    assert await write(lambda leaves: {**leaves, "pricing.input": "2.00", "tags": ("x",)}) < 60
    assert len(await registry.leaves()) == 2001


# --- what was there before the history ----------------------------------------------------------------


async def test_rows_older_than_the_history_become_its_first_revision(database: Database) -> None:
    await open_books(database)
    registry = LiveRegistry(database)
    live = await registry.leaves()
    assert (await registry.put({"provider/one": PROVIDER})).id == 2
    assert await registry.rows("SELECT id, kind, actor FROM registry_revisions ORDER BY id") == [
        (1, "import", "upgrade"),
        (2, "ui", "ada"),
    ]
    changes = await registry.rows("SELECT action, key, after_leaves FROM registry_changes WHERE revision_id = 1")
    assert changes == [("create", "model", live[entity("model/model")])]


async def test_the_history_begins_even_if_the_first_write_changes_nothing(database: Database) -> None:
    await open_books(database)
    registry = LiveRegistry(database)
    assert await registry.put({}) == await registry.put({})
    state = await registry.state()
    assert (state.revision, state.state_digest) == (1, digest_state(await registry.leaves()))


# --- what is remembered beside ------------------------------------------------------------------------


async def test_a_base_is_kept_for_one_source_and_seen_by_the_others(registry: LiveRegistry) -> None:
    a, b = entity("model/a"), entity("model/b")
    of_a = BaseEntry(1, {"enabled": None, "tags": ("x", "y")}, {"tags": "models.yaml:4"})
    async with registry.database.transaction() as connection:
        await write_base(connection, "main", {a: of_a, b: BaseEntry(2, {})}, 1)
    async with registry.database.transaction() as connection:
        await write_base(connection, "main", {b: None}, 1)
        await write_base(connection, "spare", {b: BaseEntry(2, {})}, 1)
    state = await registry.state()
    assert (state.base, state.foreign) == ({a: of_a}, {b: "spare"})
    with pytest.raises(Conflict):
        async with registry.database.transaction() as connection:
            await write_base(connection, "spare", {a: of_a}, 1)


async def test_two_bases_swap_their_keys(registry: LiveRegistry) -> None:
    a, b = entity("model/a"), entity("model/b")
    for ids in ((1, 2), (2, 1)):
        async with registry.database.transaction() as connection:
            await write_base(connection, "main", {a: BaseEntry(ids[0], {}), b: BaseEntry(ids[1], {})}, 1)
    assert (await registry.state()).base[a].entity_id == 2


async def test_what_a_source_applied_last_is_kept_with_its_rules(registry: LiveRegistry) -> None:
    rules = (OwnershipRule(("pricing.*",), "yaml", models=("gpt-*",)), OwnershipRule(("*",), "merge"))
    async with registry.database.transaction() as connection:
        await save_source(connection, "main", Origin("d1", seq=1), (), 1)
        await save_source(connection, "main", Origin("d2", rev="r", seq=2, author="alan"), rules, 1)
    state = await registry.state()
    assert state.ownership == rules
    kept = state.sources["main"]
    assert (kept.digest, kept.rev, kept.seq, kept.author, kept.revision_id) == ("d2", "r", 2, "alan", 1)


async def test_a_resolution_holds_while_the_three_sides_are_what_they_were(registry: LiveRegistry) -> None:
    def conflict(price: str) -> MergeConflict:
        sides = ({"pricing.input": "1.00"}, {"pricing.input": "2.00"}, {"pricing.input": price})
        return MergeConflict(entity("model/a"), "pricing", "both", *sides)

    async def keep(*conflicts: MergeConflict) -> None:
        async with registry.database.transaction() as connection:
            outcomes = [EntityOutcome(one.entity, "E3", "deferred", 1, conflicts=(one,)) for one in conflicts]
            await save_conflicts(connection, "main", outcomes)

    await keep(conflict("3.00"))
    assert (await registry.state()).resolutions == {}
    async with registry.database.transaction() as connection:
        digest = conflict("3.00").triple_digest
        assert await resolve_conflict(connection, "main", entity("model/a"), "pricing", digest, "yaml", "ada")
        assert not await resolve_conflict(connection, "main", entity("model/a"), "pricing", "other", "live", "ada")
    await keep(conflict("3.00"))
    resolution = (await registry.state()).resolutions["model.a/pricing"]
    assert resolution == ("yaml", conflict("3.00").triple_digest)
    await keep(conflict("4.00"))
    assert (await registry.state()).resolutions == {}
    await keep()
    assert await registry.rows("SELECT count(*) FROM registry_conflicts") == [(0,)]
