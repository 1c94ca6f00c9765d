"""One running product for all the tests of a file; each test brings its own user, so their books do not mix."""

import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from product import Product, cloned_database, serve_product
from scripted import ScriptedProvider, serve_scripted
from tabs import Tab

HEARTBEAT_S = 0.2
"""A file that names a HEARTBEAT_S of its own gets that one."""


@pytest.fixture(scope="module")
async def running(
    request: pytest.FixtureRequest,
    server_url: str,
    template: str,
    sandbox_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Product]:
    folder: Path = tmp_path_factory.mktemp("product")
    async with (
        cloned_database(server_url, template) as url,
        serve_product(
            url, sandbox_url, folder, heartbeat_s=getattr(request.module, "HEARTBEAT_S", HEARTBEAT_S)
        ) as product,
    ):
        yield product


@pytest.fixture
async def tab(running: Product) -> AsyncIterator[Tab]:
    """A new user of the running product, with $100 and a key."""
    tab = await Tab.open(running)
    yield tab
    for wire in tab.wires:
        wire.close()


@pytest.fixture(scope="module")
def nobody() -> Iterator[str]:
    """An address at which nobody listens, and nobody can as long as it is needed."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture(scope="module")
async def scripted() -> AsyncIterator[ScriptedProvider]:
    """A provider that sends exactly the bytes a test wrote."""
    async with serve_scripted() as provider:
        yield provider
