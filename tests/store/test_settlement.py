"""The settlement statement on a real PostgreSQL: exact, once, whatever comes twice or at the same time."""

import asyncio
import random
from decimal import Decimal

import asyncpg
import orjson
import pytest
from books import CLERK, RATES, Books, open_books
from sqlalchemy import Float, Numeric, text

from quart_proxy.core.pricing import Price, charge
from quart_proxy.core.record import Outcome
from quart_proxy.core.usage import Dimension, Usage
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import RECORD_FIELDS, list_imbalances, settle_records
from quart_proxy.store.tables import metadata


async def test_settle_twice_charges_once(database: Database) -> None:
    books = await open_books(database)
    exchange = books.exchange()
    await books.settle(exchange)
    await books.settle(exchange)
    await books.settle(exchange, exchange)
    assert await books.spent() == exchange.cost == Decimal("0.0045")
    assert len(await books.rows()) == 1
    await books.assert_balanced()


async def test_fifty_rows_of_one_user_in_one_batch_are_all_charged(database: Database) -> None:
    books = await open_books(database)
    exchanges = [books.exchange(tokens_in=n, tokens_out=n * 7) for n in range(1, 51)]
    await books.settle(*exchanges)
    user = await books.user()
    assert await books.spent() == sum(exchange.cost for exchange in exchanges)
    assert (user.requests, user.input_tokens, user.output_tokens) == (50, 1275, 1275 * 7)
    await books.assert_balanced()


async def test_a_row_without_a_price_is_kept_and_not_counted_as_a_charged_request(database: Database) -> None:
    books = await open_books(database)
    await books.settle(books.exchange(price_id=None, usage=None, cost=Decimal(0), outcome=Outcome.NO_USAGE))
    user = await books.user()
    assert (user.requests, user.spent) == (0, Decimal(0))
    assert len(await books.rows()) == 1
    await books.assert_balanced()


async def test_four_settlers_with_heavy_duplicates_over_forty_users_are_exact(database: Database) -> None:
    books = await open_books(database, users=40)
    chance = random.Random(7)
    exchanges = [books.exchange(chance.randrange(40), tokens_in=chance.randrange(1, 10_000)) for _ in range(1200)]

    async def settle_all(seed: int) -> None:
        order = random.Random(seed)
        connection = await database.connect()
        try:
            for _ in range(30):
                batch = order.choices(exchanges, k=50)
                await settle_records(connection, [exchange.encode().decode() for exchange in batch])
            for start in range(0, 1200, 50):
                batch = exchanges[start : start + 50]
                order.shuffle(batch)
                await settle_records(connection, [exchange.encode().decode() for exchange in batch])
        finally:
            await connection.close()

    # A deadlock would come out here as an error: nobody tries again.
    await asyncio.gather(*(settle_all(seed) for seed in range(4)))
    for place in range(40):
        owed = sum(exchange.cost for exchange in exchanges if exchange.user_id == books.users[place])
        assert await books.spent(place) == owed
    assert len(await books.rows()) == 1200
    await books.assert_balanced()


async def test_the_tiniest_and_the_largest_charge_are_kept_to_the_last_digit(database: Database) -> None:
    books = await open_books(database)
    await books.settle(books.exchange(cost=Decimal("0.000000000001")), books.exchange(cost=Decimal("999999.999999")))
    assert await books.spent() == Decimal("999999.999999") + Decimal("0.000000000001")


NASTY = "a\x00b\ud800c\u0000\U0001f600\ufffe\x7f" + "z" * 100_000


async def test_text_that_postgresql_refuses_is_cleaned_and_billed(database: Database) -> None:
    books = await open_books(database)
    exchange = books.exchange(model=NASTY, error_code=NASTY, client_request_id=NASTY)
    await books.settle(exchange)
    assert await books.spent() == exchange.cost
    (row,) = await books.rows()
    for text_kept in (row.model, row.error_code, row.client_request_id):
        assert text_kept == ("abc\U0001f600\ufffe" + "z" * 200)[:200]
    await books.assert_balanced()


async def test_the_largest_counts_fit_into_a_row(database: Database) -> None:
    books = await open_books(database)
    usage = Usage(dict.fromkeys(Dimension, 2**31 - 1), reasoning=2**31 - 1)
    await books.settle(books.exchange(usage=usage, duration_ms=2**40, first_byte_ms=-5, status=999))
    assert (await books.user()).input_tokens == 4 * (2**31 - 1)


def money_columns() -> list[tuple[str, str]]:
    return [
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Numeric) and table.name != "prices"
    ]


