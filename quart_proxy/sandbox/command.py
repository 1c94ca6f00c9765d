"""The `sandbox` command."""

import gc
from pathlib import Path

import click
import orjson
import uvloop

from quart_proxy.sandbox.serving import DEFAULT_HOST, DEFAULT_PORT, run_sandbox

EPILOG = """\b
Example:
  quart-proxy sandbox --port 4010 &
  curl -N http://127.0.0.1:4010/v1/chat/completions \\
    -d '{"model": "sandbox:delay_ms=25", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}'
"""


@click.command("sandbox", epilog=EPILOG)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help="0 takes a free one.",
)
@click.option("--bind-host", default=DEFAULT_HOST, show_default=True, help="Address to listen on.")
@click.option(
    "--replay",
    "replay_dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of recorded exchanges, answered by models named replay:<id>.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def command(port: int, bind_host: str, replay_dir: Path | None, as_json: bool) -> None:
    """Serve a provider that costs nothing and misbehaves on request, in the formats of OpenAI, Anthropic and Google.

    What it was asked and what it answered stands in GET /_sandbox/ledger.
    """

    def announce(base_url: str) -> None:
        line = orjson.dumps({"url": base_url}).decode() if as_json else f"Sandbox provider on {base_url}"
        click.echo(line)

    # The ledger only grows: looking through it for garbage would pause every stream, and find none.
    gc.freeze()
    gc.set_threshold(100_000, 50, 1_000)
    try:
        uvloop.run(run_sandbox(bind_host, port, replay_dir=replay_dir, on_ready=announce))
    except OSError as fault:
        raise click.ClickException(f"The sandbox cannot listen on {bind_host}:{port}: {fault.strerror}.") from None
