"""`quart-proxy demo`: the whole product in one minute, without an account at any provider.

It starts the sandbox provider here and the product as a child process, and then does over HTTP what an admin and
two clients would do. Nothing in it is staged: the text is streamed through the proxy, and every figure is what the
product's own API says.
"""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import click

from quart_proxy.commands.running import json_option, print_json
from quart_proxy.commands.verbs import Failure, example
from quart_proxy.core.money import format_money
from quart_proxy.demo_scene import ACTS, Admin, Client, Stage
from quart_proxy.sandbox.serving import DEFAULT_PORT as SANDBOX_PORT
from quart_proxy.sandbox.serving import serve_sandbox
from quart_proxy.settings import Settings, load_secrets

START_TIMEOUT_S = 90
STOP_TIMEOUT_S = 15
PORTS_TRIED = 50
LOG_LINES_SHOWN = 15


@click.command(epilog=example("quart-proxy demo --once"))
@click.option("--once", is_flag=True, help="End after the receipts instead of serving on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), help="Where to serve [default: PORT, or 3000, or the next free]."
)
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=".quart-proxy/demo",
    show_default=True,
    help="Folder of the demo's own database.",
)
@json_option
def demo(once: bool, port: int | None, data_dir: Path, as_json: bool) -> None:
    """Show the product at work: two streamed requests, their receipts to the last digit, and the admin page."""
    settings = Settings.from_environment({**_environment(data_dir), **({"PORT": str(port)} if port else {})})
    stage = Stage(settings, click.echo if not as_json else _nothing)
    try:
        asyncio.run(_play(stage, once=once, as_json=as_json))
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Failure(f"The demo broke off: {error or type(error).__name__}. The log is {stage.log_file}.") from None


def _environment(data_dir: Path) -> dict[str, str]:
    """The demo has a database, models and secrets of its own, whatever is set for the real thing."""
    return {
        **os.environ,
        "DATABASE_URL": "",
        "ADMIN_PASSWORD": "",
        "JWT_SECRET": "",
        "ENCRYPTION_KEY": "",
        "DATA_DIR": str(data_dir.absolute()),
        "QUART_PROXY_ENV": "development",
        "REGISTRY_SYNC": "off",
        "ALLOW_PRIVATE_UPSTREAMS": "true",
    }


def _nothing(*_: Any, **__: Any) -> None:
    return None


async def _play(stage: Stage, *, once: bool, as_json: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stopped.set)
    show = asyncio.create_task(_show(stage, stopped, once=once, as_json=as_json))
    quitting = asyncio.create_task(stopped.wait())
    await asyncio.wait({show, quitting}, return_when=asyncio.FIRST_COMPLETED)
    if not show.done():
        # Told to stop in the middle: everything that was started is ended in its own order.
        show.cancel()
        await asyncio.wait({show})
        stage.say("\n  Stopped.")
        return
    quitting.cancel()
    show.result()


async def _show(stage: Stage, stopped: asyncio.Event, *, once: bool, as_json: bool) -> None:
    began = time.monotonic()
    stage.say("\n  quart-proxy demo")
    stage.rule("═")
    stage.say("  Starting PostgreSQL, a sandbox provider and the product ...")
    async with (
        # The same port each time: what somebody has it serve in this demo still works in the next.
        serve_sandbox(_free_port(SANDBOX_PORT)) as sandbox_url,
        _product(stage),
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60), trust_env=False) as session,
    ):
        stage.say(f"  Ready in {time.monotonic() - began:.1f} s, on {stage.url}\n")
        admin = Admin(stage, session)
        await admin.sign_in()
        await admin.declare(sandbox_url)
        user, key = await admin.welcome_user()
        client = Client(stage, session, key)
        before = await client.balance()
        stage.say(f"  A user with ${format_money(before)} and a key: {key[:7]}...{key[-4:]}")
        receipts = [await client.perform(number, act) for number, act in enumerate(ACTS, 1)]
        after = await client.balance()
        is_exact = _say_balance(stage, before, after, receipts)
        if as_json:
            print_json(_summary(stage, user, receipts, before, after))
        if not is_exact:
            raise Failure("The balance did not move by what the receipts say.")
        if not once:
            _say_farewell(stage, sandbox_url, key)
            await stopped.wait()


# --- the product, as a child process ------------------------------------------------------------------


@asynccontextmanager
async def _product(stage: Stage) -> AsyncIterator[None]:
    """`quart-proxy serve` on a free port, ready to answer; told to stop and waited for at the end."""
    stage.port = _free_port(stage.settings.port)
    if stage.port != stage.settings.port:
        stage.say(f"  Port {stage.settings.port} is taken; serving on {stage.port}.")
    stage.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "quart_proxy.cli", "serve", "--bind", f"127.0.0.1:{stage.port}"]
    with stage.log_file.open("wb") as log:
        # A session of its own: Ctrl-C reaches this process alone, which then stops the child in order.
        child = await asyncio.create_subprocess_exec(
            *command,
            env=_environment(stage.settings.data_dir),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await _wait_ready(stage, child)
        yield
    finally:
        if child.returncode is None:
            child.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()


async def _wait_ready(stage: Stage, child: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_TIMEOUT_S), aiohttp.ClientSession() as session:
        while True:
            if child.returncode is not None:
                lines = stage.log_file.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
                raise Failure("The product did not start. The end of its log:\n" + "\n".join(lines))
            try:
                async with session.get(f"{stage.url}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)


def _free_port(wanted: int) -> int:
    """`wanted`, or the next one that nobody listens on."""
    for port in range(wanted, min(wanted + PORTS_TRIED, 65536)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise Failure(f"None of the ports from {wanted} on is free; choose another with PORT.")


# --- what is said at the end --------------------------------------------------------------------------


def _say_balance(stage: Stage, before: Decimal, after: Decimal, receipts: list[dict[str, Any]]) -> bool:
    """Whether the balance moved by exactly what the receipts say."""
    costs = [Decimal(receipt["cost"]) for receipt in receipts]
    is_exact = before - after == sum(costs)
    stage.say("")
    stage.rule()
    stage.say(f"  balance before   {format_money(before):>20}")
    for number, cost in enumerate(costs, 1):
        stage.say(f"  request {number}       - {format_money(cost):>19}")
    stage.say(f"  balance after    {format_money(after):>20}   {'exact' if is_exact else 'DOES NOT ADD UP'}")
    stage.rule("═")
    return is_exact


def _say_farewell(stage: Stage, sandbox_url: str, key: str) -> None:
    password = load_secrets(stage.settings).admin_password
    stage.say(f"\n  Admin   {stage.url}/   password {password}")
    stage.say(f"  Sandbox {sandbox_url}/v1   speaks OpenAI's format; without /v1, Anthropic's; any key will do")
    stage.say("\n  Try it:\n")
    stage.say(f"    curl -N {stage.url}/v1/chat/completions \\")
    stage.say(f"      -H 'Authorization: Bearer {key}' \\")
    stage.say("""      -d '{"model": "demo-gpt", "stream": true, "messages": [{"role": "user", "content": "Hi"}]}'""")
    stage.say("\n  Ctrl-C stops everything.\n")


def _summary(
    stage: Stage, user_id: int, receipts: list[dict[str, Any]], before: Decimal, after: Decimal
) -> dict[str, Any]:
    return {
        "url": stage.url,
        "user_id": user_id,
        "balance_before": format_money(before),
        "balance_after": format_money(after),
        "difference": format_money(before - after),
        "receipts": receipts,
    }
