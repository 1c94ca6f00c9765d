"""`quart-proxy user ...` and `quart-proxy key ...`: administration without the page."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Unpack

import click

from quart_proxy.commands.running import Money, data_dir_option, json_option, print_json, print_table, with_database
from quart_proxy.commands.verbs import Misuse, example
from quart_proxy.core.limits import SpendPeriod
from quart_proxy.core.money import format_money
from quart_proxy.http.fields import moment
from quart_proxy.http.forms import entry_form, key_form, user_form
from quart_proxy.http.key_fields import COUNT_MAX, TOKENS_MAX
from quart_proxy.services.accounts import Accounts
from quart_proxy.store.accounts import ApiKey, LimitFields, User, list_keys, list_users
from quart_proxy.store.changes import Actor
from quart_proxy.store.database import Database
from quart_proxy.store.ledger import Entry

CLI = Actor("cli")
ROWS_PER_READ = 1000
PERIODS = [period.value for period in SpendPeriod]


class Dollars(Money):
    """Above zero."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        amount = super().convert(value, param, ctx)
        if amount <= 0:
            self.fail("must be above zero.", param, ctx)
        return amount


def limit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What a user or a key may use at most, as options whose names are those of LimitFields."""
    options = (
        click.option("--model", "allowed_models", multiple=True, help="Allow this model; may be repeated [all]."),
        click.option("--max-concurrency", type=click.IntRange(1, COUNT_MAX), help="Requests in flight at once."),
        click.option("--rpm", type=click.IntRange(1, COUNT_MAX), help="Requests a minute."),
        click.option("--tpm", type=click.IntRange(1, TOKENS_MAX), help="Tokens a minute, input and output."),
        click.option("--spend-limit", type=Dollars(), help="Dollars in a period, or in all."),
        click.option("--spend-period", type=click.Choice(PERIODS), help="Of the calendar, in UTC."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _chosen(limits: LimitFields) -> LimitFields:
    """No model named is no limit."""
    if limits.get("spend_period") is not None and limits.get("spend_limit") is None:
        raise Misuse("--spend-period needs a --spend-limit.")
    return {**limits, "allowed_models": limits.get("allowed_models") or None}


class Moment(click.ParamType[datetime]):
    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return value if isinstance(value, datetime) else moment(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}.", param, ctx)


@click.group("user")
def user() -> None:
    """Users and their money."""


@user.command("add", epilog=example("quart-proxy user add Ada --email ada@example.com --credit 25.00"))
@click.argument("name")
@click.option("--email", help="Their address.")
@click.option("--note", help="For admins.")
@click.option("--credit", "dollars", type=Money(), help="Begin with so many dollars.")
@limit_options
@data_dir_option
@json_option
def add_user(
    name: str,
    email: str | None,
    note: str | None,
    dollars: Decimal | None,
    data_dir: Path | None,
    as_json: bool,
    **limits: Unpack[LimitFields],
) -> None:
    """Add the user NAME."""
    if dollars is not None and dollars <= 0:
        raise Misuse("--credit must be above zero.")
    if not name.strip():
        raise Misuse("The name must not be empty.")
    chosen = _chosen(limits)

    async def work(database: Database) -> User:
        accounts = Accounts(database)
        made = await accounts.create_user(CLI, name=name, email=email, note=note, **chosen)
        if dollars is not None:
            await accounts.move_money(CLI, user_id=made.id, kind="credit", amount=dollars, reason="first credit")
        async with database.read() as connection:
            return (await list_users(connection, after_id=made.id - 1, limit=1))[0]

    made = with_database(data_dir, work)
    if as_json:
        print_json(user_form(made))
    else:
        click.echo(f"User {made.id}, {made.name}, with ${format_money(made.balance)}.")


@user.command("list", epilog=example("quart-proxy user list --json"))
@data_dir_option
@json_option
def list_all(data_dir: Path | None, as_json: bool) -> None:
    """List every user with the balance and what was spent."""

    async def work(database: Database) -> list[User]:
        found: list[User] = []
        while True:
            async with database.read() as connection:
                more = await list_users(connection, after_id=found[-1].id if found else 0, limit=ROWS_PER_READ)
            found += more
            if len(more) < ROWS_PER_READ:
                return found

    found = with_database(data_dir, work)
    if as_json:
        print_json({"data": [user_form(one) for one in found]})
        return
    rows = [
        [str(one.id), one.name, format_money(one.balance), format_money(one.spent), str(one.requests)] for one in found
    ]
    print_table(["id", "name", "balance", "spent", "requests"], rows)


@user.command("credit", epilog=example("quart-proxy user credit 1 25.00 --reason 'invoice 7'"))
@click.argument("user_id", type=click.IntRange(1, 2**63 - 1))
@click.argument("dollars", type=Money())
@click.option("--kind", type=click.Choice(["credit", "grant", "refund"]), default="credit", show_default=True)
@click.option("--reason", help="Kept in the ledger.")
@click.option("--idempotency-key", help="Run again with the same one, nothing moves twice.")
@data_dir_option
@json_option
def credit_user(
    user_id: int,
    dollars: Decimal,
    kind: str,
    reason: str | None,
    idempotency_key: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Add DOLLARS to the balance of USER_ID."""
    if dollars <= 0:
        raise Misuse("The dollars must be above zero.")

    async def work(database: Database) -> Entry:
        return await Accounts(database).move_money(
            CLI, user_id=user_id, kind=kind, amount=dollars, reason=reason, idempotency_key=idempotency_key
        )

    entry = with_database(data_dir, work)
    if as_json:
        print_json(entry_form(entry))
    else:
        click.echo(f"The balance of user {user_id} is ${format_money(entry.balance_after)}.")


