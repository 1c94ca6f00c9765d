"""Verbs that only look: drift, status, history, show, diff, doctor."""

import click

from quart_proxy.commands.registry.doors import Target, at_door, examine
from quart_proxy.commands.registry.options import (
    Entity,
    door_options,
    exit_with,
    exit_zero_option,
    help_end,
    print_json,
)
from quart_proxy.commands.registry.words import change_lines, check_lines, revision_line, say, status_lines
from registry.entities import EntityKey
from registry.planning.drift import DriftItem, render_drift

HISTORY_DEFAULT = 20
HISTORY_MAX = 1000


@click.command(epilog=help_end("registry drift --ignore 'model/lab-*'", "0 no drift, 1 failed, 2 drift."))
@click.option("--ignore", "ignore", metavar="GLOB", multiple=True, help="Such as model/lab-* or *.limits.*")
@exit_zero_option
@door_options
def drift(ignore: tuple[str, ...], exit_zero: bool, target: Target, as_json: bool) -> None:
    """Say what was edited live and is not in the files. No file is read."""
    answer = at_door(target, lambda door: door.drift(ignore))
    if as_json:
        print_json(answer)
    else:
        say(render_drift([DriftItem.from_json(item) for item in answer["drift"]]))
    exit_with(answer["exit"], exit_zero=exit_zero)


@click.command(epilog=help_end("registry status", "0, or 1 failed."))
@door_options
def status(target: Target, as_json: bool) -> None:
    """Say what is in force, where it came from, and what waits for somebody."""
    answer = at_door(target, lambda door: door.status())
    if as_json:
        print_json(answer)
    else:
        say("\n".join(status_lines(answer)))


@click.command(epilog=help_end("registry history model/gpt-main", "0, or 1 failed."))
@click.argument("entity", type=Entity(), required=False)
@click.option("--limit", type=click.IntRange(1, HISTORY_MAX), default=HISTORY_DEFAULT, show_default=True)
@door_options
def history(entity: EntityKey | None, limit: int, target: Target, as_json: bool) -> None:
    """List the revisions, newest first; with ENTITY those that changed it."""
    answer = at_door(target, lambda door: door.revisions(entity, limit))
    if as_json:
        print_json(answer)
        return
    lines = [revision_line(row) for row in answer["data"]]
    say("\n".join([*lines, "..."] if answer["has_more"] else lines or ["There is no revision yet."]))


@click.command(epilog=help_end("registry show 57", "0, or 1 failed."))
@click.argument("revision", type=click.IntRange(1))
@door_options
def show(revision: int, target: Target, as_json: bool) -> None:
    """Say what REVISION changed, field by field."""
    answer = at_door(target, lambda door: door.revision(revision))
    if as_json:
        print_json(answer)
    else:
        say("\n".join([revision_line(answer).strip(), *change_lines(answer["changes"])]))


@click.command(epilog=help_end("registry diff 57 61", "0, or 1 failed."))
@click.argument("earlier", type=click.IntRange(0))
@click.argument("later", type=click.IntRange(0))
@door_options
def diff(earlier: int, later: int, target: Target, as_json: bool) -> None:
    """Say what differs between two revisions."""
    answer = at_door(target, lambda door: door.diff(earlier, later))
    if as_json:
        print_json(answer)
    else:
        say("\n".join(change_lines(answer["changes"]) or ["They are the same."]))


@click.command(epilog=help_end("registry doctor", "0 all is well, 1 something is not."))
@door_options
def doctor(target: Target, as_json: bool) -> None:
    """Check the registry as it is kept: schema, history, workers, keys, conflicts."""
    report = examine(target)
    if as_json:
        print_json(report)
    else:
        say("\n".join(check_lines(report)))
    exit_with(0 if report["ok"] else 1)
