"""One running product for all the tests of a file."""

from collections.abc import AsyncIterator

import pytest
from product import Product, cloned_database, serve_product


@pytest.fixture(scope="module")
async def running(
    server_url: str, template: str, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    folder = tmp_path_factory.mktemp("product")
    async with cloned_database(server_url, template) as url, serve_product(url, sandbox_url, folder) as product:
        yield product