@click.group("key")
def key() -> None:
    """API keys of users."""


@key.command("add", epilog=example("quart-proxy key add 1 --name laptop"))
@click.argument("user_id", type=click.IntRange(1, 2**63 - 1))
@click.option("--name", default="default", show_default=True, help="To tell it from others.")
@click.option("--expires-at", type=Moment(), help="Such as 2027-01-31T12:00:00Z, or a date.")
@limit_options
@data_dir_option
@json_option
def add_key(
    user_id: int,
    name: str,
    expires_at: datetime | None,
    data_dir: Path | None,
    as_json: bool,
    **limits: Unpack[LimitFields],
) -> None:
    """Make a key for USER_ID and print it, this once."""
    chosen = _chosen(limits)

    async def work(database: Database) -> tuple[ApiKey, str]:
        return await Accounts(database).create_key(CLI, user_id=user_id, name=name, expires_at=expires_at, **chosen)

    made, text = with_database(data_dir, work)
    if as_json:
        print_json({**key_form(made), "key": text})
    else:
        # The key alone is on stdout: it is often piped.
        click.echo(f"Key {made.id} of user {user_id}; it is shown this once:", err=True)
        click.echo(text)


@key.command("list", epilog=example("quart-proxy key list 1"))
@click.argument("user_id", type=click.IntRange(1, 2**63 - 1))
@data_dir_option
@json_option
def list_user_keys(user_id: int, data_dir: Path | None, as_json: bool) -> None:
    """List the keys of USER_ID, revoked ones too."""

    async def work(database: Database) -> list[ApiKey]:
        async with database.read() as connection:
            return await list_keys(connection, user_id)

    forms = [key_form(one) for one in with_database(data_dir, work)]
    if as_json:
        print_json({"data": forms})
        return
    rows = [[str(form["id"]), form["name"], f"{form['prefix']}...{form['last4']}", form["status"]] for form in forms]
    print_table(["id", "name", "key", "status"], rows)


@key.command("revoke", epilog=example("quart-proxy key revoke 3"))
@click.argument("key_id", type=click.IntRange(1, 2**63 - 1))
@data_dir_option
@json_option
def revoke_key(key_id: int, data_dir: Path | None, as_json: bool) -> None:
    """Revoke KEY_ID, within a second on every worker that runs."""

    async def work(database: Database) -> ApiKey:
        return await Accounts(database).revoke_key(CLI, key_id)

    revoked = with_database(data_dir, work)
    if as_json:
        print_json(key_form(revoked))
    else:
        click.echo(f"Key {revoked.id} ({revoked.name}) is revoked.")
