"""The `quart-proxy` command: every verb, and where it is."""

import click

from quart_proxy import __version__
from quart_proxy.commands.verbs import LazyCommands

VERBS = {
    "serve": "quart_proxy.commands.serve:serve",
    "migrate": "quart_proxy.commands.books:migrate",
    "sandbox": "quart_proxy.sandbox.command:command",
    "user": "quart_proxy.commands.accounts:user",
    "key": "quart_proxy.commands.accounts:key",
    "audit": "quart_proxy.commands.books:audit",
    "reseal": "quart_proxy.commands.rotation:reseal",
    "registry": "quart_proxy.commands.registry:main",
    "demo": "quart_proxy.demo:demo",
}


class Verbs(LazyCommands):
    verbs = VERBS


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="\b\nExample:\n  quart-proxy demo --once",
)
@click.version_option(__version__, prog_name="quart-proxy")
def main() -> None:
    """A billing gateway between AI clients and AI providers.

    Exit status: 0 done, 1 failed, 2 wrong usage or settings.
    """


if __name__ == "__main__":
    main(prog_name="quart-proxy")
