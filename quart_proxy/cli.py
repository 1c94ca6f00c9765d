"""The `quart-proxy` command: every verb, put together."""

import click

from quart_proxy import __version__
from quart_proxy.commands.accounts import key, user
from quart_proxy.commands.books import audit, migrate
from quart_proxy.commands.running import Commands
from quart_proxy.commands.serve import serve
from quart_proxy.demo import demo
from quart_proxy.sandbox.command import command as sandbox
from registry.__main__ import main as registry


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  quart-proxy demo --once",
)
@click.version_option(__version__, prog_name="quart-proxy")
def main() -> None:
    """A billing gateway between AI clients and AI providers.

    Exit status: 0 done, 1 failed, 2 wrong usage or settings.
    """


for verb in (serve, migrate, sandbox, user, key, audit, registry, demo):
    main.add_command(verb, "registry" if verb is registry else None)


if __name__ == "__main__":
    main(prog_name="quart-proxy")
