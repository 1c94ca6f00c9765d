"""`quart-proxy reseal`: the last step but one of changing ENCRYPTION_KEY."""

import getpass
from pathlib import Path

import click

from quart_proxy.commands.running import data_dir_option, json_option, print_json, read_settings, with_database
from quart_proxy.commands.verbs import example
from quart_proxy.services.rotation import reseal_secrets
from quart_proxy.services.sealing import Sealer
from quart_proxy.settings import load_secrets
from quart_proxy.store.changes import Actor


@click.command(epilog=example("ENCRYPTION_KEY=new,old quart-proxy reseal"))
@data_dir_option
@json_option
def reseal(data_dir: Path | None, as_json: bool) -> None:
    """Seal provider keys that were typed in anew, under the first ENCRYPTION_KEY; then the others can go.

    Exit status: 0 every key is sealed under the first one, 1 some could not be opened.
    """
    sealer = Sealer(load_secrets(read_settings(data_dir)).encryption_keys)
    actor = Actor(f"cli:{getpass.getuser()}")
    done = with_database(data_dir, lambda database: reseal_secrets(database, sealer, actor))
    if as_json:
        print_json({"resealed": done.names, "unopened": [name for name, _ in done.unopened]})
    else:
        click.echo(f"{len(done.names)} keys were sealed anew.")
        for name, reason in done.unopened:
            click.echo(f"{name} cannot be opened: {reason}.", err=True)
    if done.unopened:
        raise SystemExit(1)
