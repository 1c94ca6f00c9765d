"""What is written once stays as it was written: money movements, receipts, the audit log, prices."""

from decimal import Decimal

import asyncpg
import pytest
from books import CLERK, RATES, UPSTREAM, open_books
from sqlalchemy import text

from quart_proxy.core.errors import Conflict
from quart_proxy.core.usage import Dimension
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.catalog import Model, list_models
from quart_proxy.store.catalog_writes import delete_model, save_model
from quart_proxy.store.database import Database
from quart_proxy.store.served import list_served_models

REWRITES = (
    "UPDATE ledger SET amount = 1000",
    "UPDATE ledger SET reason = 'another'",
    "DELETE FROM ledger",
    "UPDATE audit_log SET actor = 'nobody'",
    "DELETE FROM audit_log",
    "UPDATE prices SET input = 0.01",
    "UPDATE prices SET cached_input = 0",
    """UPDATE prices SET tiers = '{"9": {"input": "1", "output": "1"}}'""",
    "UPDATE prices SET valid_from = now() - interval '1 day'",
    "DELETE FROM prices",
    "UPDATE usage_log SET cost = 0",
    "DELETE FROM usage_log",
    "TRUNCATE ledger",
    "TRUNCATE audit_log",
    "TRUNCATE usage_log",
)


async def test_history_cannot_be_rewritten(database: Database) -> None:
    books = await open_books(database)
    await books.settle(books.exchange())
    connection = await database.connect()
    try:
        for statement in REWRITES:
            with pytest.raises(asyncpg.RaiseError, match="keeps what was written"):
                await connection.execute(statement)
    finally:
        await connection.close()


def model(key: str, name: str, **fields: object) -> Model:
    return Model(**{"key": key, "display_name": name, "rates": RATES, "upstreams": (UPSTREAM,), **fields})  # type: ignore[arg-type]


async def prices_of(database: Database, key: str) -> list[tuple[Decimal, bool]]:
    async with database.read() as connection:
        rows = await connection.execute(
            text(
                "SELECT p.input, p.valid_to IS NULL FROM prices p JOIN models m ON m.id = p.model_id"
                " WHERE m.key = :key ORDER BY p.id"
            ),
            {"key": key},
        )
        return [(row[0], row[1]) for row in rows]


async def save(database: Database, *models: Model) -> None:
    async with database.transaction() as connection:
        for one in models:
            await save_model(connection, one)


async def test_a_new_price_closes_the_old_one_and_opens_another(database: Database) -> None:
    await save(database, model("m", "m"))
    await save(database, model("m", "m", rates={**RATES, Dimension.INPUT: Decimal("4")}))
    assert await prices_of(database, "m") == [(Decimal(3), False), (Decimal(4), True)]


async def test_saving_a_model_at_its_old_price_makes_no_new_row(database: Database) -> None:
    await save(database, model("m", "m"))
    await save(database, model("m", "m", description="another text", rates={**RATES, Dimension.INPUT: Decimal("3.0")}))
    assert await prices_of(database, "m") == [(Decimal(3), True)]


async def test_a_tier_is_a_part_of_its_price(database: Database) -> None:
    tiers = {200_000: {**RATES, Dimension.INPUT: Decimal("6.000001")}, 9: RATES}
    await save(database, model("m", "m", tiers=tiers))
    async with database.read() as connection:
        (kept,) = await list_models(connection, "m")
        (served,) = await list_served_models(connection, "m")
    assert (kept.tiers, served.price.tiers) == (tiers, tiers)
    assert list(kept.tiers) == [9, 200_000]
    await save(database, model("m", "m", tiers={**tiers, 9: {**RATES, Dimension.INPUT: Decimal("3.00")}}))
    assert await prices_of(database, "m") == [(Decimal(3), True)]
    await save(database, model("m", "m", tiers={9: RATES}))
    await save(database, model("m", "m"))
    assert await prices_of(database, "m") == [(Decimal(3), False), (Decimal(3), False), (Decimal(3), True)]


