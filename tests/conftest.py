"""The real things: one PostgreSQL a session, a database a test, the product on a real port, the sandbox as provider.

`DATABASE_URL` chooses the server to test on; without it, an embedded one is started.
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from argon2 import PasswordHasher
from hypothesis import HealthCheck, settings
from product import Product, cloned_database, in_database, run_sql, serve_product

from quart_proxy.sandbox.serving import serve_sandbox
from quart_proxy.services import admin_sessions
from quart_proxy.store.database import Database
from quart_proxy.store.embedded import embedded_postgres, remove_embedded_postgres
from quart_proxy.store.schema import migrate

# How fast examples are made says how busy the machine is, and nothing of the product.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def quick_hashes() -> Iterator[None]:
    """Cheap parameters in this process: no test asks how slow a guess is, and each product that starts hashes once.
    Servers that run as processes of their own have the real ones."""
    with pytest.MonkeyPatch.context() as patch:
        cheap = partial(PasswordHasher, time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr(admin_sessions, "PasswordHasher", cheap)
        yield


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """A PostgreSQL server, as the address of a database in which others may be created."""
    if given := os.environ.get("DATABASE_URL"):
        yield given
        return
    with tempfile.TemporaryDirectory() as folder:
        with embedded_postgres(Path(folder)) as server:
            asyncio.run(write_in_memory(server.url_of("postgres")))
            yield server.url_of("postgres")
        remove_embedded_postgres(Path(folder))


async def write_in_memory(server_url: str) -> None:
    """Nothing of this server outlives the tests, so it need not wait for the disk. A test of what a crash leaves
    behind starts a server of its own, as it is for users."""
    for setting in ("fsync", "full_page_writes"):
        await run_sql(server_url, f"ALTER SYSTEM SET {setting} = off")
    await run_sql(server_url, "SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated, empty database to clone."""
    name = f"template_{uuid4().hex[:12]}"
    asyncio.run(run_sql(server_url, f'CREATE DATABASE "{name}"'))
    migrate(in_database(server_url, name))
    yield name
    asyncio.run(run_sql(server_url, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
async def database_url(server_url: str, template: str) -> AsyncIterator[str]:
    """The address of a fresh database with the schema of the migrations."""
    async with cloned_database(server_url, template) as url:
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def replay_dir() -> Path | None:
    """The folder of recorded provider traffic; None where it is not."""
    folder = Path(os.environ.get("WIRE_DIR") or Path(__file__).parents[2] / "shared" / "wire")
    return folder / "exchanges" if (folder / "exchanges").is_dir() else None


@pytest.fixture(scope="session")
async def sandbox_url(replay_dir: Path | None) -> AsyncIterator[str]:
    """The base address of a running sandbox provider."""
    async with serve_sandbox(replay_dir=replay_dir) as url:
        yield url


@pytest.fixture
async def product(database_url: str, sandbox_url: str, tmp_path: Path) -> AsyncIterator[Product]:
    """The product on a real port, with a user who has $100 and a key, and the sandbox as its provider."""
    async with serve_product(database_url, sandbox_url, tmp_path) as running:
        yield running
