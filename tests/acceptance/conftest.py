"""The product as users of the official SDKs meet it."""

from collections.abc import AsyncIterator

import pytest
from product import Product, cloned_database, serve_product


@pytest.fixture(scope="module")
async def running(
    server_url: str, template: str, sandbox_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Product]:
    async with (
        cloned_database(server_url, template) as url,
        serve_product(url, sandbox_url, tmp_path_factory.mktemp("product")) as product,
    ):
        yield product
