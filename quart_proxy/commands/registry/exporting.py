"""`registry export` and `adopt`: from what is live back to the files."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from quart_proxy.commands.registry.bundles import Given, read_given
from quart_proxy.commands.registry.doors import Json, Target, at_door
from quart_proxy.commands.registry.options import (
    Entity,
    door_options,
    exit_with,
    exit_zero_option,
    files_argument,
    help_end,
    overlay_option,
    print_json,
)
from quart_proxy.commands.registry.words import faults_shown
from registry.entities import EntityKey
from registry.files.positions import printable
from registry.files.sources import SourceFile
from registry.splicing.patch import render_patch


def _outputs(command: Callable[..., None]) -> Callable[..., None]:
    options = [
        click.option("--in-place", is_flag=True, help="Write the files."),
        click.option("--patch", is_flag=True, help="Print a patch for `git apply` (the default)."),
        click.option("--stdout", is_flag=True, help="Print the file, whole."),
        click.option("--check", is_flag=True, help="Print nothing; exit 2 if the files would change."),
        exit_zero_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    epilog=help_end("registry export --patch | git apply", "0 done, 1 failed; with --check 2: the files would change.")
)
@files_argument
@overlay_option
@_outputs
@click.option("--init", "is_new", is_flag=True, help="Print a first file of all that is live.")
@click.option("--only", type=Entity(), multiple=True, help="Such as model/gpt-main; may be repeated.")
@door_options
def export(
    files: tuple[str, ...],
    overlay: str | None,
    in_place: bool,
    patch: bool,
    stdout: bool,
    check: bool,
    exit_zero: bool,
    is_new: bool,
    only: tuple[EntityKey, ...],
    target: Target,
    as_json: bool,
) -> None:
    """Write live edits into FILES: the edits, and not a byte more."""
    if is_new:
        made = at_door(target, lambda door: door.export_new())
        if as_json:
            print_json(made)
        else:
            click.echo(made["text"], nl=False)
        return
    forms = _Forms(in_place, patch, stdout, check)
    _export(files, overlay, target, as_json, only=only, adopt=(), forms=forms, exit_zero=exit_zero)


@click.command(epilog=help_end("registry adopt model/new-one --in-place", "0 done, 1 failed."))
@click.argument("entity", type=Entity())
@files_argument
@overlay_option
@_outputs
@door_options
def adopt(
    entity: EntityKey,
    files: tuple[str, ...],
    overlay: str | None,
    in_place: bool,
    patch: bool,
    stdout: bool,
    check: bool,
    exit_zero: bool,
    target: Target,
    as_json: bool,
) -> None:
    """Write ENTITY, which was made live, into FILES; the next apply takes it over as it is."""
    forms = _Forms(in_place, patch, stdout, check)
    _export(files, overlay, target, as_json, only=(entity,), adopt=(entity,), forms=forms, exit_zero=exit_zero)


class _Forms:
    """How the edited files are given out: one way, a patch if none was chosen."""

    def __init__(self, in_place: bool, patch: bool, stdout: bool, check: bool) -> None:
        if sum((in_place, patch, stdout, check)) > 1:
            raise click.UsageError("Choose one of --in-place, --patch, --stdout and --check.")
        self.in_place, self.stdout, self.check = in_place, stdout, check


def _export(
    patterns: Sequence[str],
    overlay: str | None,
    target: Target,
    as_json: bool,
    *,
    only: Sequence[EntityKey],
    adopt: Sequence[EntityKey],
    forms: _Forms,
    exit_zero: bool,
) -> None:
    given = read_given(patterns, overlay)
    sheets = [file for file in given.files if not file.is_text]
    if forms.stdout and len(sheets) > 1:
        raise click.UsageError(f"--stdout is of one file, and these are {len(sheets)}.")
    with faults_shown():
        answer = at_door(target, lambda door: door.export(given.files, adopt=adopt, only=only))
    made = [SourceFile(file["name"], file["text"]) for file in answer["files"]]
    for sentence in answer["skipped"]:
        click.echo(printable(f"Left out: {sentence}"), err=True)
    if as_json:
        print_json(answer)
    elif forms.in_place:
        _write(given, made, answer)
    elif forms.stdout:
        _print(given, made)
    elif not forms.check:
        click.echo(render_patch(given.called(given.files), given.called(made)), nl=False)
    if adopt and answer["skipped"] and not answer["changed"]:
        exit_with(1)
    exit_with(2 if forms.check and answer["changed"] else 0, exit_zero=exit_zero)


def _print(given: Given, made: Sequence[SourceFile]) -> None:
    """The one file that changed, or the YAML as it is. Which it is goes to stderr if it is a prompt's text."""
    changed = given.changed(made)
    if len(changed) > 1:
        names = " and ".join(str(path) for path, _ in changed)
        raise click.ClickException(f"--stdout is of one file, and {names} would change: use --in-place or --patch.")
    path, file = changed[0] if changed else (given.paths[0], made[0])
    if file.is_text:
        click.echo(printable(f"This is {path}."), err=True)
    click.echo(file.text, nl=False)


def _write(given: Given, made: Sequence[SourceFile], answer: Json) -> None:
    changed = given.changed(made)
    for path, _ in changed:
        _check_alone(path, given)
    for path, after in changed:
        # Bytes, so that the ends of lines stay what they are.
        path.write_bytes(after.text.encode())
        click.echo(f"Wrote {path}.")
    if not answer["changed"]:
        click.echo("The files say already what is live.")


def _check_alone(path: Path, given: Given) -> None:
    """By a link, a text can be that of others who never were asked."""
    real = os.path.realpath(path)
    for other in given.paths:
        if other != path and os.path.realpath(other) == real:
            raise click.ClickException(f"{path} and {other} are one file; make it two, or edit it by hand.")
