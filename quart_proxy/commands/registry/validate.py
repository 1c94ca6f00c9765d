"""`registry validate`: whether files make a registry. Needs no server and no database."""

import click

from quart_proxy.commands.verbs import example
from registry.reports import FORMATS
from registry.sources import UnreadableSource
from registry.validation import validate as validate_files


@click.command(
    epilog=example("registry validate models.yaml") + "\n\nExit status: 0 valid (warnings too), 1 faults, 2 usage."
)
@click.argument("files", nargs=-1)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="text", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-W", "warnings", type=click.Choice(["error"]), help="-W error: a warning is a fault too.")
def validate(files: tuple[str, ...], form: str, as_json: bool, warnings: str | None) -> None:
    """Check FILES offline, all as one registry, and print every fault with its place.

    FILES are files, folders of YAML files, or globs; without any, models.yaml.
    """
    try:
        validation = validate_files(files or ("models.yaml",))
    except UnreadableSource as error:
        raise click.UsageError(str(error)) from None
    click.echo(FORMATS["json" if as_json else form](validation))
    raise SystemExit(validation.exit_status(warnings_are_errors=warnings == "error"))
