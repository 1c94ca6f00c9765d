"""Everything that a run needs, started and taken down: PostgreSQL, two sandboxes, the contenders.

    server's core    product | bare | a peer | the settlement statement's client   one at work at a time
    other cores      PostgreSQL, the sandboxes, the load client

The product has a sandbox of its own: what stands in that one's books is the product's alone to bill.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Set
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from bench.bare import UPSTREAM
from bench.contenders import Contender
from bench.machine import pinned
from bench.peers import PEERS, Place
from bench.plan import USERS, Plan
from bench.processes import ServerFailed, find_free_port, make_environment, running_command, running_worker
from bench.seed import Customer, add_customers, write_models_file
from quart_proxy.prepare import PREPARED, prepare_database
from quart_proxy.settings import Settings
from quart_proxy.store.database import Database
from quart_proxy.store.embedded import DATABASE, EmbeddedServer, embedded_postgres, remove_embedded_postgres

SANDBOX = "from quart_proxy.sandbox import command; command()"
SETTLEMENTS_DATABASE = "settlements"
SETTLEMENTS_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Cores:
    server: Set[int]
    others: Set[int]

    @classmethod
    def split(cls) -> "Cores":
        """The first core for the server and the rest for all else; with one core they share it."""
        first, *rest = sorted(os.sched_getaffinity(0))
        return cls({first}, set(rest) or {first})


@dataclass(frozen=True, slots=True)
class Stage:
    """`contenders` begin with direct, bare and product. `provider_url` is the sandbox that only the product calls."""

    contenders: list[Contender]
    notes: list[str]
    """About peers: what one does not do, or that it is not here."""
    provider_url: str
    database_url: str
    settlements_url: str
    cores: Cores

    @property
    def product(self) -> Contender:
        return next(contender for contender in self.contenders if contender.has_users)

    async def measure_settlements(self, users: int, seconds: float) -> float:
        """Settlements a second, on so many users. Raises ServerFailed."""
        command = [sys.executable, "-m", "bench.settlements", self.settlements_url, str(users), str(seconds)]

        def run() -> "subprocess.CompletedProcess[str]":
            with pinned(self.cores.server):
                return subprocess.run(
                    command, env=make_environment(), capture_output=True, text=True, timeout=SETTLEMENTS_TIMEOUT_S
                )

        done = await asyncio.to_thread(run)
        if done.returncode:
            raise ServerFailed(f"The settlement statement failed: {done.stderr.strip().splitlines()[-1]}")
        return float(done.stdout)


@asynccontextmanager
async def open_stage(
    plan: Plan, folder: Path, *, cores: Cores, peer_venv: Path | None, say: Callable[[str], None]
) -> AsyncIterator[Stage]:
    """Raises ServerFailed, EmbeddedPostgresError, or OSError, when something does not start."""
    async with AsyncExitStack() as stack:
        say("starting PostgreSQL")
        server = await asyncio.to_thread(stack.enter_context, _postgres(folder / "postgres"))
        say("starting the sandboxes")
        sandbox_url = await stack.enter_async_context(_sandbox("sandbox", cores.others, folder))
        provider_url = await stack.enter_async_context(_sandbox("provider", cores.others, folder))
        say("seeding")
        models_file = folder / "models.yaml"
        write_models_file(models_file, provider_url, plan.models)
        customers = await _fill(server, Settings(data_dir=folder, models_file=str(models_file)))
        say("starting the servers")
        contenders = [Contender("direct", sandbox_url)]
        contenders.append(await stack.enter_async_context(_bare(sandbox_url, cores.server, folder)))
        product = _product(server.url, models_file, customers, cores.server, folder)
        contenders.append(await stack.enter_async_context(product))
        notes = []
        place = Place(sandbox_url, {name: work.scenario for name, work in plan.models.items()}, cores.server, folder)
        for peer in PEERS:
            program = peer.find_program(peer_venv)
            notes.append(f"{peer.name}: {'not installed' if program is None else peer.note}")
            if program is not None:
                say(f"starting {peer.name}")
                contenders.append(await stack.enter_async_context(peer.start(program, place)))
        for contender in contenders:
            contender.note_idle_memory()
        yield Stage(contenders, notes, provider_url, server.url, server.url_of(SETTLEMENTS_DATABASE), cores)


@contextlib.contextmanager
def _postgres(data_dir: Path) -> Iterator[EmbeddedServer]:
    # This process is on the other cores already, and PostgreSQL inherits that.
    try:
        with embedded_postgres(data_dir) as server:
            yield server
    finally:
        remove_embedded_postgres(data_dir)


@asynccontextmanager
async def _sandbox(name: str, cores: Set[int], folder: Path) -> AsyncIterator[str]:
    port = find_free_port()
    command = [sys.executable, "-c", SANDBOX, "--port", str(port)]
    log = folder / f"{name}.log"
    async with running_command(command, port=port, cores=cores, environment=make_environment(), log=log):
        yield f"http://127.0.0.1:{port}"


async def _fill(server: EmbeddedServer, settings: Settings) -> list[Customer]:
    """The product's database, and a copy of it for the settlement statement."""
    await asyncio.to_thread(prepare_database, settings, server.url)
    database = Database(server.url)
    customers = await add_customers(database, USERS)
    await database.close()
    connection: asyncpg.Connection[Any] = await asyncpg.connect(server.url_of("postgres"))
    try:
        await connection.execute(f'CREATE DATABASE "{SETTLEMENTS_DATABASE}" TEMPLATE "{DATABASE}"')
    finally:
        await connection.close()
    return customers


@asynccontextmanager
async def _bare(sandbox_url: str, cores: Set[int], folder: Path) -> AsyncIterator[Contender]:
    environment = make_environment(**{UPSTREAM: sandbox_url})
    async with running_worker("bench.bare:create_app", cores=cores, environment=environment, folder=folder) as started:
        url, pid = started
        yield Contender("bare", url, pid)


@asynccontextmanager
async def _product(
    database_url: str, models_file: Path, customers: list[Customer], cores: Set[int], folder: Path
) -> AsyncIterator[Contender]:
    environment = make_environment(
        DATABASE_URL=database_url,
        DATA_DIR=str(folder / "product"),
        MODELS_FILE=str(models_file),
        SANDBOX_API_KEY="sk-sandbox-upstream-key",
        **{PREPARED: "1"},
    )
    async with running_worker("quart_proxy.app:app", cores=cores, environment=environment, folder=folder) as started:
        url, pid = started
        keys = [customer.key for customer in customers]
        yield Contender("product", url, pid, keys, is_gateway=True, has_users=True)
