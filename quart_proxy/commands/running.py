"""What commands share: their settings, a database that is up, and how they print."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click
import orjson

from quart_proxy.commands.verbs import Failure, Misuse
from quart_proxy.core.money import parse_money
from quart_proxy.prepare import database_url
from quart_proxy.settings import Settings
from quart_proxy.store.database import Database, translated_errors
from quart_proxy.store.schema import is_migrated, migrate

T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


class Money(click.ParamType[Decimal]):
    name = "dollars"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        if isinstance(value, Decimal):
            return value
        try:
            return parse_money(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}.", param, ctx)


data_dir_option = click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the embedded database and the generated secrets [default: DATA_DIR, or .quart-proxy].",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def read_settings(data_dir: Path | None) -> Settings:
    """The settings of the environment, with the data folder that was named. Raises SettingsError."""
    settings = Settings.from_environment()
    return settings if data_dir is None else dataclasses.replace(settings, data_dir=data_dir.absolute())


@contextmanager
def reachable_database(settings: Settings) -> Iterator[str]:
    """The address of the database, started if it is the embedded one. Raises Misuse for an address that is none."""
    with database_url(settings) as url:
        try:
            Database(url)
        except ValueError as error:
            raise Misuse(str(error)) from None
        yield url


def with_database(data_dir: Path | None, work: Callable[[Database], Awaitable[T]]) -> T:
    """What `work` returns. An embedded database is brought to this version's schema; a real server is not touched
    before `migrate` or `serve` does it. Raises Failure, and what `work` raises."""
    settings = read_settings(data_dir)
    with reachable_database(settings) as url:
        if settings.database_url is None:
            with translated_errors():
                migrate(url)
        return asyncio.run(_run(url, work))


async def _run(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    database = Database(url)
    try:
        async with database.read() as connection:
            if not await is_migrated(connection):
                raise Failure("The database does not have this version's schema; run `quart-proxy migrate`.")
        return await work(database)
    finally:
        await database.close()


def print_json(document: Any) -> None:
    click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


def print_table(columns: list[str], rows: list[list[str]]) -> None:
    """Columns as wide as their widest cell; those of numbers to the right."""
    widths = [max(len(cell) for cell in cells) for cells in zip(columns, *rows, strict=True)]
    for row in [columns, *rows]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