def test_no_column_is_a_float_and_every_money_column_is_known() -> None:
    columns = [column for table in metadata.sorted_tables for column in table.columns]
    assert not [column for column in columns if isinstance(column.type, Float)]
    assert set(money_columns()) == {
        ("users", "balance"),
        ("users", "spent"),
        ("users", "spend_limit"),
        ("api_keys", "spend_limit"),
        ("usage_log", "cost"),
        ("usage_hourly", "cost"),
        ("ledger", "amount"),
        ("ledger", "balance_after"),
    }


async def test_what_is_not_a_number_enters_no_money_column(database: Database) -> None:
    books = await open_books(database)
    await books.settle(books.exchange())
    await Accounts(database).create_key(CLERK, user_id=books.users[0], name="one")
    connection = await database.connect()
    try:
        for value in ("NaN", "Infinity", "-Infinity"):
            for table, column in money_columns():
                with pytest.raises(asyncpg.CheckViolationError):
                    await connection.execute(_write_money(books, table, column, value))
            for dimension in Dimension:
                with pytest.raises(asyncpg.CheckViolationError):
                    await connection.execute(_insert_price(dimension, value))
            record = books.exchange(cost=Decimal(value)).encode().decode()
            with pytest.raises(asyncpg.CheckViolationError):
                await settle_records(connection, [record])
    finally:
        await connection.close()
    await books.assert_balanced()


def _write_money(books: Books, table: str, column: str, value: str) -> str:
    if table in ("users", "api_keys", "usage_hourly"):
        return f"UPDATE {table} SET {column} = '{value}'"  # noqa: S608
    columns = {"user_id": str(books.users[0]), "balance_after": "1", "amount": "1", "kind": "'credit'", "actor": "'x'"}
    if table == "usage_log":
        columns = {"user_id": str(books.users[0]), "api_key_id": "1", "price_id": str(books.price.id), "model": "''"}
        columns |= {"request_id": "gen_random_uuid()", "endpoint": "''", "outcome": "''", "started_at": "now()"}
        columns |= {"streamed": "true", "status": "200"}
    columns |= {column: f"'{value}'"}
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(columns.values())})"  # noqa: S608


def _insert_price(dimension: Dimension, value: str) -> str:
    """A price that is closed already, so that it collides with none, and whose rate of `dimension` is `value`."""
    columns = {"model_id": "id", "input": "1", "output": "1", "valid_to": "'infinity'", dimension.value: f"'{value}'"}
    return f"INSERT INTO prices ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM models"  # noqa: S608


async def test_a_negative_cost_is_refused(database: Database) -> None:
    books = await open_books(database)
    with pytest.raises(asyncpg.CheckViolationError):
        await books.settle(books.exchange(cost=Decimal("-0.01")))


async def test_the_audit_finds_a_cost_that_its_price_did_not_make(database: Database) -> None:
    books = await open_books(database)
    await books.settle(books.exchange(cost=Decimal("0.0044999999")))
    with pytest.raises(AssertionError):
        await books.assert_balanced()


async def test_the_audit_finds_a_balance_that_was_moved_outside_the_ledger(database: Database) -> None:
    books = await open_books(database)
    async with database.transaction() as connection:
        await connection.execute(text("UPDATE users SET balance = balance + 0.000000000001"))
    with pytest.raises(AssertionError):
        await books.assert_balanced()


def test_a_record_holds_every_field_that_the_statement_reads() -> None:
    books = Books(Database("postgresql://nobody@127.0.0.1:1/none"), [1], Price(1, RATES), Decimal(0))
    assert set(orjson.loads(books.exchange().encode())) == set(RECORD_FIELDS)


async def test_the_audit_prices_each_row_at_its_tier_and_tells_of_one_that_was_charged_at_another(
    database: Database,
) -> None:
    tiers = {threshold: {dimension: rate * 2 for dimension, rate in RATES.items()} for threshold in (1000, 5000)}
    tiers[5000] = {Dimension.INPUT: Decimal("9"), Dimension.OUTPUT: Decimal("45.000001")}
    books = await open_books(database, tiers=tiers)
    prompts = (0, 999, 1000, 1001, 5000, 5001)
    await books.settle(*(books.exchange(tokens_in=prompt, tokens_out=7) for prompt in prompts))
    assert [row.cost for row in reversed(await books.rows())] == [
        Decimal(cost) for cost in ("0.000105", "0.003102", "0.003105", "0.006216", "0.03021", "0.045324000007")
    ]
    await books.assert_balanced()
    base = charge(Usage({Dimension.INPUT: 1001}), Price(1, RATES)).cost
    await books.settle(books.exchange(tokens_in=1001, tokens_out=0, cost=base))
    async with database.read() as connection:
        (imbalance,) = await list_imbalances(connection)
    assert (imbalance.figure, imbalance.summed - imbalance.kept) == ("price x tokens", base)
