"""Verbs that change what is live without the files: rollback, resolve, revert, detach, hold, unhold."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import click

from quart_proxy.commands.registry.doors import Target, at_door
from quart_proxy.commands.registry.options import (
    Duration,
    Entity,
    Resolution,
    door_options,
    help_end,
    message_option,
    print_json,
    yes_option,
)
from quart_proxy.commands.registry.words import Json, change_lines, hold_line, say
from registry.entities import Choice, EntityKey


@click.command(epilog=help_end("registry rollback --to 57 --only model/gpt-main --yes", "0 done, 1 failed."))
@click.option("--to", "revision", type=click.IntRange(0), required=True, help="The revision to go back to.")
@click.option("--only", type=Entity(), multiple=True, help="Such as model/gpt-main; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Say what it would change; change nothing.")
@message_option
@yes_option
@door_options
def rollback(
    revision: int,
    only: tuple[EntityKey, ...],
    dry_run: bool,
    message: str | None,
    is_sure: bool,
    target: Target,
    as_json: bool,
) -> None:
    """Make the registry what it was at a revision, as a new revision. What the files said stays as it is, so to
    their next apply it is drift."""
    seen = None if dry_run or is_sure else _confirm_rollback(target, revision, only)
    answer = at_door(
        target,
        lambda door: door.roll_back(revision, only=only, message=message, is_dry=dry_run, expected=seen),
    )
    if as_json:
        print_json(answer)
        return
    happens = _would(answer, revision) if dry_run else f"Revision {answer['revision']}:"
    say("\n".join(_rollback_lines(answer, happens)))


def _confirm_rollback(target: Target, revision: int, only: Sequence[EntityKey]) -> int:
    """The revision from which somebody wants to go back, having seen what that changes."""
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on; pass --yes to roll back without asking.")
    answer = at_door(target, lambda door: door.roll_back(revision, only=only, message=None, is_dry=True))
    say("\n".join(_rollback_lines(answer, _would(answer, revision))))
    click.confirm("Roll back?", abort=True)
    return int(answer["revision"])


def _would(answer: Json, revision: int) -> str:
    return f"Rolling back from revision {answer['revision']} to {revision} would change:"


def _rollback_lines(answer: Json, happens: str) -> list[str]:
    lines = change_lines(answer["changes"])
    held = f"Held until the files change: {', '.join(answer['held'])}."
    return [happens, *lines, *([held] if answer["held"] else [])] if lines else ["Nothing differs."]


@click.command(epilog=help_end("registry resolve model.gpt-main/pricing=live", "0 done, 1 failed."))
@click.argument("decision", type=Resolution())
@door_options
def resolve(decision: tuple[str, Choice], target: Target, as_json: bool) -> None:
    """Decide a conflict that a sync left open: the files win (=yaml), or the live edit does (=live)."""
    address, choice = decision
    answer = at_door(target, lambda door: door.resolve(address, choice))
    if as_json:
        print_json(answer)
    else:
        sync = answer["sync"]
        then = f"Sync: {sync['outcome']}." if sync else "The next apply of the files does as decided."
        say(f"{address} is resolved: {choice} wins. {then}")


@click.command(epilog=help_end("registry revert model/gpt-main pricing.output", "0 done, 1 failed."))
@click.argument("entity", type=Entity())
@click.argument("fields", nargs=-1)
@message_option
@door_options
def revert(entity: EntityKey, fields: tuple[str, ...], message: str | None, target: Target, as_json: bool) -> None:
    """Give up live edits of ENTITY: FIELDS, or all that the files declare, are again what these said last."""
    answer = at_door(target, lambda door: door.revert(entity, fields, message))
    if as_json:
        print_json(answer)
    else:
        say(f"Reverted: revision {answer['revision']}." if answer["changed"] else "Nothing was edited live.")


@click.command(epilog=help_end("registry detach model/gpt-main --reason 'moved to the page'", "0 done, 1 failed."))
@click.argument("entity", type=Entity())
@click.option("--reason", metavar="TEXT", required=True, help="Why; kept in the history.")
@door_options
def detach(entity: EntityKey, reason: str, target: Target, as_json: bool) -> None:
    """Take ENTITY out of the files' hands. While they declare it, their next apply is a conflict."""
    answer = at_door(target, lambda door: door.detach(entity, reason))
    if as_json:
        print_json(answer)
    else:
        say(f"Detached: revision {answer['revision']}. Take {entity} out of the files as well.")


@click.command(epilog=help_end("registry hold --for 2h --reason INC-1234 --model gpt-main", "0 done, 1 failed."))
@click.option("--for", "span", type=Duration(), required=True, help="Such as 30m, 2h or 1d.")
@click.option("--reason", metavar="TEXT", required=True, help="Why; shown wherever it holds something.")
@click.option("--model", metavar="KEY", help="Only this model.")
@click.option("--provider", metavar="KEY", help="Only this provider.")
@click.option("--field", "fields", metavar="GLOB", help="Only these fields, such as pricing.*")
@door_options
def hold(
    span: timedelta,
    reason: str,
    model: str | None,
    provider: str | None,
    fields: str | None,
    target: Target,
    as_json: bool,
) -> None:
    """Keep the files away from a part of the registry, or from all of it, for a while."""
    if model and provider:
        raise click.UsageError("A hold is of one model, of one provider, or of all.")
    entity = EntityKey("model", model) if model else EntityKey("provider", provider) if provider else None
    until = datetime.now(UTC) + span
    answer = at_door(target, lambda door: door.hold(entity=entity, fields=fields, until=until, reason=reason))
    if as_json:
        print_json(answer)
    else:
        say(f"Held: {hold_line(answer).strip()}")


@click.command(epilog=help_end("registry unhold 3", "0 done, 1 failed."))
@click.argument("hold_id", metavar="[ID]", type=click.IntRange(1), required=False)
@click.option("--all", "is_all", is_flag=True, help="Every hold that is in force.")
@door_options
def unhold(hold_id: int | None, is_all: bool, target: Target, as_json: bool) -> None:
    """Lift a hold. Without ID: list those in force."""
    if hold_id is not None and is_all:
        raise click.UsageError("Name a hold, or --all.")
    holds = at_door(target, lambda door: door.holds())
    chosen = [row["id"] for row in holds] if is_all else [hold_id] if hold_id is not None else []
    for number in chosen:
        at_door(target, lambda door, number=number: door.unhold(number))  # type: ignore[misc]
    if as_json:
        print_json({"lifted": chosen, "holds": [row for row in holds if row["id"] not in chosen]})
    elif chosen:
        say(f"Lifted: {', '.join(map(str, chosen))}.")
    else:
        say("\n".join(hold_line(row) for row in holds) or "Nothing is held.")
