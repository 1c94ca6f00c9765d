"""The tables of the registry's history: append-only, one head, and an upgrade that keeps what was there."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest
from alembic import command
from books import RATES, UPSTREAM, open_books
from live_registry import PROVIDER, LiveRegistry, entity, model

from quart_proxy.core.errors import Conflict
from quart_proxy.core.usage import Dimension
from quart_proxy.store.catalog import Model, Provider, Upstream, list_models, list_tombstones
from quart_proxy.store.catalog_writes import (
    delete_models,
    delete_providers,
    rename_models,
    restore_models,
    restore_providers,
    save_models,
    save_providers,
)
from quart_proxy.store.database import Database
from quart_proxy.store.registry_holds import create_hold, end_hold, list_holds
from quart_proxy.store.revisions import read_head, save_last_sync
from quart_proxy.store.schema import alembic_config, is_migrated, migrate
from quart_proxy.store.workers import forget_workers, list_workers, report_worker

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)

REFUSED = {
    "UPDATE registry_revisions SET actor = 'nobody'": "keeps what was written",
    "DELETE FROM registry_revisions": "keeps what was written",
    "TRUNCATE registry_revisions CASCADE": "keeps what was written",
    "UPDATE registry_changes SET after_leaves = '{}'": "keeps what was written",
    "DELETE FROM registry_changes": "keeps what was written",
    "TRUNCATE registry_changes": "keeps what was written",
    "UPDATE prices SET revision_id = NULL": "keeps what was written",
    "INSERT INTO registry_head (only_row) VALUES (false)": "is_one_row",
    "INSERT INTO registry_head DEFAULT VALUES": "pk_registry_head",
    "INSERT INTO registry_revisions (id, parent_id, kind, actor, state_digest) VALUES (9, 1, 'ui', 'a', '')": "parent",
    "INSERT INTO registry_revisions (id, parent_id, kind, actor, state_digest) VALUES (2, 1, 'x', 'a', '')": "known",
}


@pytest.mark.parametrize("statement", sorted(REFUSED))
async def test_history_is_append_only_and_in_one_line(database: Database, statement: str) -> None:
    await LiveRegistry(database).put({"provider/one": PROVIDER, "model/a": model()})
    connection = await database.connect()
    try:
        with pytest.raises(asyncpg.PostgresError, match=REFUSED[statement]):
            await connection.execute(statement)
    finally:
        await connection.close()


# --- upgrade ------------------------------------------------------------------------------------------


async def test_a_database_from_before_the_history_is_upgraded_and_its_rows_are_imported(
    database: Database, database_url: str
) -> None:
    config = alembic_config(database_url)
    await asyncio.to_thread(command.downgrade, config, "20261123_01")
    connection = await database.connect()
    await connection.execute("INSERT INTO providers (key, api_format, api_url) VALUES ('one', 'openai', 'http://x/v1')")
    await connection.execute("INSERT INTO models (key, display_name) VALUES ('a', 'a')")
    await connection.execute("INSERT INTO model_names (name, model_id, is_alias, written) VALUES ('a', 1, false, 'a')")
    await connection.execute("INSERT INTO upstreams (model_id, key, provider_id) VALUES (1, 'default', 1)")
    await connection.execute("INSERT INTO prices (model_id, input, output) VALUES (1, 1.25, 10)")
    await connection.close()
    await asyncio.to_thread(migrate, database_url)
    async with database.read() as connection:
        assert await is_migrated(connection)
        head = await read_head(connection)
        assert (head.revision_id, head.state_digest, head.last_sync) == (0, "", None)
    registry = LiveRegistry(database)
    await registry.put({"model/b": model()})
    assert await registry.rows("SELECT revision_id, action, key FROM registry_changes ORDER BY 1, kind DESC") == [
        (1, "create", "one"),
        (1, "create", "a"),
        (2, "create", "b"),
    ]
    assert (await registry.leaves())[entity("model/a")] == model()
    assert await registry.rows("SELECT model_id, revision_id FROM prices ORDER BY id") == [(1, None), (2, 2)]


# --- the catalog --------------------------------------------------------------------------------------


def priced(key: str, **fields: object) -> Model:
    return Model(**{"key": key, "display_name": key, "rates": RATES, "upstreams": (UPSTREAM,), **fields})  # type: ignore[arg-type]


async def test_many_models_are_created_and_overwritten_together(database: Database) -> None:
    async with database.transaction() as connection:
        await save_providers(connection, [Provider(key="p", api_format="openai", api_url="http://x/v1")])
        first = await save_models(connection, [priced("a"), priced("b", rates=None, free=True)])
    by_provider = Upstream(key="only", provider="p")
    async with database.transaction() as connection:
        again = await save_models(connection, [priced("b"), priced("c", aliases=("see",), upstreams=(by_provider,))])
        kept = {one.key: one for one in await list_models(connection)}
    assert (again["b"].id, again["b"].row_version) == (first["b"].id, 2)
    assert list(kept) == ["a", "b", "c"]
    assert (kept["b"].rates, kept["b"].free) == (RATES, False)
    assert (kept["c"].aliases, kept["c"].upstreams) == (("see",), (by_provider,))


async def test_an_upstream_of_an_unknown_provider_is_a_key_error(database: Database) -> None:
    with pytest.raises(KeyError, match="nobody"):
        async with database.transaction() as connection:
            await save_models(connection, [priced("a", upstreams=(Upstream(key="only", provider="nobody"),))])


async def test_a_price_of_zero_must_be_said_and_a_missing_rate_is_refused(database: Database) -> None:
    zero = {Dimension.INPUT: Decimal(0), Dimension.OUTPUT: Decimal(0)}
    for rates in (zero, {Dimension.INPUT: Decimal(1)}):
        with pytest.raises(Conflict, match="ck_prices"):
            async with database.transaction() as connection:
                await save_models(connection, [priced("a", rates=rates)])


async def test_the_row_deleted_last_is_the_one_that_may_live_again(database: Database) -> None:
    provider = Provider(key="p", api_format="openai", api_url="http://x/v1")
    ids = []
    for _ in range(2):
        async with database.transaction() as connection:
            ids.append((await save_models(connection, [priced("a")]))["a"].id)
            ids.append((await save_providers(connection, [provider]))["p"].id)
        async with database.transaction() as connection:
            await delete_models(connection, ["a"])
            await delete_providers(connection, ["p"])
    async with database.transaction() as connection:
        assert await list_tombstones(connection) == {("model", "a"): ids[2], ("provider", "p"): ids[3]}
        await restore_models(connection, {"b": ids[0], "a": ids[2]})
        await restore_providers(connection, {"p": ids[1]})
        assert await list_tombstones(connection) == {}
        saved = await save_models(connection, [priced("a"), priced("b")])
    assert (saved["a"].id, saved["b"].id) == (ids[2], ids[0])


async def test_a_key_that_is_in_use_is_not_taken_by_a_rename_or_a_return(database: Database) -> None:
    async with database.transaction() as connection:
        saved = await save_models(connection, [priced("a"), priced("b"), priced("c")])
        await delete_models(connection, ["c"])
    with pytest.raises(Conflict, match="ix_models_key_live"):
        async with database.transaction() as connection:
            await rename_models(connection, {"a": "b"})
    with pytest.raises(Conflict, match="ix_models_key_live"):
        async with database.transaction() as connection:
            await restore_models(connection, {"b": saved["c"].id})


async def test_a_row_that_is_live_is_not_restored_under_another_key(database: Database) -> None:
    async with database.transaction() as connection:
        saved = await save_models(connection, [priced("a"), priced("b")])
        await delete_models(connection, ["b"])
    with pytest.raises(Conflict, match="not all were deleted"):
        async with database.transaction() as connection:
            await restore_models(connection, {"b": saved["b"].id, "c": saved["a"].id})
    async with database.read() as connection:
        assert [model.key for model in await list_models(connection)] == ["a"]


async def test_settling_goes_on_while_prices_change(database: Database) -> None:
    books = await open_books(database)
    async with database.transaction() as connection:
        await save_models(connection, [priced("model", rates={**RATES, Dimension.INPUT: Decimal(9)})])
        await books.settle(books.exchange())
    assert (await books.rows())[0].price_id == books.price.id
    await books.assert_balanced()


# --- holds, workers, the last sync --------------------------------------------------------------------


async def test_a_hold_is_in_force_until_its_time_or_until_it_is_ended(database: Database) -> None:
    async with database.transaction() as connection:
        for_ever = await create_hold(connection, reason="INC-1", by="ada", kind="model", key="a", fields="pricing.*")
        short = await create_hold(connection, reason="INC-2", by="ada", until=NOW + HOUR, source_digest="d1")
        at_once, later = await list_holds(connection, NOW), await list_holds(connection, NOW + HOUR)
        assert [hold.id for hold in at_once] == [for_ever, short]
        assert [hold.id for hold in later] == [for_ever]
        assert (at_once[0].kind, at_once[0].key, at_once[0].fields, at_once[0].until) == (
            "model",
            "a",
            "pricing.*",
            None,
        )
        assert (at_once[1].kind, at_once[1].source_digest, at_once[1].reason) == (None, "d1", "INC-2")
        assert await end_hold(connection, for_ever)
        assert not await end_hold(connection, for_ever)
        assert await list_holds(connection, NOW + HOUR) == []


async def test_workers_say_what_they_serve_and_are_forgotten(database: Database) -> None:
    async with database.transaction() as connection:
        await report_worker(connection, "host:1", revision_id=1, version="0.1.0")
        await report_worker(connection, "host:2", revision_id=1, version="0.1.0")
        await report_worker(connection, "host:1", revision_id=2, version="0.2.0")
        seen = await list_workers(connection, NOW - HOUR)
        assert [(one.name, one.revision_id, one.version) for one in seen] == [
            ("host:1", 2, "0.2.0"),
            ("host:2", 1, "0.1.0"),
        ]
        await forget_workers(connection, datetime.now(UTC) + HOUR)
        assert await list_workers(connection, NOW - HOUR) == []


async def test_how_the_files_were_read_last_is_kept(database: Database) -> None:
    async with database.transaction() as connection:
        await save_last_sync(connection, {"ok": False, "fault": "models.yaml:12:48"})
        assert (await read_head(connection)).last_sync == {"ok": False, "fault": "models.yaml:12:48"}