@pytest.mark.parametrize(
    ("tiers", "check"),
    [
        ("{}", "tiers_are_a_map"),
        ('"x"', "tiers_are_a_map"),
        ("null", "tiers_are_a_map"),
        ('{"0": {"input": "1", "output": "1"}}', "tiers_are_complete"),
        ('{"9k": {"input": "1", "output": "1"}}', "tiers_are_complete"),
        ('{"9": {"input": "1"}}', "tiers_are_complete"),
        ('{"9": {}}', "tiers_are_complete"),
        ('{"9": 1}', "tiers_are_complete"),
        ('{"9": {"input": 1.5, "output": "1"}}', "tiers_are_complete"),
        ('{"9": {"input": null, "output": "1"}}', "tiers_are_complete"),
        ('{"9": {"input": "-1", "output": "1"}}', "tiers_have_rates"),
        ('{"9": {"input": "1e3", "output": "1"}}', "tiers_have_rates"),
        ('{"9": {"input": "0.1234567", "output": "1"}}', "tiers_have_rates"),
        ('{"9": {"input": "1000000", "output": "1"}}', "tiers_have_rates"),
        ('{"9": {"input": "1", "output": "1", "cached_input": ""}}', "tiers_have_rates"),
    ],
)
async def test_what_is_no_tier_is_refused_by_the_table_itself(database: Database, tiers: str, check: str) -> None:
    await save(database, model("m", "m"))
    connection = await database.connect()
    columns = "INSERT INTO prices (model_id, input, output, free, tiers, valid_to) SELECT id, $2, $2, $3, $1, now()"
    try:
        with pytest.raises(asyncpg.PostgresError, match=check if tiers.startswith("{") else "tiers_are|keyvalue"):
            await connection.execute(f"{columns} FROM models", tiers, Decimal(1), False)
        good = '{"9": {"input": "1.50", "output": "2"}}'
        with pytest.raises(asyncpg.CheckViolationError, match="free_has_no_tiers"):
            await connection.execute(f"{columns} FROM models", good, Decimal(0), True)
        await connection.execute(f"{columns} FROM models", good, Decimal(1), False)
    finally:
        await connection.close()


async def test_a_bill_of_yesterday_still_names_the_price_that_made_it(database: Database) -> None:
    books = await open_books(database)
    await books.settle(books.exchange())
    await save(database, model("model", "model", rates={**RATES, Dimension.OUTPUT: Decimal("99")}))
    await books.assert_balanced()
    assert (await books.rows())[0].price_id == books.price.id


async def test_a_deleted_model_closes_its_price_and_frees_its_names(database: Database) -> None:
    await save(database, model("m", "m", aliases=("other",)))
    async with database.transaction() as connection:
        await delete_model(connection, "m")
    assert await prices_of(database, "m") == [(Decimal(3), False)]
    await save(database, model("n", "M", aliases=("Other",)))


async def test_two_models_swap_their_names_in_one_transaction(database: Database) -> None:
    await save(database, model("a", "alpha"), model("b", "beta"))
    await save(database, model("a", "beta"), model("b", "alpha"))
    async with database.read() as connection:
        assert {m.key: m.display_name for m in await list_models(connection)} == {"a": "beta", "b": "alpha"}
        (served,) = await list_served_models(connection, "beta")
    assert served.display_name == "beta"


async def test_two_models_cannot_share_a_name_whatever_its_case(database: Database) -> None:
    await save(database, model("a", "Alpha"))
    with pytest.raises(Conflict):
        await save(database, model("b", "beta", aliases=("ALPHA",)))
    async with database.read() as connection:
        assert [m.key for m in await list_models(connection)] == ["a"]


async def test_a_free_model_is_said_to_be_free(database: Database) -> None:
    zero = {Dimension.INPUT: Decimal(0), Dimension.OUTPUT: Decimal(0)}
    with pytest.raises(Conflict, match="zero_is_said"):
        await save(database, model("m", "m", rates=zero))
    await save(database, model("m", "m", rates=None, free=True))
    async with database.read() as connection:
        (served,) = await list_served_models(connection, "m")
    assert served.price.free


async def test_the_same_idempotency_key_moves_money_once(database: Database) -> None:
    books = await open_books(database)
    accounts = Accounts(database)

    async def top_up(amount: str) -> Decimal:
        entry = await accounts.move_money(
            CLERK,
            user_id=books.users[0],
            kind="credit",
            amount=Decimal(amount),
            reason="r",
            idempotency_key="one",
        )
        return entry.balance_after

    assert await top_up("5") == await top_up("5.00") == Decimal(105)
    with pytest.raises(Conflict):
        await top_up("6")
    assert (await books.user()).balance == Decimal(105)
    await books.assert_balanced()
