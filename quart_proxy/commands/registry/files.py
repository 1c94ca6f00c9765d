"""`registry validate`, `plan` and `apply`: from the files to the registry."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from quart_proxy.commands.registry.bundles import (
    find_saved_plan,
    patterns_or_default,
    provenance_of,
    read_given,
    save_plan,
)
from quart_proxy.commands.registry.colours import painted
from quart_proxy.commands.registry.doors import Json, Target, at_door
from quart_proxy.commands.registry.options import (
    door_options,
    exit_with,
    exit_zero_option,
    files_argument,
    help_end,
    message_option,
    overlay_option,
    policy_options,
    print_json,
    yes_option,
)
from quart_proxy.commands.registry.words import applied_line, faults_shown, say
from quart_proxy.core.errors import PlanRefused, StalePlan
from registry.entities import Policy
from registry.files.reports import FORMATS
from registry.files.validation import validate as validate_patterns
from registry.planning.plan_document import Plan
from registry.planning.render_markdown import render_markdown
from registry.planning.render_plan import render_text

PLAN_FORMATS = ("text", "json", "markdown")


@click.command(epilog=help_end("registry validate models.yaml", "0 valid (warnings too), 1 faults."))
@files_argument
@click.option(
    "--overlay", metavar="NAME", help="Check the base with this overlay alone [default: the base, and with each]."
)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-W", "warnings", type=click.Choice(["error"]), help="-W error: a warning is a fault too.")
def validate(files: tuple[str, ...], overlay: str | None, form: str, as_json: bool, warnings: str | None) -> None:
    """Check FILES offline, all as one registry, and print every fault with its place."""
    validation = validate_patterns(patterns_or_default(files), overlay)
    form = "json" if as_json else form
    report = FORMATS[form](validation)
    click.echo(painted(report) if form == "text" else report)
    exit_with(validation.exit_status(warnings_are_errors=warnings == "error"))


@click.command(
    epilog=help_end(
        "registry plan models.yaml --out plan.json",
        "0 nothing to change, 1 failed, 2 changes pending, 3 conflicts, 4 refused by a guard.",
    )
)
@files_argument
@overlay_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Keep the plan, for `registry apply`.")
@click.option("--format", "form", type=click.Choice(PLAN_FORMATS), default="text", show_default=True)
@policy_options
@exit_zero_option
@door_options
def plan(
    files: tuple[str, ...],
    overlay: str | None,
    out: Path | None,
    form: str,
    policy: Policy | None,
    exit_zero: bool,
    target: Target,
    as_json: bool,
) -> None:
    """Say what applying FILES would do. Nothing is written."""
    given = read_given(files, overlay)
    provenance = provenance_of(given)
    with faults_shown():
        document = at_door(target, lambda door: door.plan(given.files, provenance, policy or Policy()))
    if out is not None:
        save_plan(out, document, given.files, provenance)
    _print_plan(document, "json" if as_json else form)
    exit_with(Plan.from_json(document).exit_code, exit_zero=exit_zero)


@click.command(
    epilog=help_end(
        "registry apply models.yaml --yes --message 'new prices'",
        "0 done, changed or not; 1 failed, 3 conflicts, 4 refused by a guard: then nothing was applied. With "
        "--detailed-exitcode 2: done, and something changed.",
    )
)
@files_argument
@overlay_option
@policy_options
@message_option
@yes_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if something changed.")
@exit_zero_option
@door_options
def apply(
    files: tuple[str, ...],
    overlay: str | None,
    policy: Policy | None,
    message: str | None,
    is_sure: bool,
    detailed_exitcode: bool,
    exit_zero: bool,
    target: Target,
    as_json: bool,
) -> None:
    """Apply FILES, or a plan that `registry plan --out` kept: all of it or nothing."""
    saved = find_saved_plan(files)
    if saved is not None and policy is not None:
        raise click.UsageError("A kept plan says itself how to merge; plan again with these options.")
    if saved is not None and overlay is not None:
        raise click.UsageError("A kept plan has its files in it; plan again with --overlay.")
    if saved is None:
        given = read_given(files, overlay)
        sources, provenance, policy, fingerprint = given.files, provenance_of(given), policy or Policy(), None
    else:
        sources, provenance, policy = saved.files, saved.provenance, saved.plan.policy
        fingerprint = saved.plan.fingerprint
    chosen = policy
    with faults_shown():
        if not is_sure:
            document = _ask(lambda: at_door(target, lambda door: door.plan(sources, provenance, chosen)), as_json)
            fingerprint = fingerprint or document["fingerprint"]
        try:
            answer = at_door(
                target,
                lambda door: door.apply(sources, provenance, chosen, message=message, fingerprint=fingerprint),
            )
        except StalePlan as error:
            raise click.ClickException(error.message) from None
        except PlanRefused as refused:
            document = dict(refused.plan)
            _print_plan(document, "json" if as_json else "text")
            click.echo(f"Error: {refused.message}", err=True)
            exit_with(Plan.from_json(document).exit_code, exit_zero=exit_zero)
    if as_json:
        print_json(answer)
    else:
        say(applied_line(answer))
    exit_with(2 if detailed_exitcode and answer["changed"] else 0)


def _print_plan(document: Json, form: str) -> None:
    if form == "json":
        print_json(document)
    elif form == "markdown":
        click.echo(render_markdown(Plan.from_json(document)))
    else:
        click.echo(painted(render_text(Plan.from_json(document))))


def _ask(make_plan: Callable[[], Json], as_json: bool) -> Json:
    """The plan that a person said yes to. One that changes nothing, or cannot be applied, is no question."""
    if not sys.stdin.isatty():
        raise click.UsageError("There is no terminal to ask on; pass --yes to apply without asking.")
    document = make_plan()
    plan = Plan.from_json(document)
    if plan.is_pending and not plan.is_refused:
        click.echo(painted(render_text(plan)), err=as_json)
        click.confirm("Apply?", abort=True, err=True)
    return document
