"""`quart-proxy migrate` and `quart-proxy audit`: the schema, and the proof that the books balance."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy.ext.asyncio import create_async_engine

from quart_proxy.commands.running import (
    data_dir_option,
    json_option,
    print_json,
    reachable_database,
    read_settings,
    with_database,
)
from quart_proxy.commands.verbs import example
from quart_proxy.core.money import format_money
from quart_proxy.store import rollups
from quart_proxy.store.database import Database, engine_url, translated_errors
from quart_proxy.store.ledger import Books, Imbalance, list_imbalances, read_books
from quart_proxy.store.schema import migrate as upgrade


@click.command(epilog=example("quart-proxy migrate --data-dir /var/lib/quart-proxy"))
@data_dir_option
@json_option
def migrate(data_dir: Path | None, as_json: bool) -> None:
    """Bring the database to this version's schema. Safe to run at any time, by several processes at once."""
    with reachable_database(read_settings(data_dir)) as url, translated_errors():
        upgrade(url)
    if as_json:
        print_json({"migrated": True})
    else:
        click.echo("The database has this version's schema.")


@click.command(
    epilog=example("quart-proxy audit && echo exact") + "\n\nExit status: 0 exact, 1 not, with each difference printed."
)
@click.option("--mend-sums", is_flag=True, help="First make the hourly sums anew from the rows.")
@data_dir_option
@json_option
def audit(data_dir: Path | None, as_json: bool, mend_sums: bool) -> None:
    """Prove the books: balance = credits - cost for every user, lifetime and hourly figures = sums of rows, each row's
    cost = its tokens x its price."""
    books, imbalances = with_database(data_dir, lambda database: _audit(database, mend_sums=mend_sums))
    if as_json:
        print_json(_form(books, imbalances))
    else:
        for wrong in imbalances:
            click.echo(
                f"user {wrong.user_id} ({wrong.name}): {wrong.figure} is {wrong.kept:f}, its rows say"
                f" {wrong.summed:f}, difference {wrong.kept - wrong.summed:f}"
            )
        if not imbalances:
            click.echo(
                f"books balance: {books.users} users, {books.rows} requests,"
                f" {_dollars(books.credits)} - {_dollars(books.cost)} = {_dollars(books.balance)}"
            )
    if imbalances:
        raise SystemExit(1)


async def _audit(database: Database, *, mend_sums: bool) -> tuple[Books, list[Imbalance]]:
    # An engine of its own: summing a year of requests may take longer than a request may wait.
    engine = create_async_engine(engine_url(database.url), isolation_level="REPEATABLE READ")
    try:
        with translated_errors():
            if mend_sums:
                # What is committed when the lock is had must be seen, so not in a snapshot of before.
                async with engine.execution_options(isolation_level="READ COMMITTED").begin() as connection:
                    await rollups.mend_sums(connection)
            async with engine.begin() as connection:
                return await read_books(connection), await list_imbalances(connection)
    finally:
        await engine.dispose()


def _form(books: Books, imbalances: list[Imbalance]) -> dict[str, Any]:
    return {
        "exact": not imbalances,
        "users": books.users,
        "requests": books.rows,
        "credits": format_money(books.credits),
        "cost": format_money(books.cost),
        "balance": format_money(books.balance),
        "imbalances": [
            {**asdict(wrong), "kept": f"{wrong.kept:f}", "summed": f"{wrong.summed:f}"} for wrong in imbalances
        ],
    }


def _dollars(amount: Any) -> str:
    return f"${format_money(amount)}"
