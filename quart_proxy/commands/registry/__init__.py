"""The `registry` command: models.yaml and what is live, brought together. Every verb, and where it is.

It works on the database of this machine, or with --server on that of a running product.
"""

from typing import Any

import click

from quart_proxy.commands.verbs import LazyCommands
from quart_proxy.core.errors import ProxyError
from quart_proxy.settings import SettingsError
from quart_proxy.store.embedded_home import EmbeddedPostgresError
from registry.files.positions import printable
from registry.files.sources import UnreadableSource

_HERE = "quart_proxy.commands.registry"
VERBS = {
    "validate": f"{_HERE}.files:validate",
    "plan": f"{_HERE}.files:plan",
    "apply": f"{_HERE}.files:apply",
    "drift": f"{_HERE}.looking:drift",
    "export": f"{_HERE}.exporting:export",
    "adopt": f"{_HERE}.exporting:adopt",
    "history": f"{_HERE}.looking:history",
    "show": f"{_HERE}.looking:show",
    "diff": f"{_HERE}.looking:diff",
    "rollback": f"{_HERE}.acting:rollback",
    "hold": f"{_HERE}.acting:hold",
    "unhold": f"{_HERE}.acting:unhold",
    "resolve": f"{_HERE}.acting:resolve",
    "revert": f"{_HERE}.acting:revert",
    "detach": f"{_HERE}.acting:detach",
    "status": f"{_HERE}.looking:status",
    "doctor": f"{_HERE}.looking:doctor",
}
ALIASES = {"ping": "doctor"}


class Verbs(LazyCommands):
    """`validate` runs in every commit hook and needs no database. Foreseeable failures end as a sentence and exit
    status 1, bad settings too: here 2 says that there are changes."""

    verbs = VERBS

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, ALIASES.get(cmd_name, cmd_name))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return click.Group.invoke(self, ctx)
        except (ProxyError, SettingsError, EmbeddedPostgresError, UnreadableSource) as error:
            raise click.ClickException(printable(str(error))) from None


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  registry plan models.yaml\n\n"
    "FILES are files, folders of YAML files, or globs, all read as one registry.",
)
def main() -> None:
    """The model registry as code: models.yaml, merged field by field with what is edited live.

    Exit status of plan, apply and drift: 0 nothing to do, or done; 1 failed, nothing was changed; 2 changes
    pending, or drift; 3 conflicts; 4 refused by a guard. Wrong usage is 2 as well, and prints the usage.
    """
